"""A thousand instances: drawn within a second, and smooth from then on."""

from playwright.sync_api import Page

from .conftest import OpenPage

PLAN = "plan-whole-estate"

# From the answer's last byte until the browser has painted the rows.
DRAWN = """() => new Promise(done => requestAnimationFrame(() => setTimeout(() => {
    const answers = performance.getEntriesByType("resource").filter(it => it.name.includes("recovery-plans"));
    done(performance.now() - Math.max(...answers.map(it => it.responseEnd)));
}, 0)))"""

# Until the browser has painted what a person did.
AFTER = """async act => {
    const began = performance.now();
    await eval(act)();
    await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
    return performance.now() - began;
}"""


def milliseconds(page: Page, act: str) -> float:
    """How long this JavaScript takes until it is on screen."""
    return float(page.evaluate(AFTER, act))


def test_a_thousand_instances_are_drawn_within_a_second(open_page: OpenPage) -> None:
    """The best of three: other work on the machine is not the page's."""
    times = []
    for _ in range(3):
        page = open_page(f"#/plans/{PLAN}", ready="table.servers tbody tr:nth-child(1000)")
        times.append(float(page.evaluate(DRAWN)))
        page.context.close()
    assert min(times) < 1000, times


def test_filtering_and_sorting_a_thousand_stays_smooth(open_page: OpenPage) -> None:
    """A tenth of a second is what feels immediate; twice that on a machine busy with other tests."""
    page = open_page(f"#/plans/{PLAN}", ready="table.servers tbody tr:nth-child(1000)")
    filtered = """() => {
        const field = document.querySelector('.server-list input');
        field.value = field.value ? '' : 'running us-east-1';
        field.dispatchEvent(new Event('input'));
    }"""
    assert min(milliseconds(page, filtered) for _ in range(4)) < 200
    sort = "() => document.querySelectorAll('table.servers .sort')[2].click()"
    assert min(milliseconds(page, sort) for _ in range(4)) < 200
