"""Takes the pictures of the page that the documentation shows:
`python scripts/page_pictures.py` (needs Chromium).
"""

import json
import sys
import tempfile
from pathlib import Path
from time import sleep

from playwright.sync_api import Browser, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from loadtests.browser import launch  # noqa: E402  after the path is set
from loadtests.faults_stack import FaultyStack  # noqa: E402
from local.world import make_world  # noqa: E402

IMAGES = REPOSITORY / "docs" / "images"
PLAN = "plan-005"  # a real recovery
DRILLED = "plan-004"
DESK, TABLET, PHONE = (1440, 900), (900, 900), (390, 844)
SCREENS = [
    ("desk", DESK, "light"),
    ("desk-dark", DESK, "dark"),
    ("tablet", TABLET, "light"),
    ("phone", PHONE, "dark"),
]


def visit(browser: Browser, url: str, size: tuple[int, int], theme: str) -> Page:
    """The view at `url`, drawn."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale="en-GB",
        timezone_id="Europe/Berlin"
    )  # fmt: skip
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("tbody tr")
    return page


def keep(page: Page, name: str) -> None:
    """Saves what is on screen once nothing moves any more."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")
    page.context.close()


def drill(stack: FaultyStack) -> str:
    """The execution whose report is shown, once it is over."""
    body = {"planId": DRILLED, "executionType": "DRILL", "replaceExisting": True}
    started = stack.request("POST", "/executions", json.dumps(body))
    execution_id = str(started.body["executionId"])
    while "endTime" not in stack.get(f"/executions/{execution_id}").body:
        sleep(0.5)
    return execution_id


def take(browser: Browser, stack: FaultyStack) -> None:
    """All pictures; the last ones break the stack."""
    url = stack.stack.url
    for name, size, theme in SCREENS:
        keep(visit(browser, f"{url}/#/", size, theme), f"plans-{name}")
        keep(visit(browser, f"{url}/#/plans/{PLAN}", size, theme), f"plan-{name}")
    keep(visit(browser, f"{url}/#/leftovers", DESK, "light"), "leftovers")
    keep(visit(browser, f"{url}/#/executions/{drill(stack)}/report", DESK, "light"), "report")
    keep(visit(browser, f"{url}/#/servers", DESK, "light"), "servers")
    page = visit(browser, f"{url}/#/plans/{PLAN}", DESK, "light")
    page.get_by_role("button", name="Run drill").click()
    page.get_by_label("to confirm").wait_for()
    page.get_by_text("servers not ready").scroll_into_view_if_needed()
    keep(page, "drill")
    page = visit(browser, f"{url}/#/", DESK, "light")
    stack.to_redis.refuse()
    stack.to_dynamodb.refuse()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("table.plans .count[data-bucket=unknown]:not(.zero)").first.wait_for()
    keep(page, "unknown")


def main() -> None:
    """Starts the stack with the whole seeded world, and takes them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        stack = FaultyStack(Path(directory), world=make_world())
        stack.stack.speed = 100
        stack.start()
        try:
            stack.lists()
            with sync_playwright() as playwright:
                take(launch(playwright), stack)
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
