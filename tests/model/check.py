"""Explores every interleaving, breadth first: a violation comes with one of its shortest traces.

`python -m tests.model.check` explores the everyday scopes, `--full` all of them, `--mutants` hunts
the mutants.
"""

import argparse
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from click import echo

from cache.protocol import has_launch
from tests.model.mutants import MUTANTS
from tests.model.protocol import (
    MOMENTS,
    NO_ROW,
    PLACES,
    A,
    B,
    Protocol,
    Violation,
    alive_in,
    is_told,
)
from tests.model.scopes import EVERYDAY, FULL, HEALERS, HUNT
from tests.model.state import HEALED, RESTING, SEEN, SURE, At, Scope, State
from tests.model.steps import Steps


@dataclass
class Found:
    """What exploring came to. `violation` is None when every state kept every invariant."""

    states: int = 0
    steps: int = 0
    seconds: float = 0.0
    violation: str | None = None
    trace: list[str] = field(default_factory=list)


class Checker:
    """Explores one scope under one protocol."""

    def __init__(self, scope: Scope, protocol: Protocol) -> None:
        self._scope = scope
        self._protocol = protocol
        self._steps = Steps(scope, protocol)
        self._healing = Steps(HEALERS, protocol)
        self._heals: set[tuple[object, ...]] = set()
        self._came: dict[State, tuple[State, str] | None] = {}

    def explore(self) -> Found:
        """Every state that can be reached, or those up to the first violation."""
        began, found = perf_counter(), Found()
        start = self._scope.start(self._protocol)
        self._came = {start: None}
        queue = deque([start])
        state = start
        try:
            while queue:
                state = queue.popleft()
                self._check(state)
                for did, after in self._steps.of(state):
                    found.steps += 1
                    if after not in self._came:
                        self._came[after] = state, did
                        queue.append(after)
        except Violation as broken:
            found.violation, found.trace = str(broken), self._trace(state)
        found.states, found.seconds = len(self._came), perf_counter() - began
        return found

    def _trace(self, state: State) -> list[str]:
        trace: list[str] = []
        while (came := self._came[state]) is not None:
            state, did = came
            trace.append(did)
        return trace[::-1]

    def _check(self, state: State) -> None:
        version, copy = self._protocol.rows.version, state.mirror
        if copy is not None:
            if version(copy.row) > version(state.row):
                raise Violation("the mirror is ahead of the table")
            if version(copy.row) == version(state.row) and copy.row != state.row:
                raise Violation("one version has two contents")
        if all(it.at in RESTING for it in state.looks) and all(
            at in RESTING for at, _ in state.readers
        ):
            self._check_quiet(state)
        self._check_healing(state)

    def _check_quiet(self, state: State) -> None:
        """With nothing in flight."""
        row, copy = self._protocol.rows[state.row], state.mirror
        is_unspoilt = state.faults_left == self._scope.faults
        if is_unspoilt and copy is not None and copy.row != state.row:
            raise Violation(
                "nothing in flight, no fault happened, and the mirror differs from the table"
            )
        for place, ghosts in enumerate(state.places):
            if ghosts & SURE and not is_told(row, state.world, place):
                raise Violation(
                    "a look that began after the last change is over, and the table says otherwise"
                )
            # Of three looks that overlap, a third with a ticket in between may have seen less
            # (docs/model.md).
            is_pair = sum(who.place == place for who in self._scope.looks) <= 2
            launch = alive_in(state.world, place)
            if ghosts & SEEN and is_pair and not has_launch(row, launch):
                raise Violation("what an overtaken look saw alive last is not in the table")
            if ghosts & HEALED:
                self._check_healed(state, place)

    def _check_healed(self, state: State, place: int) -> None:
        """After a complete look that ran alone, with no fault then or since."""
        row = self._protocol.rows[state.row]
        if row is None or row["place"] != str(PLACES[place]):
            return
        if state.mirror is None or state.mirror.row != state.row:
            raise Violation("a look alone in its place left a mirror that differs from the table")
        if not state.is_young:
            raise Violation("a look did not renew the life of the entry")

    def _check_healing(self, state: State) -> None:
        """Whatever is running dies here, and one clean sync of
        each place makes tiers and world agree.
        """
        key = (state.world, state.row, state.mirror, state.fences)
        if key in self._heals:
            return
        self._heals.add(key)
        still = HEALERS.start(self._protocol)
        state = still._replace(
            history=(state.world,) * len(MOMENTS),
            row=state.row,
            fences=state.fences,
            mirror=state.mirror,
            counter=state.counter,
            highest=state.highest,
        )
        steps: list[str] = []
        try:
            for number in (A, B):
                while state.looks[number].at is not At.DONE:
                    did, state = next(self._healing.of_look(state, number))
                    steps.append(did)
            row, copy = self._protocol.rows[state.row], state.mirror
            is_mirrored = state.row == NO_ROW if copy is None else copy.row == state.row
            if not (is_mirrored and all(is_told(row, state.world, place) for place in (A, B))):
                raise Violation("one clean sync of each place does not heal this")
        except Violation as broken:
            raise Violation(f"a clean sync {', '.join(steps)}: {broken}") from broken


def report(title: str, found: Found) -> bool:
    """Print what was found; whether there was a violation."""
    echo(f"{title:40} {found.states:>9,} states {found.steps:>10,} steps {found.seconds:6.1f} s")
    if found.violation:
        for number, did in enumerate(found.trace, 1):
            echo(f"  {number:2}. {did}")
        echo(f"  => {found.violation}")
    return found.violation is not None


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when the protocol has a counterexample or a mutant has none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="all scopes instead of the everyday ones"
    )
    parser.add_argument("--mutants", action="store_true", help="hunt the mutants instead")
    chosen = parser.parse_args(arguments)
    if chosen.mutants:
        caught = [report(mutant.__name__, hunt(mutant())) for mutant in MUTANTS]
        return int(not all(caught))
    scopes = FULL if chosen.full else EVERYDAY
    founds = {name: Checker(scope, Protocol()).explore() for name, scope in scopes.items()}
    broken = [report(name, found) for name, found in founds.items()]
    echo(
        f"{sum(it.states for it in founds.values()):,} states in "
        f"{sum(it.seconds for it in founds.values()):.1f} s"
    )
    return int(any(broken))


def hunt(mutant: Protocol) -> Found:
    """What the first scope that catches this mutant found;
    its violation is None where none does.
    """
    found = Found()
    for scope in HUNT:
        found = Checker(scope, mutant).explore()
        if found.violation:
            break
    return found


if __name__ == "__main__":
    sys.exit(main())
