"""A real Chromium on the local stack.

In CI a missing browser is a failure, elsewhere a skip that says so.
"""

import os
from collections.abc import Callable, Iterator
from time import monotonic, sleep

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from loadtests.browser import find_chromium, launch
from loadtests.faults_stack import FaultyStack
from local.stack import Stack
from local.world import make_world

# Rows of a table: column title to the lines in its cell. (`innerText` is empty for rows out of
# sight.)
READ_CELLS = """rows => rows.map(row => Object.fromEntries([...row.cells].map(
    cell => [cell.dataset.label, [...cell.children].map(node => node.textContent).join("\\n")])))"""

type OpenPage = Callable[..., Page]


PATIENCE_MS = 15_000
WELL_WITHIN = 15.0  # seconds in which a mended stack must be whole again


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything that drives the browser is marked so; what changes a
    world shares one process and one small stack.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if "rough" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.xdist_group("page"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium.

    Not for the whole session: Playwright's loop would be in the way of other tests' own loops.
    """
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium, and the page's tests may not be skipped in CI")
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


class Watch:
    """What a page does that it should not: script errors,
    refused content, requests to other origins.
    """

    def __init__(self, origin: str) -> None:
        self.faults: list[str] = []
        self._origin = origin

    def on_page(self, page: Page) -> None:
        """Listens to everything the page says."""
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium reports answers with an error status here; the page itself tells people about
        # those.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._origin}/", "blob:")):
            self.faults.append(f"request to {request.url}")


@pytest.fixture(scope="session")
def rough_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyStack]:
    """Started once and synced; its jobs run five hundred times as fast as those of DRS.

    Use `rough`.
    """
    rough = FaultyStack(
        tmp_path_factory.mktemp("page"), world=make_world(servers=120, places=3, plans=8)
    )
    rough.stack.speed = 500
    try:
        rough.start()
        yield rough
    finally:
        rough.stop()


@pytest.fixture
def rough(rough_stack: FaultyStack) -> Iterator[FaultyStack]:
    """A small stack for tests that break or change things.

    What is broken is mended; what is launched stays.
    """
    rough_stack.lists()
    yield rough_stack
    rough_stack.mend()
    _await_whole(rough_stack)
    # The table hides a mirror that some process still takes for lost: without it, every one shows.
    rough_stack.to_dynamodb.refuse()
    _await_whole(rough_stack)
    rough_stack.to_dynamodb.heal()
    _await_whole(rough_stack)


def _await_whole(stack: FaultyStack) -> None:
    """Until whichever process answers knows every server of every plan."""
    deadline = monotonic() + WELL_WITHIN
    while any(page.body.get("degraded", True) for page in stack.lists()):
        assert monotonic() < deadline, "the stack does not recover"
        sleep(0.1)


class Visitor:
    """Opens pages of one stack, each in a fresh profile, and remembers what goes wrong on them."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self._browser = browser
        self._origin = origin
        self._watch = Watch(origin)
        self._contexts: list[BrowserContext] = []

    def __call__(self, address: str = "#/", ready: str = "tbody tr", **options: object) -> Page:
        """The view at `address`, drawn; `options` are those of a browser context."""
        settings = {
            "viewport": {"width": 1440, "height": 900},
            "timezone_id": "Europe/Berlin",
            "locale": "en-GB",
        }
        context = self._browser.new_context(**(settings | options))
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        self._watch.on_page(page)
        page.goto(f"{self._origin}/{address}")
        page.wait_for_selector(ready)
        return page

    def leave(self) -> None:
        """AssertionError when anything went wrong on any page."""
        for context in self._contexts:
            context.close()
        assert self._watch.faults == []


def visit(browser: Browser, origin: str) -> Iterator[OpenPage]:
    """What opens views of the stack at this address; nothing may have gone wrong on them."""
    expect.set_options(timeout=PATIENCE_MS)
    visitor = Visitor(browser, origin)
    yield visitor
    visitor.leave()


@pytest.fixture
def open_page(browser: Browser, stack: Stack) -> Iterator[OpenPage]:
    """Opens a view of the seeded world."""
    yield from visit(browser, stack.url)


@pytest.fixture
def open_rough(browser: Browser, rough: FaultyStack) -> Iterator[OpenPage]:
    """Opens a view of the small stack that a test may break."""
    yield from visit(browser, rough.stack.url)


def come_back(page: Page) -> None:
    """What the page sees when somebody returns to its tab: it refreshes."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
