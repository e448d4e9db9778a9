"""Sync now: progress of each place while it runs, its outcome afterwards."""

import re

from playwright.sync_api import expect

from loadtests.faults_stack import FaultyStack

from .conftest import OpenPage

STATUS = "**/drs/recovery-instance-sync/status"


def make_slow(rough: FaultyStack) -> None:
    """A sync takes long enough to be seen on the way, on however busy a machine."""
    rough.stack.standin.weather([*rough.world.weather, {"latencyMs": 2_000}])


def test_sync_shows_each_place_until_all_are_done(open_rough: OpenPage, rough: FaultyStack) -> None:
    """Looking, then looked at, with counts; the denied one
    with its reason; then the page is fresh.
    """
    make_slow(rough)
    page = open_rough()
    seen_before = page.locator("#freshness time").first.get_attribute("datetime")
    # Stamps are whole seconds: a sync within the same one could not show.
    page.wait_for_function("seen => Date.now() - Date.parse(seen) > 1000", arg=seen_before)
    page.get_by_role("button", name="Sync now").click()
    dialog = page.get_by_role("dialog", name="Places")
    expect(dialog.get_by_text("Looking …").first).to_be_visible()
    expect(dialog.get_by_text(re.compile(r"\d of 5 places"))).to_be_visible()
    expect(page.locator("#sync-button")).to_have_text(re.compile(r"Syncing \d of 5"))
    rough.stack.standin.weather(rough.world.weather)
    expect(dialog.get_by_text(re.compile("Last sync: .* 1 place failed"))).to_be_visible()
    expect(dialog.locator("li.seen")).to_have_count(4)
    failed = dialog.locator("li.failed")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("Access denied")
    expect(failed).to_contain_text("is not authorized to perform")
    expect(page.locator("#freshness time").first).not_to_have_attribute(
        "datetime", seen_before or ""
    )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#sync-button")).to_be_focused()
    expect(page.locator("#sync-button")).to_have_text("Sync now")


def test_a_sync_somebody_else_started_is_followed(open_rough: OpenPage, rough: FaultyStack) -> None:
    """Two pages: one starts it, the other shows it after its next refresh."""
    make_slow(rough)
    mine, other = open_rough(), open_rough()
    mine.get_by_role("button", name="Sync now").click()
    expect(mine.locator("#sync-button")).to_have_text(re.compile(r"Syncing \d of 5"))
    other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(other.locator("#sync-button")).to_have_text(re.compile(r"Syncing \d of 5"))
    rough.stack.standin.weather(rough.world.weather)
    expect(other.locator("#sync-button")).to_have_text("Sync now")
    expect(mine.locator("#sync-button")).to_have_text("Sync now")


def test_progress_that_cannot_be_read_is_no_failed_sync(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """It says so while the sync goes on, and takes it back when the progress can be read again."""
    make_slow(rough)
    page = open_rough()
    page.route(STATUS, lambda route: route.abort())
    page.get_by_role("button", name="Sync now").click()
    dialog = page.get_by_role("dialog", name="Places")
    expect(dialog.get_by_text("How the sync does cannot be read")).to_be_visible()
    page.unroute(STATUS)
    expect(dialog.get_by_text("Looking …").first).to_be_visible()
    rough.stack.standin.weather(rough.world.weather)
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.get_by_text(re.compile("Last sync: .* 1 place failed"))).to_be_visible()
