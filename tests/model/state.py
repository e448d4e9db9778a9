"""The system as a state, small enough to be a key: the world, the two tiers, and where every
process stands.

A ghost is no part of the system: it is what we remember only to check it.
"""

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import NamedTuple

from cache.protocol import Change
from tests.model.protocol import FIRST, GONE, NO_ROW, A, Copy, Protocol, change_for


class At(IntEnum):
    """Where a process stands: what it does next."""

    IDLE = auto()
    LIST = auto()
    FENCE = auto()
    READ = auto()
    COMPARE = auto()
    GIVE_WAY = auto()
    DRAW = auto()
    READ_ROW = auto()
    DESCRIBE = auto()
    WRITE = auto()
    PUBLISH = auto()
    COMPLETE = auto()
    REFILL = auto()
    DONE = auto()


RESTING = {At.IDLE, At.DONE}
# Ghosts of a look, since its last ticket was drawn (SAME_WORLD, WAS_GONE) or since it began: the
# world stayed as it was; no fault happened; no other look ran; the server was not alive in its
# place for a moment. And: its listing was overtaken; what it saw last is still so; a narrow look
# met a fence.
SAME_WORLD, NO_FAULT, ALONE, WAS_GONE, OVERTAKEN, SAME_SINCE_SEEN, FENCED = 1, 2, 4, 8, 16, 32, 64
# Ghosts of a place: a complete look, or a narrow one that saw the server alive, saw the world as it
# is now; it ran alone, without a fault then or since; an overtaken look saw a launch that is still
# there.
SURE, HEALED, SEEN = 1, 2, 4


class Looker(NamedTuple):
    """Who looks: a full sync of a place, or a narrow one (a wave's,
    which knows its execution; a termination's).
    """

    name: str
    place: int
    full: bool = True
    details: bool = False
    execution: bool = False


class Look(NamedTuple):
    """Where a look stands.

    `listing` is the listing's ticket and `listed` its moment; 0 and 0 where it lists nothing.

    `seen` is a world, and `moment` when it was seen; `stored` the row that was read; `winner` what
    is to be published.
    """

    at: At = At.IDLE
    ticket: int = 0
    listing: int = 0
    listed: int = 0
    seen: int = GONE
    moment: int = 0
    stored: int = NO_ROW
    # it asks by id: for what was nominated by the listing, or for what it must look at again
    is_narrow: bool = True
    is_nominated: bool = False
    winner: Copy | None = None
    ghosts: int = 0
    rounds: int = 0


class State(NamedTuple):
    """Everything that decides what can happen next, and the ghosts."""

    history: tuple[int, ...]  # of the world; all but the last are a ghost
    faults_left: int
    counter: int
    row: int
    mirror: Copy | None
    is_young: bool
    replica: Copy | None
    fences: tuple[int, int]
    completed: tuple[tuple[int, int], tuple[int, int]]  # of each place: ticket, moment
    before: int  # the row before the last write, for reads that are not consistent
    highest: int  # ghost: the highest ticket that was ever applied
    slipped: bool  # ghost: a listing has missed what was there
    places: tuple[int, int]  # ghosts
    looks: tuple[Look, ...]
    readers: tuple[tuple[At, Copy | None], ...]  # (where it stands, what it will refill)

    @property
    def world(self) -> int:
        """What DRS holds now."""
        return self.history[-1]

    @property
    def moment(self) -> int:
        """Now."""
        return len(self.history) - 1


@dataclass(frozen=True)
class Scope:
    """Who takes part, and how much may happen to them."""

    looks: tuple[Looker, ...]
    readers: int = 1
    changes: int = 1
    faults: int = 0
    starts_empty: bool = False

    def start(self, protocol: Protocol) -> State:
        """A known instance with all its details in both tiers; or a
        server never seen, and without a row.
        """
        row, copy = NO_ROW, None
        if not self.starts_empty:
            first: Change = change_for(FIRST, A, 1, 0, details=True, execution=True)
            _, row = protocol.decide(NO_ROW, first, again=False, may_skip=False)
            copy = protocol.copy(row, None, None, 1)
        return State(
            history=(GONE if self.starts_empty else FIRST,),
            faults_left=self.faults,
            counter=1,
            row=row,
            mirror=copy,
            is_young=True,
            replica=copy,
            fences=(0, 0),
            completed=((0, 0), (0, 0)),
            before=row,
            highest=protocol.rows.version(row),
            slipped=False,
            places=(0, 0),
            looks=(Look(),) * len(self.looks),
            readers=((At.IDLE, None),) * self.readers,
        )


def in_order(scope: Scope, state: State) -> State:
    """Readers are alike, and so are looks that follow each other
    with the same task: one order stands for all.
    """
    readers = tuple(sorted(state.readers, key=lambda it: (it[0], it[1] or ())))
    looks, who = state.looks, scope.looks
    if len(who) > 1 and who[0] == who[1] and _order(looks[0]) > _order(looks[1]):
        looks = (looks[1], looks[0], *looks[2:])
    return state._replace(readers=readers, looks=looks)


def _order(look: Look) -> tuple[object, ...]:
    return (*look[:9], look.winner or (), *look[10:])
