"""Opening a plan: its servers, and taking them away as ids and CSV."""

import csv
import io
from pathlib import Path

from playwright.sync_api import Page, expect

from local.stack import Stack
from local.world import WHOLE_ESTATE

from .conftest import READ_CELLS, OpenPage

PLAN = "plan-003"


def rows(page: Page) -> list[dict[str, str]]:
    """The rows on screen: column title to what is read there."""
    found: list[dict[str, str]] = page.eval_on_selector_all(
        "table.servers tbody tr:not(.group):not([hidden])",
        READ_CELLS,
    )
    return found


def wave_servers(stack: Stack, plan_id: str = PLAN) -> list[str]:
    """The plan's servers in wave order."""
    plan = next(it for it in stack.world.recovery_plans if it["planId"] == plan_id)
    return [it for wave in plan["waves"] for it in wave["serverIds"]]


def test_a_plan_shows_each_server_of_each_wave(open_page: OpenPage, stack: Stack) -> None:
    """Id, state, names, addresses, type, account, region, drill or
    real, launch and execution, as in the world.
    """
    page = open_page()
    page.get_by_role("link", name="Warehouse 3", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Warehouse 3")).to_be_focused()
    expect(page.locator("tr.group")).to_have_count(4)
    ids = wave_servers(stack)
    for server_id, row in zip(ids, rows(page), strict=True):
        assert server_id in row["Source server"]
        if (known := stack.world.expected[server_id]) is None:
            assert (row["State"], row["Instance"]) == ("None", "–")
            continue
        assert row["State"].split("\n") == [
            known["ec2InstanceState"].title(),
            "Drill" if known["isDrill"] else "Real",
        ]
        assert known["sourceServerName"] in row["Source server"]
        assert row["Instance"].split("\n") == [known["name"], known["ec2InstanceId"]]
        assert all(known[it] in row["Addresses"] for it in ("privateIp", "publicIp") if known[it])
        assert row["Type"] == known["instanceType"]
        assert row["Account, region"].split("\n") == [known["accountId"], known["region"]]
        assert known["sourcePlanName"] in row["Launched"]


def test_servers_can_be_filtered_and_sorted(open_page: OpenPage, stack: Stack) -> None:
    """By any word of a row, by state, and by any column."""
    page = open_page(f"#/plans/{PLAN}")
    alive = [it for it in wave_servers(stack) if stack.world.expected[it]]
    page.locator(".tile[data-bucket=none]").click()
    assert len(rows(page)) == len(wave_servers(stack)) - len(alive)
    page.locator(".tile[data-bucket=none]").click()
    one = stack.world.alive[alive[0]]["ec2InstanceId"]
    page.get_by_label("Filter servers").fill(f"{one[:12].upper()} drill")
    expect(page.locator(".shown")).to_have_text(f"1 of {len(wave_servers(stack))} shown")
    assert [one in row["Instance"] for row in rows(page)] == [True]
    page.get_by_label("Filter servers").fill("")
    page.get_by_role("button", name="Type").click()
    types = [row["Type"] for row in rows(page) if row["Type"] != "–"]
    assert types == sorted(types)
    assert rows(page)[-1]["Type"] == "–", "what has no instance comes last"


def test_ids_are_copied(open_page: OpenPage, stack: Stack) -> None:
    """One by pressing it, or all that are on show."""
    page = open_page(f"#/plans/{PLAN}", permissions=["clipboard-read", "clipboard-write"])
    clipboard = "() => navigator.clipboard.readText()"
    page.locator("table.servers .id").first.click()
    expect(page.locator(".toast")).to_contain_text("copied")
    assert page.evaluate(clipboard) == wave_servers(stack)[0]
    page.get_by_role("button", name="Copy instance ids").click()
    expect(page.locator(".toast")).to_contain_text("instance ids copied")
    alive = [
        stack.world.alive[it]["ec2InstanceId"]
        for it in wave_servers(stack)
        if it in stack.world.alive
    ]
    assert page.evaluate(clipboard).split("\n") == alive


def test_csv_has_what_is_on_show(open_page: OpenPage, stack: Stack, tmp_path: Path) -> None:
    """One line for each server, "None" written out, times in UTC."""
    page = open_page(f"#/plans/{PLAN}")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename.startswith("Warehouse-3-")
    download.value.save_as(tmp_path / "plan.csv")
    content = (tmp_path / "plan.csv").read_text("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(content)))
    assert [line["Source server id"] for line in lines] == wave_servers(stack)
    for line in lines:
        known = stack.world.expected[line["Source server id"]]
        assert line["State"] == (known["ec2InstanceState"].title() if known else "None")
        assert line["Instance id"] == (known["ec2InstanceId"] if known else "")
        assert line["Launched (UTC)"] == (known["launchTime"] if known else "")


def test_all_servers_are_in_one_table_once(open_page: OpenPage, stack: Stack) -> None:
    """Those of several plans name them all."""
    page = open_page("#/servers", ready="table.servers tbody tr")
    shown = [row["Source server"].split("\n")[-1] for row in rows(page)]
    planned = {
        it
        for plan in stack.world.recovery_plans
        for wave in plan["waves"]
        for it in wave["serverIds"]
    }
    assert sorted(shown) == sorted(planned)
    page.get_by_label("Filter servers").fill(f"{wave_servers(stack)[0]} whole estate warehouse")
    assert len(rows(page)) == 1


def test_a_none_says_how_old_it_is(open_page: OpenPage) -> None:
    """It is as old as the last whole look at its place."""
    page = open_page(f"#/plans/{WHOLE_ESTATE}", ready="table.servers tbody tr[data-bucket=none]")
    rows: list[dict[str, str]] = page.eval_on_selector_all(
        "table.servers tbody tr[data-bucket=none]", READ_CELLS
    )
    assert all(row["Looked at"].endswith(" ago") for row in rows)


def test_no_cell_overprints_the_next_at_1280(open_page: OpenPage) -> None:
    """Heads, states and types stay in their columns, the longest too."""
    page = open_page(
        f"#/plans/{WHOLE_ESTATE}",
        ready="table.servers tbody tr:not(.group)",
        viewport={"width": 1280, "height": 800},
    )
    page.evaluate("""() => {
        const state = document.querySelector("table.servers .state");
        state.lastChild.textContent = "Shutting down";
    }""")
    wide = page.eval_on_selector_all(
        ".table-frame, table.servers th:not(.group th), table.servers td",
        """cells => cells.filter(it => it.scrollWidth > it.clientWidth + 1)
            .map(it => it.dataset.label ?? it.textContent.slice(0, 40))""",
    )
    assert set(wide) == set()
