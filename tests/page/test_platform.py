"""The platform's own rows on the page: plans that nobody can know,
executions that others drive, and instances beside the current ones.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from playwright.sync_api import Browser, expect

from local.platform_world import GROUP_GONE, RUNNING, make_platform_world
from local.stack import Stack
from local.world import OWN, World

from .conftest import OpenPage, visit

pytestmark = pytest.mark.xdist_group("platform page")
HOME = (OWN, "us-east-1")
PAUSES = "plan-that-pauses"
EXTRA = f"i-{0xE:017x}"
JOB_MS = 60_000  # a job takes minutes in DRS; here a second, and two busy cores


def _pausing_plan(world: World) -> dict[str, Any]:
    """Two waves of a server each, of which the second waits for a word."""
    servers = (it["sourceServerID"] for it in world.places[HOME]["sourceServers"])
    idle = [it for it in servers if world.expected[it] is None][:2]
    place = dict(zip(("accountId", "region"), HOME, strict=True))
    waves = [
        {"waveNumber": number, "waveName": "Apps", "serverIds": [it], **place}
        for number, it in enumerate(idle)
    ]
    waves[1]["pauseBeforeWave"] = True
    return {"planId": PAUSES, "planName": "Pauses", "waves": waves}


def _second_instance(world: World) -> str:
    """Another living instance of a server that has one; whose."""
    place = world.places[HOME]
    record = next(it for it in place["recoveryInstances"] if world.alive.get(it["sourceServerID"]))
    machine = next(it for it in place["instances"] if it["InstanceId"] == record["ec2InstanceID"])
    ids = {"recoveryInstanceID": EXTRA, "ec2InstanceID": EXTRA}
    older = {"pointInTimeSnapshotDateTime": "2025-01-01T00:00:00Z"}
    place["recoveryInstances"].append(record | ids | older)
    place["instances"].append(machine | {"InstanceId": EXTRA})
    return str(record["sourceServerID"])


@pytest.fixture(scope="module")
def world() -> World:
    """The platform's rows, a plan that pauses, and a server with two living instances."""
    world = make_platform_world(servers=120)
    world.recovery_plans.append(_pausing_plan(world))
    return world


@pytest.fixture(scope="module")
def twice(world: World) -> str:
    """The server with two instances."""
    return _second_instance(world)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, world: World, twice: str) -> Iterator[Stack]:
    """The stack with this world, synced once."""
    assert twice
    directory = tmp_path_factory.mktemp("platform-page")
    stack = Stack(directory, 0, world, schedule_seconds=0, speed=600)
    stack.start()
    try:
        stack.sync()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def open_platform(browser: Browser, platform: Stack) -> Iterator[OpenPage]:
    """Opens a view of it."""
    yield from visit(browser, platform.url)


def test_a_plan_whose_servers_nobody_knows_says_so_and_cannot_be_started(
    open_platform: OpenPage,
) -> None:
    """With the reason; in the list of plans it is not counted as having none."""
    page = open_platform(f"#/plans/{GROUP_GONE}", ".notice:not([hidden]) strong")
    notice = page.locator(".notice", has_text="The servers of 1 wave are not known")
    expect(notice).to_contain_text("They may have recovery instances")
    expect(notice.locator("li")).to_contain_text("wave 0")
    for name in ("Run drill", "Run recovery"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    expect(page.locator(".summary")).to_contain_text("servers not known")


def test_an_execution_of_the_platform_is_found_on_its_plan_and_ended_by_force(
    open_platform: OpenPage, world: World
) -> None:
    """Neither Cancel nor anything else that is refused is offered beside it."""
    page = open_platform(f"#/plans/{world.recovery_plans[0]['planId']}")
    page.get_by_role("link", name="polling").click()
    notice = page.locator(".decisions .notice")
    expect(notice).to_contain_text("The platform drives this execution")
    assert RUNNING in page.url
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Cancel by force").click()
    dialog = page.get_by_role("dialog", name="Cancel by force")
    dialog.locator("input").fill("cancel by force")
    dialog.get_by_role("button", name="Cancel by force", exact=True).click()
    expect(page.locator(".summary .status").first).to_have_text("Cancelled")
    expect(notice).to_have_count(0)


@pytest.mark.long
def test_a_paused_execution_goes_on_when_somebody_says_so(
    open_platform: OpenPage, platform: Stack
) -> None:
    """The plan names it while it waits; the button goes with the pause."""
    body = json.dumps({"planId": PAUSES, "executionType": "DRILL"})
    reply = urllib3.request("POST", f"{platform.url}/executions", body=body, timeout=30)
    assert reply.status == 202, reply.data
    execution = f"#/executions/{reply.json()['executionId']}"
    page = open_platform(execution, ".view-head .status")
    status = page.locator(".view-head .status")
    expect(status).to_have_text("Paused", timeout=JOB_MS)
    plan = open_platform(f"#/plans/{PAUSES}")
    expect(plan.get_by_role("link", name="Drill paused")).to_have_attribute("href", execution)
    go_on = page.get_by_role("button", name="Begin next wave")
    go_on.click()
    expect(page.locator(".toast")).to_contain_text("The next wave begins")
    expect(status).to_have_text("Completed", timeout=JOB_MS)
    expect(go_on).to_have_count(0)


def test_an_instance_beside_its_servers_current_one_is_listed(
    open_platform: OpenPage, twice: str
) -> None:
    """It costs money, and no table of servers shows it."""
    page = open_platform("#/leftovers", "section[aria-label='Extra instances'] li")
    extras = page.get_by_role("region", name="Extra instances")
    expect(extras).to_contain_text("1 instance beside a server's current one")
    expect(extras.get_by_role("listitem")).to_contain_text(EXTRA)
    expect(extras.get_by_role("listitem")).to_contain_text(f"of {twice} in {HOME[0]} · {HOME[1]}")
