"""Readiness: which servers could be launched now, before anybody launches them."""

import csv
import io
import re
from collections import Counter
from pathlib import Path

from playwright.sync_api import expect

from local.stack import Stack
from local.world import WHOLE_ESTATE

from .conftest import READ_CELLS, OpenPage

WORDS = {
    "CONTINUOUS": "Ready", "BACKLOG": "Lagging", "STALLED": "Stalled",
    "DISCONNECTED": "Disconnected",
    "INITIAL_SYNC": "Initial sync", "PAUSED": "Paused", "STOPPED": "No data",
}  # fmt: skip


def words_of(stack: Stack) -> dict[str, str]:
    """The word that each server of the world must have."""
    servers = [it for place in stack.world.places.values() for it in place.get("sourceServers", [])]
    return {
        it["sourceServerID"]: WORDS[it["dataReplicationInfo"]["dataReplicationState"]]
        for it in servers
    }


def test_every_server_says_how_ready_it_is(open_page: OpenPage, stack: Stack) -> None:
    """In the table, with a reason where it is not; launched or never."""
    page = open_page(f"#/plans/{WHOLE_ESTATE}", ready="table.servers tbody tr:not(.group)")
    rows: list[dict[str, str]] = page.eval_on_selector_all(
        "table.servers tbody tr:not(.group)", READ_CELLS
    )
    expected = words_of(stack)
    for row in rows:
        server_id = row["Source server"].split("\n")[-1]
        word, *reason = row["Readiness"].split("\n")
        assert word == expected[server_id]
        assert word == "Ready" or len(reason) == 2
        assert len(row["Source server"].split("\n")) == 2, "named, launched or not"


def test_servers_are_filtered_and_sorted_by_readiness(open_page: OpenPage, stack: Stack) -> None:
    """The choices count what there is; the worst come first."""
    page = open_page(f"#/plans/{WHOLE_ESTATE}", ready="table.servers tbody tr:not(.group)")
    words = words_of(stack)
    plan = next(it for it in stack.world.recovery_plans if it["planId"] == WHOLE_ESTATE)
    counts = Counter(words[it] for wave in plan["waves"] for it in wave["serverIds"])
    late = counts.total() - counts["Ready"]
    chooser = page.get_by_label("Readiness", exact=True)
    chooser.select_option(label=f"Stalled ({counts['Stalled']})")
    expect(page.locator("table.servers tbody tr:not(.group):not([hidden])")).to_have_count(
        counts["Stalled"]
    )
    chooser.select_option(label=f"Not ready ({late})")
    page.get_by_role("columnheader", name="Readiness").get_by_role("button").click()
    shown: list[str] = page.eval_on_selector_all(
        "table.servers tbody tr:not([hidden]) .ready",
        "nodes => nodes.map(node => node.textContent)",
    )
    assert shown[0] == "No data"
    assert len(shown) == late


def test_the_list_of_plans_counts_the_servers_that_are_not_ready(
    open_page: OpenPage, stack: Stack
) -> None:
    """Per plan, and it sorts by that."""
    page = open_page()
    rows: list[dict[str, str]] = page.eval_on_selector_all("table.plans tbody tr", READ_CELLS)
    words = words_of(stack)
    by_name = {row["Plan"].split("\n")[0]: row["Not ready"] for row in rows}
    for plan in stack.world.recovery_plans:
        late = sum(words[it] != "Ready" for wave in plan["waves"] for it in wave["serverIds"])
        assert by_name[plan["planName"]] == str(late)


def test_a_plan_shows_what_its_check_found(open_page: OpenPage) -> None:
    """By severity, with the servers behind a click."""
    page = open_page(f"#/plans/{WHOLE_ESTATE}", ready=".findings")
    findings = page.get_by_role("region", name="Plan check")
    first = findings.get_by_role("listitem").first
    expect(first).to_contain_text("Critical")
    first.locator("summary").click()
    expect(first.locator("details li").first).to_contain_text(re.compile("s-[0-9a-f]{17}"))


def test_both_launches_list_the_servers_that_are_not_ready(open_page: OpenPage) -> None:
    """With their reasons; a recovery needs words typed in any case."""
    for button, words in (("Run drill", "Run drill"), ("Run recovery", "Run recovery")):
        page = open_page("#/plans/plan-001", ready=".findings")
        page.get_by_role("button", name=button).click()
        dialog = page.get_by_role("dialog", name=re.compile(words))
        late = dialog.get_by_role("list", name=re.compile(r"\d+ of 24 servers not ready"))
        expect(late.get_by_role("listitem").first).to_contain_text(
            re.compile("replication|backlog|agent|copied")
        )
    expect(dialog.get_by_role("button", name=re.compile("run recovery"))).to_be_disabled()


def test_the_csv_has_the_readiness(open_page: OpenPage, stack: Stack, tmp_path: Path) -> None:
    """Word, reason and age."""
    page = open_page("#/plans/plan-001", ready="table.servers tbody tr:not(.group)")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "plan.csv")
    words = words_of(stack)
    lines = list(csv.DictReader(io.StringIO((tmp_path / "plan.csv").read_text("utf-8-sig"))))
    for line in lines:
        assert line["Readiness"] == words[line["Source server id"]]
        assert line["Why"]
        assert line["Readiness looked at (UTC)"]
