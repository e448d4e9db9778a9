"""Every implementation of each tier, so that one contract suite runs over all of them."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from fakeredis import FakeRedis
from moto import mock_aws
from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry

from cache import exchange
from cache import mirror as mirror_module
from cache.attributes import encode_item
from cache.looks import LookLog
from cache.mirror import Mirror
from cache.protocol import Change
from cache.recorder import Recorded, Recorder
from cache.table import Stored, Table, Written
from cache.values import Place
from local import servers
from local.memory_table import MemoryTable
from local.processes import Process, free_port
from services.platform.tables import create_tables
from services.settings import Settings

# What is right must not depend on how busy the machine is; how long things take is tested by
# itself.
PATIENT: Any = {"socket_timeout": 10.0, "socket_connect_timeout": 10.0}
_numbers = count(1)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirror waits for its server, however busy the machine is."""
    monkeypatch.setattr(mirror_module, "PATIENCE", 10.0)
    monkeypatch.setattr(exchange, "REPLY_TIMEOUT", 10.0)


def dynamodb_client(url: str | None = None, read_timeout: float = 5) -> Any:
    """A low-level client of this endpoint, without retries of its own."""
    keys: Any = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "local"}
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        read_timeout=read_timeout,
        connect_timeout=1,
        max_pool_connections=32,
    )
    return boto3.client(
        "dynamodb", endpoint_url=url, region_name="us-east-1", config=config, **keys
    )


def table_of(client: Any, settings: Settings) -> Table:
    """The records of a deployment."""
    return Table(client, settings.recovery_instances_table, settings.sync_status_table)


def write(
    table: Table, *changes: Change, stored: Stored | None = None, skip: bool = False
) -> list[Written]:
    """Write these changes, each for itself, given these rows or else the rows as they stand."""
    return [
        done
        for it in changes
        for part in table.write([it], stored or table.read_rows([it.server_id]), may_skip=skip)
        for done in part
    ]


@dataclass
class Tables:
    """One engine. `client` None: the engine is memory."""

    client: Any

    def fresh(self) -> Table:
        """A new, empty table of records."""
        return MemoryTable() if self.client is None else table_of(self.client, self.settings())

    def fenced(self) -> tuple[Table, Callable[[Place, int], bool]]:
        """A new table of records, and what raises the fence of a place."""
        if self.client is None:
            memory = MemoryTable()
            return memory, memory.raise_fence
        settings = self.settings()
        looks = LookLog(self.client, settings.sync_status_table)
        return table_of(self.client, settings), looks.raise_fence

    def settings(self) -> Settings:
        """The settings of a new deployment, its tables created and empty."""
        settings = Settings.from_env({"ENVIRONMENT": f"t{next(_numbers)}"})
        create_tables(self.client, settings)
        return settings

    def put(self, table: Table, row: dict[str, Any]) -> None:
        """Put a row there past all conditions, as a broken tool would."""
        if isinstance(table, MemoryTable):
            table.rows[row["sourceServerId"]] = row
        else:
            item = encode_item(row)
            # past the front door
            self.client.put_item(TableName=table._name, Item=item)  # noqa: SLF001


@pytest.fixture(scope="module", params=["memory", "moto", "http"])
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    """Each implementation of the table."""
    if request.param == "memory":
        yield Tables(None)
    elif request.param == "http":
        yield Tables(dynamodb_client(request.getfixturevalue("dynamodb").url))
    else:
        with mock_aws():
            yield Tables(dynamodb_client())


@pytest.fixture
def table(tables: Tables) -> Table:
    """An empty table of records, on each engine."""
    return tables.fresh()


@pytest.fixture(scope="module")
def http_tables(dynamodb: Process) -> Tables:
    """DynamoDB over HTTP only."""
    return Tables(dynamodb_client(dynamodb.url))


def redis_client(port: int, **options: Any) -> Redis:
    """A client as the product builds it: short timeouts, no retries of its own."""
    timeouts = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
    return Redis(port=port, retry=Retry(NoBackoff(), 0), protocol=2, **(timeouts | options))


def _redis7(directory: Path) -> Process:
    if (program := shutil.which("redis-server")) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("redis-server is not installed")
    port = free_port()
    argv = [
        program,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(directory),
    ]
    return Process("Redis", argv, directory / "redis.log", port)


@pytest.fixture(scope="session")
def redis7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The Redis of the distribution.

    In CI a missing one is a failure, elsewhere a skip that says so.
    """
    yield from _client_of(_redis7(tmp_path_factory.mktemp("redis7")))


@pytest.fixture(scope="session")
def valkey9(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Valkey of these tests alone: they flush it."""
    yield from _client_of(servers.valkey(tmp_path_factory.mktemp("valkey9")))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A Valkey cluster of one node."""
    process = servers.valkey(
        tmp_path_factory.mktemp("cluster"),
        ["--cluster-enabled", "yes", "--cluster-port", str(free_port())],
    )
    for client in _client_of(process):
        node: Any = client
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in node.execute_command("CLUSTER", "INFO"):
            pass
        with RedisCluster("127.0.0.1", process.port, protocol=2, **PATIENT) as nodes:
            yield nodes


def _client_of(process: Process) -> Iterator[Redis]:
    process.start()
    try:
        process.await_port()
        yield redis_client(process.port, **PATIENT)
    finally:
        process.stop()


@pytest.fixture(params=["fakeredis", "valkey9", "cluster", "redis7"])
def redis(request: pytest.FixtureRequest) -> Any:
    """An empty mirror's client, on each server."""
    client = FakeRedis() if request.param == "fakeredis" else request.getfixturevalue(request.param)
    client.flushall()
    return client


@pytest.fixture
def mirror(redis: Any, patient: None) -> Mirror:  # noqa: ARG001  in effect, not in use
    """An empty mirror, on each server."""
    return Mirror(lambda: redis)


@dataclass
class Stack:
    """Both tiers, real: DynamoDB over HTTP and Valkey."""

    table: Table
    looks: LookLog
    mirror: Mirror
    redis: Redis
    recorder: Recorder
    put: Callable[[dict[str, Any]], None]

    def record(self, *changes: Change) -> Recorded:
        """Record these as one look that read the rows before."""
        stored = self.table.read_rows(it.server_id for it in changes)
        return self.recorder.record(changes, stored)


@pytest.fixture
# in effect, not in use
def stack(http_tables: Tables, valkey9: Redis, patient: None) -> Stack:  # noqa: ARG001
    """Both tiers, real and empty."""
    valkey9.flushall()
    settings = http_tables.settings()
    table = table_of(http_tables.client, settings)
    mirror = Mirror(lambda: valkey9)
    looks = LookLog(http_tables.client, settings.sync_status_table)
    return Stack(
        table,
        looks,
        mirror,
        valkey9,
        Recorder(table, mirror),
        lambda row: http_tables.put(table, row),
    )
