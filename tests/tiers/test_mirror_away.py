"""The mirror when its server refuses, hangs, forgets, fails over or will not write."""

import signal
from collections.abc import Callable, Iterator
from inspect import isclass
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest
import redis.exceptions
from redis import Redis

from cache import mirror as mirror_module
from cache.errors import MirrorUnavailable
from cache.mirror import Fresh, Mirror, MirrorRead
from cache.values import PlaceLook
from local import servers
from local.processes import Process, free_port
from tests.tiers.conftest import redis_client
from tests.tiers.samples import entry, server_id
from tests.tiers.scripted import scripted

ONE = server_id(1)
# Raised by calls that the mirror does not make: a lock around a fork, and routing policies of
# RediSearch.
NOT_OURS = {"ChildDeadlockedError", "IncorrectPolicyType"}
FOREIGN = [
    it
    for it in vars(redis.exceptions).values()
    if isclass(it)
    and issubclass(it, Exception)
    and it.__name__ not in NOT_OURS
    and it is not Exception
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    """A Valkey that the test may hurt."""
    process = servers.valkey(tmp_path)
    process.start()
    process.await_port()
    yield process
    process.signal(signal.SIGCONT) if process.alive else None
    process.stop()


def until(true: Callable[[], bool], seconds: float = 5) -> None:
    """Asks until the answer is yes."""
    deadline = monotonic() + seconds
    while not true():
        assert monotonic() < deadline, "it did not become true in time"


def reads(mirror: Mirror) -> bool:
    """Whether a read gets through."""
    try:
        mirror.read([ONE])
    except MirrorUnavailable:
        return False
    return True


def test_a_refused_connection_opens_the_breaker() -> None:
    """The first read tries and fails; the next calls are told so at once."""
    mirror = Mirror(lambda: redis_client(free_port()))
    with pytest.raises(MirrorUnavailable, match="Connection refused"):
        mirror.read([ONE])
    for _ in range(100):
        with pytest.raises(MirrorUnavailable, match="breaker"):
            mirror.claim([ONE])


def test_a_hanging_server_is_given_up_on(server: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it still hangs; and it is used again once it wakes."""
    monkeypatch.setattr(mirror_module, "AWAY", 0.05)
    mirror = Mirror(lambda: redis_client(server.port))
    assert reads(mirror)
    server.signal(signal.SIGSTOP)
    assert not reads(mirror)
    server.signal(signal.SIGCONT)
    until(lambda: reads(mirror))


def test_the_breaker_lets_one_caller_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is half open, the others do not wait behind the one that tries."""
    monkeypatch.setattr(mirror_module, "AWAY", 0.2)
    mirror = Mirror(lambda: redis_client(free_port()))
    assert not reads(mirror)
    until(lambda: _tried(mirror))
    assert not _tried(mirror)


def _tried(mirror: Mirror) -> bool:
    """Whether a read got as far as the network."""
    try:
        mirror.read([ONE])
    except MirrorUnavailable as error:
        return "breaker" not in str(error)
    return True


def test_a_restarted_server_is_only_empty(tmp_path: Path) -> None:
    """Connections that broke behind our back cost one retry, not the page."""
    port = free_port()
    first, second = servers.valkey(tmp_path, port=port), servers.valkey(tmp_path, port=port)
    mirror = Mirror(lambda: redis_client(port))
    try:
        first.start()
        first.await_port()
        mirror.publish([Fresh(entry(1), monotonic())])
        first.stop()
        second.start()
        second.await_port()
        assert mirror.read([ONE]).entries == {}
        assert mirror.publish([Fresh(entry(1), monotonic())]).taken == 1
    finally:
        first.stop()
        second.stop()


@pytest.mark.parametrize(
    "setting",
    [
        {"maxmemory": "1", "maxmemory-policy": "noeviction"},
        {"replicaof": "127.0.0.1 1"},
        {"replicaof": "127.0.0.1 1", "replica-serve-stale-data": "no"},
    ],
    ids=["out-of-memory", "read-only", "master-down"],
)
def test_a_server_that_will_not_write_says_so(server: Process, setting: dict[str, str]) -> None:
    """Every entry is counted as failed, claims fall to the
    caller, and reading does not fail for it.
    """
    client = redis_client(server.port)
    for name, value in setting.items():
        if name == "replicaof":
            client.replicaof(*value.split())
        else:
            client.config_set(name, value)
    mirror = Mirror(lambda: client)
    done = mirror.publish([Fresh(entry(1), monotonic()), Fresh(entry(1, 2), monotonic())])
    assert (done.taken, done.failed) == (0, 2)
    assert mirror.claim([ONE]) == {ONE}
    assert mirror.read([ONE]).entries == {}
    with pytest.raises(MirrorUnavailable):
        mirror.publish_place("1/eu", PlaceLook(1, 1, "seen"))


@pytest.fixture
def replica(tmp_path: Path, server: Process) -> Iterator[Process]:
    """A second Valkey, a replica of the first."""
    (tmp_path / "replica").mkdir()
    process = servers.valkey(tmp_path / "replica")
    process.start()
    process.await_port()
    follow(process, server)
    yield process
    process.stop()


def follow(replica: Process, primary: Process) -> None:
    """Makes it a replica, and waits until it is one in step."""
    client = redis_client(replica.port)
    client.replicaof("127.0.0.1", str(primary.port))
    until(lambda: client.info("replication")["master_link_status"] == "up", 20)


def test_a_primary_that_turns_read_only_is_left(server: Process, replica: Process) -> None:
    """A failover that closes no connection: what is published
    and claimed goes to the new primary.
    """
    address = [server]
    mirror = Mirror(lambda: redis_client(address[0].port))
    assert mirror.publish([Fresh(entry(1), monotonic())]).taken == 1
    until(lambda: reads_of(replica).entries == {ONE: entry(1)})
    redis_client(replica.port).replicaof("NO", "ONE")
    follow(server, replica)
    address[0] = replica  # as the name in the settings leads to the new primary
    assert mirror.publish([Fresh(entry(2), monotonic())]).taken == 1
    assert reads_of(replica).entries == {ONE: entry(2)}
    address[0] = server
    redis_client(server.port).replicaof("NO", "ONE")
    follow(replica, server)
    assert mirror.claim([ONE]) == {ONE}
    assert mirror.claim([ONE]) == set()
    mirror.publish_place("1/eu", PlaceLook(1, 1, "seen"))
    assert reads_of(server).places == {"1/eu": PlaceLook(1, 1, "seen")}


def reads_of(server: Process) -> MirrorRead:
    """What a new process reads there."""
    return Mirror(lambda: redis_client(server.port)).read([ONE])


@pytest.mark.parametrize(
    "error",
    [
        b"READONLY You can't write against a read only replica.",
        b"ERR Error running script (call to f_1): @user_script:9: -READONLY You can't write",
        b"READONLY You can't write against a read only replica. script: f_1, on @user_script:9.",
        b"LOADING Redis is loading the dataset in memory",
        b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        (
            b"UNBLOCKED force unblock from blocking operation, "
            b"instance state changed (master -> replica?)"
        ),
    ],
)
def test_an_error_about_the_connection_renews_it_once(error: bytes) -> None:
    """In a script's error too; the second connection's answer counts."""
    with scripted([b"-%b\r\n" % error], [b":1\r\n", 1.0]) as port:
        mirror = Mirror(lambda: redis_client(port, driver_info=None))
        assert mirror.publish([Fresh(entry(1), monotonic())]).taken == 1


def test_a_wrong_password_is_away(server: Process) -> None:
    """Authentication that fails is not an empty mirror."""
    redis_client(server.port).config_set("requirepass", "secret")
    with pytest.raises(MirrorUnavailable):
        Mirror(lambda: redis_client(server.port, password="wrong")).read([ONE])  # noqa: S106


class Broken:
    """A client whose library fails with one of its own errors."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @property
    def connection_pool(self) -> Any:
        """Fails."""
        raise self._error


@pytest.mark.parametrize(
    "error", [*FOREIGN, ConnectionResetError, BrokenPipeError], ids=lambda it: it.__name__
)
def test_no_error_of_the_library_gets_past_the_border(error: type[Exception]) -> None:
    """Every exception the library knows, those it may grow
    included, is ours by the time it leaves.
    """
    made = error.__new__(error)
    made.args = ("it broke",)
    with pytest.raises(MirrorUnavailable):
        Mirror(lambda: cast("Redis", Broken(made))).read([ONE])
