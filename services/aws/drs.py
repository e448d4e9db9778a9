"""What DRS says of a place: recovery instances, source servers, jobs. Field names are botocore's model (2020-02-26)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from cache.record import InstanceState, Launch, SourceServer, current
from cache.values import Place, is_server_id, to_millis, to_stamp
from services.aws.outcome import UnreadableReply, is_not_initialized

PAGE = 200  # the largest filter DRS takes, and the page size its own samples use
JOBS_A_CALL = 1000  # DescribeJobs filters.jobIDs

type Check = Callable[[], None]


@dataclass(slots=True)
class Listing:
    """The current record of each server. `unreadable` counts records that make no sense: then it is not complete.

    A place where DRS was never set up has a complete, empty one.
    """

    launches: dict[str, Launch] = field(default_factory=dict)
    unreadable: int = 0
    is_initialized: bool = True


@dataclass(frozen=True, slots=True)
class Protected:
    """A source server, and where the machine it protects runs, if that is on EC2."""

    server: SourceServer
    origin: Place | None
    origin_instance_id: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """When a job was started, and the tags it was given."""

    started_at: str | None
    tags: Mapping[str, str]


def list_recovery_instances(client: Any, check: Check) -> Listing:
    """Every recovery instance of the place, read to the last page.

    Raises:
        ClientError, BotoCoreError: as botocore does; LookTimeout: from `check`, called before each page.
    """
    return _recovery_instances(client, {}, check)


def describe_recovery_instances(client: Any, server_ids: Iterable[str], check: Check) -> Listing:
    """The same for these servers only."""
    found = Listing()
    for ids in batched(server_ids, PAGE):
        part = _recovery_instances(client, {"sourceServerIDs": list(ids)}, check)
        found.launches |= part.launches
        found.unreadable += part.unreadable
    return found


def _recovery_instances(client: Any, filters: dict[str, Any], check: Check) -> Listing:
    try:
        return _listing(_pages(client, "describe_recovery_instances", filters, check))
    except ClientError as error:
        if not is_not_initialized(error):
            raise
        return Listing(is_initialized=False)


def describe_source_servers(
    client: Any, server_ids: Sequence[str], place: Place, check: Check
) -> dict[str, Protected]:
    """The source servers with these ids; unknown ids are silently absent."""
    found: dict[str, Protected] = {}
    for ids in batched(server_ids, PAGE):
        for item in _pages(
            client, "describe_source_servers", {"sourceServerIDs": list(ids)}, check
        ):
            if is_server_id(item.get("sourceServerID")):
                found[item["sourceServerID"]] = _protected(item, place)
    return found


def describe_jobs(client: Any, job_ids: Sequence[str], check: Check) -> dict[str, Job]:
    """The jobs with these ids; old ones may be gone."""
    found: dict[str, Job] = {}
    for ids in batched(job_ids, JOBS_A_CALL):
        for item in _pages(client, "describe_jobs", {"jobIDs": list(ids)}, check):
            found[str(item.get("jobID"))] = Job(
                _stamp(item.get("creationDateTime")), _texts(item.get("tags"))
            )
    return found


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
        point_in_time=_stamp(item.get("pointInTimeSnapshotDateTime")),
    )


def _pages(
    client: Any, operation: str, filters: dict[str, Any], check: Check
) -> Iterator[dict[str, Any]]:
    arguments = {"filters": filters} if filters else {}
    check()
    for page in client.get_paginator(operation).paginate(
        **arguments, PaginationConfig={"PageSize": PAGE}
    ):
        items = page.get("items", [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise UnreadableReply(f"{operation}: items is no list of objects")
        yield from items
        check()


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
    winners = {server_id: current(launches) for server_id, launches in by_server.items()}
    return Listing(
        {server_id: launch for server_id, launch in winners.items() if launch}, unreadable
    )


def _protected(item: Mapping[str, Any], place: Place) -> Protected:
    """Name and staging account as the field guide (§2) orders their sources."""
    hints = _part(_part(item, "sourceProperties"), "identificationHints")
    names = (
        _part(item, "tags").get("Name"),
        *(hints.get(it) for it in ("hostname", "fqdn", "vmWareUuid")),
    )
    cloud = _part(item, "sourceCloudProperties")
    account, region = _text(cloud.get("originAccountID")), _text(cloud.get("originRegion"))
    return Protected(
        SourceServer(
            source_server_name=next(filter(None, map(_text, names)), item["sourceServerID"]),
            replication_staging_account_id=_text(_part(item, "stagingArea").get("stagingAccountID"))
            or place.account_id,
        ),
        Place(account, region) if account and region else None,
        _text(hints.get("awsInstanceID")),
    )


def _part(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = item.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> dict[str, str]:
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _stamp(value: object) -> str | None:
    """DRS writes times with and without fractions; we keep one form."""
    try:
        return to_stamp(to_millis(str(value)))
    except ValueError:
        return None
