"""The product's own pure functions, over rows that are numbered.

A row is an int here, so that a state is a small tuple; each (row, change) meets the real functions
once.
"""

from functools import cache
from typing import Any, NamedTuple

from cache.entry import decode
from cache.protocol import (
    Change,
    Observation,
    Verdict,
    change_of,
    decide,
    decide_again,
    has_launch,
    is_same_launch,
    may_pass,
    may_raise,
    must_look_again,
    observed_at,
    supersedes,
)
from cache.record import Attribution, Details, InstanceState, Launch, Record, current
from cache.values import Place, PlaceLook, to_millis

SERVER = "s-00000000000000001"
PLACES = (Place("111111111111", "us-east-1"), Place("111111111111", "eu-west-1"))
A, B = 0, 1
NO_ROW = 0  # a row that is not there
SEEN_AT = "2026-03-01T10:00:00Z"
MOMENTS = [f"2026-03-01T10:00:0{number}Z" for number in range(8)]  # one for each state of the world

# What DRS may hold: (instance, place, state), or nothing alive. Instance 0 was there first, 1 is
# its relaunch.
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
    """What the domain takes from DRS in a place: of a leftover
    and a living instance, the living one.
    """
    records = (
        [_launch(0, InstanceState.TERMINATED)] if place == A and world in {GONE, RELAUNCHED} else []
    )
    if (there := WORLDS[world]) is not None and there[1] == place:
        records.append(_launch(there[0], there[2]))
    found = current(records)
    return found if found is not None and found.ec2_instance_state.is_alive else None


def is_told(row: dict[str, Any] | None, world: int, place: int) -> bool:
    """Whether the row says of this place what is there."""
    launch = alive_in(world, place)
    is_here = (
        row is not None and row["place"] == str(PLACES[place]) and row["presence"] == "present"
    )
    if launch is None or row is None or not is_here:
        return launch is None and not is_here
    told = row["ec2InstanceId"], row["ec2InstanceState"]
    return told == (launch.ec2_instance_id, launch.ec2_instance_state)


