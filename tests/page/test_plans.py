"""The list of plans: everything an operator must see without a click."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.stack import Stack
from local.world import World

from .conftest import READ_CELLS, OpenPage

COLUMNS = ["Running", "Stopped", "Pending", "Other", "None", "Unknown", "Drill", "Real"]


def counted(world: World, plan: dict[str, Any]) -> dict[str, int]:
    """What the row of a plan must say, worked out from the world."""
    instances = [world.expected[it] for wave in plan["waves"] for it in wave["serverIds"]]
    states = Counter(it["ec2InstanceState"] if it else "none" for it in instances)
    told = {
        state.title(): states.pop(state, 0) for state in ("running", "stopped", "pending", "none")
    }
    drills = Counter(it["isDrill"] for it in instances if it)
    return told | {
        "Other": states.total(),
        "Unknown": 0,
        "Drill": drills[True],
        "Real": drills[False],
    }


def shown(page: Page) -> dict[str, dict[str, int]]:
    """Every row on screen: plan name to its numbers."""
    rows: list[dict[str, str]] = page.eval_on_selector_all(
        "table.plans tbody tr",
        READ_CELLS,
    )
    return {
        row["Plan"].split("\n")[0]: {it: int(row[it].replace(",", "")) for it in COLUMNS}
        for row in rows
    }


def test_every_plan_is_on_screen_with_the_worlds_numbers(open_page: OpenPage, stack: Stack) -> None:
    """Running, stopped, pending, none, unknown, drill and real of each plan, without a click."""
    page = open_page()
    expected = {plan["planName"]: counted(stack.world, plan) for plan in stack.world.recovery_plans}
    assert shown(page) == expected


def test_the_place_that_could_not_be_looked_at_is_named_with_its_reason(
    open_page: OpenPage,
) -> None:
    """On every view, without a click."""
    page = open_page()
    notice = page.locator("#notices .notice.warn")
    expect(notice).to_contain_text("1 place could not be looked at")
    expect(notice).to_contain_text("333333333333 · sa-east-1 – Access denied")
    expect(notice).to_contain_text(
        "AccessDeniedException at DescribeRecoveryInstances: User: arn:aws:sts::333333333333"
    )
    expect(notice).to_contain_text("not authorized to perform: drs:DescribeRecoveryInstances")
    page.locator("table.plans a").first.click()
    expect(page.locator("table.servers")).to_be_visible()
    expect(notice).to_be_visible()


@pytest.mark.parametrize(("minutes", "grade"), [(0, "fresh"), (8, "old"), (16, "stale")])
def test_the_age_of_the_data_is_told_and_graded(
    open_page: OpenPage, minutes: int, grade: str
) -> None:
    """Amber past seven minutes, red past fifteen, with a word beside the colour."""
    page = open_page()
    page.clock.install(time=datetime.now(UTC) + timedelta(minutes=minutes))
    page.reload()
    freshness = page.locator("#freshness")
    expect(freshness.locator("time.age")).to_have_attribute("data-grade", grade)
    assert re.search(r"as of (\d{1,2} \w+, )?\d\d:\d\d(:\d\d)?", freshness.inner_text())
    expect(freshness).to_contain_text(re.compile(rf"{minutes} min ago|\d min ago|\d s ago"))
    word = freshness.locator(".verdict").evaluate(
        "node => getComputedStyle(node, '::after').content"
    )
    assert word == {"fresh": "none", "old": '"· getting old"', "stale": '"· out of date"'}[grade]


def test_times_are_local_and_tell_utc_on_hover(open_page: OpenPage) -> None:
    """The profile is in Berlin, the data in UTC."""
    page = open_page("#/plans/plan-000")
    launched = page.locator("table.servers td[data-label=Launched] time").first
    moment = datetime.fromisoformat(launched.get_attribute("datetime") or "")
    assert launched.get_attribute("title") == moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    local = (moment + timedelta(hours=1)).strftime("%H:%M")  # Berlin in November
    expect(launched).to_contain_text(local)


def test_plans_can_be_filtered_by_text_and_by_state(open_page: OpenPage, stack: Stack) -> None:
    """The tile counts the plans that it keeps."""
    page = open_page()
    with_real = [
        p["planName"] for p in stack.world.recovery_plans if counted(stack.world, p)["Real"]
    ]
    tile = page.locator(".tile[data-bucket=recovery]")
    expect(tile).to_contain_text(str(len(with_real)))
    tile.click()
    expect(tile).to_have_attribute("aria-pressed", "true")
    rows = page.locator("table.plans tbody tr:visible")
    expect(rows).to_have_count(len(with_real))
    page.get_by_label("Filter plans").fill("web shop")
    expect(rows).to_have_count(sum("Web shop" in name for name in with_real))
    page.get_by_label("Filter plans").fill("no such plan")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()


def test_plans_sort_by_every_column_and_back(open_page: OpenPage) -> None:
    """Up, down, and the given order again; screen readers are told."""
    page = open_page()
    given = list(shown(page))
    head = page.get_by_role("columnheader", name="Running")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    running = [row["Running"] for row in shown(page).values()]
    assert running == sorted(running)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    running = [row["Running"] for row in shown(page).values()]
    assert running == sorted(running, reverse=True)
    head.get_by_role("button").click()
    assert list(shown(page)) == given


def test_the_page_refreshes_itself_while_it_is_visible(open_page: OpenPage) -> None:
    """Every thirty seconds, told by the browser's own clock."""
    page = open_page()
    page.clock.install()
    page.reload()
    page.wait_for_selector("table.plans tbody tr")
    expect(page.locator("#content")).to_have_attribute("aria-busy", "false")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(29_000)
    assert asked == []
    with page.expect_response("**/recovery-plans*"):
        page.clock.run_for(2_000)


def test_an_address_that_leads_nowhere_says_so(open_page: OpenPage) -> None:
    """A view that is not there, and a plan that is not there: nothing was loaded of either."""
    page = open_page("#/nothing")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing at #/nothing.")
    page.goto(page.url.split("#")[0] + "#/plans/no-such-plan")
    alert = page.locator("#notices").get_by_role("alert")
    expect(alert).to_contain_text("Not found. there is no recovery plan 'no-such-plan'")
    expect(alert).to_contain_text("Nothing has been loaded yet.")
    page.get_by_role("link", name="Plans", exact=True).click()
    expect(alert).to_have_count(0)


def test_the_bar_names_the_zone_of_all_times(open_page: OpenPage) -> None:
    """The command line says UTC; the page is in the reader's zone and says which."""
    page = open_page()
    expect(page.locator("#freshness")).to_contain_text(re.compile(r"as of .*\d\d (GMT\+1|CET)"))
