"""The platform's own rows, with every oddity, from the first sync to the end of a drill."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from local.platform_world import (
    BY_TAGS,
    GROUP_GONE,
    LEFT_ACCOUNT,
    NOT_WAVES,
    RUNNING,
    UNREADABLE_ACCOUNT,
    make_platform_world,
)
from local.stack import Stack
from local.world import EMPTY_PLAN, WHOLE_ESTATE

pytestmark = [pytest.mark.xdist_group("platform world"), pytest.mark.timeout(300)]
PATIENCE = 120  # seconds for a drill on a clock that runs fast


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with the platform's world, synced once."""
    world = make_platform_world()
    stack = Stack(tmp_path_factory.mktemp("platform"), 0, world, schedule_seconds=0, speed=600)
    stack.start()
    try:
        stack.sync()
        # a process that answers its first page on a busy machine may have no time left to read the
        # table
        in_turn = 0
        while in_turn < 4 * stack.query_processes:
            in_turn = 0 if checked(stack, WHOLE_ESTATE)["degraded"] else in_turn + 1
        yield stack
    finally:
        stack.stop()


def call(stack: Stack, method: str, path: str, body: object = None, expected: int = 200) -> Any:
    """The JSON of one call."""
    content = None if body is None else json.dumps(body)
    reply = urllib3.request(method, stack.url + path, body=content, retries=False, timeout=30)
    assert reply.status == expected, reply.data[:500]
    return reply.json()


def by_tag(stack: Stack) -> list[str]:
    """The servers that the plan by tags means, in the order of their ids."""
    places = stack.world.places.values()
    servers = [it for place in places for it in place.get("sourceServers", ())]
    return sorted(it["sourceServerID"] for it in servers if it["tags"].get("Tier") == "db")


def checked(stack: Stack, plan_id: str) -> Any:
    """What exists of a plan."""
    return call(stack, "GET", f"/recovery-plans/{plan_id}/check-existing-instances")


def test_every_plan_says_what_the_world_has_or_that_nobody_knows(platform: Stack) -> None:
    """Servers of groups field by field as servers of waves;
    the odd plans are named and never none.
    """
    groups = {it["groupId"]: it for it in platform.world.protection_groups}
    for plan in platform.world.recovery_plans:
        page = checked(platform, plan["planId"])
        if plan["planId"] in {GROUP_GONE, NOT_WAVES}:
            assert (page["hasExistingInstances"], page["degraded"]) == (None, True)
            assert len(page["unresolvedWaves"]) == 1
            continue
        ids = [
            it for wave in plan["waves"]
            for it in wave["serverIds"] or groups[wave["protectionGroupId"]]["sourceServerIds"]
        ]  # fmt: skip
        if plan["planId"] == BY_TAGS:
            ids = by_tag(platform)
        assert (page["unknownServerIds"], page["unresolvedWaves"]) == ([], [])
        assert [it["sourceServerId"] for it in page["existingInstances"]] == [
            it for it in ids if platform.world.expected[it]
        ]
        for item in page["existingInstances"]:
            expected = platform.world.alive[item["sourceServerId"]]
            for name in ("ec2InstanceId", "sourceExecutionId", "sourcePlanName", "accountId"):
                assert item[name] == expected[name], (name, item)


def test_the_account_nobody_understands_is_named_and_the_one_that_left_is_not(
    platform: Stack,
) -> None:
    """In the report of a sync, and among the places that could not be looked at."""
    report = platform.sync()
    assert [it for it in report["errors"] if UNREADABLE_ACCOUNT in it]
    assert not [it for it in report["errors"] if LEFT_ACCOUNT in it]
    places = {
        it["accountId"]: it["outcome"] for it in call(platform, "GET", "/recovery-plans")["places"]
    }
    assert places[UNREADABLE_ACCOUNT] == "unreadable"
    assert LEFT_ACCOUNT not in places


def test_servers_that_may_be_in_that_account_are_unknown(platform: Stack) -> None:
    """A server nobody ever saw may be where nobody could look."""
    nobody = f"s-{0:017d}"
    answer = call(platform, "POST", "/recovery-instances/query", {"sourceServerIds": [nobody]})
    assert (answer["hasExistingInstances"], answer["unknownServerIds"]) == (None, [nobody])


def test_a_drill_of_a_plan_of_groups_runs_to_its_end_and_is_terminated(platform: Stack) -> None:
    """Through the state machine, in the platform's table with its sort key, back to nothing."""
    body = {"planId": EMPTY_PLAN, "executionType": "DRILL"}
    execution = call(platform, "POST", "/executions", body, 202)["executionId"]
    await_(lambda: "endTime" in call(platform, "GET", f"/executions/{execution}"))
    page = checked(platform, EMPTY_PLAN)
    assert (
        page["instanceCount"] == len({it["sourceServerId"] for it in page["existingInstances"]}) > 0
    )
    assert {it["sourceExecutionId"] for it in page["existingInstances"]} == {execution}
    call(platform, "POST", f"/executions/{execution}/terminate-instances", {}, 202)
    path = f"/executions/{execution}/termination-status"
    await_(lambda: call(platform, "GET", path)["status"] == "COMPLETED")
    assert checked(platform, EMPTY_PLAN)["hasExistingInstances"] is False


def test_what_the_platform_launched_is_terminated_and_what_it_runs_is_left_alone(
    platform: Stack,
) -> None:
    """By the execution's own row; a word nobody told us is one that runs."""
    rows = {it["executionId"] for it in platform.world.execution_history}
    drills = [it for it in platform.world.alive.values() if it["isDrill"]]
    drill = next(it for it in drills if it["sourceExecutionId"] in rows)["sourceExecutionId"]
    path = f"/executions/{drill}/terminate-instances"
    answer = call(platform, "POST", path, {"dryRun": True})
    assert answer["requested"]
    for execution in (RUNNING, "exec-odd", "exec-bare"):
        refused = call(platform, "POST", f"/executions/{execution}/terminate-instances", {}, 409)
        assert refused["error"] == "EXECUTION_RUNNING"
    first = platform.world.recovery_plans[0]["planId"]
    body = {"planId": first, "executionType": "DRILL", "replaceExisting": True}
    assert call(platform, "POST", "/executions", body, 409)["error"] == "PLAN_RUNNING"
    for odd in (GROUP_GONE, NOT_WAVES):
        body["planId"] = odd
        assert "cannot be known" in call(platform, "POST", "/executions", body, 400)["message"]
    assert call(platform, "GET", f"/executions/lock-{first}", expected=404)["error"] == "NOT_FOUND"


def test_the_whole_estate_is_one_page(platform: Stack) -> None:
    """Groups or not, the plan over everything is answered whole."""
    page = checked(platform, WHOLE_ESTATE)
    assert page["instanceCount"] > len(platform.world.alive) / 2


def await_(condition: Any) -> None:
    """Wait for what goes on by itself."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.5)
