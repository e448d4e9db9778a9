"""The first page of a process: what can be known within its
time is known, and no absence is a false one.
"""

from collections.abc import Callable, Mapping
from threading import Event
from time import monotonic
from typing import Any

import pytest

from cache.looks import LookLog
from cache.mirror import entry_key
from cache.reader import Reader
from cache.table import Rows, Table
from cache.values import Outcome, Place, PlaceLook
from tests.tiers.conftest import Stack
from tests.tiers.reading import complete, keys_read
from tests.tiers.samples import HERE, THERE, absence, present, server_id

ONE, NEVER = server_id(1), server_id(9)


class Held(LookLog):
    """Looks that are read, and told only when the test lets them."""

    def __init__(self, of: LookLog) -> None:
        super().__init__(of._client, of._name)  # noqa: SLF001  the same log
        self.asked, self.may_tell = Event(), Event()

    def places(self) -> dict[str, PlaceLook]:
        """As they are when they are told."""
        self.asked.set()
        assert self.may_tell.wait(10)
        return super().places()


class Watched(Table):
    """A table that calls back once a read of it is answered."""

    def __init__(self, of: Table, after: Callable[[], object]) -> None:
        self.__dict__.update(of.__dict__)
        self._after = after

    def read(self, *arguments: Any) -> Rows:
        """As the table does."""
        rows = super().read(*arguments)
        self._after()
        return rows


def test_looks_and_rows_are_asked_side_by_side(stack: Stack) -> None:
    """Rows do not wait for looks that are slow; what is found needs none."""
    stack.record(present(3))
    complete(stack, HERE)
    looks = Held(stack.looks)
    table = Watched(stack.table, after=looks.may_tell.set)
    answer = Reader(None, lambda: table, lambda: looks).read({ONE: HERE, NEVER: HERE})
    assert looks.asked.is_set()
    assert answer.entries[ONE].version == 3
    assert answer.entries[NEVER].is_absent


def test_looks_that_were_read_beside_the_rows_vouch_for_no_absence(stack: Stack) -> None:
    """A look that begins and completes after the rows were read:
    its row is asked for again, and found.
    """
    stack.looks.note(
        HERE, 1, {"outcome": "denied", "endedAt": "2026-03-01T10:00:00Z"}, completed=False
    )
    looks = Held(stack.looks)

    def launched() -> None:
        if not looks.may_tell.is_set():
            stack.record(present(5, 9))
            complete(stack, HERE)
            looks.may_tell.set()

    table = Watched(stack.table, after=launched)
    answer = Reader(None, lambda: table, lambda: looks).read({NEVER: HERE})
    assert answer.entries[NEVER].version == 5


def test_absences_are_asked_for_again_and_rows_only_once(stack: Stack) -> None:
    """The second question is for the servers without a row
    alone, and only where a look can vouch.
    """
    stack.record(present(3))
    complete(stack, HERE)
    looks, asked = Held(stack.looks), keys_read(stack)
    table = Watched(stack.table, after=looks.may_tell.set)
    elsewhere = server_id(8)
    answer = Reader(None, lambda: table, lambda: looks).read(
        {ONE: HERE, NEVER: HERE, elsewhere: THERE}
    )
    assert answer.unknown == [elsewhere]
    assert sorted(asked) == sorted([ONE, NEVER, elsewhere, NEVER])


def test_looks_in_the_mirror_vouch_without_the_tables(stack: Stack) -> None:
    """A completed look is told to the mirror last of all, so its
    rows were there before the page asked.
    """
    stack.recorder.publish_place(str(HERE), PlaceLook(5, 1_772_359_200_000, "seen", 5, 0))

    looks = Held(stack.looks)
    answer = Reader(stack.mirror, lambda: stack.table, lambda: looks).read({NEVER: HERE})
    looks.may_tell.set()
    assert answer.entries[NEVER].is_absent


@pytest.mark.parametrize("waited", [0.0, 1.2, 1.9])
def test_a_request_that_has_waited_is_answered_whole(stack: Stack, waited: float) -> None:
    """As on a cold start: Redis empty, a new process, little time left."""
    stack.record(present(3))
    complete(stack, HERE)
    stack.redis.flushall()
    servers = {ONE: HERE, NEVER: HERE}
    read = Reader(stack.mirror, lambda: stack.table, lambda: stack.looks)
    answer = read.read(servers, monotonic() - waited)
    assert answer.unknown == []
    assert not answer.entries[ONE].is_absent
    assert answer.entries[NEVER].is_absent


