"""The check of plans: what would keep a launch from working, from what was read anyway.

Pure, and never a guess.

`unknown` findings say what nobody could look at: they are neither good nor bad news.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cache.readiness import Readiness
from cache.values import Place, PlaceLook
from services.platform.plans import Plan

SERVERS_A_JOB, SERVERS_IN_JOBS = (
    100,
    500,
)  # quotas of DRS; 20 jobs at once hold more than the second

type Server = Mapping[str, Any]


class Severity(StrEnum):
    """`critical`: a launch fails or harms; `warning`: it works worse
    than people expect; `unknown`: not looked at.
    """

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know before a launch, with the servers it concerns."""

    severity: Severity
    code: str
    message: str
    server_ids: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "severity": str(self.severity),
            "code": self.code,
            "message": self.message,
            "serverIds": list(self.server_ids),
        }


_NOT_READY = {
    Readiness.GONE: (Severity.CRITICAL, "No longer in DRS"),
    Readiness.NO_DATA: (Severity.CRITICAL, "Replication stopped, so DRS keeps no data"),
    Readiness.INITIAL_SYNC: (Severity.CRITICAL, "Not copied whole yet"),
    Readiness.DISCONNECTED: (Severity.CRITICAL, "Agent disconnected, so nothing replicates"),
    Readiness.STALLED: (Severity.WARNING, "Stalled, a launch would use old data"),
    Readiness.PAUSED: (Severity.WARNING, "Paused, a launch would use old data"),
    Readiness.LAGGING: (Severity.WARNING, "Lagging, a launch would use old data"),
    Readiness.UNKNOWN: (Severity.UNKNOWN, "Replication that nobody could look at"),
}

# A look's role is not the one that launches: what may not be looked at may still be launched.
_PLACES = {
    "not_initialized": (
        Severity.CRITICAL,
        "NOT_SET_UP",
        "is not set up for DRS, so nothing can be launched there",
    ),
    "not_configured": (
        Severity.CRITICAL,
        "NOT_CONFIGURED",
        "is not configured: its account is no target account any more",
    ),
    "unlisted": (
        Severity.UNKNOWN,
        "NOT_CONFIGURED",
        "is in no list of looks: no place of a target account, or added since the last look",
    ),
    "denied": (
        Severity.UNKNOWN,
        "ROLE_DENIED",
        "may not be looked at; whether a launch is allowed there nobody knows",
    ),
}


