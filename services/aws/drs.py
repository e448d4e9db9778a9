"""What DRS says of a place: recovery instances, source servers, launch configurations.

Field names are those of botocore's model of DRS (2020-02-26). DRS is read here, its jobs in
`drs_jobs`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from time import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cache.errors import UnreadableReply
from cache.readiness import lag_step
from cache.record import InstanceState, Launch, LaunchSettings, Replication, SourceServer, current
from cache.values import Place, is_server_id, to_millis, to_stamp
from services.aws.outcome import is_not_initialized

PAGE = 200  # the largest filter DRS and EC2 take, and the page size AWS's own samples use
SILENT_MS = 15 * 60_000  # an agent reports every few minutes
BATCHES_IN_FLIGHT = 4  # of one service in one place: no rate is published (docs/aws-facts.md)
CONFIGURATIONS_IN_FLIGHT = 8  # GetLaunchConfiguration takes one server a call

_DURATION = re.compile(
    r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?", re.ASCII
)

type Check = Callable[[], None]


def unhurried() -> None:
    """The check of a caller without a deadline."""


@dataclass(slots=True)
class Listing:
    """The current record of each server.

    `unreadable` counts records that make no sense: then it is not complete.

    A place where DRS was never set up has a complete, empty one.
    """

    launches: dict[str, Launch] = field(default_factory=dict)
    rivals: dict[str, list[Launch]] = field(default_factory=dict)
    """All living instances of servers that have several: which
    is current, the server itself says.
    """
    instance_ids: set[str] = field(default_factory=set)
    """Of every record, the dead included."""
    unreadable: int = 0
    is_initialized: bool = True


@dataclass(frozen=True, slots=True)
class Protected:
    """A source server, and where the machine it protects runs, if that is on EC2.

    `last_launch` is the job that launched the server last and its type (DRILL or RECOVERY); DRS
    remembers it beyond the job's participants. `replicates_back`: a failback depends on the server.
    `network_id` is the source network that DRS copies, where it copies one.
    """

    server: SourceServer
    replication: Replication
    origin: Place | None
    origin_instance_id: str | None
    replicates_back: bool
    last_launch: tuple[str, str] | None
    network_id: str | None = None
    recovery_instance_id: str | None = None
    """Its current recovery instance, by DRS's word."""

    def current_of(self, launches: Sequence[Launch]) -> Launch | None:
        """The one of these that DRS calls its instance, else the one of
        its last launch; None when DRS says neither.
        """
        job_id = self.last_launch and self.last_launch[0]
        named = [it for it in launches if it.recovery_instance_id == self.recovery_instance_id]
        return next(iter(named or [it for it in launches if job_id and it.job_id == job_id]), None)


@dataclass(frozen=True, slots=True)
class LiveInstance:
    """A recovery instance as DRS has it now. `failback_state` None: DRS says nothing of one."""

    server_id: str
    launch: Launch
    failback_state: str | None


def list_recovery_instances(client: Any, check: Check) -> Listing:
    """Every recovery instance of the place, read to the last page.

    Raises:
        ClientError, BotoCoreError: as botocore does; LookTimeout: from `check`, called before each
        page.
    """
    return _recovery_instances(client, {}, check)


def describe_recovery_instances(
    client: Any, server_ids: Iterable[str], check: Check = unhurried
) -> Listing:
    """The same for these servers only."""
    found = Listing()
    for part in each_batch(
        lambda ids: _recovery_instances(client, {"sourceServerIDs": ids}, check), server_ids
    ):
        found.launches |= part.launches
        found.rivals |= part.rivals
        found.unreadable += part.unreadable
    return found


def living_instances(client: Any, server_ids: Iterable[str]) -> dict[str, list[LiveInstance]]:
    """The instances of these servers that are not gone; several while a relaunch is under way.

    Raises:
        ClientError, BotoCoreError: as botocore does. UnreadableReply: for a record without usable
        ids.
    """
    found: defaultdict[str, list[LiveInstance]] = defaultdict(list)
    for ids in batched(server_ids, PAGE):
        for item in pages(client, "describe_recovery_instances", {"sourceServerIDs": list(ids)}):
            launch, server_id = read_launch(item), str(item.get("sourceServerID"))
            if launch.ec2_instance_state.is_alive:
                found[server_id].append(LiveInstance(server_id, launch, _failback_state(item)))
    return dict(found)


def _recovery_instances(client: Any, filters: dict[str, Any], check: Check) -> Listing:
    try:
        return _listing(pages(client, "describe_recovery_instances", filters, check))
    except ClientError as error:
        if not is_not_initialized(error):
            raise
        return Listing(is_initialized=False)


