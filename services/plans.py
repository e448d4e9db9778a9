"""Recovery plans: their waves and servers. Kept in the process for 30 s, and served stale on error."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from cache.entry import Place, is_server_id
from cache.errors import TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)
KEPT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan. `servers` maps each well-formed server id to the place its wave names; `malformed` are the others."""

    plan_id: str
    name: str
    description: str | None
    waves: tuple[Mapping[str, Any], ...]
    servers: Mapping[str, Place | None]
    malformed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found[T]:
    """What the book says, and whether that is older than it should be because the table could not be read."""

    value: T
    is_stale: bool = False


class PlanBook:
    """Reads `recovery-plans`. The client comes as a callable: while plans are in memory it is never built."""

    def __init__(self, client: "Callable[[], DynamoDBClient]", table: str) -> None:
        self._client = client
        self._table = table
        self._one: dict[str, tuple[float, Plan | None]] = {}
        self._all: tuple[float, list[Plan]] | None = None

    def get(self, plan_id: str) -> Found[Plan | None]:
        """The plan, or None when there is none.

        Raises:
            TableUnavailable: when the table cannot be read and the plan was never seen.
        """
        known = self._one.get(plan_id)
        if known and known[0] > monotonic():
            return Found(known[1])
        try:
            plan = self._read(plan_id)
        except TableUnavailable as error:
            if known is None:
                raise
            logger.warning("Plan %s served as last known: %s", plan_id, error)
            return Found(known[1], is_stale=True)
        self._one[plan_id] = (monotonic() + KEPT, plan)
        return Found(plan)

    def all(self) -> Found[list[Plan]]:
        """Every plan, by id.

        Raises:
            TableUnavailable: when the table cannot be read and never was.
        """
        if self._all and self._all[0] > monotonic():
            return Found(self._all[1])
        try:
            plans = self._read_all()
        except TableUnavailable as error:
            if self._all is None:
                raise
            logger.warning("Plans served as last known: %s", error)
            return Found(self._all[1], is_stale=True)
        until = monotonic() + KEPT
        self._all = (until, plans)
        self._one = {plan.plan_id: (until, plan) for plan in plans}  # also forgets what is asked for no more
        return Found(plans)

    def _read(self, plan_id: str) -> Plan | None:
        from cache.attributes import decode_item, encode
        from cache.table import translated

        with translated(f"read plan {plan_id}"):
            item = self._client().get_item(TableName=self._table, Key={"planId": encode(plan_id)}).get("Item")
        return read_plan(decode_item(item)) if item else None

    def _read_all(self) -> list[Plan]:
        from cache.attributes import decode_item
        from cache.table import translated

        with translated("read the plans"):
            pages = self._client().get_paginator("scan").paginate(TableName=self._table)
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        return sorted(map(read_plan, rows), key=lambda it: it.plan_id)


def read_plan(row: Mapping[str, Any]) -> Plan:
    """The plan in a row of plain values; waves that are none are left out, ids that are none are named."""
    waves = row.get("waves")
    waves = tuple(it for it in waves if isinstance(it, dict)) if isinstance(waves, list) else ()
    servers: dict[str, Place | None] = {}
    malformed: list[str] = []
    for wave in waves:
        account, region = wave.get("accountId"), wave.get("region")
        place = Place(account, region) if isinstance(account, str) and isinstance(region, str) else None
        ids = wave.get("serverIds")
        for server_id in ids if isinstance(ids, list) else ():
            if is_server_id(server_id):
                servers[server_id] = place
            else:
                malformed.append(str(server_id))
    name = row.get("planName")
    return Plan(
        str(row["planId"]), str(name or row["planId"]), row.get("description"), waves, servers, tuple(malformed)
    )
