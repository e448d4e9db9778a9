"""From navigation to instances shown: read from the mirror, and live from DRS and EC2 as it was
before.

`python -m loadtests.page_time [--runs 7] [--svg FILE]` starts both stacks, one after the other,
with the seeded world (60 plans, more than 1,000 instances). Every AWS call takes 100 ms in both;
only the live one makes any while a page is shown. Prints the figures and draws them.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Error, sync_playwright

from loadtests.browser import launch
from loadtests.page_time_picture import draw
from local.stack import Stack

CALL_MS = 100
TIMEOUT_MS = 60_000
ESTATE = "plan-whole-estate"
# What is opened, and the row whose presence means that all of it is shown.
VIEWS = {
    "All 60 plans with their counts": ("#/", "table.plans tbody tr:nth-child(60)"),
    "One plan of 1,000 servers, each shown": (
        f"#/plans/{ESTATE}",
        "table.servers tbody tr:nth-child(1000)",
    ),
}
# Milliseconds from navigation until the frame that has the row is painted.
SHOWN = """selector => new Promise(done => {
    const look = () => document.querySelector(selector)
        ? setTimeout(() => done(performance.now()), 0)
        : requestAnimationFrame(look);
    look();
})"""


@dataclass(frozen=True)
class Figure:
    """Seconds by run, in order; a run that was not shown within the time limit counts as that."""

    view: str
    source: str
    seconds: list[float]

    @property
    def typical(self) -> float:
        """The median."""
        return median(self.seconds)


@contextmanager
def stack_reading(source: str) -> Iterator[Stack]:
    """A synced stack of its own that reads pages from there."""
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(Path(directory), schedule_seconds=0, read_from=source)
        stack.start()
        try:
            stack.sync()
            stack.standin.weather([*stack.world.weather, {"latencyMs": CALL_MS}])
            yield stack
        finally:
            stack.stop()


def time_to_shown(browser: Browser, url: str, selector: str) -> float:
    """Seconds from navigation to the row painted, in a fresh profile."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(url, wait_until="commit")
        page.wait_for_selector(selector, state="attached")
        return float(page.evaluate(SHOWN, selector)) / 1000
    except Error:
        return TIMEOUT_MS / 1000
    finally:
        context.close()


def measure(source: str, runs: int) -> list[Figure]:
    """Every view, warm: the first visit of each is not counted."""
    with stack_reading(source) as stack, sync_playwright() as playwright:
        browser = launch(playwright)
        figures = []
        for view, (address, selector) in VIEWS.items():
            times = [
                time_to_shown(browser, f"{stack.url}/{address}", selector) for _ in range(runs + 1)
            ]
            figures.append(Figure(view, source, times[1:]))
        browser.close()
        return figures


def main() -> None:
    """Measures, prints, draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="visits of each view that count")
    parser.add_argument("--svg", type=Path, help="where to draw it")
    arguments = parser.parse_args()
    figures = [
        figure for source in ("live", "mirror") for figure in measure(source, arguments.runs)
    ]
    for it in figures:
        f"{min(it.seconds):.2f} to {max(it.seconds):.2f}"
    if arguments.svg:
        arguments.svg.write_text(draw({(it.view, it.source): it.typical for it in figures}))


if __name__ == "__main__":
    main()
