"""Whatever stands in the rows that a page is made of, every page is answered, and the plan and the
server beside the odd ones are told whole.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.mirror import entry_key, lock_key
from local.seed import create_table
from services.api.http import Routes
from services.api.models import Plans
from services.api.routing import answer
from services.platform.plans import PlanBook
from services.reads.drills import Drills
from services.reads.pages import Pages
from services.reads.servers import Servers
from tests.altered import altered
from tests.sync.platform import Platform

STAMP, NOBODY = "2026-11-01T10:00:00Z", f"s-{0:017d}"
WAVE: dict[str, Any] = {
    "waveNumber": 0, "waveName": "Databases", "protectionGroupId": "g-odd", "serverIds": [],
    "pauseBeforeWave": False, "dependsOnWaves": [], "region": "us-east-1", "longestMinutes": 5,
}  # fmt: skip
PLAN: dict[str, Any] = {
    "planId": "odd", "planName": "Odd", "description": "", "accountId": "222222222222",
    "waves": [WAVE], "createdDate": 1_795_000_000, "version": 3,
}  # fmt: skip
GROUP: dict[str, Any] = {
    "groupId": "g-odd", "groupName": "Odd", "region": "us-east-1", "accountId": "222222222222",
    "sourceServerIds": [NOBODY], "serverSelectionTags": {"tier": "db"},
}  # fmt: skip
LOOK: dict[str, Any] = {
    "ticket": 7, "outcome": "seen", "completedAt": STAMP, "completedTicket": 7, "listedAt": STAMP,
    "inventoriedAt": STAMP, "place": "222222222222/us-east-1", "extraInstances": [],
}  # fmt: skip
INSTANCE = (
    "replicationObservedAt", "replicationState", "replicationLagSeconds", "detailsSeenAt",
    "sourceServerGone", "launchTime", "ec2InstanceState", "isDrill", "privateIp", "accountId",
    "region", "lastSyncTime", "launchesInto", "hasLaunchTemplate", "lastLaunchResult",
    "instanceType", "jobId", "pointInTime",
)  # fmt: skip
WORDS = (STAMP, "us-east-1", "222222222222", [NOBODY], "seen", "absent", "running")
PAGES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("GET", "/recovery-plans", {}), ("GET", "/plan-checks", {}), ("GET", "/leftovers", {}),
    ("GET", "/recovery-plans/{planId}/check-existing-instances", {"planId": "odd"}),
    ("GET", "/recovery-plans/{planId}/servers", {"planId": "odd"}),
    ("GET", "/recovery-plans/{planId}/servers", {"planId": "good"}),
)  # fmt: skip


@pytest.fixture
def world(platform: Platform) -> tuple[Platform, str, str]:
    """A table of groups, a plan of one launched server, and the id of another that is launched."""
    named = platform.wiring.settings
    create_table(platform.wiring.dynamodb, named.protection_groups_table, "groupId")
    good, odd = platform.server(number=1), platform.server(number=3)
    platform.sync()
    platform.launch(good)
    platform.launch(odd)
    platform.sync()
    wave = WAVE | {"serverIds": [good.id], "accountId": platform.account}
    platform.row(named.recovery_plans_table, {"planId": "good", "waves": [wave]})
    return platform, good.id, odd.id


def routes_of(platform: Platform) -> Routes:
    """The pages of a process that knows no plan yet."""
    wiring = platform.wiring
    book = PlanBook(lambda: wiring.dynamodb, wiring.plan_tables)
    drills = Drills(wiring.reader, book, lambda: wiring.table, lambda: wiring.looks)
    pages = Pages(wiring.reader, book, lambda _: None)
    return {
        **pages.routes,
        **Servers(wiring.reader, book, lambda _: None).routes,
        **drills.routes,
    }


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.fixed_dictionaries({
        "plan": altered(PLAN, *WORDS, keep="planId"),
        "wave": altered(WAVE, *WORDS),
        "group": altered(GROUP, *WORDS, keep="groupId"),
        "look": altered(LOOK, *WORDS),
        "instance": altered(dict.fromkeys(INSTANCE, STAMP), *WORDS),
    })
)  # fmt: skip
def test_no_row_makes_a_page_fail_or_its_neighbour_go(
    world: tuple[Platform, str, str], rows: dict[str, dict[str, Any]]
) -> None:
    """By every route that only reads."""
    platform, good, odd = world
    named = platform.wiring.settings
    platform.redis.delete(entry_key(odd), lock_key(odd))
    (row,) = platform.wiring.table.read_rows([odd])[0].values()
    rows = json.loads(json.dumps(rows).replace(NOBODY, odd))
    said = {name: it for name, it in rows["instance"].items() if it != STAMP}
    plan = rows["plan"] | ({"waves": [rows["wave"]]} if rows["plan"].get("waves") else {})
    platform.row(named.recovery_plans_table, plan)
    platform.row(named.protection_groups_table, rows["group"])
    platform.row(named.sync_status_table, rows["look"] | {"id": "place#222222222222/us-east-1"})
    platform.row(named.recovery_instances_table, row | said | {"sourceServerId": odd})
    try:
        routes = routes_of(platform)
        for method, resource, path in PAGES:
            event = {"httpMethod": method, "resource": resource, "pathParameters": path}
            reply = answer(event, routes)
            assert reply["statusCode"] == 200, (resource, reply)
        page = json.loads(reply["body"])
        assert [it["sourceServerId"] for it in page["servers"]] == [good]
        assert page["servers"][0]["state"] == "found"
        listed = answer({"httpMethod": "GET", "resource": "/recovery-plans"}, routes)
        plans = {it.plan_id: it for it in Plans.model_validate_json(listed["body"]).plans}
        assert plans["good"].counts.found == 1
        assert "odd" in plans
    finally:
        platform.row(named.recovery_instances_table, row)
