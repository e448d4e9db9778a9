"""The product's own pure functions, over rows that are numbered.

A row is an int here, so that a state is a small tuple; each (row, change) meets the real functions once.
"""

from functools import cache
from typing import Any

from cache.entry import decode
from cache.protocol import (
    Change,
    Observation,
    Verdict,
    apply,
    change_of,
    is_overruled_elsewhere,
    is_same_launch,
    judge,
    supersedes,
)
from cache.record import Attribution, Details, InstanceState, Launch, Record, current
from cache.values import Place

SERVER = "s-00000000000000001"
PLACES = (Place("111111111111", "us-east-1"), Place("111111111111", "eu-west-1"))
A, B = 0, 1
NO_ROW, NOTHING = 0, -1  # a row that is not there; a mirror without an entry
SEEN_AT = "2026-03-01T10:00:00Z"

# What DRS may hold: (instance, place, state), or nothing alive. Instance 0 was there first, 1 is its relaunch.
WORLDS: tuple[tuple[int, int, InstanceState] | None, ...] = (
    None,
    (0, A, InstanceState.RUNNING),
    (0, A, InstanceState.STOPPED),
    (1, A, InstanceState.RUNNING),
    (1, B, InstanceState.RUNNING),
)
GONE, FIRST, STOPPED, RELAUNCHED, MOVED = range(5)
NEXT_WORLDS = {
    GONE: (RELAUNCHED, MOVED),
    FIRST: (GONE, STOPPED, RELAUNCHED, MOVED),
    STOPPED: (FIRST, GONE),
    RELAUNCHED: (GONE,),
    MOVED: (GONE,),
}


def _launch(instance: int, state: InstanceState) -> Launch:
    return Launch(
        recovery_instance_id=f"i-{instance}",
        ec2_instance_id=f"i-{instance}",
        ec2_instance_state=state,
        job_id=f"job-{instance}",
        point_in_time=SEEN_AT,
    )


@cache
def alive_in(world: int, place: int) -> Launch | None:
    """What the domain takes from DRS in a place: of a leftover and a living instance, the living one."""
    records = (
        [_launch(0, InstanceState.TERMINATED)] if place == A and world in {GONE, RELAUNCHED} else []
    )
    if (there := WORLDS[world]) is not None and there[1] == place:
        records.append(_launch(there[0], there[2]))
    found = current(records)
    return found if found is not None and found.ec2_instance_state.is_alive else None


@cache
def change_for(world: int, place: int, ticket: int, *, details: bool, execution: bool) -> Change:
    """The write of what a look at this place saw."""
    launch = alive_in(world, place)
    seen = Observation(
        server_id=SERVER,
        place=PLACES[place],
        observed_at=SEEN_AT,
        launch=launch,
        details=Details(
            name=launch.ec2_instance_id,
            instance_type="t",
            launch_time=SEEN_AT,
            private_ip=launch.job_id,
        )
        if launch and details
        else None,
        attribution=Attribution(source_execution_id=f"of {launch.job_id}")
        if launch and execution
        else None,
    )
    return change_of(seen, ticket)


class Violation(Exception):
    """A step that broke an invariant, or a state that does."""


class Rows:
    """Every row met so far, by number."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any] | None] = [None]
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._versions: list[int] = [0]

    def __getitem__(self, number: int) -> dict[str, Any] | None:
        return self._rows[number]

    def number(self, row: dict[str, Any]) -> int:
        """The number of a row. Its entry must be readable, and of the same version."""
        key = tuple(sorted(row.items()))
        if key not in self._numbers:
            self._numbers[key] = len(self._rows)
            self._rows.append(row)
            entry = decode(Record.from_row(row).entry().encode(), SERVER)
            assert entry is not None
            self._versions.append(entry.version)
        return self._numbers[key]

    def version(self, number: int) -> int:
        """The version of the row's entry as a reader decodes it; 0 stands for "no row, place looked at"."""
        return self._versions[number]


class Protocol:
    """The rules as they are. Each mutant leaves one out."""

    takes_ticket_first = True
    describes_before_absence = True
    believes_half_a_listing = False

    def __init__(self) -> None:
        self.rows = Rows()
        self._puts: dict[tuple[int, Change | int], tuple[Verdict, int]] = {}

    def put(self, row: int, change: Change) -> tuple[Verdict, int]:
        """A conditional write: what became of it, and the row that stands now."""
        key = (row, id(change))  # changes are cached, so they live as long as this
        if key not in self._puts:
            self._puts[key] = self._put(row, change)
        return self._puts[key]

    def _put(self, row: int, change: Change) -> tuple[Verdict, int]:
        verdict = self.judge(self.rows[row], change)
        return verdict, self.rows.number(
            self.apply(self.rows[row], change, verdict)
        ) if verdict.is_write else row

    def judge(self, row: dict[str, Any] | None, change: Change) -> Verdict:
        """The condition of a write."""
        return judge(row, change)

    def apply(self, row: dict[str, Any] | None, change: Change, verdict: Verdict) -> dict[str, Any]:
        """The effect of a write."""
        return apply(row, change, verdict)

    def check(self, before: int, after: int) -> None:
        """What must hold of every write that was let through, whatever it was."""
        old, new = self.rows[before], self.rows[after]
        if new is None:
            return
        if new.get("privateIp", new.get("jobId")) != new.get("jobId"):
            raise Violation("details of another instance")
        if new.get("sourceExecutionId", f"of {new.get('jobId')}") != f"of {new.get('jobId')}":
            raise Violation("the execution of another instance")
        if (
            old
            and old.get("jobId") == new.get("jobId")
            and "sourceExecutionId" in old
            and "sourceExecutionId" not in new
        ):
            raise Violation("an execution that was known is lost")

    def publishes(self, row: int, mirrored: int) -> bool:
        """Whether a sync's publish of this row replaces, or renews, what is mirrored."""
        return mirrored == NOTHING or supersedes(
            self.rows.version(row), self.rows.version(mirrored)
        )

    def refills(self, row: int, mirrored: int) -> bool:
        """The same for a reader's refill."""
        return self.publishes(row, mirrored)

    def sends(self, before: int, after: int) -> bool:  # noqa: ARG002  a mutant looks at both
        """Whether a sync publishes at all, given the row before and after its write."""
        return True

    def looks_again(self, row: int, change: Change, verdict: Verdict) -> bool:
        """Whether it lost to another place's absence, or a wave sync to a row of its own job without the execution."""
        stored = self.rows[row]
        if is_overruled_elsewhere(stored, change, verdict):
            return True
        is_refused = (
            verdict is Verdict.OLDER and "sourceExecutionId" in change.sets and stored is not None
        )
        return (
            is_refused
            and is_same_launch(stored or {}, change.launch)
            and "sourceExecutionId" not in (stored or {})
        )