def planned(places: Mapping[str, Place]) -> Any:
    """Where plans have these servers."""
    return lambda server_ids: {it: places[it] for it in server_ids if it in places}


def test_a_server_asked_for_by_id_is_looked_up_in_its_plan(stack: Stack) -> None:
    """One server, one answer: a place elsewhere that was never
    looked at does not make it unknown.
    """
    complete(stack, HERE)
    stack.looks.note(
        THERE, 1, {"outcome": "denied", "endedAt": "2026-03-01T10:00:00Z"}, completed=False
    )
    parts = (stack.mirror, lambda: stack.table, lambda: stack.looks)
    assert Reader(*parts).read({NEVER: None}).unknown == [NEVER]
    assert Reader(*parts, planned({NEVER: HERE})).read({NEVER: None}).entries[NEVER].is_absent
    # The entry that leaves in the mirror says where a plan has it, so a process without plans
    # agrees.
    assert Reader(*parts).read({NEVER: None}).entries[NEVER].is_absent
    assert Reader(*parts, planned({NEVER: THERE})).read({server_id(7): None}).unknown


def test_a_place_that_is_not_looked_at_any_more_vouches_for_nothing(stack: Stack) -> None:
    """What was completed there once is no word on today, in the table or in the mirror."""
    complete(stack, HERE)
    parts = (stack.mirror, lambda: stack.table, lambda: stack.looks)
    assert Reader(*parts).read({NEVER: HERE}).entries[NEVER].is_absent
    gone = {"outcome": Outcome.NOT_CONFIGURED, "endedAt": "2026-03-01T11:00:00Z"}
    look = stack.looks.note(HERE, 9, gone, completed=False)
    assert look
    stack.recorder.publish_place(str(HERE), look)
    assert Reader(*parts).read({NEVER: HERE}).unknown == [NEVER]
    stack.redis.delete(entry_key(NEVER))
    assert Reader(*parts).read({NEVER: HERE}).unknown == [NEVER]


def test_a_tombstone_of_a_place_that_was_left_is_no_absence(stack: Stack) -> None:
    """Nobody would have seen what was launched there since; from the mirror and from the table."""
    complete(stack, HERE)
    complete(stack, THERE)
    stack.record(present(2))
    stack.record(absence(3))
    parts = (stack.mirror, lambda: stack.table, lambda: stack.looks)
    assert Reader(*parts).read({ONE: HERE}).entries[ONE].is_absent
    gone = {"outcome": Outcome.NOT_CONFIGURED, "endedAt": "2026-03-01T11:00:00Z"}
    look = stack.looks.note(HERE, 9, gone, completed=False)
    assert look
    stack.recorder.publish_place(str(HERE), look)
    assert Reader(*parts).read({ONE: HERE}).unknown == [ONE]
    stack.redis.flushall()
    assert Reader(*parts).read({ONE: HERE}).unknown == [ONE]
    assert Reader(*parts).read({ONE: THERE}).entries[ONE].is_absent, (
        "its plan's place was looked at"
    )
    assert Reader(None, *parts[1:]).read({ONE: HERE}).unknown == [ONE]


def test_without_a_mirror_nothing_is_missed(stack: Stack) -> None:
    """A miss needs something that could have been hit."""
    stack.record(present(3))
    without = Reader(None, lambda: stack.table, lambda: stack.looks).read({ONE: HERE})
    assert (without.hits, without.missed, without.unknown) == (0, [], [])
    stack.redis.flushall()
    cold = Reader(stack.mirror, lambda: stack.table, lambda: stack.looks).read({ONE: HERE})
    assert (cold.hits, cold.missed) == (0, [ONE])


def test_a_refill_is_dated_by_the_look_that_confirmed_its_row(stack: Stack) -> None:
    """The place's last complete listing, for a row that is not
    newer than it; else the row's own time.
    """
    stack.record(present(3), present(8, 2))
    stack.redis.flushall()
    listed = 1_772_359_200_000 + 600_000
    stack.recorder.publish_place(str(HERE), PlaceLook(5, listed + 5_000, "seen", 5, listed))
    answer = Reader(stack.mirror, lambda: stack.table, lambda: stack.looks).read(
        {ONE: HERE, server_id(2): HERE}
    )
    assert answer.entries[ONE].observed_at == listed
    assert b"2026-03-01T10:10:00Z" in answer.entries[ONE].fragment
    assert answer.entries[ONE].confirmed == 3
    assert answer.entries[server_id(2)].observed_at == listed - 600_000
