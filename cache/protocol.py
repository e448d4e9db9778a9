"""The version protocol as pure functions: what a look changes in a row, and which of two versions
wins.

Both tiers are last-writer-wins registers ordered by ticket. A complete look raises its place's
fence once the place is listed, and only then reads and compares: from there on no older look can
write in that place, so an unchanged row need not be written. `cache.table` asks DynamoDB for just
this; the model checker explores these very functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cache.errors import InvalidRow
from cache.record import (
    STAMPS,
    Attribution,
    Details,
    Group,
    Launch,
    LaunchSettings,
    Origin,
    Record,
    Replication,
    SourceServer,
    Value,
    attribute_names,
    attributes,
)
from cache.values import PLACE_FORM, Place, PlaceLook, to_millis, to_stamp

type Row = Mapping[str, Any]

RESTAMP_AFTER = (
    3600 * 1000
)  # ms; an unchanged row is written again then, for whoever reads the table directly

# What belongs to one launched instance, and goes when another instance takes its place or none is
# left.
_DETAILS_ARE_OLDER = "detailsAreOlder"
_OF_THE_INSTANCE = (
    _DETAILS_ARE_OLDER,
    *(
        name
        for group in (Launch, Details, Attribution)
        for name in (*attribute_names(group).values(), STAMPS[group])
        if name != "lastSyncTime"
    ),
)
# What may differ between two rows that say the same: what counts is whether it is there.
_MOVING = {"version", *STAMPS.values()}


class Verdict(Enum):
    """What becomes of a change when it meets the stored row."""

    UPDATE = "same launch: set what was seen, keep the rest"
    REPLACE = "no row, or another launch: the old instance's attributes go"
    SAME = "the row says this already: a complete look confirms it and writes nothing"
    OWN = "the row carries this very ticket: an earlier try of ours arrived"
    OLDER = "the row is newer: it wins"
    ELSEWHERE = (
        "an absence for a row that is not in the place looked at, or for no row: nothing to say"
    )
    CHANGED = "an absence for a row that changed since the describe: nothing to say"
    FENCED = "a newer complete look has listed the place since: this one is overtaken"
    FAILED = "the table could not be asked, or refused the row itself"

    @property
    def is_write(self) -> bool:
        """Whether the row changes."""
        return self in (Verdict.UPDATE, Verdict.REPLACE)  # a tuple: an Enum's hash is no C

    @property
    def is_settled(self) -> bool:
        """Whether the table now says what was seen."""
        return self.is_write or self in (Verdict.SAME, Verdict.OWN)

    @property
    def is_open(self) -> bool:
        """Whether the row is unwritten for another reason than a
        newer row: no such look is complete.
        """
        return self in (Verdict.CHANGED, Verdict.FENCED, Verdict.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one look saw of one server.

    `launch` None: looked, nothing there. Another group None: could not ask.
    """

    server_id: str
    place: Place
    observed_at: str
    launch: Launch | None
    details: Details | None = None
    attribution: Attribution | None = None
    server: SourceServer | None = None
    origin: Origin | None = None
    replication: Replication | None = None
    settings: LaunchSettings | None = None
    launched_at: str | None = None
    """Start of the launching job; stands in for EC2's launch time until EC2 answers."""
    is_protected: bool = False
    """Whether the place was seen to protect the server.

    Of such a server an absence says something even without a row.
    """


@dataclass(frozen=True, slots=True)
class Change:
    """One conditional write: `sets` and `removes` always,
    `defaults` where the row then has none.
    """

    server_id: str
    version: int
    place: str
    launch: Launch | None
    sets: dict[str, Value]
    removes: tuple[str, ...]
    defaults: dict[str, Value]
    may_create: bool = True
    """Whether there is something to say where there is no row."""

    @property
    def is_absence(self) -> bool:
        """Whether this says that nothing is there."""
        return self.launch is None


