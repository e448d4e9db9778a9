"""The version protocol as pure functions: what a look changes in a row, and which of two versions wins.

Both tiers are last-writer-wins registers ordered by ticket. `judge` and `apply` are what DynamoDB is asked to do by the
conditions that `cache.table` writes; the in-memory table and the model checker use them as they stand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cache.record import (
    STAMPS,
    Attribution,
    Details,
    Group,
    Launch,
    Origin,
    SourceServer,
    Value,
    attribute_names,
    attributes,
)
from cache.values import Place

type Row = Mapping[str, Any]

# What belongs to one launched instance, and goes when another instance takes its place or none is left.
_OF_THE_INSTANCE = tuple(
    name
    for group in (Launch, Details, Attribution)
    for name in (*attribute_names(group).values(), STAMPS[group])
    if name != "lastSyncTime"
)


class Verdict(Enum):
    """What becomes of a change when it meets the stored row."""

    UPDATE = "same launch: set what was seen, keep the rest"
    REPLACE = "no row, or another launch: the old instance's attributes go"
    OWN = "the row carries this very ticket: an earlier try of ours arrived"
    OLDER = "the row is newer: it wins"
    ELSEWHERE = "an absence for a row that is not in the place that was looked at, or for no row: nothing to say"

    @property
    def is_write(self) -> bool:
        """Whether the row changes."""
        return self in {Verdict.UPDATE, Verdict.REPLACE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one look saw of one server. `launch` None: looked, nothing there. Another group None: could not ask."""

    server_id: str
    place: Place
    observed_at: str
    launch: Launch | None
    details: Details | None = None
    attribution: Attribution | None = None
    server: SourceServer | None = None
    origin: Origin | None = None
    launched_at: str | None = None
    """Start of the launching job; stands in for EC2's launch time until EC2 answers."""


@dataclass(frozen=True, slots=True)
class Change:
    """One conditional write: `sets` and `removes` always, `defaults` where the row has none, `resets` on REPLACE."""

    server_id: str
    version: int
    place: str
    launch: Launch | None
    sets: dict[str, Value]
    removes: tuple[str, ...]
    defaults: dict[str, Value]

    @property
    def is_absence(self) -> bool:
        """Whether this says that nothing is there."""
        return self.launch is None

    @property
    def resets(self) -> tuple[str, ...]:
        """The other instance's attributes that this change does not set."""
        return tuple(
            name for name in _OF_THE_INSTANCE if name not in self.sets and name not in self.defaults
        )


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
    defaults = {} if seen.launch is None or seen.details else _stand_ins(seen)
    return Change(
        seen.server_id, ticket, str(seen.place), seen.launch, sets, tuple(removes), defaults
    )


def _stand_ins(seen: Observation) -> dict[str, Value]:
    """The required attributes of an instance EC2 has not described yet."""
    known_as = seen.server.source_server_name if seen.server else seen.server_id
    return {
        "name": f"Recovery of {known_as}",
        "instanceType": "unknown",
        "launchTime": seen.launched_at or seen.observed_at,
    }


def judge(stored: Row | None, change: Change) -> Verdict:
    """What becomes of the change, given the stored row (None: there is none).

    A row whose version is no number is no record; whatever is confirmed replaces it.
    """
    if stored is None:
        return Verdict.ELSEWHERE if change.is_absence else Verdict.REPLACE
    version = _version_of(stored)
    if version is not None and version >= change.version:
        return Verdict.OWN if version == change.version else Verdict.OLDER
    if change.is_absence:
        return Verdict.UPDATE if stored.get("place") == change.place else Verdict.ELSEWHERE
    is_same = version is not None and is_same_launch(stored, change.launch)
    return Verdict.UPDATE if is_same else Verdict.REPLACE


def _version_of(row: Row) -> float | None:
    """The row's version; None when it is no number, as DynamoDB's `attribute_type` tells it."""
    version = row.get("version")
    return version if isinstance(version, int | float) and not isinstance(version, bool) else None


def is_same_launch(stored: Row, launch: Launch | None) -> bool:
    """Whether the row is about this launch: the same EC2 instance and, where both are known, the same job.

    The job counts because launch-into-source starts the same EC2 instance again under another job.
    """
    if launch is None or stored.get("ec2InstanceId") != launch.ec2_instance_id:
        return False
    return launch.job_id is None or stored.get("jobId") in (
        None,
        launch.job_id,
    )  # a set cannot be asked for a list


def is_overruled_elsewhere(stored: Row | None, change: Change, verdict: Verdict) -> bool:
    """Whether what was seen alive here lost to a newer "nothing there" of another place, which says nothing of here.

    A server that moved is looked for in both places at once, and the one it left may draw the later ticket. The look
    here must then be repeated under a newer one.
    """
    if stored is None or change.is_absence or verdict is not Verdict.OLDER:
        return False
    return stored.get("presence") == "absent" and stored.get("place") != change.place


def apply(stored: Row | None, change: Change, verdict: Verdict) -> dict[str, Any]:
    """The row after a change that `judge` let through."""
    gone = {*change.removes, *(change.resets if verdict is Verdict.REPLACE else ())}
    kept = {name: value for name, value in (stored or {}).items() if name not in gone}
    row = change.defaults | kept if verdict is Verdict.UPDATE else kept | change.defaults
    return row | change.sets | {"sourceServerId": change.server_id}


def supersedes(version: int, stored: int | None) -> bool:
    """Whether an entry of this version takes the stored one's place; equal renews: one version, one content."""
    return stored is None or version >= stored
