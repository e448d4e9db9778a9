"""The places a sync looks at, from `target-accounts`."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cache.attributes import decode_item
from cache.table import translated
from cache.values import Place
from services.aws.ec2 import opted_in_regions
from services.aws.outcome import LOOK_ERRORS
from services.aws.session import AwsClients, TargetAccount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)
ANY_REGION = (
    "us-east-1"  # DescribeRegions answers for the whole account from any region that is always on
)


class TargetAccountRow(BaseModel):
    """A row of `target-accounts`. Without `regions`, every region DRS has; without `roleArn`, our own account."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    account_id: str = Field(pattern=r"^[0-9]{12}$")
    role_arn: str | None = Field(None, pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")
    external_id: str | None = Field(None, min_length=2, max_length=1224)
    regions: list[str] | None = None
    status: str | None = None

    @property
    def is_active(self) -> bool:
        """A status that is missing or `active` means: look at it."""
        return self.status is None or self.status.lower() == "active"


def read_target_accounts(
    client: "DynamoDBClient", table: str
) -> tuple[dict[str, TargetAccount], list[str]]:
    """The active target accounts by id, and what is wrong with the rows that are none.

    Raises:
        TableUnavailable: when the table could not be read to its end.
    """
    with translated("read the target accounts"):
        pages = client.get_paginator("scan").paginate(TableName=table)
        return target_accounts([decode_item(item) for page in pages for item in page["Items"]])


def target_accounts(
    rows: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, TargetAccount], list[str]]:
    """The same, from rows of plain values. One bad row costs its own account only."""
    accounts: dict[str, TargetAccount] = {}
    faults: list[str] = []
    for values in rows:
        try:
            row = TargetAccountRow.model_validate(values)
        except ValidationError as error:
            what = "; ".join(
                f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors()
            )
            faults.append(f"target account {values.get('accountId')!r} is not usable: {what}")
            continue
        if row.is_active:
            regions = tuple(dict.fromkeys(row.regions)) if row.regions else None
            accounts[row.account_id] = TargetAccount(
                row.account_id, row.role_arn, row.external_id, regions
            )
    return accounts, faults


def places_of(accounts: Iterable[TargetAccount], clients: AwsClients) -> Sequence[Place]:
    """Every place of these accounts, in a stable order."""
    return sorted(
        Place(it.account_id, region)
        for it in accounts
        for region in it.regions or _drs_regions(it, clients)
    )


def _drs_regions(account: TargetAccount, clients: AwsClients) -> Iterable[str]:
    """Where the SDK knows DRS, less the regions that are off in the account. If that cannot be asked, all of them:
    each then fails by its own name instead of being forgotten."""
    regions = clients.drs_regions()
    try:
        enabled = opted_in_regions(clients.get("ec2", Place(account.account_id, ANY_REGION)))
    except LOOK_ERRORS as error:
        logger.warning("Could not ask which regions account %s uses: %s", account.account_id, error)
        return regions
    return [region for region in regions if region in enabled]
