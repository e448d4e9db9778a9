"""Leftovers: what drills left behind, what that costs, and its end one press away."""

import re

from playwright.sync_api import expect

from local.stack import Stack

from .conftest import READ_CELLS, OpenPage


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
