"""The system as a state, small enough to be a key: the world, the two tiers, and where every process stands.

A ghost is no part of the system: it is what we remember only to check it.
"""

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import NamedTuple

from tests.model.protocol import FIRST, GONE, NO_ROW, NOTHING, A, Protocol, change_for


class At(IntEnum):
    """Where a process stands: what it does next."""

    IDLE = auto()
    LIST = auto()
    INDEX = auto()
    DRAW = auto()
    DESCRIBE = auto()
    WRITE = auto()
    PUBLISH = auto()
    REFILL = auto()
    DONE = auto()


RESTING = {At.IDLE, At.DONE}
# Ghosts of a look, since its ticket was drawn: the world stayed as it was; no fault happened; no other look ran; the
# server was not alive in its place for a moment.
SAME_WORLD, NO_FAULT, ALONE, WAS_GONE = 1, 2, 4, 8
# Ghosts of a place: a complete look saw the world as it is now; and it ran alone, without a fault then or since.
SURE, HEALED = 1, 2


class Looker(NamedTuple):
    """Who looks: a full sync of a place, or a narrow one (a wave's, which knows its execution; a termination's)."""

    name: str
    place: int
    full: bool = True
    details: bool = False
    execution: bool = False


class Look(NamedTuple):
    """Where a look stands. Absences carry the ticket `listing`; `seen` is a world, `winner` the row to publish."""

    at: At = At.IDLE
    ticket: int = 0
    listing: int = 0
    seen: int = GONE
    winner: int = NO_ROW
    ghosts: int = 0


class State(NamedTuple):
    """Everything that decides what can happen next, and the ghosts."""

    world: int
    changes_left: int
    faults_left: int
    counter: int
    row: int
    mirror: int
    is_young: bool
    replica: int
    highest: int  # ghost: the highest ticket that was ever applied
    places: tuple[int, int]  # ghosts
    looks: tuple[Look, ...]
    readers: tuple[tuple[At, int], ...]  # (where it stands, the row it has read)


@dataclass(frozen=True)
class Scope:
    """Who takes part, and how much may happen to them."""

    looks: tuple[Looker, ...]
    readers: int = 1
    changes: int = 1
    faults: int = 0
    starts_empty: bool = False

    def start(self, protocol: Protocol) -> State:
        """A known instance with all its details in both tiers; or a server never seen, and without a row."""
        looks, readers = (Look(),) * len(self.looks), ((At.IDLE, NO_ROW),) * self.readers
        if self.starts_empty:
            return State(
                GONE,
                self.changes,
                self.faults,
                1,
                0,
                NOTHING,
                True,
                NOTHING,
                0,
                (0, 0),
                looks,
                readers,
            )
        _, row = protocol.put(NO_ROW, change_for(FIRST, A, 1, details=True, execution=True))
        return State(
            FIRST, self.changes, self.faults, 1, row, row, True, row, 1, (0, 0), looks, readers
        )
