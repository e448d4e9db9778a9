"""Leftovers: what drills left behind, what that costs, and its end one press away."""

import re

from playwright.sync_api import expect

from loadtests.faults_stack import FaultyStack
from local.stack import Stack

from .conftest import READ_CELLS, OpenPage, come_back


def test_every_drill_instance_is_shown_with_its_age_and_cost(
    open_page: OpenPage, stack: Stack
) -> None:
    """Each once, the oldest first; real recoveries are no leftovers; the denied place is named."""
    page = open_page("#/leftovers", ready="table.leftovers tbody tr")
    rows: list[dict[str, str]] = page.eval_on_selector_all("table.leftovers tbody tr", READ_CELLS)
    drills = {it["ec2InstanceId"]: it for it in stack.world.alive.values() if it["isDrill"]}
    shown = [row["Instance"].split("\n")[-1] for row in rows]
    assert sorted(shown) == sorted(drills)
    launches = [drills[it]["launchTime"] for it in shown]
    assert launches == sorted(launches)
    assert re.fullmatch(r"\$[\d,]+\.\d\d", rows[0]["About"])
    expect(page.locator(".view .summary")).to_contain_text("older than 7 days")
    expect(page.locator(".doubts")).to_contain_text("drills may be missing in 333333333333")
    expect(page.get_by_text("Estimates of 20")).to_be_visible()


def test_the_oldest_executions_are_cards_that_end_in_terminate(open_page: OpenPage) -> None:
    """Six in sight, the others behind a click; the dialog is
    the one of the execution's own page.
    """
    page = open_page("#/leftovers", ready=".launch")
    oldest = page.get_by_role("list", name="Executions with leftovers, the oldest first")
    expect(oldest.get_by_role("listitem")).to_have_count(6)
    page.get_by_text(re.compile("and .* younger execution")).click()
    expect(page.get_by_role("list", name="Younger executions")).to_be_visible()
    oldest.get_by_role("button", name="Terminate").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"instances? will be terminated|refused"))


def test_leftovers_are_filtered_by_what_is_typed(open_page: OpenPage) -> None:
    """By type, plan, place: whatever is in the row."""
    page = open_page("#/leftovers", ready="table.leftovers tbody tr")
    page.get_by_label("Filter instances").fill("m5.large warehouse")
    types: list[str] = page.eval_on_selector_all(
        "table.leftovers tbody tr:not([hidden])",
        "rows => rows.map(row => row.cells[3].textContent)",
    )
    assert set(types) == {"m5.large"}


def test_without_dynamodb_what_plans_hold_is_listed_and_the_rest_said_to_be_missing(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """The mirror knows the plans' servers; drills of no plan are in the table alone."""
    in_plans = {
        it for plan in rough.world.recovery_plans for it in rough.servers_of(plan["planId"])
    }
    before = _drills(rough)
    rough.to_dynamodb.refuse()
    body = rough.get("/leftovers").body
    assert (body["degraded"], body["unknownServerIds"]) == (True, [])
    assert _drills(rough) == before & in_plans
    page = open_rough("#/leftovers", ready="table.leftovers tbody tr")
    expect(page.locator(".doubts")).to_contain_text("only the servers of plans could be read")


def test_without_both_tiers_nobody_says_that_there_are_no_leftovers(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """What was on screen stays, or every server is said to be unread."""
    page = open_rough("#/leftovers", ready="table.leftovers tbody tr")
    rough.to_redis.refuse()
    rough.to_dynamodb.refuse()
    body = rough.get("/leftovers").body
    servers = len(_planned(rough))
    assert body["degraded"]
    assert len(body["unknownServerIds"]) == servers
    come_back(page)
    expect(page.locator(".doubts")).to_contain_text(f"{servers} servers could not be read")
    expect(page.locator(".view .summary")).to_have_text(
        "Whether drills have left anything behind is not known."
    )


def _drills(rough: FaultyStack) -> set[str]:
    body = rough.get("/leftovers").body
    return {it["sourceServerId"] for group in body["groups"] for it in group["instances"]}


def _planned(rough: FaultyStack) -> set[str]:
    plans = rough.world.recovery_plans
    return {server_id for plan in plans for server_id in rough.servers_of(plan["planId"])}
