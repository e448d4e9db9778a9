"""Real servers for the tests, each started once per test process and bound to loopback."""

from collections.abc import Iterator

import pytest

from services.local import servers
from services.local.processes import Process


def running(process: Process) -> Iterator[Process]:
    """Starts it, waits until it takes connections, and ends it afterwards."""
    process.start()
    try:
        process.await_port()
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A Valkey server; tests may stop and hang servers of their own, never this one."""
    yield from running(servers.valkey(tmp_path_factory.mktemp("valkey")))


@pytest.fixture(scope="session")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """An empty DynamoDB endpoint."""
    yield from running(servers.dynamodb(tmp_path_factory.mktemp("dynamodb")))


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The stand-in for DRS, EC2 and STS; its clock moves by hand only."""
    yield from running(servers.aws_standin(tmp_path_factory.mktemp("aws"), speed=0))
