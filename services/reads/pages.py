"""The page reads: plans with their counts, and the instances that already exist.

Fragments are joined as they are.
"""

import base64
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from cache.answer import Answer
from cache.entry import Facts
from cache.errors import InvalidInput
from cache.values import Place, PlaceLook, is_server_id, to_stamp
from services.api.http import Request, Response, Routes, dumps
from services.platform.plans import Plan, PlanBook, planned_places
from services.reads.readiness import readiness_counts

logger = logging.getLogger(__name__)
IDS_A_QUERY = 5_000
PLANS_A_PAGE, MOST_PLANS_A_PAGE = 200, 500
IDS_LOGGED, MISSES_LOGGED = 20, 20  # of each read; the counts are always whole


class Reads(Protocol):
    """Whatever can answer for servers: the two tiers, or AWS itself."""

    def read(
        self,
        servers: Mapping[str, Place | None],
        began: float | None = None,
        *,
        with_machines: bool = False,
    ) -> Answer:
        """What is known of each server; `began` (monotonic seconds) is when the request came in.

        `with_machines` brings what is known of the protected machines too.
        """


class Pages:
    """The three page reads over a reader and the plans; `count` hears of every answer."""

    def __init__(self, reader: Reads, plans: PlanBook, count: Callable[[Answer], None]) -> None:
        self._reader = reader
        self._plans = plans
        self._count = count

    @property
    def routes(self) -> Routes:
        """The routes these reads answer."""
        return {
            ("GET", "/recovery-plans"): self.recovery_plans,
            (
                "GET",
                "/recovery-plans/{planId}/check-existing-instances",
            ): self.check_existing_instances,
            ("POST", "/recovery-instances/query"): self.query,
        }

    def recovery_plans(self, request: Request) -> Response:
        """The plans of one page and, per plan, its servers' counts: one look-up for all of them."""
        limit, after = _limit(request), _after(request)
        found = self._plans.all(request.began)
        rest = [plan for plan in found.value if plan.plan_id > after]
        plans = rest[:limit]
        answer = self._read(
            planned_places(plans),
            request.began,
        )
        body = {
            "plans": [plan_body(plan, answer) for plan in plans],
            "asOf": stamp_of(answer.as_of),
            "degraded": bool(answer.unknown)
            or found.is_stale
            or any(it.unresolved for it in plans),
            "places": [_place_body(name, look) for name, look in sorted(answer.places.items())],
            "nextToken": _token(plans[-1].plan_id) if len(rest) > limit else None,
        }
        return Response(body, is_page=True)

    def check_existing_instances(self, request: Request) -> Response:
        """The existing instances of one plan's servers.

        Raises:
            NotFound: when there is no such plan.
            TableUnavailable: when the plan itself cannot be read.
        """
        found = self._plans.find(request.path.get("planId", ""), request.began)
        plan = found.value
        answer = self._read(plan.servers, request.began)
        answer.unknown += plan.malformed
        return Response(
            existing_body(answer, plan.servers, plan=plan, is_stale=found.is_stale),
            is_page=True,
        )

    def query(self, request: Request) -> Response:
        """The existing instances of the servers named in the body.

        Raises:
            InvalidInput: when it is not 1 to 5,000 well-formed ids.
        """
        servers = dict.fromkeys(server_ids(request.object().get("sourceServerIds")))
        return Response(existing_body(self._read(servers, request.began), servers))

    def existing_instances(self, ids: object) -> dict[str, Any]:
        """The customer's check_existing_recovery_instances: the same answer as plain values.

        Raises:
            InvalidInput: as `query` does.
        """
        import json

        servers = dict.fromkeys(server_ids(ids))
        body: dict[str, Any] = json.loads(existing_body(self._read(servers), servers))
        return body

    def _read(self, servers: Mapping[str, Place | None], began: float | None = None) -> Answer:
        answer = self._reader.read(servers, began)
        logger.info("Read %d servers: %s", len(servers), ", ".join(list(servers)[:IDS_LOGGED]))
        for server_id in answer.missed[:MISSES_LOGGED]:
            logger.warning("Cache miss for server %s", server_id)
        if len(answer.missed) > MISSES_LOGGED:
            logger.warning("Cache miss for %d servers in all", len(answer.missed))
        self._count(answer)
        return answer


