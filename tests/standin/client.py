"""How the tests speak to a running stand-in: boto3 with every
reply checked, and the administration.
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.model import OperationModel

from tests.standin.replies import check_reply

ACCOUNT, REGION = "222222222222", "us-west-2"
SERVERS = [f"s-{n:017x}" for n in range(300)]


class AdminRefused(Exception):
    """The administration answered something else than 200."""


@dataclass
class Aws:
    """One running stand-in."""

    url: str
    clients: dict[tuple[str, ...], Any] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)
    """Operations whose replies were checked, errors included."""

    def admin(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_admin/{path}", data, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request) as reply:  # noqa: S310
                return json.load(reply)
        except urllib.error.HTTPError as exc:
            raise AdminRefused(json.load(exc)["error"]) from exc

    def client(
        self,
        service: str,
        key: str = ACCOUNT,
        region: str = REGION,
        token: str = "",
        check: bool = True,
    ) -> Any:
        """A client whose every reply is checked. botocore's own checks of
        requests are off, so the stand-in's count.
        """
        names = (service, key, region, str(check))
        if names not in self.clients:
            config = Config(
                retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=5
            )
            client = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key="any",  # noqa: S106
                aws_session_token=token or None,
                config=config,
            )
            if check:
                client.meta.events.register("before-parse", self.check)
            self.clients[names] = client
        return self.clients[names]

    def check(
        self, operation_model: OperationModel, response_dict: dict[str, Any], **_: Any
    ) -> None:
        check_reply(operation_model, response_dict)
        self.checked.append(operation_model.name)

    def put(self, account: str = ACCOUNT, region: str = REGION, **kinds: Any) -> None:
        self.admin("PUT", f"places/{account}/{region}", kinds)

    def servers(self, count: int = 1, **members: Any) -> list[str]:
        """Load that many plain source servers into the usual place."""
        self.put(
            sourceServers=[
                {"sourceServerID": server_id, **members} for server_id in SERVERS[:count]
            ]
        )
        return SERVERS[:count]

    def advance(self, seconds: float) -> None:
        self.admin("POST", "clock", {"advanceSeconds": seconds})

    def weather(self, *rules: dict[str, Any]) -> None:
        self.admin("PUT", "weather", {"rules": list(rules)})

    def behave(self, **settings: Any) -> None:
        self.admin("PUT", "behaviour", settings)

    def events(self) -> list[dict[str, Any]]:
        return list(self.admin("GET", "events?since=0")["events"])

    def launch(self, *server_ids: str, drill: bool = True) -> dict[str, Any]:
        """Start a launch of these servers; the job as the service returned it."""
        servers = [{"sourceServerID": server_id} for server_id in server_ids]
        job: dict[str, Any] = self.client("drs").start_recovery(
            sourceServers=servers, isDrill=drill
        )["job"]
        return job

    def launched(self, *server_ids: str, drill: bool = True) -> list[str]:
        """Launch these servers, wait for the end of it all, and give
        their instance ids in the same order.
        """
        self.launch(*server_ids, drill=drill)
        self.advance(3600)
        records = {
            record["sourceServerID"]: record["recoveryInstanceID"] for record in self.records()
        }
        return [records[server_id] for server_id in server_ids]

    def records(self) -> list[dict[str, Any]]:
        return list(self.client("drs").describe_recovery_instances(maxResults=1000)["items"])

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.client("drs").describe_jobs()["items"])

    def states(self) -> list[str]:
        """EC2's states as DRS shows them, one for each recovery instance."""
        return [record["ec2InstanceState"] for record in self.records()]

    def ec2_states(self, *instance_ids: str) -> list[str]:
        """EC2's own, of those instances that EC2 knows."""
        filters = [{"Name": "instance-id", "Values": list(instance_ids)}]
        reservations = self.client("ec2").describe_instances(Filters=filters)["Reservations"]
        return [reservation["Instances"][0]["State"]["Name"] for reservation in reservations]

    def server(self, server_id: str = SERVERS[0]) -> dict[str, Any]:
        """One source server."""
        found = self.client("drs").describe_source_servers(
            filters={"sourceServerIDs": [server_id]}
        )["items"]
        return dict(found[0])
