"""Two deployments over the same accounts: each complete alone, neither
disturbs the other, and one outlives the other.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from local import functions
from local.stack import Stack
from local.world import EMPTY_PLAN, make_world
from tests.regions.global_tables import GlobalTables, rows

pytestmark = [
    pytest.mark.long,
    pytest.mark.stack,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("regions"),
]
PATIENCE = 120  # seconds for what goes on by itself
SHARED = {
    functions.TABLES["target-accounts"]: "accountId",
    functions.TABLES["recovery-plans"]: "planId",
    functions.TABLES["execution-history"]: "executionId",
}
OWN = {
    functions.TABLES["recovery-instances"]: "sourceServerId",
    functions.TABLES["sync-status"]: "id",
}


class Regions:
    """A stack at home, one in the region that servers recover into,
    and what global tables carry between them.
    """

    def __init__(self, home: Stack, away: Stack) -> None:
        self.home, self.away = home, away
        self.tables = GlobalTables((home.client("dynamodb"), away.client("dynamodb")), SHARED)

    def arrived(self) -> None:
        """Waits until both regions have the same rows of the shared tables."""
        await_that(lambda: all(self._shared(it) for it in SHARED))

    def _shared(self, table: str) -> bool:
        home, away = (it.client("dynamodb") for it in (self.home, self.away))
        return rows(home, table, SHARED[table]) == rows(away, table, SHARED[table])

    def lose_home(self) -> None:
        """Everything there is killed; the accounts, their DRS and the other region are not."""
        self.tables.stop()
        for process in self.home.processes:
            if process is not self.home.aws:
                process.signal(signal.SIGKILL)


@pytest.fixture
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regions]:
    """Both have looked once."""
    world = make_world(servers=60, places=4, plans=5)
    home = Stack(tmp_path_factory.mktemp("home"), world=world, schedule_seconds=0, speed=1000)
    home.start()
    away = Stack(
        tmp_path_factory.mktemp("away"),
        world=world,
        schedule_seconds=0,
        speed=1000,
        beside=home,
        region="eu-west-1",
    )
    try:
        away.start()
        both = Regions(home, away)
        both.tables.start()
        for stack in (home, away):
            stack.sync()
        yield both
        both.tables.stop()
    finally:
        away.stop()
        home.stop()


def call(stack: Stack, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and body of one call of a stack's API."""
    content = None if body is None else json.dumps(body)
    reply = urllib3.request(method, stack.url + path, body=content, retries=False, timeout=60)
    return reply.status, reply.json()


def page(stack: Stack, plan: str) -> dict[str, Any]:
    """A plan's page."""
    status, body = call(stack, "GET", f"/recovery-plans/{plan}/check-existing-instances")
    assert status == 200, body
    return dict(body)


def complete(stack: Stack, plan: str) -> dict[str, Any]:
    """A plan's page that knows everything: a busy machine may need a second one."""
    deadline = time.monotonic() + PATIENCE
    while (body := page(stack, plan))["unknownServerIds"] or body["degraded"]:
        assert time.monotonic() < deadline, body
        time.sleep(0.1)
    return body


def shown(stack: Stack, plan: str) -> set[str]:
    """The servers of a plan that have an instance."""
    return {it["sourceServerId"] for it in complete(stack, plan)["existingInstances"]}


def await_that(is_so: Callable[[], bool]) -> None:
    """Returns when it is."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never is"
        time.sleep(0.1)


def ended(stack: Stack, execution: str) -> bool:
    """Whether an execution is over, as a region knows it."""
    status, body = call(stack, "GET", f"/executions/{execution}")
    return status == 200 and "endTime" in body


def start_drill(stack: Stack) -> str:
    """A drill of the plan that nothing was launched for."""
    status, body = call(
        stack, "POST", "/executions", {"planId": EMPTY_PLAN, "executionType": "DRILL"}
    )
    assert status == 202, body
    return str(body["executionId"])


def servers_of(stack: Stack, plan_id: str) -> set[str]:
    """Every server of a plan."""
    (plan,) = [it for it in stack.world.recovery_plans if it["planId"] == plan_id]
    return {it for wave in plan["waves"] for it in wave["serverIds"]}


def test_each_pages_are_complete_alone(regions: Regions) -> None:
    """The same servers in both, from each one's own looks."""
    for plan in regions.home.world.recovery_plans:
        expected = {
            it for it in servers_of(regions.home, plan["planId"]) if regions.home.world.expected[it]
        }
        assert shown(regions.home, plan["planId"]) == expected
        assert shown(regions.away, plan["planId"]) == expected


def test_a_look_of_one_changes_nothing_of_the_other(regions: Regions) -> None:
    """Rows, tickets, looks and the lease are each one's own."""
    client = regions.away.client("dynamodb")
    before = {table: rows(client, table, key) for table, key in OWN.items()}
    for _ in range(2):
        regions.home.sync()
    assert {table: rows(client, table, key) for table, key in OWN.items()} == before


def test_one_executes_and_the_other_sees_it_and_keeps_out(regions: Regions) -> None:
    """While a drill runs at home the other region starts none of the
    same plan, closes nothing, and shows it after.
    """
    execution = start_drill(regions.home)
    regions.arrived()
    status, refused = call(
        regions.away, "POST", "/executions", {"planId": EMPTY_PLAN, "executionType": "DRILL"}
    )
    if not ended(regions.home, execution):
        assert (status, refused["error"]) == (409, "PLAN_RUNNING"), refused
    client = regions.away.client("lambda")
    watched = json.load(
        client.invoke(
            FunctionName=functions.name("execution"),
            Payload=json.dumps({"operation": "watch_executions"}),
        )["Payload"]
    )
    assert execution not in [*watched["closed"], *watched["abandoned"], *watched["running"]]
    await_that(lambda: ended(regions.home, execution))
    regions.arrived()
    regions.away.sync()
    assert shown(regions.away, EMPTY_PLAN) == servers_of(regions.home, EMPTY_PLAN)
    found = complete(regions.away, EMPTY_PLAN)["existingInstances"]
    assert {it["sourceExecutionId"] for it in found} == {execution}


def test_when_home_is_gone_the_other_goes_on(regions: Regions) -> None:
    """Pages within its own data age, looks, and the termination of what home had launched."""
    execution = start_drill(regions.home)
    await_that(lambda: ended(regions.home, execution))
    regions.arrived()
    before = complete(regions.away, EMPTY_PLAN)["asOf"]
    regions.lose_home()
    assert complete(regions.away, EMPTY_PLAN)["asOf"] == before  # as old as its own last look
    regions.away.sync()
    assert complete(regions.away, EMPTY_PLAN)["asOf"] > before
    assert shown(regions.away, EMPTY_PLAN) == servers_of(regions.home, EMPTY_PLAN)
    status, answer = call(regions.away, "POST", f"/executions/{execution}/terminate-instances", {})
    assert (status, len(answer["requested"])) == (202, len(servers_of(regions.home, EMPTY_PLAN))), (
        answer
    )
    await_that(
        lambda: (
            call(regions.away, "GET", f"/executions/{execution}/termination-status")[1]["status"]
            == "COMPLETED"
        )
    )
    regions.away.sync()
    assert shown(regions.away, EMPTY_PLAN) == set()
    assert start_drill(regions.away) != execution
