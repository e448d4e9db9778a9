"""The end of a drill: one verb to clean up, and the report on it."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from loadtests.faults_stack import FaultyStack
from local.stack import Stack

from .conftest import OpenPage
from .test_executions import JOB_MS, plan_with, start_drill


def test_a_report_says_what_came_of_each_wave_and_can_be_taken_away(
    open_page: OpenPage, stack: Stack, tmp_path: Path
) -> None:
    """On screen, as JSON, and as a page that stands alone."""
    row = next(it for it in stack.world.execution_history if it["status"] == "COMPLETED")
    page = open_page(f"#/executions/{row['executionId']}", ready=".wave")
    page.get_by_role("link", name="Report").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Report: {row['planName']}")
    expect(page.locator("table.report")).to_have_count(len(row["waves"]))
    for button, start in (("JSON", "{"), ("HTML", "<!doctype html>")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        path = tmp_path / button
        download.value.save_as(path)
        assert path.read_text().startswith(start)
    assert json.loads((tmp_path / "JSON").read_text())["executionId"] == row["executionId"]


def test_a_drill_is_cleaned_up_with_a_note_that_lands_in_its_report(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """Without a note the button stays off; the report has figures
    of every server, and who is left behind.
    """
    plan_id = plan_with(rough, drills=True)
    page = open_rough(f"#/plans/{plan_id}")
    dialog = start_drill(page)
    dialog.get_by_role("button", name=re.compile("Replace and run drill|Run drill")).click()
    expect(page.locator(".view-head .status")).to_have_text("Completed", timeout=JOB_MS)
    execution = page.url.rpartition("/")[2]
    page.goto(f"{rough.stack.url}/#/plans/{plan_id}")
    page.get_by_role("button", name="Clean up drill").click()
    dialog = page.get_by_role("dialog", name=re.compile("Clean up drill"))
    go = dialog.get_by_role("button", name=re.compile(r"Terminate \d+ drill instances?"))
    expect(go).to_be_disabled()
    dialog.get_by_label(re.compile("What did the drill show")).fill("all <b>up</b>")
    go.click()
    dialog.get_by_role("link", name=re.compile(f"Report of {execution}")).click(timeout=JOB_MS)
    expect(page.get_by_text("all <b>up</b>")).to_be_visible()
    expect(page.get_by_role("heading", name="Plan check before the launch")).to_be_visible()
    found = page.locator("section", has_text="Plan check before the launch").locator("p")
    report = rough.get(f"/executions/{execution}/report").body
    expect(found).to_have_count(max(1, len(report["findings"])))
    assert report["measured"] == report["launched"] == report["serverCount"]
