"""A fleet of so many servers as rows and entries, for the benchmarks of the two tiers."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import boto3
from redis import Redis

from cache.attributes import encode_item
from cache.mirror import Fresh, Mirror
from cache.protocol import Change, Observation, change_of
from cache.record import Attribution, Details, InstanceState, Launch, Origin, Record, SourceServer
from cache.values import Place
from local import functions, servers
from services.aws.redis import redis_client
from services.platform.tables import create_tables
from services.settings import Settings
from services.wiring import PAGE, Wiring

PLACES = 12
TICKET = 1_770_000_000_000


def server_id(number: int) -> str:
    """The nth server."""
    return f"s-{number:017x}"


def row(number: int) -> dict[str, Any]:
    """The row of the nth server, as a sync writes it."""
    account, region = f"{111111111111 + number % PLACES}", "us-east-1"
    seen = "2026-11-23T07:00:00Z"
    return {
        "sourceServerId": server_id(number),
        "version": TICKET + number % PLACES,
        "presence": "present",
        "place": f"{account}/{region}",
        "accountId": account,
        "region": region,
        "lastSyncTime": seen,
        "recoveryInstanceId": f"i-{number:017x}",
        "ec2InstanceId": f"i-{number:017x}",
        "ec2InstanceState": "running" if number % 7 else "stopped",
        "jobId": f"drsjob-{number // 40:017x}",
        "isDrill": number % 5 != 0,
        "pointInTime": "2026-11-23T06:00:00Z",
        "name": f"Recovery of web-{number:06d}.prod.example.com",
        "privateIp": f"10.{number // 62500 % 250}.{number // 250 % 250}.{number % 250}",
        "instanceType": "m5.large",
        "launchTime": "2026-11-22T10:00:00Z",
        "sourceExecutionId": f"exec-{number // 40:016x}",
        "sourcePlanName": f"Customer portal {number // 40}",
        "sourceServerName": f"web-{number:06d}.prod.example.com",
        "replicationStagingAccountId": account,
        "sourceVpcId": f"vpc-{number % 20:017x}",
        "sourceSubnetId": f"subnet-{number % 60:017x}",
        "sourceSecurityGroupIds": [f"sg-{number % 9:017x}", f"sg-{number % 31:017x}"],
        "sourceInstanceProfile": "arn:aws:iam::111111111111:instance-profile/web",
        "ec2ObservedAt": seen,
        "executionObservedAt": seen,
        "serverObservedAt": seen,
        "originObservedAt": seen,
    }


def change(number: int, ticket: int) -> Change:
    """The write of the nth server, seen whole."""
    it = row(number)
    return change_of(
        Observation(
            server_id=it["sourceServerId"],
            place=Place(it["accountId"], it["region"]),
            observed_at=it["lastSyncTime"],
            launch=Launch(
                recovery_instance_id=it["recoveryInstanceId"],
                ec2_instance_id=it["ec2InstanceId"],
                ec2_instance_state=InstanceState.read(it["ec2InstanceState"]),
                job_id=it["jobId"],
                is_drill=it["isDrill"],
                point_in_time=it["pointInTime"],
            ),
            details=Details(
                name=it["name"],
                instance_type=it["instanceType"],
                launch_time=it["launchTime"],
                private_ip=it["privateIp"],
            ),
            attribution=Attribution(
                source_execution_id=it["sourceExecutionId"], source_plan_name=it["sourcePlanName"]
            ),
            server=SourceServer(
                source_server_name=it["sourceServerName"],
                replication_staging_account_id=it["replicationStagingAccountId"],
            ),
            origin=Origin(
                source_vpc_id=it["sourceVpcId"],
                source_subnet_id=it["sourceSubnetId"],
                source_security_group_ids=tuple(it["sourceSecurityGroupIds"]),
                source_instance_profile=it["sourceInstanceProfile"],
            ),
        ),
        ticket,
    )


@dataclass
class Tiers:
    """Both tiers, real and empty, and the product's parts over them."""

    wiring: Wiring
    redis: Redis
    dynamodb: Any
    valkey_port: int
    environment: dict[str, str]

    @property
    def table(self) -> str:
        """The name of the table of records."""
        return self.wiring.settings.recovery_instances_table

    @property
    def mirror(self) -> Mirror:
        """A mirror with the product's client."""
        return Mirror(lambda: redis_client(self.wiring.settings))

    def publish(self, numbers: Iterable[int]) -> None:
        """Puts the entries of these servers into Redis."""
        mirror = self.mirror
        for some in batched(numbers, 1000):
            mirror.publish(Fresh(Record.from_row(row(it)).entry(), monotonic()) for it in some)

    def store(self, numbers: Iterable[int]) -> None:
        """Puts the rows of these servers into DynamoDB."""
        for some in batched(numbers, 25):
            requests = [{"PutRequest": {"Item": encode_item(row(it))}} for it in some]
            self.dynamodb.batch_write_item(RequestItems={self.table: requests})


@contextmanager
def tiers() -> Iterator[Tiers]:
    """Starts Valkey and DynamoDB; the product's clients find them through the environment."""
    import os  # noqa: PLC0415

    with TemporaryDirectory() as scratch:
        valkey, dynamodb = servers.valkey(Path(scratch)), servers.dynamodb(Path(scratch))
        try:
            for process in (valkey, dynamodb):
                process.start()
            for process in (valkey, dynamodb):
                process.await_port()
            environment = functions.aws({"DYNAMODB": dynamodb.url})
            environment |= functions.settings(f"redis://127.0.0.1:{valkey.port}/0", "mirror")
            os.environ.update(environment)
            wiring = Wiring(Settings.from_env(), PAGE)
            create_tables(wiring.dynamodb, wiring.settings)
            yield Tiers(
                wiring,
                Redis(port=valkey.port, protocol=2),
                boto3.client("dynamodb"),
                valkey.port,
                environment,
            )
        finally:
            dynamodb.stop()
            valkey.stop()
