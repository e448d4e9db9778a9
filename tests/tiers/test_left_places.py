"""Places that nobody looks at (any more) vouch for nothing, whatever tier remembers them."""

import pytest

from cache.reader import Reader
from cache.values import Outcome, PlaceLook
from tests.tiers.conftest import Stack
from tests.tiers.reading import complete, reader
from tests.tiers.samples import HERE, SEEN_AT, THERE, absence, present, server_id

ONE, NEVER = server_id(1), server_id(9)


@pytest.mark.parametrize("outcome", [Outcome.UNREADABLE, Outcome.NOT_CONFIGURED])
def test_a_tombstone_of_a_place_not_looked_at_is_unknown(stack: Stack, outcome: Outcome) -> None:
    """With an inventory every server has one: it would answer "none" for as long as nobody looks.

    From the mirror as from the table.
    """
    complete(stack, HERE, THERE)
    stack.record(present(1))
    stack.record(absence(2))
    look = stack.looks.note(HERE, 9, {"outcome": outcome, "endedAt": SEEN_AT}, completed=False)
    assert look is not None
    stack.recorder.publish_place(str(HERE), look)
    assert reader(stack).read({ONE: HERE}).unknown == [ONE]
    alone = Reader(None, lambda: stack.table, lambda: stack.looks)
    assert alone.read({ONE: HERE}).unknown == [ONE]
    may_still_be_there = outcome == Outcome.UNREADABLE
    assert reader(stack).read({ONE: None}).unknown == ([ONE] if may_still_be_there else [])


def test_a_place_that_left_while_redis_was_away_vouches_for_nothing(stack: Stack) -> None:
    """The mirror was never told and remembers an old look; the table knows better."""
    complete(stack, HERE, THERE)
    stack.recorder.publish_place(str(HERE), PlaceLook(5, 1_772_359_200_000, "seen"))
    stack.recorder.publish_place(str(THERE), PlaceLook(5, 1_772_359_200_000, "seen"))
    gone = {"outcome": Outcome.NOT_CONFIGURED, "endedAt": SEEN_AT}
    stack.looks.note(HERE, 9, gone, completed=False)
    for _ in range(2):
        assert reader(stack).read({NEVER: HERE}).unknown == [NEVER]
