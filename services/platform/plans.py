"""Recovery plans: their waves and servers. Kept in the process for 30 s, and served stale on error."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from cache.errors import TableUnavailable
from cache.values import Place, is_server_id
from services.platform.groups import Group, read_groups, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)
KEPT = 30.0  # seconds
ASK_AGAIN_AFTER = 5.0  # seconds a plan is served stale before the table that failed is asked again
ID_BYTES = 2048  # DynamoDB's limit for a partition key


NO_GROUPS: Mapping[str, Group] = {}

type Waves = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan. `servers` maps each well-formed server id to the place its wave names; `malformed` are the others.

    Each of `waves` has `serverIds`, and its account and region where they are known. `unresolved` says of which waves
    the servers cannot be known, and why: of such a plan nobody can say that there is nothing.
    """

    plan_id: str
    name: str
    description: str | None
    waves: Waves
    servers: Mapping[str, Place | None]
    malformed: tuple[str, ...]
    unresolved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found[T]:
    """What the book says, and whether that is older than it should be because the table could not be read."""

    value: T
    is_stale: bool = False


class PlanBook:
    """Reads `recovery-plans`. The client comes as a callable: while plans are in memory it is never built."""

    def __init__(self, client: "Callable[[], DynamoDBClient]", table: str, groups: str) -> None:
        """`groups` is the table of protection groups, which need not be there."""
        self._client = client
        self._table = table
        self._groups = groups
        self._one: dict[str, tuple[float, Found[Plan]]] = {}
        self._all: tuple[float, Found[list[Plan]]] | None = None

    def get(self, plan_id: str) -> Found[Plan | None]:
        """The plan, or None when there is none.

        Raises:
            TableUnavailable: when the table cannot be read and the plan was never seen.
        """
        until, known = self._one.get(plan_id, (0.0, None))
        if known and until > monotonic():
            return Found(known.value, known.is_stale)
        try:
            plan = self._read(plan_id)
        except TableUnavailable as error:
            if known is None:
                raise
            logger.warning("Plan %s served as last known: %s", plan_id, error)
            self._one[plan_id] = (monotonic() + ASK_AGAIN_AFTER, Found(known.value, is_stale=True))
            return Found(known.value, is_stale=True)
        if plan is None:  # not kept: there is no end to the ids that are none
            self._one.pop(plan_id, None)
            return Found(None)
        self._one[plan_id] = (monotonic() + KEPT, Found(plan))
        return Found(plan)

    def all(self) -> Found[list[Plan]]:
        """Every plan, by id.

        Raises:
            TableUnavailable: when the table cannot be read and never was.
        """
        until, known = self._all or (0.0, None)
        if known and until > monotonic():
            return known
        try:
            plans = self._read_all()
        except TableUnavailable as error:
            if known is None:
                raise
            logger.warning("Plans served as last known: %s", error)
            self._all = (monotonic() + ASK_AGAIN_AFTER, Found(known.value, is_stale=True))
            return self._all[1]
        until = monotonic() + KEPT
        self._all = (until, Found(plans))
        self._one = {
            plan.plan_id: (until, Found(plan)) for plan in plans
        }  # also forgets what is asked for no more
        return self._all[1]

    def _read(self, plan_id: str) -> Plan | None:
        from cache.attributes import decode_item, encode
        from cache.table import translated

        if not 1 <= len(plan_id.encode(errors="replace")) <= ID_BYTES:
            return None
        with translated(f"read plan {plan_id}"):
            item = (
                self._client()
                .get_item(TableName=self._table, Key={"planId": encode(plan_id)})
                .get("Item")
            )
        return self._plans([decode_item(item)])[0] if item else None

    def _read_all(self) -> list[Plan]:
        from cache.attributes import decode_item
        from cache.table import translated

        with translated("read the plans"):
            pages = self._client().get_paginator("scan").paginate(TableName=self._table)
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        return sorted(self._plans(rows), key=lambda it: it.plan_id)

    def _plans(self, rows: Sequence[Mapping[str, Any]]) -> list[Plan]:
        """The plans of these rows; groups that cannot be read leave the waves that need them unresolved, and no more."""
        needed = {group for row in rows for group in group_ids(row)}
        if not needed:
            return [read_plan(row, {}) for row in rows]
        try:
            groups = read_groups(self._client(), self._groups, needed)
        except TableUnavailable as error:
            logger.warning("Plans without their protection groups: %s", error)
            return [read_plan(row, "the table of groups cannot be read") for row in rows]
        return [read_plan(row, groups) for row in rows]