def check_plan(
    plan: Plan,
    servers: Sequence[Server],
    places: Mapping[str, PlaceLook],
    plans_of: Mapping[str, Iterable[str]],
) -> list[Finding]:
    """What is to be known of a plan, the worst first.

    `servers` are the items of `GET /recovery-plans/{planId}/servers`, `places` the last looks, and
    `plans_of` the ids of all plans that name a server.
    """
    found = [
        *_of_the_plan(plan),
        *_of_the_quotas(plan),
        *_of_the_places(plan, places),
        *_of_the_replication(servers),
        *_of_the_launch_settings(servers),
        *_of_other_plans(plan, plans_of),
    ]
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The severity of the worst of them; None when there are none."""
    ranks = list(Severity)
    return min((it.severity for it in findings), key=ranks.index, default=None)


def _of_the_plan(plan: Plan) -> Iterable[Finding]:
    for why in plan.unresolved:
        yield Finding(Severity.CRITICAL, "UNRESOLVED_WAVE", f"the servers cannot be known: {why}")
    if plan.malformed:
        yield Finding(
            Severity.CRITICAL,
            "MALFORMED_SERVER_ID",
            f"{plan.malformed[0]!r:.40} is no source server id, so the plan cannot be started",
            plan.malformed,
        )
    if not plan.servers and not plan.unresolved:
        yield Finding(Severity.CRITICAL, "NO_SERVERS", "the plan names no servers")
    named = Counter(it for wave in plan.waves for it in _ids(wave))
    if twice := tuple(it for it, times in named.items() if times > 1):
        message = f"{len(twice)} servers are named twice, so the plan cannot be started"
        yield Finding(Severity.CRITICAL, "SERVER_TWICE", message, twice)
    if homeless := tuple(it for it, place in plan.servers.items() if place is None):
        message = f"{len(homeless)} servers are in waves without account or region"
        yield Finding(Severity.CRITICAL, "NO_PLACE", message, homeless)


def _of_the_quotas(plan: Plan) -> Iterable[Finding]:
    for wave in plan.waves:
        name, count = f"wave {wave.get('waveNumber')}", len(set(_ids(wave)))
        if count > SERVERS_IN_JOBS:
            yield Finding(
                Severity.CRITICAL,
                "OVER_QUOTA",
                f"{name} has {count} servers; DRS takes {SERVERS_IN_JOBS} in all jobs of a place",
            )
        elif count > SERVERS_A_JOB:
            jobs = -(-count // SERVERS_A_JOB)
            message = f"{name} has {count} servers and needs {jobs} jobs of {SERVERS_A_JOB}"
            yield Finding(Severity.INFO, "SEVERAL_JOBS", message)


def _of_the_places(plan: Plan, places: Mapping[str, PlaceLook]) -> Iterable[Finding]:
    by_place: defaultdict[Place, list[str]] = defaultdict(list)
    for server_id, place in plan.servers.items():
        if place is not None:
            by_place[place].append(server_id)
    for place, server_ids in by_place.items():
        outcome = places[str(place)].outcome if str(place) in places else "unlisted"
        if outcome == "seen":
            continue
        severity, code, what = _PLACES.get(
            outcome, (Severity.UNKNOWN, "NOT_LOOKED_AT", f"could not be looked at: {outcome}")
        )
        yield Finding(severity, code, f"{place} {what}", tuple(server_ids))


def _of_the_replication(servers: Sequence[Server]) -> Iterable[Finding]:
    by_state: defaultdict[Readiness, list[str]] = defaultdict(list)
    for server in servers:
        by_state[Readiness(server["readiness"]["state"])].append(server["sourceServerId"])
    for readiness, (severity, what) in _NOT_READY.items():
        if ids := tuple(by_state[readiness]):
            code = "NOT_READY_" + readiness.upper()
            yield Finding(severity, code, f"{what}: {_servers(ids)}", ids)
    if back := _those(servers, lambda it: it["replicationDirection"] == "FAILBACK"):
        what = "Replicates back to where it came from, and launches nothing here"
        yield Finding(Severity.CRITICAL, "FAILBACK", f"{what}: {_servers(back)}", back)
    if failed := _those(servers, lambda it: it["lastLaunchResult"] == "FAILED"):
        what = "The last launch failed"
        yield Finding(Severity.WARNING, "LAST_LAUNCH_FAILED", f"{what}: {_servers(failed)}", failed)


def _of_the_launch_settings(servers: Sequence[Server]) -> Iterable[Finding]:
    if into := _those(servers, lambda it: it["launchesInto"]):
        what = "Launches into an existing machine, which loses what is on its disks"
        yield Finding(Severity.CRITICAL, "LAUNCHES_INTO", f"{what}: {_servers(into)}", into)
    if bare := _those(servers, lambda it: it["hasLaunchTemplate"] is False):
        what = "No launch template"
        yield Finding(Severity.CRITICAL, "NO_LAUNCH_TEMPLATE", f"{what}: {_servers(bare)}", bare)
    if unread := _those(servers, lambda it: it["hasLaunchTemplate"] is None):
        what = "Launch settings that nobody has looked at yet"
        yield Finding(Severity.UNKNOWN, "LAUNCH_SETTINGS", f"{what}: {_servers(unread)}", unread)


def _of_other_plans(plan: Plan, plans_of: Mapping[str, Iterable[str]]) -> Iterable[Finding]:
    others: defaultdict[str, list[str]] = defaultdict(list)
    for server_id in plan.servers:
        for other in plans_of.get(server_id, ()):
            if other != plan.plan_id:
                others[other].append(server_id)
    for other, ids in others.items():
        what = f"In plan {other} too, and launching one plan destroys what the other has launched"
        message = f"{what}: {_servers(ids)}"
        yield Finding(Severity.WARNING, "IN_TWO_PLANS", message, tuple(ids))


def _those(servers: Sequence[Server], has: Any) -> tuple[str, ...]:
    return tuple(it["sourceServerId"] for it in servers if has(it))


def _ids(wave: Mapping[str, Any]) -> list[str]:
    ids = wave.get("serverIds")
    return [it for it in ids if isinstance(it, str)] if isinstance(ids, list) else []


def _servers(ids: Sequence[str]) -> str:
    return f"{len(ids)} server{'' if len(ids) == 1 else 's'}"
