"""The domain: what a look can see of a server's recovery instance, which DRS record wins, and the
stored record.

A look sees seven groups of attributes, each from its own source and each with its own stamp,
because "says none" and "could not ask" differ: a group that was not seen is None and changes
nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from cache.entry import ABSENT, ITEM, OLDER, SERVER, Entry
from cache.errors import InvalidRow
from cache.readiness import Readiness, readiness
from cache.values import PLACE_FORM, to_millis

type Value = str | int | bool | list[str] | Mapping[str, str]


class InstanceState(StrEnum):
    """EC2's names.

    DRS writes them in upper case and adds NOT_FOUND; a name we do not know counts as alive.
    """

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"
    NOT_FOUND = "not-found"
    UNKNOWN = "unknown"

    @classmethod
    def read(cls, word: object) -> "InstanceState":
        """The state a DRS or EC2 word names; UNKNOWN for any other."""
        try:
            return cls(str(word).lower().replace("_", "-"))
        except ValueError:
            return cls.UNKNOWN

    @property
    def is_alive(self) -> bool:
        """Whether there is an instance: an unknown word must never become a false "none"."""
        return self not in {InstanceState.TERMINATED, InstanceState.NOT_FOUND}


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What DescribeRecoveryInstances says of one instance."""

    recovery_instance_id: str
    ec2_instance_id: str
    ec2_instance_state: InstanceState
    job_id: str | None = None
    is_drill: bool | None = None
    point_in_time: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What EC2 DescribeInstances says of it."""

    name: str
    instance_type: str
    launch_time: str
    private_ip: str | None = None
    public_ip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The execution whose job launched it."""

    source_execution_id: str
    source_plan_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceServer:
    """What DescribeSourceServers says of the protected machine."""

    source_server_name: str
    replication_staging_account_id: str | None = None
    source_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """What DescribeSourceServers says of its replication; of a server that DRS no longer has, only
    that.

    `last_seen_by_drs` is told once the agent has been silent for a while: until then it would move
    with every look.
    """

    replication_state: str | None = None
    replication_lag_seconds: int | None = None
    replication_error: str | None = None
    last_seen_by_drs: str | None = None
    last_launch_result: str | None = None
    replication_direction: str | None = None
    source_server_gone: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings:
    """What GetLaunchConfiguration says of a launch to come.

    `launches_into` is an EC2 instance that it would overwrite.
    """

    has_launch_template: bool
    launches_into: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the protected machine runs, from EC2 in its own account."""

    source_vpc_id: str | None = None
    source_subnet_id: str | None = None
    source_security_group_ids: tuple[str, ...] = ()
    source_instance_profile: str | None = None


type Group = Launch | Details | Attribution | SourceServer | Origin | Replication | LaunchSettings

# Each group's stamp: when its source last answered. DRS is the look itself, so its stamp is
# lastSyncTime.
STAMPS: dict[type, str] = {
    Launch: "lastSyncTime",
    Details: "ec2ObservedAt",
    Attribution: "executionObservedAt",
    SourceServer: "serverObservedAt",
    Origin: "originObservedAt",
    Replication: "replicationObservedAt",
    LaunchSettings: "launchSettingsObservedAt",
}


_NAMES = {group: {it.name: to_camel(it.name) for it in fields(group)} for group in STAMPS}


def attribute_names(group: type) -> dict[str, str]:
    """Field name to camelCase attribute name, for one of the groups."""
    return _NAMES[group]


def attributes(group: Group) -> dict[str, Value | None]:
    """The group as table attributes. None and empty lists mean: its source says there is none."""
    names = attribute_names(type(group))
    return {name: _stored(getattr(group, field)) for field, name in names.items()}


def _stored(value: Any) -> Value | None:
    """As a row holds it; nothing at all for what is empty."""
    if isinstance(value, bool | int):
        return value
    return (list(value) if isinstance(value, tuple) else value) or None


def current(launches: Iterable[Launch]) -> Launch | None:
    """The one record of a server that counts: the living before the dead, then the latest point in
    time, then the id.

    DRS keeps TERMINATED records beside running ones, and during a relaunch both instances may show:
    docs/aws-facts.md.
    """
    return max(
        launches,
        key=lambda it: (it.ec2_instance_state.is_alive, it.point_in_time or "", it.ec2_instance_id),
        default=None,
    )


class Record(BaseModel):
    """The row of one source server: present with its instance's fields, or absent (a tombstone)."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )

    source_server_id: str
    version: int = Field(ge=0, lt=10**15)  # it and the place stand in the entry's head
    presence: Literal["present", "absent"]
    account_id: str
    region: str
    place: str = Field(pattern=f"^{PLACE_FORM.pattern}$")
    last_sync_time: str
    recovery_instance_id: str | None = None
    ec2_instance_id: str | None = None
    ec2_instance_state: InstanceState | None = None
    job_id: str | None = None
    is_drill: bool | None = None
    point_in_time: str | None = None
    name: str | None = None
    private_ip: str | None = None
    public_ip: str | None = None
    instance_type: str | None = None
    launch_time: str | None = None
    source_execution_id: str | None = None
    source_plan_name: str | None = None
    source_server_name: str | None = None
    replication_staging_account_id: str | None = None
    source_vpc_id: str | None = None
    source_subnet_id: str | None = None
    source_security_group_ids: tuple[str, ...] = ()
    source_instance_profile: str | None = None
    source_tags: dict[str, str] = {}
    replication_state: str | None = None
    replication_lag_seconds: int | None = None
    replication_error: str | None = None
    last_seen_by_drs: str | None = None
    last_launch_result: str | None = None
    replication_direction: str | None = None
    source_server_gone: bool | None = None
    has_launch_template: bool | None = None
    launches_into: str | None = None
    ec2_observed_at: str | None = None
    details_are_older: bool = False
    """Whether a look since `ec2_observed_at` saw the instance and could not have its details."""
    execution_observed_at: str | None = None
    server_observed_at: str | None = None
    origin_observed_at: str | None = None
    replication_observed_at: str | None = None
    launch_settings_observed_at: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if to_millis(self.last_sync_time) < 0:
            raise ValueError("lastSyncTime is before 1970")
        if self.is_present and (
            missing := [name for name in _REQUIRED_WHEN_PRESENT if getattr(self, name) is None]
        ):
            raise ValueError(f"a present record lacks {', '.join(missing)}")
        return self

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Record":
        """The record in a row of plain Python values.

        Raises:
            InvalidRow: when the row is no record; says which attributes are wrong.
        """
        try:
            return cls.model_validate(row)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, it['loc'])) or 'row'}: {it['msg']}" for it in error.errors()
            )
            raise InvalidRow(f"row {row.get('sourceServerId')!r}: {faults}") from error

    @classmethod
    def wrong_attributes(cls, row: Mapping[str, Any]) -> set[str]:
        """The attributes for which the row is no record; `row` where they do not fit together."""
        try:
            cls.model_validate(row)
        except ValidationError as error:
            return {str(it["loc"][0]) if it["loc"] else "row" for it in error.errors()}
        return set()

    @property
    def is_present(self) -> bool:
        """Whether the server has a recovery instance."""
        return self.presence == "present"

    def entry(self, confirmed: int | None = None, observed_at: str | None = None) -> Entry:
        """The record as the page sees it.

        `confirmed` is the ticket of the look that last found it to be so (default: the one that
        wrote it), and
        `observed_at` when that look was (default: the row's own stamp).
        """
        observed_at = observed_at or self.last_sync_time
        item = self.page_item() | {"lastSyncTime": observed_at} if self.is_present else None
        if item and self.details_are_older:
            item[OLDER] = self.ec2_observed_at
        return Entry(
            self.source_server_id,
            self.version,
            to_millis(observed_at),
            str(self.ec2_instance_state) if item else ABSENT,
            self.is_drill if item else None,
            self.place,
            _to_json(item).encode() if item else b"",
            self.version if confirmed is None else confirmed,
            self.readiness,
            _to_json(self.server_item()).encode(),
        )

    @property
    def readiness(self) -> Readiness:
        """Whether the server could be launched, by what was said of its
        replication last; how long ago is not in it.
        """
        if self.replication_observed_at is None:
            return Readiness.UNKNOWN
        gone, lag = bool(self.source_server_gone), self.replication_lag_seconds
        return readiness(self.replication_state, lag, is_gone=gone)

    def page_item(self) -> dict[str, object]:
        """The item of `existingInstances`: the original's twelve
        keys, in its order, and four added ones.
        """
        return {name: getattr(self, _FIELD_OF[name]) for name in ITEM}

    def server_item(self) -> dict[str, object]:
        """What is known of the protected machine; what is not known is left out."""
        known = {name: getattr(self, _FIELD_OF[name]) for name in SERVER}
        return {name: value for name, value in known.items() if value is not None}


_REQUIRED_WHEN_PRESENT = (
    "recovery_instance_id", "ec2_instance_id", "ec2_instance_state", "name", "instance_type",
    "launch_time",
)  # fmt: skip
_FIELD_OF = {to_camel(field): field for field in Record.model_fields}
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
