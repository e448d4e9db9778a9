"""Recovery plans: their waves and servers. Kept in the process for 30 s, and served stale on error."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from cache.errors import TableUnavailable
from cache.values import Place, is_server_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)
KEPT = 30.0  # seconds
ASK_AGAIN_AFTER = 5.0  # seconds a plan is served stale before the table that failed is asked again
ID_BYTES = 2048  # DynamoDB's limit for a partition key


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
        place = (
            Place(account, region) if isinstance(account, str) and isinstance(region, str) else None
        )
        ids = wave.get("serverIds")
        for server_id in ids if isinstance(ids, list) else ():
            if is_server_id(server_id):
                servers[server_id] = place
            else:
                malformed.append(str(server_id))
    name = row.get("planName")
    return Plan(
        str(row["planId"]),
        str(name or row["planId"]),
        row.get("description"),
        waves,
        servers,
        tuple(malformed),
    )