def change_of(seen: Observation, ticket: int) -> Change:
    """The write that an observation under this ticket asks for."""
    sets: dict[str, Value] = {
        "version": ticket,
        "presence": "absent" if seen.launch is None else "present",
        "place": str(seen.place),
        "accountId": seen.place.account_id,
        "region": seen.place.region,
        "lastSyncTime": seen.observed_at,
    }
    removes: list[str] = []
    groups: tuple[Group | None, ...] = (
        seen.launch,
        seen.details,
        seen.attribution,
        seen.server,
        seen.origin,
        seen.replication,
        seen.settings,
    )
    for group in groups:
        if group is None:
            continue
        said = attributes(group)
        sets |= {name: value for name, value in said.items() if value is not None}
        sets[STAMPS[type(group)]] = seen.observed_at
        removes += [name for name, value in said.items() if value is None]
    if seen.launch is None:
        removes += _OF_THE_INSTANCE
    elif seen.details is None:
        sets[_DETAILS_ARE_OLDER] = True
    else:
        removes.append(_DETAILS_ARE_OLDER)
    if seen.attribution and seen.attribution.source_plan_name is None:
        removes.remove("sourcePlanName")  # its source did not say: that is no "there is none"
    defaults = {} if seen.launch is None else _stand_ins(seen)
    place, gone = str(seen.place), tuple(removes)
    may_create = seen.launch is not None or seen.is_protected
    return Change(
        seen.server_id, ticket, place, seen.launch, sets, gone, defaults, may_create=may_create
    )


def _stand_ins(seen: Observation) -> dict[str, Value]:
    """The required attributes that their sources have not told yet."""
    known_as = seen.server.source_server_name if seen.server else seen.server_id
    return {
        "name": f"Recovery of {known_as}",
        "instanceType": "unknown",
        "launchTime": seen.launched_at or seen.observed_at,
        "sourceServerName": known_as,
        "replicationStagingAccountId": seen.place.account_id,
    }


def judge(stored: Row | None, change: Change) -> Verdict:
    """What becomes of the change, given the stored row (None: there is none).

    A row whose version is no number is no record; whatever is confirmed replaces it.
    """
    if stored is None:
        return Verdict.REPLACE if change.may_create else Verdict.ELSEWHERE
    version = _version_of(stored)
    if version is not None and version >= change.version:
        return Verdict.OWN if version == change.version else Verdict.OLDER
    if change.is_absence:
        is_here = stored.get("place") == change.place or _is_nowhere(stored, change)
        return Verdict.UPDATE if is_here else Verdict.ELSEWHERE
    is_same = version is not None and is_same_launch(stored, change.launch)
    return Verdict.UPDATE if is_same else Verdict.REPLACE


def _is_nowhere(stored: Row, change: Change) -> bool:
    """Whether the row is a tombstone that names no place, of a server that is protected here."""
    return change.may_create and stored.get("presence") == "absent" and not names_place(stored)


def names_place(row: Row) -> bool:
    """Whether the row says in which place it is."""
    return isinstance(place := row.get("place"), str) and PLACE_FORM.fullmatch(place) is not None


def _version_of(row: Row) -> float | None:
    """The row's version; None when it is no number, as DynamoDB's `attribute_type` tells it."""
    version = row.get("version")
    return version if isinstance(version, int | float) and not isinstance(version, bool) else None


def is_same_launch(stored: Row, launch: Launch | None) -> bool:
    """Whether the row is about this launch: the same EC2 instance and, where both are known, the
    same job.

    The job counts because launch-into-source starts the same EC2 instance again under another job.
    """
    if launch is None or stored.get("ec2InstanceId") != launch.ec2_instance_id:
        return False
    return launch.job_id is None or stored.get("jobId") in (
        None,
        launch.job_id,
    )  # a set cannot be asked for a list


def apply(stored: Row | None, change: Change, verdict: Verdict) -> dict[str, Any]:
    """The row after a change that `judge` let through."""
    gone = {*change.removes, *(_OF_THE_INSTANCE if verdict is Verdict.REPLACE else ())}
    kept = {name: value for name, value in (stored or {}).items() if name not in gone}
    executed = change.sets.get("sourceExecutionId")
    if executed and executed != kept.get("sourceExecutionId"):
        kept.pop("sourcePlanName", None)  # another execution's
    return change.defaults | kept | change.sets | {"sourceServerId": change.server_id}


