"""Run drill and terminate, from the plan to DRS being done; the
stand-in's jobs run five hundred times as fast.
"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from loadtests.faults_stack import FaultyStack

from .conftest import OpenPage

JOB_MS = 40_000  # a job takes minutes in DRS; here a second, and two busy cores


def plan_with(rough: FaultyStack, *, drills: bool) -> str:
    """The id of a plan whose instances are all drills, or all real, as the API tells it now."""
    for plan in rough.get("/recovery-plans").body["plans"]:
        mine, others = ("drills", "recoveries") if drills else ("recoveries", "drills")
        if plan["counts"][mine] > 1 and not plan["counts"][others]:
            return str(plan["planId"])
    raise AssertionError("the world has no such plan")


def start_drill(page: Page) -> Locator:
    """Opens the drill's dialog and waits until it knows what exists."""
    page.get_by_role("button", name="Run drill").click()
    dialog = page.get_by_role("dialog", name=re.compile("Run drill"))
    expect(dialog.get_by_text(re.compile(r"Launches \d+ servers"))).to_be_visible()
    return dialog


@pytest.fixture
def drilled(rough: FaultyStack) -> str:
    """A plan with drill instances only."""
    return plan_with(rough, drills=True)


def test_terminating_a_drill_goes_on_until_drs_is_done(open_rough: OpenPage, drilled: str) -> None:
    """First what would go; then progress; then the plan shows none of them."""
    page = open_rough(f"#/plans/{drilled}")
    expect(page.locator(".launch .kind").first).to_have_text("Drill")
    page.get_by_role("button", name="Terminate …").first.click()
    dialog = page.get_by_role("dialog", name=re.compile("Terminate instances of"))
    going = dialog.get_by_role("heading", name=re.compile(r"\d+ instances will be terminated"))
    expect(going).to_be_visible()
    count = int(going.inner_text().split()[0])
    expect(dialog.locator(".goes li")).to_have_count(count)
    expect(dialog.locator("input")).to_have_count(0)
    dialog.get_by_role("button", name=f"Terminate {count} instances").click()
    expect(dialog.get_by_text(re.compile(rf"\d+ of {count} instances terminated"))).to_be_visible(
        timeout=JOB_MS
    )
    expect(dialog.get_by_text("DRS is done: all of them are terminated.")).to_be_visible(
        timeout=JOB_MS
    )
    page.keyboard.press("Escape")
    expect(page.locator(".tile[data-bucket=drill] strong")).to_have_text("0")
    expect(page.locator(".launch")).to_have_count(0)


