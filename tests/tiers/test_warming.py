"""One read fetches for all: who waits for whom when the mirror lacks entries."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from cache import warming
from cache.mirror import Fresh
from tests.tiers.conftest import Stack
from tests.tiers.reading import complete, keys_read, mirror_reads, reader
from tests.tiers.samples import HERE, entry, present, server_id

ONE, NEVER = server_id(1), server_id(9)


def test_a_server_that_stays_unknown_is_waited_for_by_nobody(stack: Stack) -> None:
    """Pages with places never looked at do not hold each other up."""
    before = mirror_reads(stack)
    for _ in range(3):
        assert reader(stack).read({NEVER: HERE}).unknown == [NEVER]
    assert mirror_reads(stack) == before + 3  # one that waited would ask again and again


def test_a_row_that_is_no_record_is_waited_for_by_nobody(stack: Stack) -> None:
    """The read that finds a row broken gives its claim up, so the
    next one need not wait for it to run out.
    """
    complete(stack, HERE)
    stack.put({"sourceServerId": ONE, "version": 1})
    before = mirror_reads(stack)
    for _ in range(3):
        assert reader(stack).read({ONE: HERE}).unknown == [ONE]
    assert mirror_reads(stack) == before + 3  # one that waited would ask again and again


def test_a_claim_that_was_given_up_is_taken_over(stack: Stack) -> None:
    """A read that waits for another's claim goes to the table itself once that one lets go."""
    complete(stack, HERE)
    stack.record(present(3))
    stack.redis.flushall()
    stack.mirror.claim([ONE])
    asked, before = keys_read(stack), mirror_reads(stack)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader(stack).read, {ONE: HERE})
        while mirror_reads(stack) < before + 2:
            assert asked == []
        stack.mirror.release([ONE])
        assert waiting.result().entries[ONE].version == 3
    assert asked == [ONE]


def test_one_read_warms_for_all(stack: Stack) -> None:
    """Twelve cold reads at once ask the table for each server once."""
    stack.record(*(present(1, number) for number in range(100)))
    complete(stack, HERE)
    stack.redis.flushall()
    asked = keys_read(stack)
    servers = {server_id(number): HERE for number in range(100)}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: reader(stack).read(servers), range(12)))
    assert all(len(it.entries) == 100 for it in answers)
    assert sorted(asked) == sorted(servers)


def test_a_warmer_that_died_is_not_waited_for_long(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the table answers."""
    monkeypatch.setattr(warming, "WAIT_FOR_WARMER", 0.1)
    stack.record(present(3))
    complete(stack, HERE)
    stack.redis.flushall()
    assert stack.mirror.claim([ONE]) == {ONE}
    assert reader(stack).read({ONE: HERE}).entries[ONE].version == 3


def test_a_warmer_that_comes_back_spares_the_table(stack: Stack) -> None:
    """What the other read put into the mirror is taken from there."""
    complete(stack, HERE)
    stack.mirror.claim([ONE])
    asked, before = keys_read(stack), mirror_reads(stack)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader(stack).read, {ONE: HERE})
        while mirror_reads(stack) == before:
            pass
        stack.mirror.publish([Fresh(entry(8), monotonic())])
        assert waiting.result().entries == {ONE: entry(8)}
    assert asked == []
