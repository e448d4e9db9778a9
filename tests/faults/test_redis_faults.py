"""Whatever happens to Redis, the page is whole and right from the
table, in time, and Redis is used again soon.
"""

import signal
from collections.abc import Callable, Iterator
from time import monotonic, sleep

import pytest

from cache.mirror import PLACES, PREFIX
from loadtests.faults_stack import FaultyStack

PATIENCE = 3.0  # seconds a page may take, whatever is down
BACK_WITHIN = 10.0  # seconds after its return in which Redis is used again


def hit_counts(faulty: FaultyStack) -> int:
    """Keys that Valkey has been asked for and had, since it started."""
    return int(faulty.valkey().info("stats")["keyspace_hits"])


def assert_whole(faulty: FaultyStack, pages: int = 3) -> None:
    """Some pages in turn are complete, right and in time."""
    for _ in range(pages):
        page = faulty.plan_page()
        assert faulty.faults_of(page) == []
        assert page.seconds < PATIENCE


def assert_used_again(faulty: FaultyStack) -> None:
    """Pages ask Redis again within ten seconds, and are right all the while."""
    deadline = monotonic() + BACK_WITHIN
    servers = len(faulty.servers_of(faulty.largest))
    while True:
        before = hit_counts(faulty)
        assert_whole(faulty, pages=1)
        if hit_counts(faulty) - before >= servers:
            return
        assert monotonic() < deadline, "pages still come from the table"
        sleep(0.2)


def hang(faulty: FaultyStack) -> None:
    """Valkey takes connections and says nothing."""
    faulty.stack.valkey.signal(signal.SIGSTOP)


def resume(faulty: FaultyStack) -> None:
    """Valkey goes on."""
    faulty.stack.valkey.signal(signal.SIGCONT)


AWAY: dict[str, tuple[Callable[[FaultyStack], None], Callable[[FaultyStack], None]]] = {
    "refused": (lambda it: it.to_redis.refuse(), lambda it: it.to_redis.heal()),
    "black hole": (lambda it: it.to_redis.black_hole(), lambda it: it.to_redis.heal()),
    "hanging": (hang, resume),
    "restarted": (lambda it: it.restart_valkey(), lambda _: None),
}


@pytest.mark.parametrize("fault", AWAY)
def test_pages_do_without_redis_and_go_back_to_it(faulty: FaultyStack, fault: str) -> None:
    """Complete and right from DynamoDB within 3 s each, and Redis
    is used again within 10 s of its return.
    """
    strike, mend = AWAY[fault]
    try:
        strike(faulty)
        assert_whole(faulty)
    finally:
        mend(faulty)
    assert_used_again(faulty)


def flush(faulty: FaultyStack) -> None:
    """Everything is gone."""
    faulty.valkey().flushall()


def wrong_types(faulty: FaultyStack) -> None:
    """Every key holds a list."""
    redis = faulty.valkey()
    for key in redis.keys(f"{PREFIX}*"):
        redis.delete(key)
        redis.rpush(key, "rubbish")


def rubbish(faulty: FaultyStack) -> None:
    """Every key holds bytes that mean nothing, names of places included."""
    redis = faulty.valkey()
    for key in redis.keys(f"{PREFIX}{{*"):
        redis.hset(key, "page", b"\xff\x00rubbish")
    redis.hset(PLACES, b"\xff/\xfe", b"1|1|seen")


def anothers_entries(faulty: FaultyStack) -> None:
    """Every key holds the entry of the next server."""
    redis = faulty.valkey()
    keys = sorted(redis.keys(f"{PREFIX}{{*"))
    values = [redis.hgetall(key) for key in keys]
    for key, value in zip(keys, values[1:] + values[:1], strict=True):
        redis.hset(key, mapping=value)


@pytest.mark.parametrize("harm", [flush, wrong_types, rubbish, anothers_entries])
def test_a_harmed_mirror_changes_no_page_and_is_mended_by_reading(
    faulty: FaultyStack, harm: Callable[[FaultyStack], None]
) -> None:
    """The first page is whole from the table; after it the mirror serves again."""
    harm(faulty)
    assert_whole(faulty)
    assert_used_again(faulty)


def read_only(faulty: FaultyStack) -> None:
    """A replica whose primary is away: reads answer, writes are refused."""
    faulty.valkey().execute_command("REPLICAOF", "127.0.0.1", "1")


def read_only_and_stale_forbidden(faulty: FaultyStack) -> None:
    """The same, and it refuses every read with MASTERDOWN too."""
    faulty.valkey().config_set("replica-serve-stale-data", "no")
    read_only(faulty)


def out_of_memory(faulty: FaultyStack) -> None:
    """Flushed, and every write is refused with OOM."""
    faulty.valkey().config_set("maxmemory", "1")
    faulty.valkey().flushall()


def needs_password(faulty: FaultyStack) -> None:
    """Every connection must log in now, and ours cannot."""
    faulty.valkey().config_set("requirepass", "new")
    faulty.to_redis.lead_to(faulty.stack.valkey.port)  # cuts what is logged in


@pytest.fixture
def permissive(faulty: FaultyStack) -> Iterator[None]:
    """Puts every setting back, over a connection that was logged in before there was a password."""
    admin = faulty.valkey(single_connection_client=True)
    yield
    for name, value in (
        ("requirepass", ""),
        ("maxmemory", "0"),
        ("replica-serve-stale-data", "yes"),
    ):
        admin.config_set(name, value)
    admin.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize(
    "refusal", [read_only, read_only_and_stale_forbidden, out_of_memory, needs_password]
)
@pytest.mark.usefixtures("permissive")
def test_a_redis_that_answers_with_errors_is_never_a_none(
    faulty: FaultyStack, refusal: Callable[[FaultyStack], None]
) -> None:
    """READONLY, MASTERDOWN, OOM and NOAUTH: pages stay whole and
    right, and a sync records everything.
    """
    refusal(faulty)
    assert_whole(faulty)
    report = faulty.stack.sync()
    assert report["instancesUpdated"] == len(faulty.world.alive)
    assert_whole(faulty)
