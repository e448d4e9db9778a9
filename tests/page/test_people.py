"""The page offers what the person signed in may do, and what
a person must decide about an execution.
"""

import json
import time

import pytest
import urllib3
from playwright.sync_api import Page, expect

from cache.values import now
from loadtests.faults_stack import FaultyStack
from local import functions
from local.users import COOKIE
from services.platform.execution import Approval, Execution, Status, Wave
from services.platform.executions import Executions

from .conftest import OpenPage

LONG_AGO = "2026-01-01T00:00:00Z"


def as_person(rough: FaultyStack, name: str) -> dict[str, object]:
    """The options of a browser in which this person is signed in."""
    cookie = {"name": COOKIE, "value": name, "url": rough.stack.url}
    return {"storage_state": {"cookies": [cookie], "origins": []}}


def begun(rough: FaultyStack, **members: object) -> str:
    """An execution that nobody drives; its id."""
    table, turns = (functions.TABLES[it] for it in ("execution-history", "sync-status"))
    execution = Execution(
        execution_id=f"e-{time.time_ns()}",
        plan_id=f"plan-{time.time_ns()}",
        plan_name="Payroll",
        execution_type="RECOVERY",
        revision=0,
        start_time=now(),
        waves=[Wave(wave_number=1, wave_name="Databases", server_ids=[])],
        **members,
    )
    executions = Executions(rough.stack.client("dynamodb"), table, turns)
    executions.begin(execution, lambda _: None)
    return execution.execution_id


@pytest.mark.parametrize(
    ("name", "offered"), [("vera", False), ("anna", False), ("olga", True), ("you", True)]
)
def test_whoever_may_only_see_is_offered_no_more(
    open_rough: OpenPage, rough: FaultyStack, name: str, offered: bool
) -> None:
    """And is named; the API refuses the same, with a clear sentence."""
    page: Page = open_rough("#/", **as_person(rough, name))
    expect(page.locator("#who")).to_have_text(name)
    expect(page.get_by_role("button", name="Sync now")).to_be_visible(visible=offered)
    page.locator("tbody tr a").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Run drill")).to_be_visible(visible=offered)
    reply = urllib3.request(
        "POST",
        f"{rough.stack.url}/executions",
        body=json.dumps({"planId": "none", "executionType": "DRILL"}),
        headers={"cookie": f"{COOKIE}={name}"},
    )
    assert reply.status == (404 if offered else 403)
    assert offered or "needs the role operator" in reply.json()["message"]


def test_details_older_than_their_look_are_said_to_be(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """EC2 is denied in one account: the look counts, its details do not look fresh."""
    places = rough.world.places
    account, region = max(places, key=lambda it: len(places[it].get("recoveryInstances", ())))
    rule = {"accountId": account, "region": region, "service": "ec2", "deny": True}
    rough.stack.standin.weather([rule, *rough.world.weather])
    rough.stack.sync()
    page = open_rough("#/")
    notice = page.locator(".notice", has_text="are older than the look")
    expect(notice).to_contain_text(f"{account} · {region}")
    page = open_rough("#/servers")
    page.get_by_label("Filter servers").fill(account)
    expect(page.locator("tbody tr", has_text="details of").first).to_contain_text(account)
    rough.stack.standin.weather(rough.world.weather)
    rough.stack.sync()


def test_a_request_is_approved_by_another_person(open_rough: OpenPage, rough: FaultyStack) -> None:
    """Who asked sees that it waits, and is refused; an operator is not even offered the button."""
    approval = Approval(action="START", requested_by="you", requested_at=now())
    execution_id = begun(rough, status=Status.PAUSED, approval=approval)
    address, ready = f"#/executions/{execution_id}", ".decisions .notice"
    olga = open_rough(address, ready, **as_person(rough, "olga"))
    expect(olga.locator(ready)).to_contain_text("you asks to start this real recovery")
    expect(olga.get_by_role("button", name="Approve")).to_be_hidden()
    asking = open_rough(address, ready, **as_person(rough, "you"))
    asking.get_by_role("button", name="Approve").click()
    expect(asking.locator(".toast")).to_contain_text("a second person approves it")
    anna = open_rough(address, ready, **as_person(rough, "anna"))
    anna.get_by_role("button", name="Approve").click()
    expect(anna.locator(".toast")).to_contain_text("Approved")
    expect(anna.locator(".summary")).to_contain_text("approved by anna")


def test_what_nobody_drives_is_said_and_can_be_ended(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """By force, with a confirmation."""
    execution_id = begun(rough, status=Status.RUNNING, driven_at=LONG_AGO)
    page = open_rough(f"#/executions/{execution_id}", ".decisions .notice")
    expect(page.locator(".decisions")).to_contain_text("Nobody drives this execution")
    page.get_by_role("button", name="Cancel by force").click()
    dialog = page.get_by_role("dialog", name="Cancel by force")
    go = dialog.get_by_role("button", name="Cancel by force", exact=True)
    expect(go).to_be_disabled()
    dialog.locator("input").fill("cancel by force")
    go.click()
    expect(page.locator(".decisions .notice")).to_have_count(0)
    expect(page.locator(".summary .status").first).to_have_text("Cancelled")