def describe_source_servers(
    client: Any, server_ids: Iterable[str], place: Place, check: Check = unhurried
) -> dict[str, Protected]:
    """The source servers with these ids; unknown ids are silently absent.

    Raises:
        ClientError, BotoCoreError: as botocore does; LookTimeout: from `check`.
    """

    def described(ids: list[str]) -> dict[str, Protected]:
        items = pages(client, "describe_source_servers", {"sourceServerIDs": ids}, check)
        servers = (it for it in items if is_server_id(it.get("sourceServerID")))
        return {it["sourceServerID"]: _protected(it, place) for it in servers}

    return {
        server_id: it
        for part in each_batch(described, server_ids)
        for server_id, it in part.items()
    }


def list_source_servers(
    client: Any, place: Place, check: Check = unhurried
) -> dict[str, Protected]:
    """Every source server of the place, whatever its id looks like; empty where DRS was never set
    up.

    Raises:
        ClientError, BotoCoreError: as botocore does; LookTimeout: from `check`.
    """
    try:
        return {
            str(item.get("sourceServerID")): _protected(item, place)
            for item in pages(client, "describe_source_servers", {}, check)
        }
    except ClientError as error:
        if not is_not_initialized(error):
            raise
        return {}


def launch_settings(
    client: Any, server_ids: Sequence[str]
) -> dict[str, LaunchSettings | Exception]:
    """What a launch of each server would be made of, or why that could not be asked.

    A call per server.
    """

    def one(server_id: str) -> LaunchSettings | Exception:
        try:
            configuration = client.get_launch_configuration(sourceServerID=server_id)
        except (BotoCoreError, ClientError) as error:
            return error
        into = _part(configuration, "launchIntoInstanceProperties")
        return LaunchSettings(
            has_launch_template=_text(configuration.get("ec2LaunchTemplateID")) is not None,
            launches_into=_text(into.get("launchIntoEC2InstanceID")),
        )

    with ThreadPoolExecutor(CONFIGURATIONS_IN_FLIGHT, "launch-configuration") as pool:
        return dict(zip(server_ids, pool.map(one, server_ids), strict=True))


def launch_targets(client: Any, server_ids: Sequence[str]) -> dict[str, str | Exception | None]:
    """The EC2 instance each server launches into, if that is set; or why it could not be asked."""
    return {
        server_id: said.launches_into if isinstance(said, LaunchSettings) else said
        for server_id, said in launch_settings(client, server_ids).items()
    }


def source_networks(client: Any, check: Check = unhurried) -> dict[str, str]:
    """The VPC that each source network of the place copies.

    Raises:
        ClientError, BotoCoreError: as botocore does; LookTimeout: from `check`.
    """
    return {
        str(item["sourceNetworkID"]): vpc
        for item in pages(client, "describe_source_networks", {}, check)
        if (vpc := _text(item.get("sourceVpcID"))) and item.get("sourceNetworkID")
    }


def recovery_snapshots(client: Any, server_id: str) -> list[tuple[str, str | None]] | None:
    """The snapshots that a server can be launched from, the latest first, each with when it was
    taken (None while it is being taken); None where DRS has no such server.

    Raises:
        ClientError, BotoCoreError: as botocore does. UnreadableReply: from a page without a list.
    """
    try:
        found = pages(
            client, "describe_recovery_snapshots", {}, sourceServerID=server_id, order="DESC"
        )
        items = list(found)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return [(it, stamp(item.get("timestamp"))) for item in items if (it := item.get("snapshotID"))]


def read_launch(item: Mapping[str, Any]) -> Launch:
    """One item of DescribeRecoveryInstances.

    Raises:
        UnreadableReply: when it lacks the ids without which it says nothing.
    """
    instance_id = item.get("recoveryInstanceID")
    ec2_id = item.get("ec2InstanceID") or instance_id  # the same in practice; may be empty early on
    if (
        not isinstance(instance_id, str)
        or not isinstance(ec2_id, str)
        or not instance_id.startswith("i-")
    ):
        raise UnreadableReply(f"a recovery instance without a usable id: {instance_id!r}")
    is_drill = item.get("isDrill")
    return Launch(
        recovery_instance_id=instance_id,
        ec2_instance_id=ec2_id,
        ec2_instance_state=InstanceState.read(item.get("ec2InstanceState")),
        job_id=_text(item.get("jobID")),
        is_drill=is_drill if isinstance(is_drill, bool) else None,
        point_in_time=stamp(item.get("pointInTimeSnapshotDateTime")),
    )


