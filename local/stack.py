"""The whole product on one machine: starts the servers and
functions, seeds the world, and knows their addresses.
"""

import json
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local import functions, servers
from local.admin import StandInAdmin
from local.front import SCHEDULED_EVENT, SYNC, FrontConfig
from local.processes import LocalStackError, Process, free_port
from local.seed import create_platform_tables, seed_aws, seed_tables
from local.servers import REGION, REPOSITORY
from local.world import World, make_world
from services.platform.tables import create_tables
from services.settings import Settings

ENDPOINTS = {"stepfunctions": "SFN"}  # services whose endpoint variable has another name
type Report = Callable[[str], None]
type Reach = Callable[[str, int], int]
"""By a server's name and its port: where to reach it."""


def direct(_server: str, port: int) -> int:
    """At its own port."""
    return port


@dataclass
class Stack:
    """One local stack. `directory` takes logs and the environment file; port 0 is a free one."""

    directory: Path
    port: int = 0
    world: World = field(default_factory=make_world)
    schedule_seconds: float = 300
    read_from: str = "mirror"
    speed: float = 1.0
    four_eyes: bool = False
    query_processes: int = 2
    """How many pages are answered at once; Lambda would start as many as it takes."""
    reach: Reach = direct
    """The port at which the product reaches Valkey, DynamoDB, Lambda and Step Functions;
    where the network is to fail, a proxy's.
    """
    beside: "Stack | None" = None
    """A stack in another region over the same accounts: its AWS is this one's too, and all else is
    its own.
    The platform's tables are empty, as a replica's are before the first row arrives."""
    region: str = REGION
    aws: Process = field(init=False, repr=False)
    processes: list[Process] = field(default_factory=list)

    def start(self, report: Report = lambda _: None) -> None:
        """Starts everything and seeds it; nothing is synced yet.

        Stops all again when something fails.

        Raises:
            LocalStackError: in one line, what is missing, taken or dead.
        """
        self.port = self.port or free_port()
        check_port(self.port)
        self.directory.mkdir(parents=True, exist_ok=True)
        for old in self.directory.glob("*.log"):
            old.unlink()
        try:
            report("Starting Valkey, DynamoDB and the AWS stand-in")
            self.valkey = self._launch(servers.valkey(self.directory))
            self.dynamodb = self._launch(servers.dynamodb(self.directory))
            self.aws = (
                self.beside.aws
                if self.beside
                else self._launch(servers.aws_standin(self.directory, self.speed))
            )
            self.front = self._launch(self._front())
            for process in self.processes:
                process.await_port()
            report(
                f"Seeding {len(self.world.expected):,} source servers in "
                f"{len(self.world.places)} regions"
            )
            self._seed()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends all that was started, the front first."""
        for process in reversed(self.processes):
            process.stop()

    @property
    def url(self) -> str:
        """The page's and the API's address."""
        return self.front.url

    @property
    def environment(self) -> dict[str, str]:
        """What any process needs to work on this stack: the functions, and a second terminal."""
        redis_url = f"redis://127.0.0.1:{self.reach('Valkey', self.valkey.port)}/0"
        settings = functions.settings(
            redis_url, self.read_from, four_eyes=self.four_eyes, region=self.region
        )
        return settings | functions.aws(self._endpoints(self.reach), self.region)

    def _endpoints(self, reach: Reach) -> dict[str, str]:
        ports = {
            "DYNAMODB": reach("DynamoDB", self.dynamodb.port),
            "LAMBDA": reach("Lambda", self.port),
            "SFN": reach("Step Functions", self.port),
            **dict.fromkeys(("DRS", "EC2", "STS"), self.aws.port),
        }
        return {service: f"http://127.0.0.1:{port}" for service, port in ports.items()}

    @cached_property
    def standin(self) -> StandInAdmin:
        """The AWS stand-in's admin side."""
        return StandInAdmin(self.aws.url)

    def client(self, service: str) -> Any:
        """An unmodified boto3 client of this stack, as our own
        account and past every `reach`."""
        environment = self.environment
        return boto3.client(
            service,
            endpoint_url=self._endpoints(direct)[ENDPOINTS.get(service, service.upper())],
            region_name=self.region,
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(read_timeout=600, retries={"total_max_attempts": 1}),
        )

    def sync(self) -> dict[str, Any]:
        """Sends the schedule's event and waits for its report.

        LocalStackError when the function failed.
        """
        answer = self.client("lambda").invoke(
            FunctionName=functions.name(SYNC), Payload=SCHEDULED_EVENT
        )
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise LocalStackError(
                f"the first sync failed: {payload.get('errorMessage')} (see {self.directory})"
            )
        return payload

    def _launch(self, process: Process) -> Process:
        self.processes.append(process)
        process.start()
        return process

    def _front(self) -> Process:
        specs = functions.specs(self.environment, self.query_processes)
        page = REPOSITORY / "services" / "page"
        config = FrontConfig(
            self.port,
            str(page),
            str(self.directory),
            self.schedule_seconds,
            self.read_from == "live",
            specs,
            (self.dynamodb.url, functions.TABLES["recovery-instances"]),
            self.speed,
        )
        path = self.directory / "front.json"
        path.write_text(config.to_json())
        argv = [sys.executable, "-m", "local.front", str(path)]
        return Process("HTTP front", argv, self.directory / "front.log", self.port, cwd=REPOSITORY)

    def _seed(self) -> None:
        dynamodb, names = self.client("dynamodb"), functions.TABLES
        if self.beside:
            create_tables(dynamodb, Settings.from_env(self.environment))
            return
        with ThreadPoolExecutor(1) as beside:
            aws = beside.submit(seed_aws, self.standin, self.world)
            if self.world.protection_groups:
                tables = (names["execution-history"], functions.GROUPS_TABLE)
                create_platform_tables(dynamodb, *tables)
                names = names | {"protection-groups": functions.GROUPS_TABLE}
            create_tables(dynamodb, Settings.from_env(self.environment))
            seed_tables(dynamodb, names, self.world)
            aws.result()


def check_port(port: int) -> None:
    """LocalStackError when someone listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as taken:
            raise LocalStackError(
                f"port {port} cannot be used ({taken.strerror}); choose another with --port"
            ) from taken
