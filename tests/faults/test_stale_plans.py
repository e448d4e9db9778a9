"""Plans that cannot be read again are served as they were, and do not use up the page's time."""

import json
from time import monotonic
from typing import Any

import pytest

from loadtests.faults_stack import FaultyStack, wrong
from services.api.http import Request
from services.platform import plans
from services.reads.pages import Pages
from services.settings import Settings
from services.wiring import PAGE, Wiring

CHECK = "/recovery-plans/{planId}/check-existing-instances"
PATIENCE = 3.0  # seconds a page may take, whatever is down


@pytest.fixture
def pages(faulty: FaultyStack, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """The page reads in this process, with every plan in memory and too old already."""
    for name, value in faulty.stack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(plans, "KEPT", 0.0)
    wiring = Wiring(Settings.from_env(), PAGE)
    pages = Pages(wiring.reader, wiring.plans, uncounted)
    ask(pages, "/recovery-plans")
    return pages


def uncounted(_: object) -> None:
    """Nobody counts here."""


def ask(pages: Pages, resource: str, plan_id: str = "") -> tuple[float, dict[str, Any]]:
    """Seconds and body of one page read."""
    began = monotonic()
    request = Request("GET", resource, {"planId": plan_id}, {}, {}, "", "")
    body = pages.routes["GET", resource](request).content()
    return monotonic() - began, json.loads(body)


def test_a_page_has_its_three_seconds_with_the_plans_own_read(
    faulty: FaultyStack, pages: Pages
) -> None:
    """Both tiers hang and the plan is old: the plan as last
    known, everything unknown, degraded, in time.
    """
    faulty.to_redis.black_hole()
    faulty.to_dynamodb.black_hole()
    for resource in (CHECK, "/recovery-plans"):
        seconds, body = ask(pages, resource, faulty.largest)
        assert seconds < PATIENCE
        assert (body.get("degraded"), body.get("hasExistingInstances")) == (True, None)


def test_a_hanging_table_is_asked_for_a_plan_once_not_on_every_page(
    faulty: FaultyStack, pages: Pages
) -> None:
    """Redis answers: pages are whole, degraded because the plan may
    have changed, and only the first of them waits.
    """
    faulty.to_dynamodb.black_hole()
    took = []
    for _ in range(3):
        seconds, body = ask(pages, CHECK, faulty.largest)
        took.append(seconds)
        assert wrong(body, faulty.servers_of(faulty.largest), faulty.world.expected) == []
        assert (body["unknownServerIds"], body["degraded"]) == ([], True)
    assert took[0] < PATIENCE
    assert max(took[1:]) < 0.3
