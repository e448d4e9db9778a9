"""An emulated account, and the templates with an environment to deploy."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
import urllib3

from local.processes import Process, free_port
from local.servers import OWN_ACCOUNT, REGION
from tests.infra.templates import INFRA

EMULATOR = Path(__file__).parents[1] / "rehearsal" / "emulator.py"
NEEDED = "VpcId=vpc-1\nPrivateSubnetIds=subnet-1,subnet-2\nAuthorisation=IAM\n"


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    """The templates, with an environment `one` that has what must be set."""
    folder = tmp_path / "infra"
    (folder / "environments").mkdir(parents=True)
    for template in INFRA.glob("*.yaml"):
        (folder / template.name).symlink_to(template)
    (folder / "environments" / "one.conf").write_text(NEEDED)
    return folder


@dataclass
class Account:
    """An emulated account."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What leads any client there."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": OWN_ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """An unmodified client of it."""
        keys = {"aws_access_key_id": OWN_ACCOUNT, "aws_secret_access_key": "local"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)

    def put_stack_into(self, name: str, status: str, **more: str) -> None:
        """A stack in a state that only time or a fault of AWS would bring; its resources too, with
        a `ResourceStatus`.
        """
        fields = {"Action": "SetStackStatus", "StackName": name, "StackStatus": status, **more}
        scope = f"Credential={OWN_ACCOUNT}/20260101/{REGION}/cloudformation/aws4_request"
        headers = {"authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
        headers["content-type"] = "application/x-www-form-urlencoded"
        reply = urllib3.request("POST", self.url, body=urlencode(fields), headers=headers)
        assert reply.status == 200, reply.data


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An empty account; every test brings a project of its own."""
    directory, port = tmp_path_factory.mktemp("account"), free_port()
    environment = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": OWN_ACCOUNT,
        "TMPDIR": str(directory),
    }
    process = Process("AWS", [sys.executable, EMULATOR], directory / "aws.log", port, environment)
    process.start()
    try:
        process.await_port()
        yield Account(process.url)
    finally:
        process.stop()


@pytest.fixture(scope="session")
def network(account: Account) -> dict[str, str]:
    """A VPC with subnets in two zones, and one of each in the first."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("aab")
    ]
    return {"vpc": vpc, "apart": f"{subnets[0]},{subnets[2]}", "together": ",".join(subnets[:2])}


def make_table(account: Account, name: str, key: str) -> None:
    """A table as somebody else made it."""
    account.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
