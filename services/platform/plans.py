"""Recovery plans: their waves and servers. Kept in the process for 30 s, and served stale on error.

The sync puts every definition into the mirror too, and so does a read of the table, with the time
it was read. A copy that is not older than what a process keeps is as good as the table's; an older
one answers while the table cannot be read.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple

from cache.errors import MirrorUnavailable, NotFound, TableUnavailable
from cache.values import Place, is_key, is_server_id
from services.platform.groups import Group, may_choose, read_groups, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from cache.mirror import Mirror

logger = logging.getLogger(__name__)
KEPT = 30.0  # seconds
ASK_AGAIN_AFTER = 5.0  # seconds a plan is served stale before the table that failed is asked again
READ_UNTIL = 2.0  # seconds after a request came in; the rest of its time is for the servers
_WHOLE = ""  # no plan's id: the copy's field that says when all plans were read


DISPUTED = Place("*", "*")  # nobody looks there, so a server without a row is unknown

NO_GROUPS: Mapping[str, Group] = {}

type Waves = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan.

    `servers` maps each well-formed server id to the place its wave names; `malformed` are the
    others.

    Each of `waves` has `serverIds`, and its account and region where they are known. `unresolved`
    says of which waves the servers cannot be known, and why: of such a plan nobody can say that
    there is nothing.
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
    """What the book says, and whether that is older than it should
    be because the table could not be read.
    """

    value: T
    is_stale: bool = False


class PlanTables(NamedTuple):
    """The tables that plans are read from.

    That of `groups` need not be there; in `status` an inventory keeps the servers
    that groups select by tags."""

    plans: str
    groups: str
    status: str


class PlanBook:
    """Reads `recovery-plans`.

    The client comes as a callable: while plans are in memory it is never built.

    `before_table` is called before the table is asked: what else a first page needs can be asked
    for beside it.
    """

    def __init__(
        self,
        client: "Callable[[], DynamoDBClient]",
        tables: PlanTables,
        mirror: "Mirror | None" = None,
        before_table: "Callable[[], None]" = lambda: None,
    ) -> None:
        self._client = client
        self._tables = tables
        self._mirror = mirror
        self._before_table = before_table
        self._threads = ThreadPoolExecutor(4, "plans")
        self._one: dict[str, tuple[float, Found[Plan]]] = {}
        self._all: tuple[float, Found[list[Plan]]] | None = None

    def get(self, plan_id: str, began: float | None = None) -> Found[Plan | None]:
        """The plan, or None when there is none; `began` (monotonic seconds) is when the request
        came in.

        Raises:
            TableUnavailable: when the table cannot be read in time and the plan was never seen.
        """
        until, known = self._one.get(plan_id, (0.0, None))
        if known and until > monotonic():
            return Found(known.value, known.is_stale)
        copy = self._copies(plan_id)
        if copy.plans and copy.fresh_for > 0:
            return self._keep(copy.plans[0], copy.fresh_for)
        try:
            plan = self._from_table(self._read, plan_id, began=began)
        except TableUnavailable as error:
            if known is None and not copy.plans:
                raise
            logger.warning("Plan %s served as last known: %s", plan_id, error)
            value = known.value if known else copy.plans[0]
            self._one[plan_id] = (monotonic() + ASK_AGAIN_AFTER, Found(value, is_stale=True))
            return Found(value, is_stale=True)
        if plan is None:  # not kept: there is no end to the ids that are none
            self._one.pop(plan_id, None)
            return Found(None)
        _publish(self._mirror, [plan], all_of_them=False)
        return self._keep(plan, KEPT)

    def find(self, plan_id: str, began: float | None = None) -> Found[Plan]:
        """The plan that a request names.

        Raises:
            NotFound: when there is no such plan. TableUnavailable: as `get` does.
        """
        found = self.get(plan_id, began)
        if found.value is None:
            raise NotFound(f"there is no recovery plan {plan_id!r}")
        return Found(found.value, found.is_stale)

    def all(self, began: float | None = None) -> Found[list[Plan]]:
        """Every plan, by id.

        Raises:
            TableUnavailable: when the table cannot be read in time and never was.
        """
        until, known = self._all or (0.0, None)
        if known and until > monotonic():
            return known
        copy = self._copies()
        plans, kept, is_stale = copy.plans, copy.fresh_for, False
        if kept <= 0:
            try:
                plans, kept = self._from_table(self._read_all, began=began), KEPT
                _publish(self._mirror, plans, all_of_them=True)
            except TableUnavailable as error:
                if known is None and copy.read_at is None:
                    raise
                logger.warning("Plans served as last known: %s", error)
                plans, kept, is_stale = known.value if known else plans, ASK_AGAIN_AFTER, True
        until = monotonic() + kept
        self._all = (until, Found(plans, is_stale))
        # also forgets what is asked for no more
        self._one = {plan.plan_id: (until, Found(plan, is_stale)) for plan in plans}
        return self._all[1]

    def places_of(self, server_ids: Iterable[str]) -> dict[str, Place]:
        """In which place a plan has each of these servers, as far as any
        has; nothing when the plans cannot be read.
        """
        try:
            plans = self.all().value
        except TableUnavailable:
            return {}
        wanted = set(server_ids)
        planned = planned_places(plans).items()
        return {server: place for server, place in planned if place and server in wanted}

    def publish(self, mirror: "Mirror | None") -> None:
        """Put every definition into the mirror, as a sync does; a
        failure is logged and heals with the next.
        """
        try:
            _publish(mirror, self._read_all(), all_of_them=True)
        except TableUnavailable as error:
            logger.warning("Could not publish the plans: %s", error)

    def _read_all(self) -> list[Plan]:
        from cache.attributes import decode_item
        from cache.table import translated

        with translated("read the plans"):
            pages = self._client().get_paginator("scan").paginate(TableName=self._tables.plans)
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        return sorted(self._plans(rows), key=lambda it: it.plan_id)

    def _read(self, plan_id: str) -> Plan | None:
        from cache.attributes import decode_item, encode
        from cache.table import translated

        if not is_key(plan_id):
            return None
        with translated(f"read plan {plan_id}"):
            key = {"planId": encode(plan_id)}
            item = self._client().get_item(TableName=self._tables.plans, Key=key).get("Item")
        return self._plans([decode_item(item)])[0] if item else None

    def _from_table[T](self, read: "Callable[..., T]", *arguments: str, began: float | None) -> T:
        self._before_table()
        answer = self._threads.submit(read, *arguments)
        try:
            return answer.result(None if began is None else began + READ_UNTIL - monotonic())
        except TimeoutError:
            raise TableUnavailable("the plans could not be read in time") from None

    def _plans(self, rows: Sequence[Mapping[str, Any]]) -> list[Plan]:
        """The plans of these rows; groups that cannot be read leave the
        waves that need them unresolved, and no more.
        """
        needed = {group for row in rows for group in group_ids(row)}
        if not needed:
            return [read_plan(row, {}) for row in rows]
        try:
            groups = read_groups(self._client(), self._tables.groups, self._tables.status, needed)
        except TableUnavailable as error:
            logger.warning("Plans without their protection groups: %s", error)
            return [read_plan(row, "the table of groups cannot be read") for row in rows]
        return [read_plan(row, groups) for row in rows]

    def _keep(self, plan: Plan, seconds: float) -> Found[Plan | None]:
        self._one[plan.plan_id] = (monotonic() + seconds, Found(plan))
        return Found(plan)

    def _copies(self, *plan_ids: str) -> "_Copies":
        """What the mirror holds of these plans, or of all."""
        if self._mirror is not None:
            with suppress(MirrorUnavailable):
                return _Copies.of(self._mirror.plans(*plan_ids), plan_ids)
        return _Copies([], None)


def _publish(mirror: "Mirror | None", plans: Sequence[Plan], *, all_of_them: bool) -> None:
    if mirror is None:
        return
    read_at = int(time() * 1000)
    copies = {it.plan_id: json.dumps([read_at, asdict(it)], default=str).encode() for it in plans}
    if all_of_them:
        copies[_WHOLE] = json.dumps([read_at, None]).encode()
    try:
        mirror.publish_plans(copies, all_of_them=all_of_them)
    except MirrorUnavailable as error:
        logger.warning("Could not publish %d plans: %s", len(plans), error)


@dataclass(frozen=True, slots=True)
class _Copies:
    """Plans from the mirror, by id, and when (epoch ms) the oldest was
    read from the table; None when some may lack.
    """

    plans: list[Plan]
    read_at: int | None

    @classmethod
    def of(cls, stored: Mapping[str, bytes], plan_ids: tuple[str, ...]) -> "_Copies":
        copies = {name: copy for name, raw in stored.items() if (copy := _read_copy(raw))}
        plans = [plan for _, (_, plan) in sorted(copies.items()) if plan]
        has_all = len(copies) == len(stored) and set(plan_ids or {_WHOLE}) <= copies.keys()
        return cls(plans, min(at for at, _ in copies.values()) if has_all else None)

    @property
    def fresh_for(self) -> float:
        """Seconds until they are older than what a process keeps;
        0 when they are, or some may lack.
        """
        age = KEPT if self.read_at is None else time() - self.read_at / 1000
        return KEPT - age if 0 <= age < KEPT else 0.0


def _read_copy(raw: bytes) -> tuple[int, Plan | None] | None:
    """What `_publish` made; None for anything else, such as a copy of another release's shape."""
    try:
        read_at, fields = json.loads(raw)
        if fields is None:
            return int(read_at), None
        servers = {it: Place(*at) if at else None for it, at in fields["servers"].items()}
        lists = {it: tuple(fields[it]) for it in ("waves", "malformed", "unresolved")}
        return int(read_at), Plan(**{**fields, **lists, "servers": servers})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def planned_places(plans: Iterable[Plan]) -> dict[str, Place | None]:
    """Where these plans have their servers; DISPUTED where they name several places: nothing in one
    of them is no "none" for the plan that names another.
    """
    found: dict[str, Place | None] = {}
    for plan in plans:
        for server_id, place in plan.servers.items():
            _settle(found, server_id, place)
    return found


