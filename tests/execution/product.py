"""What all tests of a process share: the product's tables, and accounts of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cache.attributes import encode_item
from cache.values import Place
from local.admin import StandInAdmin
from services.sync.wiring import SyncWiring

REGIONS = ("us-east-1", "eu-west-1", "us-west-2", "us-east-2", "eu-central-1")


@dataclass
class Product:
    """The parts of one process, with two accounts of its own in five regions."""

    wiring: SyncWiring
    aws: StandInAdmin
    accounts: Sequence[str]
    servers: Counter[Place] = field(
        default_factory=Counter
    )  # how many the tests had of each place so far

    def configure(self) -> None:
        """Declare the accounts, each behind a role of its own, to AWS and to the platform."""
        for account in self.accounts:
            role = {"roleArn": role_of(account), "externalId": f"external-{account}"}
            self.aws.call("PUT", f"accounts/{account}", {"roles": [role], "disabledRegions": []})
            row = {"accountId": account, "regions": list(REGIONS), "status": "active", **role}
            table = self.wiring.settings.target_accounts_table
            self.wiring.dynamodb.put_item(TableName=table, Item=encode_item(row))
            for region in REGIONS:
                self.aws.call("PUT", f"places/{account}/{region}", {"initialized": True})


def role_of(account: str) -> str:
    """The role that the product has to take in this account."""
    return f"arn:aws:iam::{account}:role/recovery-sync"