@cache
def change_for(
    world: int, place: int, ticket: int, moment: int, *, details: bool, execution: bool
) -> Change:
    """The write of what a look at this place saw at this moment."""
    launch = alive_in(world, place)
    seen = Observation(
        server_id=SERVER,
        place=PLACES[place],
        observed_at=MOMENTS[moment],
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


class Copy(NamedTuple):
    """An entry: the row in it, the ticket that confirmed it, and until which moment it claims to be
    true.

    A ghost, `word`: the ticket of the look whose word it is, whatever the entry says.
    """

    row: int
    confirmed: int
    moment: int
    word: int


class Rows:
    """Every row met so far, by number."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any] | None] = [None]
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._records: list[Record | None] = [None]

    def __getitem__(self, number: int) -> dict[str, Any] | None:
        return self._rows[number]

    def number(self, row: dict[str, Any] | None) -> int:
        """The number of a row, which must be a record."""
        if row is None:
            return NO_ROW
        key = tuple(sorted(row.items()))
        if key not in self._numbers:
            self._numbers[key] = len(self._rows)
            self._rows.append(row)
            self._records.append(Record.from_row(row))
        return self._numbers[key]

    def record(self, number: int) -> Record:
        """The record of a row that is there."""
        record = self._records[number]
        assert record is not None
        return record

    def version(self, number: int) -> int:
        """The row's version; 0 where there is none."""
        return self.record(number).version if number else 0

    def moment(self, number: int) -> int:
        """When the row itself says that it was seen."""
        return MOMENTS.index(self.record(number).last_sync_time)


class Protocol:
    """The rules as they are. Each mutant leaves one out."""

    takes_ticket_first = True
    describes_before_absence = True
    believes_half_a_listing = False
    fences = True
    fences_before_reading = True
    fences_before_writing = True
    reads_consistently = True
    gives_way_quietly = False
    counts_overtaken_as_complete = False
    listed_at_the_end = False
    narrow_looks_skip = False

    def __init__(self) -> None:
        self.rows = Rows()
        self._decisions: dict[tuple[int, int, bool, bool], tuple[Verdict, int]] = {}
        self._copies: dict[tuple[int, int | None, int | None], Copy] = {}
        self._seen: dict[tuple[int, PlaceLook | None], int] = {}

    def decide(
        self, row: int, change: Change, *, again: bool, may_skip: bool
    ) -> tuple[Verdict, int]:
        """What becomes of a change, and the row that stands then
        (the same where none is written).
        """
        key = (row, id(change), again, may_skip)  # changes are cached, so they live as long as this
        if key not in self._decisions:
            rule = self.changed if again else decide
            verdict, after = rule(self.rows[row], change, may_skip=may_skip)
            self._decisions[key] = verdict, self.rows.number(after) if verdict.is_write else row
        return self._decisions[key]

    def changed(
        self, row: dict[str, Any] | None, change: Change, *, may_skip: bool
    ) -> tuple[Verdict, dict[str, Any] | None]:
        """The same where the row is not the one that was read."""
        return decide_again(row, change, may_skip=may_skip)

    def is_unchanged(self, stored: int, row: int) -> bool:
        """The condition of a write: the row is the one that was read."""
        return stored == row

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

    def may_raise(self, fence: int, ticket: int) -> bool:
        """Whether a complete look closes its place to older ones."""
        return may_raise(fence or None, ticket)

    def may_pass(self, fence: int, ticket: int) -> bool:
        """Whether a look may still write there."""
        return not self.fences or may_pass(fence or None, ticket)

    def copy(self, row: int, confirmed: int | None, moment: int | None, word: int) -> Copy:
        """The entry that is published, as a reader decodes it."""
        key = (row, confirmed, moment)
        if key not in self._copies:
            stamp = None if moment is None else MOMENTS[moment]
            entry = decode(self.rows.record(row).entry(confirmed, stamp).encode(), SERVER)
            assert entry is not None
            assert entry.version == self.rows.version(row)
            at = [to_millis(it) for it in MOMENTS].index(entry.observed_at)
            self._copies[key] = Copy(row, entry.confirmed, at, 0)
        return self._copies[key]._replace(word=word)

    def confirmation(self, row: int, ticket: int, moment: int) -> Copy:
        """What a complete look publishes of a row that it found true."""
        return self.copy(row, ticket, moment, ticket)

    def refill(self, row: int, completed: tuple[int, int]) -> Copy:
        """What a reader publishes: the row, dated by the last complete look at its place."""
        ticket, moment = completed
        look = PlaceLook(ticket, 1, "seen", ticket, to_millis(MOMENTS[moment])) if ticket else None
        key = (row, look)
        if key not in self._seen:
            self._seen[key] = MOMENTS.index(self.observed_at(self.rows.record(row), look))
        return self.copy(row, None, self._seen[key], self.rows.version(row))

    def observed_at(self, record: Record, look: PlaceLook | None) -> str:
        """The freshness rule."""
        return observed_at(record, look)

    def publishes(self, new: Copy, old: Copy | None) -> bool:
        """Whether a sync's entry replaces, or renews, what is mirrored."""
        return supersedes(self._pair(new), old and self._pair(old))

    def refills(self, new: Copy, old: Copy | None) -> bool:
        """The same for a reader's refill."""
        return self.publishes(new, old)

    def _pair(self, copy: Copy) -> tuple[int, int]:
        return self.rows.version(copy.row), copy.confirmed

    def sends(self, verdict: Verdict) -> bool:  # noqa: ARG002  a mutant looks at it
        """Whether a sync publishes what became of a change."""
        return True

    def looks_again(self, row: int, change: Change, verdict: Verdict, *, is_complete: bool) -> bool:
        """Whether to ask by id, again; a wave's sync also where its
        own job stands without its execution.
        """
        stored = self.rows[row]
        if must_look_again(stored, change, verdict, is_complete=is_complete):
            return True
        return (
            verdict is Verdict.OLDER
            and "sourceExecutionId" in change.sets
            and stored is not None
            and is_same_launch(stored, change.launch)
            and "sourceExecutionId" not in stored
        )

    def is_known(self, row: int, launch: Launch | None) -> bool:
        """Whether an overtaken look need not ask for what it saw."""
        return launch is None or self.gives_way_quietly or has_launch(self.rows[row], launch)
