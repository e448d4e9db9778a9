"""A publish that was lost heals within seconds, without another sync; messages of the stream may
come twice, late, in any order, or be about nothing.
"""

from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import pytest

from cache.errors import NotPublished
from cache.mirror import entry_key
from loadtests.crash import other_day
from loadtests.faults_rows import fire_sync, restart_sync_function
from loadtests.faults_stack import FaultyStack
from local import functions
from local.processes import free_port
from local.seed import seed_aws
from services.publisher import handler

WITHIN = 60.0  # seconds: two busy cores; what it takes is in docs/performance.md


class Context:
    """What Lambda hands to a handler."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "publisher"


def record(server_id: str, kind: str = "MODIFY") -> dict[str, Any]:
    """One record of the stream."""
    return {"eventName": kind, "dynamodb": {"Keys": {"sourceServerId": {"S": server_id}}}}


def until(is_so: Callable[[], bool], what: str) -> None:
    """Waits for a state."""
    deadline = monotonic() + WITHIN
    while not is_so():
        assert monotonic() < deadline, what
        sleep(0.1)


@pytest.fixture
def another_day(faulty: FaultyStack) -> Iterator[dict[str, int]]:
    """AWS has moved on, and no sync has seen it yet; the rows' versions before."""
    today = faulty.world
    before, _ = faulty.versions()
    seed_aws(faulty.stack.standin, other_day(today))
    yield before
    faulty.mend()
    seed_aws(faulty.stack.standin, today)
    # A sync that was killed holds its lease for another minute and a half.
    lease = {"TableName": functions.TABLES["sync-status"], "Key": {"id": {"S": "lease"}}}
    faulty.stack.client("dynamodb").delete_item(**lease)
    faulty.stack.sync()


def test_a_sync_killed_between_the_two_writes_is_made_good(
    faulty: FaultyStack, another_day: dict[str, int]
) -> None:
    """The rows it wrote reach the mirror with nobody looking at DRS again."""
    faulty.to_redis.black_hole()
    fire_sync(faulty)
    until(lambda: faulty.versions()[0] != another_day, "the sync writes nothing")
    restart_sync_function(faulty)
    rows, entries = faulty.versions()
    assert any(entries.get(it, 0) < rows[it] for it in rows), "nothing was lost"
    faulty.to_redis.heal()

    def is_made_good() -> bool:
        rows, entries = faulty.versions()
        return all(entries.get(it, 0) >= version for it, version in rows.items()
                   if version != another_day.get(it))  # fmt: skip

    until(is_made_good, "the mirror stays behind the table")


@pytest.fixture
def publish(faulty: FaultyStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The handler in this process, on the stack's tiers."""
    for name, value in faulty.stack.environment.items():
        monkeypatch.setenv(name, value)
    handler.wiring.cache_clear()
    yield lambda *records: handler.lambda_handler({"Records": records}, Context())  # type: ignore[arg-type]
    handler.wiring.cache_clear()


def test_what_a_message_says_is_not_believed(faulty: FaultyStack, publish: Any) -> None:
    """It names a server: what the mirror gets is what the table holds, once or many times over."""
    (one, version), *_ = faulty.versions()[0].items()
    faulty.valkey().delete(entry_key(one))
    publish(
        record(one, "REMOVE"), record(one), record(one, "INSERT"), record("s-0123456789abcdefx")
    )
    publish(record(one))
    assert faulty.valkey().hget(entry_key(one), "version") == str(version).encode()
    assert not faulty.valkey().exists(entry_key("s-0123456789abcdefx"))


def test_an_entry_that_is_newer_stays(faulty: FaultyStack, publish: Any) -> None:
    """A row restored from a point in time, or read a moment too early."""
    (one, version), *_ = faulty.versions()[0].items()
    faulty.valkey().hset(entry_key(one), "version", str(version + 1))
    publish(record(one))
    assert faulty.valkey().hget(entry_key(one), "version") == str(version + 1).encode()
    faulty.valkey().delete(entry_key(one))


@pytest.mark.parametrize("tier", ["to_redis", "to_dynamodb"])
def test_what_did_not_arrive_is_asked_for_again(
    faulty: FaultyStack, publish: Any, tier: str
) -> None:
    """The function fails, so that Lambda hands the batch over again."""
    one, *_ = faulty.versions()[0]
    getattr(faulty, tier).refuse()
    with pytest.raises(NotPublished, match="1 of 1"):
        publish(record(one))


def test_a_deployment_without_a_mirror_publishes_nothing(
    faulty: FaultyStack, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And fails nothing."""
    one, *_ = faulty.versions()[0]
    monkeypatch.setenv("REDIS_URL", "")
    publish(record(one))
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    handler.wiring.cache_clear()
    with pytest.raises(NotPublished):
        publish(record(one))
