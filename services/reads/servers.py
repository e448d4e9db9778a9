"""Every server of a plan, with an instance or without: where it is, what it is called, and whether
it could be launched now.

The check of plans is made of the same answer, so it never asks for more than a page does.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cache.answer import Answer
from cache.errors import NotFound
from cache.values import Place, PlaceLook, now, to_millis
from services.api.http import Request, Response, Routes
from services.platform.plans import DISPUTED, Plan, PlanBook, planned_places
from services.reads.check import check_plan, worst
from services.reads.pages import Reads, server_ids, stamp_of
from services.reads.readiness import listed_at, not_in_drs, readiness_of

type Places = Mapping[str, Place | None]


class Servers:
    """The servers of plans, and the check of plans, over a
    reader; `count` hears of every answer.
    """

    def __init__(self, reader: Reads, plans: PlanBook, count: Callable[[Answer], None]) -> None:
        self._reader = reader
        self._plans = plans
        self._count = count

    @property
    def routes(self) -> Routes:
        """The routes this answers."""
        return {
            ("GET", "/recovery-plans/{planId}/servers"): self.of_plan,
            ("POST", "/source-servers/query"): self.query,
            ("GET", "/plan-checks"): self.checks,
        }

    def of_plan(self, request: Request) -> Response:
        """The servers of one plan, each once, and what its check found.

        Raises:
            NotFound: when there is no such plan.
            TableUnavailable: when the plan itself cannot be read.
        """
        found = self._plans.find(request.path.get("planId", ""), request.began)
        plan = found.value
        answer = self._read(plan.servers, request.began)
        body = servers_body(answer, plan.servers)
        findings = check_plan(plan, body["servers"], answer.places, self._plans_of())
        return Response(
            {
                **body,
                "planId": plan.plan_id,
                "unknownServerIds": [*answer.unknown, *plan.malformed],
                "degraded": body["degraded"]
                or found.is_stale
                or bool(plan.malformed or plan.unresolved),
                "findings": [it.body() for it in findings],
            },
            is_page=True,
        )

    def query(self, request: Request) -> Response:
        """The servers named in the body.

        Raises:
            InvalidInput: when it is not 1 to 5,000 well-formed ids.
        """
        servers = dict.fromkeys(server_ids(request.object().get("sourceServerIds")))
        return Response(servers_body(self._read(servers, request.began), servers))

    def checks(self, _request: Request) -> Response:
        """What the check of every plan found.

        Raises:
            TableUnavailable: when the plans cannot be read.
        """
        return Response({"plans": self.check_all()})

    def check_all(self, plan_id: str | None = None) -> list[dict[str, Any]]:
        """The check of every plan, or of one: its id and name, the worst severity, and the
        findings.

        Raises:
            NotFound: when there is no such plan.
            TableUnavailable: when the plans cannot be read.
        """
        everything = self._plans.all().value
        plans = [it for it in everything if plan_id in (None, it.plan_id)]
        if plan_id is not None and not plans:
            raise NotFound(f"there is no recovery plan {plan_id!r}")
        servers = planned_places(plans)
        answer, plans_of = self._read(servers), _plans_of(everything)
        known = {it["sourceServerId"]: it for it in servers_body(answer, servers)["servers"]}
        return [_checked(plan, known, answer.places, plans_of) for plan in plans]

    def _plans_of(self) -> Mapping[str, Iterable[str]]:
        return _plans_of(self._plans.all().value)

    def _read(self, servers: Places, began: float | None = None) -> Answer:
        answer = self._reader.read(servers, began, with_machines=True)
        self._count(answer)
        return answer


def servers_body(answer: Answer, servers: Places) -> dict[str, Any]:
    """The answer for these servers: one item each, the count of
    each word of readiness, and how whole it is.
    """
    at = to_millis(now())
    items = [_item(it, place, answer, at) for it, place in servers.items()]
    return {
        "servers": items,
        "readiness": Counter(it["readiness"]["state"] for it in items),
        "unknownServerIds": answer.unknown,
        "asOf": stamp_of(answer.as_of),
        "degraded": bool(answer.unknown),
    }


def _item(server_id: str, planned: Place | None, answer: Answer, at: int) -> dict[str, Any]:
    entry = answer.entries.get(server_id)
    known: dict[str, Any] = json.loads(answer.machines.get(server_id) or "{}")
    place = Place.parse(entry.place) if entry and entry.place else planned
    place = None if place == DISPUTED else place
    instance = json.loads(entry.fragment) if entry and not entry.is_absent else None
    listed, is_rowless = (
        listed_at(str(place), answer.dated_by),
        entry is not None and not entry.version,
    )
    verdict = not_in_drs(listed, at) if is_rowless else readiness_of(known, listed, at)
    return {
        "sourceServerId": server_id,
        "sourceServerName": known.get("sourceServerName"),
        "accountId": place.account_id if place else None,
        "region": place.region if place else None,
        "state": "unknown" if entry is None else "found" if instance else "none",
        "instance": instance,
        "readiness": verdict.body(),
        "replicationDirection": known.get("replicationDirection"),
        "lastLaunchResult": known.get("lastLaunchResult"),
        "lastSeenByDrs": known.get("lastSeenByDrs"),
        "hasLaunchTemplate": known.get("hasLaunchTemplate"),
        "launchesInto": known.get("launchesInto"),
    }


def _plans_of(plans: Iterable[Plan]) -> Mapping[str, Sequence[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for plan in plans:
        for server_id in plan.servers:
            found[server_id].append(plan.plan_id)
    return found


def _checked(
    plan: Plan,
    known: Mapping[str, dict[str, Any]],
    places: Mapping[str, PlaceLook],
    plans_of: Mapping[str, Iterable[str]],
) -> dict[str, Any]:
    findings = check_plan(plan, [known[it] for it in plan.servers], places, plans_of)
    return {
        "planId": plan.plan_id,
        "planName": plan.name,
        "worst": worst(findings),
        "findings": [it.body() for it in findings],
    }
