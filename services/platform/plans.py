"""Recovery plans: their waves and servers. Kept in the process for 30 s, and served stale on error.

The sync puts every definition into the mirror too, and so does a read of the table, with the time it was read. A
copy that is not older than what a process keeps is as good as the table's; an older one answers while the table
cannot be read.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from cache.errors import MirrorUnavailable, TableUnavailable
from cache.values import Place, is_server_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from cache.mirror import Mirror

logger = logging.getLogger(__name__)
KEPT = 30.0  # seconds
ASK_AGAIN_AFTER = 5.0  # seconds a plan is served stale before the table that failed is asked again
READ_UNTIL = 2.0  # seconds after a request came in; the rest of its time is for the servers
ID_BYTES = 2048  # DynamoDB's limit for a partition key
_WHOLE = ""  # no plan's id: the copy's field that says when all plans were read


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
    """Reads `recovery-plans`. The client comes as a callable: while plans are in memory it is never built.

    `before_table` is called before the table is asked: what else a first page needs can be asked for beside it.
    """

    def __init__(
        self,
        client: "Callable[[], DynamoDBClient]",
        table: str,
        mirror: "Mirror | None" = None,
        before_table: "Callable[[], None]" = lambda: None,
    ) -> None:
        self._client = client
        self._table = table
        self._mirror = mirror
        self._before_table = before_table
        self._threads = ThreadPoolExecutor(4, "plans")
        self._one: dict[str, tuple[float, Found[Plan]]] = {}
        self._all: tuple[float, Found[list[Plan]]] | None = None

    def get(self, plan_id: str, began: float | None = None) -> Found[Plan | None]:
        """The plan, or None when there is none; `began` (monotonic seconds) is when the request came in.

        Raises:
            TableUnavailable: when the table cannot be read in time and the plan was never seen.
        """
        until, known = self._one.get(plan_id, (0.0, None))
        if known and until > monotonic():
            return Found(known.value, known.is_stale)
        copy = self._copies(plan_id)
        if copy.rows and copy.fresh_for > 0:
            return self._keep(read_plan(copy.rows[0]), copy.fresh_for)
        try:
            row = self._from_table(self._read, plan_id, began=began)
        except TableUnavailable as error:
            if known is None and not copy.rows:
                raise
            logger.warning("Plan %s served as last known: %s", plan_id, error)
            value = known.value if known else read_plan(copy.rows[0])
            self._one[plan_id] = (monotonic() + ASK_AGAIN_AFTER, Found(value, is_stale=True))
            return Found(value, is_stale=True)
        if row is None:  # not kept: there is no end to the ids that are none
            self._one.pop(plan_id, None)
            return Found(None)
        _publish(self._mirror, [row], all_of_them=False)
        return self._keep(read_plan(row), KEPT)

    def all(self, began: float | None = None) -> Found[list[Plan]]:
        """Every plan, by id.

        Raises:
            TableUnavailable: when the table cannot be read in time and never was.
        """
        until, known = self._all or (0.0, None)
        if known and until > monotonic():
            return known
        copy = self._copies()
        rows, fresh_for = copy.rows, copy.fresh_for
        if fresh_for <= 0:
            try:
                rows, fresh_for = self._from_table(self.rows, began=began), KEPT
                _publish(self._mirror, rows, all_of_them=True)
            except TableUnavailable as error:
                if known is None and copy.read_at is None:
                    raise
                logger.warning("Plans served as last known: %s", error)
                plans = known.value if known else _in_order(copy.rows)
                self._all = (monotonic() + ASK_AGAIN_AFTER, Found(plans, is_stale=True))
                return self._all[1]
        until = monotonic() + fresh_for
        self._all = (until, Found(_in_order(rows)))
        # also forgets what is asked for no more
        self._one = {plan.plan_id: (until, Found(plan)) for plan in self._all[1].value}
        return self._all[1]

    def places_of(self, server_ids: Iterable[str]) -> dict[str, Place]:
        """In which place a plan has each of these servers, as far as any has; nothing when the plans cannot be read."""
        try:
            plans = self.all().value
        except TableUnavailable:
            return {}
        wanted = set(server_ids)
        return {
            server: place
            for plan in plans
            for server, place in plan.servers.items()
            if place and server in wanted
        }

    def publish(self, mirror: "Mirror | None") -> None:
        """Put every definition into the mirror, as a sync does; a failure is logged and heals with the next."""
        try:
            _publish(mirror, self.rows(), all_of_them=True)
        except TableUnavailable as error:
            logger.warning("Could not publish the plans: %s", error)

    def rows(self) -> list[dict[str, Any]]:
        """Every row of the table.

        Raises:
            TableUnavailable: when they could not be read to the end.
        """
        from cache.attributes import decode_item
        from cache.table import translated

        with translated("read the plans"):
            pages = self._client().get_paginator("scan").paginate(TableName=self._table)
            return [decode_item(item) for page in pages for item in page["Items"]]

    def _read(self, plan_id: str) -> dict[str, Any] | None:
        from cache.attributes import decode_item, encode
        from cache.table import translated

        if not 1 <= len(plan_id.encode(errors="replace")) <= ID_BYTES:
            return None
        with translated(f"read plan {plan_id}"):
            key = {"planId": encode(plan_id)}
            item = self._client().get_item(TableName=self._table, Key=key).get("Item")
        return decode_item(item) if item else None

    def _from_table[T](self, read: "Callable[..., T]", *arguments: str, began: float | None) -> T:
        self._before_table()
        answer = self._threads.submit(read, *arguments)
        try:
            return answer.result(None if began is None else began + READ_UNTIL - monotonic())
        except TimeoutError:
            raise TableUnavailable("the plans could not be read in time") from None

    def _keep(self, plan: Plan, seconds: float) -> Found[Plan | None]:
        self._one[plan.plan_id] = (monotonic() + seconds, Found(plan))
        return Found(plan)

    def _copies(self, *plan_ids: str) -> "_Copies":
        """What the mirror holds of these plans, or of all."""
        if self._mirror is not None:
            with suppress(MirrorUnavailable):
                return _Copies.of(self._mirror.plans(*plan_ids), plan_ids)
        return _Copies([], None)


def _publish(mirror: "Mirror | None", rows: list[dict[str, Any]], *, all_of_them: bool) -> None:
    if mirror is None:
        return
    read_at = int(time() * 1000)
    copies = {str(it["planId"]): _copy(read_at, it) for it in rows}
    if all_of_them:
        copies[_WHOLE] = _copy(read_at, {})
    try:
        mirror.publish_plans(copies, all_of_them=all_of_them)
    except MirrorUnavailable as error:
        logger.warning("Could not publish %d plans: %s", len(rows), error)


@dataclass(frozen=True, slots=True)
class _Copies:
    """Rows from the mirror, and when (epoch ms) the oldest was read from the table; None when some may lack."""

    rows: list[dict[str, Any]]
    read_at: int | None

    @classmethod
    def of(cls, stored: Mapping[str, bytes], plan_ids: tuple[str, ...]) -> "_Copies":
        copies = {name: copy for name, raw in stored.items() if (copy := _read_copy(raw))}
        rows = [row for name, (_, row) in copies.items() if name != _WHOLE]
        has_all = len(copies) == len(stored) and set(plan_ids or {_WHOLE}) <= copies.keys()
        return cls(rows, min(at for at, _ in copies.values()) if has_all else None)

    @property
    def fresh_for(self) -> float:
        """Seconds until they are older than what a process keeps; 0 when they are, or some may lack."""
        age = KEPT if self.read_at is None else time() - self.read_at / 1000
        return KEPT - age if 0 <= age < KEPT else 0.0


def _copy(read_at: int, row: Mapping[str, Any]) -> bytes:
    return json.dumps([read_at, row], default=str).encode()


def _read_copy(raw: bytes) -> tuple[int, dict[str, Any]] | None:
    """What `_copy` made; None for anything else."""
    try:
        read_at, row = json.loads(raw)
        return int(read_at), dict(row)
    except (ValueError, TypeError):
        return None


def _in_order(rows: Iterable[Mapping[str, Any]]) -> list[Plan]:
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
