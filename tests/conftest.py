"""Real servers for the tests, each started once per test process and bound to loopback."""

from collections.abc import Iterator

import pytest
import urllib3

from local import servers
from local.processes import Process
from local.stack import Stack


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


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole local stack with its seeded world, synced once, without a schedule.

    Tests share it: they put back what they change, and stop servers only with `finally: start()`.
    """
    stack = Stack(tmp_path_factory.mktemp("stack"), schedule_seconds=0)
    stack.start()
    try:
        stack.sync()
        await_whole(stack)
        yield stack
    finally:
        stack.stop()


def await_whole(stack: Stack) -> None:
    """Until every process that answers pages has started and read the table once.

    One that starts on a busy machine may have no time left for it, and says that it does not know.
    """
    in_turn = 0
    while in_turn < 4 * stack.query_processes:
        answer = urllib3.request(
            "GET", f"{stack.url}/recovery-plans?limit=500", retries=False, timeout=30
        )
        in_turn = 0 if answer.json()["degraded"] else in_turn + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the shared stack run in one process, so that it is started once."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.xdist_group("stack"))
