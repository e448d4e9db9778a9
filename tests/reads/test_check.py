"""The check of plans: each rule finds what it is for, by
severity, and a clean plan has no findings.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from cache.values import PlaceLook
from services.platform.plans import read_plan
from services.reads.check import Finding, Severity, check_plan, worst

HOME = {"accountId": "111111111111", "region": "eu-west-1"}
A, B = "s-00000000000000001", "s-00000000000000002"
SEEN = {"111111111111/eu-west-1": PlaceLook(1, 1, "seen")}


def wave(*server_ids: str, **members: Any) -> dict[str, Any]:
    """A wave of a plan's row."""
    return {"waveNumber": 1, **HOME, "serverIds": list(server_ids)} | members


def server(server_id: str = A, **members: Any) -> dict[str, Any]:
    """A server that could be launched now."""
    return {
        "sourceServerId": server_id,
        "readiness": {"state": "ready"},
        "replicationDirection": "FAILOVER",
        "lastLaunchResult": "NOT_STARTED",
        "launchesInto": None,
        "hasLaunchTemplate": True,
    } | members


def check(
    *servers: dict[str, Any],
    waves: list[dict[str, Any]] | None = None,
    places: Mapping[str, PlaceLook] = SEEN,
    plans_of: Mapping[str, list[str]] | None = None,
) -> list[Finding]:
    """The findings of a plan with these waves, or one wave with one server."""
    plan = read_plan({"planId": "p", "waves": [wave(A)] if waves is None else waves})
    return check_plan(plan, servers, places, plans_of or {})


def test_a_plan_that_would_work_has_no_findings() -> None:
    """Nothing is said for the sake of saying something."""
    assert check(server(), plans_of={A: ["p"]}) == []
    assert worst([]) is None


@pytest.mark.parametrize(
    ("members", "code", "severity"),
    [
        ({"readiness": {"state": "gone"}}, "NOT_READY_GONE", Severity.CRITICAL),
        ({"readiness": {"state": "no_data"}}, "NOT_READY_NO_DATA", Severity.CRITICAL),
        ({"readiness": {"state": "initial_sync"}}, "NOT_READY_INITIAL_SYNC", Severity.CRITICAL),
        ({"readiness": {"state": "disconnected"}}, "NOT_READY_DISCONNECTED", Severity.CRITICAL),
        ({"readiness": {"state": "stalled"}}, "NOT_READY_STALLED", Severity.WARNING),
        ({"readiness": {"state": "paused"}}, "NOT_READY_PAUSED", Severity.WARNING),
        ({"readiness": {"state": "lagging"}}, "NOT_READY_LAGGING", Severity.WARNING),
        ({"readiness": {"state": "unknown"}}, "NOT_READY_UNKNOWN", Severity.UNKNOWN),
        ({"replicationDirection": "FAILBACK"}, "FAILBACK", Severity.CRITICAL),
        ({"lastLaunchResult": "FAILED"}, "LAST_LAUNCH_FAILED", Severity.WARNING),
        ({"launchesInto": "i-1"}, "LAUNCHES_INTO", Severity.CRITICAL),
        ({"hasLaunchTemplate": False}, "NO_LAUNCH_TEMPLATE", Severity.CRITICAL),
        ({"hasLaunchTemplate": None}, "LAUNCH_SETTINGS", Severity.UNKNOWN),
    ],
)
def test_a_server_that_would_not_launch_well_is_named(
    members: dict[str, Any], code: str, severity: Severity
) -> None:
    """With the other one left out."""
    (finding,) = check(server(**members), server(B))
    assert (finding.code, finding.severity, finding.server_ids) == (code, severity, (A,))


@pytest.mark.parametrize(
    ("outcome", "code", "severity"),
    [
        ("denied", "ROLE_DENIED", Severity.UNKNOWN),
        ("not_configured", "NOT_CONFIGURED", Severity.CRITICAL),
        ("not_initialized", "NOT_SET_UP", Severity.CRITICAL),
        ("throttled", "NOT_LOOKED_AT", Severity.UNKNOWN),
        ("never_looked", "NOT_LOOKED_AT", Severity.UNKNOWN),
    ],
)
def test_a_place_that_cannot_be_looked_at_is_named(
    outcome: str, code: str, severity: Severity
) -> None:
    """A launch has a role of its own, so what may not be looked at is unknown, not bad."""
    (finding,) = check(server(), places={"111111111111/eu-west-1": PlaceLook(1, 1, outcome)})
    assert (finding.code, finding.severity) == (code, severity)


def test_a_place_that_no_list_of_looks_has_is_unknown() -> None:
    """Its account is no target account, or has been added since the last look."""
    (finding,) = check(server(), places={})
    assert (finding.code, finding.severity) == ("NOT_CONFIGURED", Severity.UNKNOWN)


@pytest.mark.parametrize(
    ("waves", "code"),
    [
        ([], "NO_SERVERS"),
        ([wave("web-1")], "MALFORMED_SERVER_ID"),
        ([wave(A), wave(A, waveNumber=2)], "SERVER_TWICE"),
        ([wave(A, region=None)], "NO_PLACE"),
        ([wave(*(f"s-{n:017}" for n in range(501)))], "OVER_QUOTA"),
        ([wave(*(f"s-{n:017}" for n in range(101)))], "SEVERAL_JOBS"),
    ],
)
def test_a_plan_that_is_not_right_itself_is_said(waves: list[dict[str, Any]], code: str) -> None:
    """Before anybody looks at its servers."""
    assert code in {finding.code for finding in check(waves=waves)}


def test_quotas_are_exact() -> None:
    """100 servers are one job, 500 are what DRS takes."""
    assert check(waves=[wave(*(f"s-{n:017}" for n in range(100)))]) == []
    five_hundred = check(waves=[wave(*(f"s-{n:017}" for n in range(500)))])
    assert [it.severity for it in five_hundred] == [Severity.INFO]


def test_servers_in_two_plans_are_named_with_the_other_plan() -> None:
    """Launching one plan destroys what the other has launched."""
    (finding,) = check(server(), plans_of={A: ["p", "q"], B: ["q", "r"]})
    assert (finding.code, finding.server_ids) == ("IN_TWO_PLANS", (A,))
    assert "plan q" in finding.message


def test_the_worst_comes_first() -> None:
    """For people who read one line."""
    findings = check(
        server(readiness={"state": "unknown"}),
        server(B, launchesInto="i-1", lastLaunchResult="FAILED"),
    )
    severities = [it.severity for it in findings]
    assert severities == [Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN]
    assert worst(findings) is Severity.CRITICAL
