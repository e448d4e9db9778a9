"""What is looked at before anything is made: it tells what
will happen, or refuses with what helps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from scripts.deployment.errors import Refused
from scripts.deployment.parameters import MAIN, TABLES, USERS, Parameters
from scripts.deployment.stacks import NOT_THERE, Stacks
from scripts.deployment.tables import Tables

CONCURRENCY = (
    "QueryConcurrency",
    "DataManagementConcurrency",
    "SyncConcurrency",
    "ExecutionConcurrency",
)
UNRESERVED = 100  # what Lambda keeps free of reservations in every account that has more


@dataclass
class Preflight:
    """The checks of one deployment. `client` makes a client of a service."""

    parameters: Parameters
    stacks: Stacks
    client: Callable[[str], Any]
    account: str
    region: str

    def run(self) -> list[str]:
        """What will be done, in lines. Changes nothing.

        Raises:
            Refused: naming what stands in the way, and what helps.
        """
        return [
            *self._stacks(),
            *self._tables(),
            *self._bucket(),
            *self._concurrency(),
            *self._subnets(),
            *self._log_role(),
        ]

    @property
    def bucket(self) -> str:
        """Where templates and code are put for CloudFormation."""
        return f"{self.parameters['Project']}-artifacts-{self.account}-{self.region}"

    def _stacks(self) -> Iterator[str]:
        wanted = [TABLES, *([USERS] if self.parameters.makes_user_pool else []), MAIN]
        for template in wanted:
            name = stack_name(self.parameters, template)
            yield f"stack {name} ({template}): {self.stacks.meet(name)}"

    def _tables(self) -> Iterator[str]:
        tables = Tables(self.client("dynamodb"), self.parameters)
        owned = self.stacks.resources(stack_name(self.parameters, TABLES)).values()
        strangers = sorted(it for it in tables.made() if it not in owned and tables.exists(it))
        if strangers:
            raise Refused(
                "these tables exist and are in no stack of this deployment: "
                f"{', '.join(strangers)}. "
                "`scripts/import.sh ENV` takes them in with their rows; "
                "if they are the platform's own, "
                "say PlatformTables=existing"
            )
        missing = sorted(it for it in tables.expected() if not tables.exists(it))
        if missing:
            raise Refused(
                f"PlatformTables=existing, but there is no {', '.join(missing)} in {self.region}: "
                "PlatformTables=create makes them; "
                "in a second region, name it as the first one's ReplicaRegion"
            )
        if self.parameters["ReplicaRegion"] == self.region:
            raise Refused(f"ReplicaRegion is the second region, and this is {self.region} itself")
        yield (
            f"tables: {len(tables.made())} of this deployment, {len(tables.expected())} of "
            "the platform"
        )

    def _bucket(self) -> Iterator[str]:
        try:
            self.client("s3").head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self.account)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise Refused(
                    f"bucket {self.bucket} is there and is not this account's, so nothing will "
                    "be read from it: "
                    "choose another Project"
                ) from error
            yield f"bucket {self.bucket}: make"

    def _concurrency(self) -> Iterator[str]:
        wanted = sum(int(self.parameters[it]) for it in CONCURRENCY)
        limits = self.client("lambda").get_account_settings()["AccountLimit"]
        limit = int(limits["ConcurrentExecutions"])
        held = self._reserved_now()
        room = int(limits["UnreservedConcurrentExecutions"]) + held - min(UNRESERVED, limit)
        if wanted > room:
            none = " ".join(f"{it}=0" for it in CONCURRENCY)
            raise Refused(
                f"the functions would reserve {wanted} concurrent executions, and this account "
                f"(limit {limit}) has "
                f"{max(room, 0)} to give: ask for a higher limit, lower "
                f"{', '.join(CONCURRENCY)}, or share: {none}"
            )
        yield f"concurrency: {wanted} reserved of {room} that can be"

    def _reserved_now(self) -> int:
        """What this deployment's functions hold already."""
        if self.stacks.status(stack_name(self.parameters, MAIN)) in NOT_THERE:
            return 0
        client, held = self.client("lambda"), 0
        for part in (
            "query-handler",
            "data-management-handler",
            "recovery-instance-sync",
            "execution-handler",
        ):
            name = f"{self.parameters['Project']}-{part}-{self.parameters['Environment']}"
            try:
                found = client.get_function_concurrency(FunctionName=name)
            except client.exceptions.ResourceNotFoundException:
                continue
            held += int(found.get("ReservedConcurrentExecutions", 0))
        return held

    def _subnets(self) -> Iterator[str]:
        wanted = self.parameters["PrivateSubnetIds"].split(",")
        try:
            found = self.client("ec2").describe_subnets(SubnetIds=wanted)["Subnets"]
        except ClientError as error:
            raise Refused(f"PrivateSubnetIds: {error.response['Error']['Message']}") from error
        elsewhere = [it["SubnetId"] for it in found if it["VpcId"] != self.parameters["VpcId"]]
        if elsewhere:
            raise Refused(f"{', '.join(elsewhere)} are not in {self.parameters['VpcId']}")
        zones = {it["AvailabilityZone"] for it in found}
        if len(zones) < 2:
            raise Refused(f"the subnets are all in {zones.pop()}: a cache needs two zones")
        yield f"network: {len(found)} subnets in {len(zones)} zones"

    def _log_role(self) -> Iterator[str]:
        if self.parameters["SetApiLogRole"] == "true":
            role = self.client("apigateway").get_account().get("cloudwatchRoleArn")
            name = self.parameters.stack
            if role and name not in role:
                yield (
                    f"!! API Gateway's log role of this account is {role}: ours takes its "
                    "place; SetApiLogRole=false keeps it"
                )
        elif not self.client("apigateway").get_account().get("cloudwatchRoleArn"):
            raise Refused(
                "SetApiLogRole=false, but API Gateway has no log role in this account and region"
            )


def stack_name(parameters: Parameters, template: str) -> str:
    """The stack of a template."""
    ends = {TABLES: "-data", USERS: "-users", MAIN: ""}
    return parameters.stack + ends[template]
