"""A mirror as ElastiCache offers it: a cluster, TLS, users with
the template's access strings, IAM tokens.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

import botocore.session
import pytest
from redis import Redis

from local import servers
from local.processes import Process, free_port
from local.world import make_world
from tests.infra.journeys import Journeys, RecordedStack
from tests.infra.sigv4 import Refused, check_connect_token
from tests.infra.templates import resources
from tests.infra.tls_front import Front, certificate

SERVERLESS_CACHE = "mirror-test"
ADMIN = ["--user", "default", "off", "--user", "admin", "on", "~*", "+@all", ">admin"]


def drs_regions() -> list[str]:
    """Where the SDK knows DRS."""
    return list(botocore.session.get_session().get_available_regions("drs"))


@pytest.fixture(scope="session")
def journeys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedStack]:
    """A stack on which everything was done once; what its
    functions called and logged is there to be read.
    """
    world = make_world(servers=90, places=5, plans=6)
    for account in world.target_accounts[
        :2
    ]:  # looked at wherever DRS is and the account has opted in
        opted_in = account.pop("regions")
        world.accounts[account["accountId"]]["disabledRegions"] = [
            it for it in drs_regions() if it not in opted_in
        ]
    world.execution_history = world.execution_history[
        :1
    ]  # the others' instances are looked for in jobs
    stack = RecordedStack(
        tmp_path_factory.mktemp("stack"), world=world, schedule_seconds=0, speed=1000
    )
    stack.start()
    try:
        Journeys(stack).all()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def cert(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    return certificate(tmp_path_factory.mktemp("cert"))


@dataclass
class Keys:
    """Credentials as Lambda hands them to a restored function: over
    HTTP, each answer another key that soon expires.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    forged: bool = False  # hands out other secrets than it keeps


@pytest.fixture(scope="session")
def keys() -> Iterator[Keys]:
    """Where botocore finds credentials; a new key every time it asks."""
    issued = Keys()
    numbers = count()

    class Credentials(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key, secret = f"ASIA{next(numbers):016d}", f"secret-{next(numbers)}"
            issued.secrets[key] = secret[::-1] if issued.forged else secret
            soon = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
            body = json.dumps(
                {
                    "AccessKeyId": key,
                    "SecretAccessKey": secret,
                    "Token": "session",
                    "Expiration": soon,
                }
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Credentials)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with pytest.MonkeyPatch.context() as environment:
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_PROFILE",
        ):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        environment.setenv(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/"
        )
        environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        yield issued
    server.shutdown()
    thread.join()
    server.server_close()


def access_strings() -> dict[str, str]:
    """What the template lets each of the mirror's users do."""
    users = resources("cache.yaml", "AWS::ElastiCache::User")
    return {name.lower(): user["AccessString"] for name, user in users.items()}


@dataclass
class CloudCache:
    """A cluster of three, each node behind a front of its own; what clients see is the fronts."""

    nodes: list[Process]
    fronts: list[Front]

    @property
    def url(self) -> str:
        """The address for settings, with the authority that signed the fronts' certificate."""
        return f"rediss://127.0.0.1:{self.fronts[0].port}?ssl_ca_certs={self.fronts[0].files[0]}"

    def admin(self, node: int) -> Redis:
        """A client of one node that may do anything."""
        return Redis.from_url(f"redis://admin:admin@127.0.0.1:{self.nodes[node].port}?protocol=2")


@pytest.fixture(scope="session")
def cloud_cache(
    cert: tuple[Path, Path], keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CloudCache]:
    """ElastiCache serverless in small."""

    def check(user: str, token: str) -> None:
        if user not in access_strings():
            raise Refused(user)
        check_connect_token(token, SERVERLESS_CACHE, user, keys.secrets, datetime.now(UTC))
        if "ResourceType=ServerlessCache" not in token:
            raise Refused("a token for a node-based cache")

    with ExitStack() as stack:
        fronts = [
            stack.enter_context(Front(cert, users=access_strings(), check=check)) for _ in range(3)
        ]
        nodes = start_cluster(
            tmp_path_factory.mktemp("cloud"), stack, [front.port for front in fronts], ADMIN
        )
        for front, node in zip(fronts, nodes, strict=True):
            front.server_port = node.port
        yield CloudCache(nodes, fronts)


def start_cluster(
    directory: Path, stack: ExitStack, announced: list[int], extra: list[str]
) -> list[Process]:
    """Three nodes that share the slots; each tells clients the
    port announced for it (0: its own).
    """
    nodes = []
    for number, port in enumerate(announced):
        home = directory / f"node{number}"
        home.mkdir()
        options = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
        if port:
            options += ["--cluster-announce-port", str(port)]
        node = servers.valkey(home, [*options, *extra])
        node.start()
        stack.callback(node.stop)
        nodes.append(node)
    bounds = [0, 5461, 10923, 16384]
    clients = []
    for number, node in enumerate(nodes):
        node.await_port()
        name = "admin:admin@" if extra else ""
        client = stack.enter_context(
            Redis.from_url(f"redis://{name}127.0.0.1:{node.port}?protocol=2")
        )
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        clients.append(client)
    for client in clients[1:]:
        bus = int(clients[0].config_get("cluster-port")["cluster-port"])
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, bus)
    for client in clients:
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            pass
    return nodes
