"""Without sight, without a mouse, in the dark, on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from .conftest import OpenPage, come_back

THEMES = ["light", "dark"]
WIDTHS = [1440, 900, 390]
# Past the last control of a modal dialog the focus is the browser's own, and then the first one
# again.
IN_DIALOG = (
    "[document.body, ...document.querySelectorAll('dialog *')].includes(document.activeElement)"
)


def assert_no_barriers(page: Page) -> None:
    """axe finds nothing, serious or not."""
    found = Axe().run(page).response["violations"]
    assert [
        (it["impact"], it["id"], [node["target"] for node in it["nodes"]][:3]) for it in found
    ] == []


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_on_the_views(open_rough: OpenPage, theme: str) -> None:
    """Plans, the places, a plan, its drill dialog; on a
    phone; and greyed after a failed refresh.
    """
    page = open_rough(color_scheme=theme)
    assert_no_barriers(page)
    page.get_by_role("button", name=re.compile("places")).click()
    expect(page.get_by_role("dialog", name="Places").locator("li").first).to_be_visible()
    assert_no_barriers(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Leftovers").click()
    expect(page.locator("table.leftovers tbody tr").first).to_be_visible()
    assert_no_barriers(page)
    page.get_by_role("link", name="Plans", exact=True).click()
    page.locator("table.plans a").first.click()
    expect(page.locator("table.servers tbody tr").first).to_be_visible()
    assert_no_barriers(page)
    page.get_by_role("button", name="Run drill").click()
    expect(page.get_by_role("dialog").get_by_text("will be destroyed").first).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert_no_barriers(page)
    page.keyboard.press("Escape")
    page.locator(".launch a").first.click()
    page.get_by_role("link", name="Report").click()
    expect(page.locator("table.report").first).to_be_visible()
    assert_no_barriers(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    assert_no_barriers(page)
    page.context.set_offline(True)
    come_back(page)
    expect(page.locator("#content")).to_have_attribute("data-stale", "")
    assert_no_barriers(page)


@pytest.mark.parametrize("address", ["#/", "#/plans/plan-003", "#/servers", "#/leftovers"])
def test_nothing_overflows_sideways(open_page: OpenPage, address: str) -> None:
    """At no width does the page itself scroll from left to right."""
    page = open_page(address)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def test_a_plan_can_be_opened_and_left_with_the_keyboard(open_page: OpenPage) -> None:
    """The skip link, then the filter, the tiles, the heads, the
    first plan; its dialog keeps the focus inside.
    """
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Filter plans")).to_be_focused()
    page.keyboard.type("warehouse")
    page.locator("table.plans tbody tr:not([hidden]) a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    drill = page.get_by_role("button", name="Run drill")
    expect(
        drill
    ).to_be_enabled()  # it is disabled, and takes no focus, until the plan's instances are known
    drill.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(IN_DIALOG)
    page.keyboard.press("Escape")
    expect(drill).to_be_focused()


def test_screen_readers_hear_what_changes(open_page: OpenPage) -> None:
    """How many a filter leaves; tables keep their roles although they are laid out as grids."""
    page = open_page()
    page.get_by_label("Filter plans").fill("warehouse")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"\d+ plans? shown"))
    table = page.get_by_role("table", name="Recovery plans")
    expect(table.get_by_role("columnheader")).to_have_count(12)
    assert table.get_by_role("row").count() > 1