def test_a_real_recovery_needs_a_typed_confirmation(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """The button stays off until exactly the words are there;
    Escape leaves everything as it was.
    """
    page = open_rough(f"#/plans/{plan_with(rough, drills=False)}")
    before = page.locator(".tile[data-bucket=recovery] strong").inner_text()
    page.get_by_role("button", name="Terminate …").first.click()
    dialog = page.get_by_role("dialog", name=re.compile("Terminate instances of"))
    expect(dialog.get_by_role("alert")).to_contain_text("a real recovery may be serving production")
    button = dialog.get_by_role("button", name=re.compile(r"Terminate \d+ instances"))
    expect(button).to_be_disabled()
    phrase = dialog.locator("code").inner_text()
    field = dialog.get_by_label(re.compile("to confirm"))
    field.fill(phrase[:-1])
    expect(button).to_be_disabled()
    field.fill(phrase)
    expect(button).to_be_enabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Terminate …").first).to_be_focused()
    page.reload()
    expect(page.locator(".tile[data-bucket=recovery] strong")).to_have_text(before)


def test_what_is_refused_is_listed_with_its_reason(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """One instance is in a failback: it stays, the others would go."""
    plan_id = plan_with(rough, drills=False)
    server = next(
        item
        for item in rough.plan_page(plan_id).body["existingInstances"]
        if item["sourceExecutionId"] and not item["isDrill"]
    )
    path = f"places/{server['accountId']}/{server['region']}"
    found = rough.stack.standin.call("GET", path)["recoveryInstances"]
    (instance,) = (it for it in found if it["recoveryInstanceID"] == server["recoveryInstanceId"])
    failing_back = instance | {"failback": {"state": "FAILBACK_IN_PROGRESS"}}
    rough.stack.standin.call("PUT", path, {"recoveryInstances": [failing_back]})
    page = open_rough(f"#/executions/{server['sourceExecutionId']}", ready=".wave")
    page.get_by_role("button", name="Terminate …").click()
    refused = page.get_by_role("dialog").locator(".stays li")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text(server["ec2InstanceId"])
    expect(refused).to_contain_text("a failback of it is under way or done")
    rough.stack.standin.call("PUT", path, {"recoveryInstances": [instance]})


def test_a_drill_over_a_real_recovery_shows_what_it_would_destroy(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """Every instance by name and id, and a typed confirmation."""
    plan_id = plan_with(rough, drills=False)
    items = rough.plan_page(plan_id).body["existingInstances"]
    page = open_rough(f"#/plans/{plan_id}")
    dialog = start_drill(page)
    expect(
        dialog.get_by_role("heading", name=f"{len(items)} instances will be destroyed")
    ).to_be_visible()
    listed = dialog.locator(".goes li .mono").all_text_contents()
    assert sorted(listed) == sorted(item["ec2InstanceId"] for item in items)
    go = dialog.get_by_role("button", name="Replace and run drill")
    expect(go).to_be_disabled()
    expect(dialog.get_by_label(re.compile("to confirm"))).to_be_in_viewport(ratio=1)
    dialog.get_by_label(re.compile("to confirm")).fill(f"replace {len(items)}")
    expect(go).to_be_enabled()
    dialog.get_by_role("button", name="Cancel").click()
    assert rough.plan_page(plan_id).body["existingInstances"] == items


def test_what_drs_knows_beyond_the_confirmed_stops_the_drill(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """An instance appears between the dialog and the start:
    nothing is launched, the dialog asks again.
    """
    plan_id = plan_with(rough, drills=True)
    page = open_rough(f"#/plans/{plan_id}")
    known = rough.plan_page(plan_id).body

    def without_the_last(route: object) -> None:
        """An older answer: one instance fewer than there is."""
        short = {**known, "existingInstances": known["existingInstances"][:-1]}
        route.fulfill(json=short)  # type: ignore[attr-defined]

    page.route("**/check-existing-instances", without_the_last)
    dialog = start_drill(page)
    dialog.get_by_role("button", name="Replace and run drill").click()
    expect(dialog.get_by_role("alert")).to_contain_text(
        "DRS knows of more than was shown here. Nothing was started"
    )
    expect(dialog.locator(".goes li")).to_have_count(len(known["existingInstances"]))
    assert rough.plan_page(plan_id).body["existingInstances"] == known["existingInstances"]


def test_a_drill_is_followed_from_wave_to_wave(open_rough: OpenPage, rough: FaultyStack) -> None:
    """Confirmed, started, launched; then the plan shows the new
    instances as drills of this execution.
    """
    plan_id = plan_with(rough, drills=True)
    before = {item["ec2InstanceId"] for item in rough.plan_page(plan_id).body["existingInstances"]}
    page = open_rough(f"#/plans/{plan_id}")
    start_drill(page).get_by_role("button", name="Replace and run drill").click()
    page.wait_for_url("**/#/executions/*", timeout=JOB_MS)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Drill")
    expect(page.locator(".summary .status")).to_have_text("Completed", timeout=3 * JOB_MS)
    waves = page.locator(".wave > h2 .status")
    assert set(waves.all_text_contents()) == {"Completed"}
    assert set(page.locator(".launch-states .status").all_text_contents()) == {"Launched"}
    execution = page.url.rsplit("/", 1)[1]
    page.locator(".crumbs a").last.click()
    expect(page.locator(f".launch a[title='{execution}']")).to_be_visible()
    after = {item["ec2InstanceId"] for item in rough.plan_page(plan_id).body["existingInstances"]}
    assert after
    assert after.isdisjoint(before)


def test_a_recovery_is_run_once_the_words_are_typed(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """Over earlier recoveries: what is destroyed is listed, and which servers are not ready."""
    page = open_rough(f"#/plans/{plan_with(rough, drills=False)}")
    page.get_by_role("button", name="Run recovery").click()
    dialog = page.get_by_role("dialog", name=re.compile("Run recovery"))
    go = dialog.get_by_role("button", name="Replace and run recovery")
    expect(go).to_be_disabled()
    dialog.get_by_label(re.compile("to confirm")).fill(dialog.locator("code").inner_text())
    go.click()
    expect(page.locator("h1 .kind")).to_have_text("Real", timeout=JOB_MS)
    expect(page.locator(".view-head .status")).to_have_text("Completed", timeout=JOB_MS)
