"""DynamoDB failing while the mirror is empty: what it can still say
is right, the rest is unknown, and all in time.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest

from cache.mirror import AWAY
from loadtests.faults_stack import FaultyStack, wrong
from local.throttling import ThrottlingDynamoDB

PATIENCE = 3.0  # seconds a page may take, whatever is down


@pytest.fixture
def empty_mirror(faulty: FaultyStack) -> FaultyStack:
    """The plans are in memory, the mirror is empty: pages need the table."""
    faulty.valkey().flushall()
    return faulty


@pytest.fixture
def throttled(faulty: FaultyStack) -> Iterator[Callable[[float, float], None]]:
    """Puts a DynamoDB in the way that refuses this share of
    calls and holds back that share of keys.
    """
    between: list[ThrottlingDynamoDB] = []

    def put(refused: float, unprocessed: float) -> None:
        between.append(
            ThrottlingDynamoDB(faulty.stack.dynamodb.url, refused=refused, unprocessed=unprocessed)
        )
        faulty.to_dynamodb.lead_to(between[-1].port)

    yield put
    faulty.to_dynamodb.lead_to(faulty.stack.dynamodb.port)
    for it in between:
        it.close()


GONE: dict[str, Callable[[FaultyStack], None]] = {
    "refused": lambda it: it.to_dynamodb.refuse(),
    "slow": lambda it: it.to_dynamodb.slow(2.0),
    "black hole": lambda it: it.to_dynamodb.black_hole(),
}


def assert_unknown(faulty: FaultyStack) -> None:
    """Pages of the largest plan say in time that nothing is known."""
    for page in faulty.side_by_side(faulty.plan_page, 2):
        assert page.seconds < PATIENCE
        assert page.status == 200
        assert sorted(page.body["unknownServerIds"]) == sorted(faulty.servers_of(faulty.largest))
        assert (page.body["hasExistingInstances"], page.body["degraded"]) == (None, True)
        assert page.body["existingInstances"] == []


def assert_whole_soon(faulty: FaultyStack, seconds: float = 10.0) -> None:
    """Pages are whole again before long, and never wrong until then."""
    deadline = monotonic() + seconds
    while faults := faulty.faults_of(page := faulty.plan_page()):
        assert page.status == 200
        assert wrong(page.body, faulty.servers_of(faulty.largest), faulty.world.expected) == []
        assert monotonic() < deadline, faults
        sleep(0.2)


@pytest.mark.parametrize("fault", ["refused", "slow"])
def test_without_table_and_entries_everything_is_unknown(
    empty_mirror: FaultyStack, fault: str
) -> None:
    """Never a false none, `hasExistingInstances` null, within 3 s;
    and whole again once the table answers.
    """
    GONE[fault](empty_mirror)
    assert_unknown(empty_mirror)
    empty_mirror.to_dynamodb.heal()
    assert_whole_soon(empty_mirror)


@pytest.mark.parametrize(
    ("redis_fault", "fault"), [("refuse", "refused"), ("black_hole", "black hole")]
)
def test_with_both_tiers_gone_everything_is_unknown(
    faulty: FaultyStack, redis_fault: str, fault: str
) -> None:
    """Within 3 s for pages, bare ids and the list of plans; and whole again once both answer."""
    getattr(faulty.to_redis, redis_fault)()
    GONE[fault](faulty)
    ids = faulty.servers_of(faulty.largest)[:101]
    with ThreadPoolExecutor() as callers:
        asked = callers.submit(faulty.query, ids), callers.submit(faulty.get, "/recovery-plans")
        assert_unknown(faulty)
        page, plans = (it.result() for it in asked)
    assert page.seconds < PATIENCE
    assert (page.status, page.body["unknownServerIds"], page.body["hasExistingInstances"]) == (
        200,
        ids,
        None,
    )
    assert plans.seconds < PATIENCE
    assert plans.body["degraded"] is True
    assert all(
        plan["counts"]["unknown"] == plan["counts"]["servers"] for plan in plans.body["plans"]
    )
    faulty.to_redis.heal()
    faulty.to_dynamodb.heal()
    assert_whole_soon(faulty)


def test_an_unread_plan_is_a_503_in_time(faulty: FaultyStack) -> None:
    """A plan that no process has seen cannot be shown; with
    everything away that is said in time, not as a 404.
    """
    faulty.to_redis.black_hole()
    faulty.to_dynamodb.black_hole()
    page = faulty.plan_page("plan-nobody-has-asked-for")
    assert page.seconds < PATIENCE
    assert (page.status, page.body["error"]) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_sync_routes_answer_in_time(faulty: FaultyStack, method: str) -> None:
    """A status nobody can read, and a sync nobody can start, are
    a 503 within 3 s while DynamoDB hangs.
    """
    faulty.to_dynamodb.black_hole()
    page = faulty.request(
        method, "/drs/recovery-instance-sync" + ("/status" if method == "GET" else "")
    )
    assert page.seconds < PATIENCE
    code = "STATUS_FAILED" if method == "GET" else "SYNC_FAILED"
    assert (page.status, page.body["error"]) == (503, code)


def test_a_warm_mirror_needs_no_table(faulty: FaultyStack) -> None:
    """With entries in Redis, pages are whole while DynamoDB
    hangs, even once the plan in memory is old.
    """
    sleep(AWAY + 0.5)  # the test before took Redis away: until then no process asks it
    faulty.to_dynamodb.black_hole()
    for _ in range(4):
        page = faulty.plan_page()
        assert faulty.faults_of(page) == []
        assert page.seconds < PATIENCE


def test_throttling_costs_answers_never_truth(
    empty_mirror: FaultyStack, throttled: Callable[..., None]
) -> None:
    """Nine of ten calls refused: what came is right, what did not is unknown, and in time."""
    throttled(refused=0.9, unprocessed=0.0)
    for _ in range(4):
        page = empty_mirror.plan_page()
        assert page.seconds < PATIENCE
        assert page.status == 200
        assert (
            wrong(
                page.body,
                empty_mirror.servers_of(empty_mirror.largest),
                empty_mirror.world.expected,
            )
            == []
        )


def test_unprocessed_keys_are_asked_for_again(
    empty_mirror: FaultyStack, throttled: Callable[..., None]
) -> None:
    """Half of every batch is held back: the page is whole all the same."""
    throttled(refused=0.0, unprocessed=0.5)
    page = empty_mirror.plan_page()
    assert empty_mirror.faults_of(page) == []
    assert page.seconds < PATIENCE