def mended(stored: Row | None, change: Change, verdict: Verdict) -> dict[str, Any]:
    """The same as a record: what a broken tool left in the row, and
    the change says nothing of, is not kept, or no look would ever heal the row.
    """
    row = apply(stored, change, verdict)
    if stored is None or not (wrong := Record.wrong_attributes(row)):
        return row
    kept = {name: it for name, it in stored.items() if it is not None and name not in wrong}
    return apply(kept, change, verdict)


def decide(
    stored: Row | None, change: Change, *, may_skip: bool
) -> tuple[Verdict, dict[str, Any] | None]:
    """What becomes of a change, and the row that stands then; only
    a look behind its own fence `may_skip`.
    """
    verdict = judge(stored, change)
    if not verdict.is_write:
        return verdict, dict(stored) if stored is not None else None
    if may_skip and stored is not None and _says_it_already(stored, change, verdict):
        return Verdict.SAME, dict(stored)
    return verdict, mended(stored, change, verdict)


def decide_again(
    stored: Row | None, change: Change, *, may_skip: bool
) -> tuple[Verdict, dict[str, Any] | None]:
    """The same once the row turned out to be another than the one that was read.

    An absence was true of the row that was there before the describe; of what came since it knows
    nothing.
    """
    verdict, row = decide(stored, change, may_skip=may_skip)
    return (
        (Verdict.CHANGED, dict(stored or {}))
        if verdict.is_write and change.is_absence
        else (verdict, row)
    )


def _says_it_already(stored: Row, change: Change, verdict: Verdict) -> bool:
    """Whether a sound row would change in nothing but version and stamps, and is not due for new
    ones.
    """
    row = apply(stored, change, verdict)
    if row.keys() != stored.keys():
        return False
    if row | {name: stored[name] for name in _MOVING & stored.keys()} != stored:
        return False
    if not is_sound(stored):
        return False
    age = to_millis(row["lastSyncTime"]) - to_millis(stored["lastSyncTime"])
    return age < RESTAMP_AFTER or change.is_absence


def is_sound(stored: Row) -> bool:
    """Whether the row is a record; one that is not is written anew."""
    try:
        Record.from_row(stored)
    except InvalidRow:
        return False
    return True


def must_look_again(
    stored: Row | None, change: Change, verdict: Verdict, *, is_complete: bool
) -> bool:
    """Whether the server must be asked for by id under a new ticket.

    So it is where the row is another place's newer word (which says nothing of here), where it
    changed under an absence, and where a fence was met: a narrow look then knows nothing; of a
    complete one, whose listing may still be the later, what it saw alive and the row does not have.
    """
    if verdict is Verdict.OLDER:
        return not change.is_absence and stored is not None and stored.get("place") != change.place
    if verdict is Verdict.FENCED and is_complete:
        return not change.is_absence and not has_launch(stored, change.launch)
    return verdict in {Verdict.CHANGED, Verdict.FENCED}


def has_launch(stored: Row | None, launch: Launch | None) -> bool:
    """Whether the row is present with this launch."""
    return (
        stored is not None
        and stored.get("presence") == "present"
        and is_same_launch(stored, launch)
    )


def may_raise(fence: int | None, ticket: int) -> bool:
    """Whether a complete look under this ticket, having listed
    its place, raises the place's fence to it.
    """
    return fence is None or fence < ticket


def may_pass(fence: int | None, ticket: int) -> bool:
    """Whether a look under this ticket may still write in a place with this fence."""
    return fence is None or fence <= ticket


def observed_at(record: Record, look: PlaceLook | None) -> str:
    """As late as when the record is known to be true: `lastSyncTime` wherever it is shown.

    A complete look confirms every row of its place that is not newer than its ticket, as of when
    its listing began.
    """
    if look is None or not look.listed_at or record.version > look.completed_ticket:
        return record.last_sync_time
    return max(record.last_sync_time, to_stamp(look.listed_at))


def supersedes(entry: tuple[int, int], stored: tuple[int, int] | None) -> bool:
    """Whether an entry's (version, confirming ticket) takes the stored
    one's place; an equal pair renews its life.
    """
    return stored is None or entry >= stored
