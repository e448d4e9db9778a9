"""What befalls the system: the world changes, the mirror forgets."""

from collections.abc import Iterator

from tests.model.protocol import alive_in
from tests.model.state import (
    HEALED,
    NO_FAULT,
    RESTING,
    SAME_SINCE_SEEN,
    SAME_WORLD,
    WAS_GONE,
    Scope,
    State,
)


def change(scope: Scope, state: State, world: int) -> State:
    """What DRS holds changes."""
    looks = []
    for who, look in zip(scope.looks, state.looks, strict=True):
        gone = 0 if alive_in(world, who.place) else WAS_GONE
        same = SAME_WORLD | SAME_SINCE_SEEN
        ghosts = look.ghosts & ~same | gone
        looks.append(look if look.at in RESTING else look._replace(ghosts=ghosts))
    history = (*state.history, world)
    return state._replace(history=history, looks=tuple(looks), places=(0, 0))


def faults(state: State) -> Iterator[tuple[str, State]]:
    """What befalls the mirror. A flush evicts all entries, and this is the only one."""
    if state.mirror is not None:
        yield "the mirror loses the entry", fault(state._replace(mirror=None))
        if state.is_young:
            yield "a quarter of an hour passes", fault(state._replace(is_young=False))
    if state.replica != state.mirror:
        yield (
            "the mirror fails over to a lagging replica",
            fault(state._replace(mirror=state.replica)),
        )


def fault(state: State) -> State:
    """One fault less, and no look and no place is without one."""
    looks = tuple(
        it if it.at in RESTING else it._replace(ghosts=it.ghosts & ~NO_FAULT) for it in state.looks
    )
    here, there = state.places
    places = (here & ~HEALED, there & ~HEALED)
    return state._replace(faults_left=state.faults_left - 1, looks=looks, places=places)