def group_ids(row: Mapping[str, Any]) -> set[str]:
    """The protection groups whose servers a plan needs: those of waves that name no servers themselves."""
    waves = row.get("waves")
    return {
        group
        for wave in (waves if isinstance(waves, list) else ())
        if isinstance(wave, dict) and not wave.get("serverIds")
        if (group := text_of(wave.get("protectionGroupId")))
    }


def read_plan(row: Mapping[str, Any], groups: Mapping[str, Group] | str = NO_GROUPS) -> Plan:
    """The plan in a row of plain values; `groups` are those that it needs, or why they cannot be read.

    What cannot be understood is named: waves that are none, waves whose servers nobody knows, ids that are none.
    """
    given = row.get("waves")
    unresolved = [] if isinstance(given, list) else ["the plan has no list of waves"]
    waves: list[dict[str, Any]] = []
    for position, wave in enumerate(given if isinstance(given, list) else ()):
        if not isinstance(wave, dict):
            unresolved.append(f"wave {position} of the plan is no wave")
            continue
        resolved, why = _resolved(wave, position, text_of(row.get("accountId")), groups)
        waves.append(resolved)
        unresolved += [f"wave {resolved['waveNumber']}: {why}"] if why else []
    servers, malformed = _servers(waves)
    description = row.get("description")
    return Plan(
        str(row["planId"]),
        str(row.get("planName") or row["planId"]),
        description if isinstance(description, str) else None,
        tuple(waves),
        servers,
        tuple(malformed),
        tuple(unresolved),
    )


def _resolved(
    wave: Mapping[str, Any], position: int, account: str | None, groups: Mapping[str, Group] | str
) -> tuple[dict[str, Any], str | None]:
    """The wave with its servers and place, and why its servers cannot be known, if so."""
    number = wave.get("waveNumber")
    is_number = isinstance(number, int) and not isinstance(number, bool)
    ids, why, group = wave.get("serverIds"), None, None
    if not ids:
        ids, why, group = _of_group(wave.get("protectionGroupId"), ids, groups)
    elif not isinstance(ids, list):
        ids, why = [], "its serverIds are no list"
    account = text_of(wave.get("accountId")) or (group.account_id if group else None) or account
    region = text_of(wave.get("region")) or (group.region if group else None)
    known = {
        "waveNumber": number if is_number else position,
        "waveName": str(wave.get("waveName") or ""),
        "accountId": account,
        "region": region,
        "serverIds": [str(it) for it in ids],
    }
    return {**wave, **known, **({"unresolved": why} if why else {})}, why


def _of_group(
    named: object, ids: object, groups: Mapping[str, Group] | str
) -> tuple[Sequence[Any], str | None, Group | None]:
    """The servers of a wave that names none itself; why nobody knows them, if so; and its group."""
    if named is None or named == "":
        return [], None if ids == [] else "it names neither servers nor a protection group", None
    group_id = text_of(named)
    if group_id is None:
        return [], "its protectionGroupId is no text", None
    if isinstance(groups, str):
        return [], f"protection group {group_id:.60}: {groups}", None
    group = groups.get(group_id)
    if group is None:
        return [], f"there is no protection group {group_id:.60}", None
    if group.server_ids is None:
        how = "selects its servers by tags" if group.tags else "does not say which servers it has"
        return [], f"protection group {group_id:.60} {how}", group
    return group.server_ids, None, group


def _servers(waves: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Place | None], list[str]]:
    """Each well-formed id with its wave's place, and the other ids."""
    servers: dict[str, Place | None] = {}
    malformed: list[str] = []
    for wave in waves:
        account, region = wave["accountId"], wave["region"]
        place = Place(account, region) if account and region else None
        for server_id in wave["serverIds"]:
            if is_server_id(server_id):
                servers[server_id] = place
            else:
                malformed.append(server_id)
    return servers, malformed