def pages(
    client: Any, operation: str, filters: Mapping[str, Any], check: Check = unhurried, **more: Any
) -> Iterator[dict[str, Any]]:
    """The items of every page of a DRS listing; `check` is called before each page.

    Raises:
        ClientError, BotoCoreError: as botocore does. UnreadableReply: when a page holds no list of
        objects.
    """
    arguments = more | ({"filters": dict(filters)} if filters else {})
    check()
    for page in client.get_paginator(operation).paginate(
        **arguments, PaginationConfig={"PageSize": PAGE}
    ):
        items = page.get("items", [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise UnreadableReply(f"{operation}: items is no list of objects")
        yield from items
        check()


def each_batch[T](ask: Callable[[list[str]], T], ids: Iterable[str]) -> Iterator[T]:
    """What is said of each batch of so many ids as one call takes, a few calls at a time."""
    with ThreadPoolExecutor(BATCHES_IN_FLIGHT, "batch") as pool:
        yield from pool.map(ask, map(list, batched(ids, PAGE)))


def _listing(items: Iterable[Mapping[str, Any]]) -> Listing:
    by_server: defaultdict[str, list[Launch]] = defaultdict(list)
    unreadable = 0
    for item in items:
        server_id = item.get("sourceServerID")
        try:
            launch = read_launch(item)
        except UnreadableReply:
            unreadable += 1
            continue
        if is_server_id(server_id):
            by_server[str(server_id)].append(launch)
        else:
            unreadable += 1
    found = Listing(unreadable=unreadable)
    for server_id, launches in by_server.items():
        found.instance_ids |= {it.ec2_instance_id for it in launches}
        alive = [it for it in launches if it.ec2_instance_state.is_alive]
        if len(alive) > 1:
            found.rivals[server_id] = alive
        if winner := current(launches):
            found.launches[server_id] = winner
    return found


def _protected(item: Mapping[str, Any], place: Place) -> Protected:
    """Name, staging account, origin and last launch, each from
    the first field that says anything.
    """
    hints = _part(_part(item, "sourceProperties"), "identificationHints")
    names = (
        _part(item, "tags").get("Name"),
        *(hints.get(hint) for hint in ("hostname", "fqdn", "vmWareUuid")),
    )
    cloud = _part(item, "sourceCloudProperties")
    account, region = _text(cloud.get("originAccountID")), _text(cloud.get("originRegion"))
    launched = _part(_part(_part(item, "lifeCycle"), "lastLaunch"), "initiated")
    job_id = _text(launched.get("jobID"))
    return Protected(
        SourceServer(
            source_server_name=next(
                filter(None, map(_text, names)), str(item.get("sourceServerID"))
            ),
            replication_staging_account_id=_text(_part(item, "stagingArea").get("stagingAccountID"))
            or place.account_id,
            source_tags=_tags(item),
        ),
        _replication(item),
        Place(account, region) if account and region else None,
        _text(hints.get("awsInstanceID")),
        replicates_back=item.get("replicationDirection") == "FAILBACK",
        last_launch=(job_id, str(launched.get("type"))) if job_id else None,
        network_id=_text(item.get("sourceNetworkID")),
        recovery_instance_id=_text(item.get("recoveryInstanceId")),
    )


def _replication(item: Mapping[str, Any]) -> Replication:
    """In steps, so that two looks at a server that does as before say the same."""
    info, life = _part(item, "dataReplicationInfo"), _part(item, "lifeCycle")
    lag = seconds_of(info.get("lagDuration"))
    seen = stamp(life.get("lastSeenByServiceDateTime"))
    silent = seen is not None and time() * 1000 - to_millis(seen) > SILENT_MS
    return Replication(
        replication_state=_text(info.get("dataReplicationState")),
        replication_lag_seconds=None if lag is None else lag_step(lag),
        replication_error=_text(_part(info, "dataReplicationError").get("error")),
        last_seen_by_drs=seen if silent else None,
        last_launch_result=_text(item.get("lastLaunchResult")),
        replication_direction=_text(item.get("replicationDirection")),
    )


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    """Those that people set: AWS's own are of no use to anyone who selects servers."""
    found = _part(item, "tags").items()
    return {key: it for key, it in found if isinstance(it, str) and not key.startswith("aws:")}


def _failback_state(item: Mapping[str, Any]) -> str | None:
    """None only where DRS says nothing of a failback: what cannot be read counts as one."""
    failback = item.get("failback") or {}
    state = failback.get("state") if isinstance(failback, dict) else failback
    return None if state is None else str(state)


def _part(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = item.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def seconds_of(duration: object) -> float | None:
    """The seconds in an ISO 8601 duration of days and less, as DRS
    writes a lag (`PT11M`, `P0D`); None when it is none.
    """
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def stamp(value: object) -> str | None:
    """DRS writes times with and without fractions; we keep one form."""
    try:
        return to_stamp(to_millis(str(value)))
    except ValueError:
        return None