def _settle(found: dict[str, Place | None], server_id: str, place: Place | None) -> None:
    """Take in that a server is said to be in this place, if in any."""
    known = found.setdefault(server_id, place)
    if known != place and place is not None:
        found[server_id] = DISPUTED if known else place


def group_ids(row: Mapping[str, Any]) -> set[str]:
    """The protection groups whose servers a plan needs: those of
    waves that name no servers themselves.
    """
    waves = row.get("waves")
    return {
        group
        for wave in (waves if isinstance(waves, list) else ())
        if isinstance(wave, dict) and not wave.get("serverIds")
        if (group := text_of(wave.get("protectionGroupId")))
    }


def read_plan(row: Mapping[str, Any], groups: Mapping[str, Group] | str = NO_GROUPS) -> Plan:
    """The plan in a row of plain values; `groups` are those that it needs, or why they cannot be
    read.

    What cannot be understood is named: waves that are none, waves whose servers nobody knows, ids
    that are none.
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
        ids, why, group = _of_group(wave, groups)
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
    wave: Mapping[str, Any], groups: Mapping[str, Group] | str
) -> tuple[Sequence[Any], str | None, Group | None]:
    """The servers of a wave that names none itself; why nobody knows them, if so; and its group."""
    named = wave.get("protectionGroupId")
    if named is None or named == "":
        return [], _without_group(wave), None
    group_id = text_of(named)
    if group_id is None:
        return [], "its protectionGroupId is no text", None
    if isinstance(groups, str):
        return [], f"protection group {group_id:.60}: {groups}", None
    group = groups.get(group_id)
    if group is None:
        return [], f"there is no protection group {group_id:.60}", None
    if group.server_ids is None:
        how = (
            "selects its servers by tags, and no inventory of its place has been taken since"
            if group.tags
            else "does not say which servers it has"
        )
        return [], f"protection group {group_id:.60} {how}", group
    return group.server_ids, None, group


def _without_group(wave: Mapping[str, Any]) -> str | None:
    """Why nobody knows the servers of a wave that names neither any nor a group; None if it is
    empty.
    """
    if others := ", ".join(may_choose(wave, "group")):
        return f"it names its servers in a way that nobody here knows: {others:.60}"
    is_empty = wave.get("serverIds") == []
    return None if is_empty else "it names neither servers nor a protection group"


def _servers(waves: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Place | None], list[str]]:
    """Each well-formed id with its wave's place (DISPUTED where
    waves name several), and the other ids.
    """
    servers: dict[str, Place | None] = {}
    malformed: list[str] = []
    for wave in waves:
        account, region = wave["accountId"], wave["region"]
        place = Place(account, region) if account and region else None
        for server_id in wave["serverIds"]:
            if is_server_id(server_id):
                _settle(servers, server_id, place)
            else:
                malformed.append(server_id)
    return servers, malformed