def server_ids(value: object) -> list[str]:
    """The ids in a request.

    Raises:
        InvalidInput: when it is not a list of 1 to 5,000 well-formed ids; names the first that is
        not.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= IDS_A_QUERY:
        raise InvalidInput(
            "sourceServerIds", f"must be a list of 1 to {IDS_A_QUERY} source server ids"
        )
    for index, server_id in enumerate(value):
        if not is_server_id(server_id):
            raise InvalidInput(
                f"sourceServerIds[{index}]", f"{server_id!r:.60} is not s- and 17 letters or digits"
            )
    return value


def existing_body(
    answer: Answer, servers: Iterable[str], *, plan: Plan | None = None, is_stale: bool = False
) -> bytes:
    """The answer's JSON.

    Nothing found while some servers or waves are unknown is `null`, never `false`.
    """
    unresolved = plan.unresolved if plan else ()
    fragments = answer.entries.fragments(servers)
    rest: dict[str, object] = {
        "instanceCount": len(fragments),
        **({"planId": plan.plan_id, "unresolvedWaves": unresolved} if plan else {}),
        "unknownServerIds": answer.unknown,
        "asOf": stamp_of(answer.as_of),
        "degraded": bool(answer.unknown or unresolved) or is_stale,
    }
    is_unknown = answer.unknown or unresolved
    has_existing = b"true" if fragments else b"null" if is_unknown else b"false"
    head = b'{"hasExistingInstances":%b,"existingInstances":[' % has_existing
    parts = fragments or [b""]  # joined once: a page of a thousand has half a megabyte
    parts[0] = head + parts[0]
    parts[-1] += b"]," + dumps(rest)[1:]
    return b",".join(parts)


def plan_body(plan: Plan, answer: Answer) -> dict[str, Any]:
    """One plan as the list of plans has it: its counts, by what is known of its servers."""
    known = answer.entries.facts(plan.servers)
    return {
        "planId": plan.plan_id,
        "planName": plan.name,
        "description": plan.description,
        "waves": plan.waves,
        "counts": _counts(known, len(plan.servers) + len(plan.malformed)),
        "readiness": readiness_counts(known, len(plan.servers), answer.dated_by),
        "unresolvedWaves": plan.unresolved,
        "asOf": stamp_of(answer.as_of_facts(known)),
    }


def _counts(known: list[Facts], servers: int) -> dict[str, Any]:
    found = [it for it in known if not it.is_absent]
    return {
        "servers": servers,
        "found": len(found),
        "absent": len(known) - len(found),
        "unknown": servers - len(known),
        "drills": sum(it.drill is True for it in found),
        "recoveries": sum(it.drill is False for it in found),
        "states": Counter(it.state for it in found),
    }


def _place_body(name: str, look: PlaceLook) -> dict[str, object]:
    account_id, _, region = name.partition("/")
    completed_at = stamp_of(look.completed_at or None)
    return {
        "accountId": account_id,
        "region": region,
        "outcome": look.outcome,
        "completedAt": completed_at,
    }


def stamp_of(millis: int | None) -> str | None:
    """As it is sent; None where there is no such moment."""
    return None if millis is None else to_stamp(millis)


def _limit(request: Request) -> int:
    text = request.query.get("limit", str(PLANS_A_PAGE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_PLANS_A_PAGE:
        raise InvalidInput("limit", f"must be a number from 1 to {MOST_PLANS_A_PAGE}")
    return int(text)


def _token(plan_id: str) -> str:
    return base64.urlsafe_b64encode(plan_id.encode()).decode()


def _after(request: Request) -> str:
    """The plan id after which the page begins; plans are in the order
    of their ids, so no position can go stale.
    """
    try:
        return base64.b64decode(
            request.query.get("nextToken", ""), altchars=b"-_", validate=True
        ).decode()
    except ValueError:
        raise InvalidInput("nextToken", "was not given out by this API") from None
