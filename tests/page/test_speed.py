"""A thousand instances: drawn with less than a second of work, and smooth from then on.

Measured is the time that the page's main thread works, by its own clock: the machine runs other
tests beside this one. From the navigation to the picture, with all the waiting,
`loadtests/page_time.py` measures.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, Page

from .conftest import OpenPage

READY = "table.servers tbody tr:nth-child(1000)"
PAINTED = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))"


@pytest.fixture
def estate(open_page: OpenPage) -> Page:
    """The plan of a thousand servers, drawn."""
    return open_page("#/plans/plan-whole-estate", ready=READY)


def clock_of(page: Page) -> CDPSession:
    """A session that tells how long the main thread has worked."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return session


def worked(session: CDPSession) -> float:
    """Seconds of work of the main thread so far: scripts, styles, layout, painting."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(it["value"] for it in metrics if it["name"] == "TaskDuration"))


def cost(page: Page, act: Callable[[], object]) -> float:
    """Seconds of work until what was done is painted."""
    session = clock_of(page)
    page.evaluate(PAINTED)  # what came before is over
    before = worked(session)
    act()
    page.evaluate(PAINTED)
    return worked(session) - before


def test_a_thousand_instances_are_drawn_within_a_second(estate: Page) -> None:
    """From leaving the list for the plan until all of its rows are painted."""
    estate.evaluate("location.hash = '#/'")
    estate.wait_for_selector("table.plans tbody tr")

    def open_plan() -> None:
        estate.evaluate("location.hash = '#/plans/plan-whole-estate'")
        estate.wait_for_selector(READY)

    assert cost(estate, open_plan) < 1


TYPE = """text => {
    const field = document.querySelector(".server-list input");
    field.value = text;
    field.dispatchEvent(new Event("input"));
}"""
SORT = "column => document.querySelectorAll('table.servers .sort')[column].click()"


@pytest.mark.parametrize(("act", "argument"), [(TYPE, "running us-east-1"), (SORT, 2), (SORT, 7)])
def test_filtering_and_sorting_a_thousand_stays_smooth(
    estate: Page, act: str, argument: object
) -> None:
    """Two tenths of a second at most, while a person types or sorts."""
    assert cost(estate, lambda: estate.evaluate(act, argument)) < 0.2
