"""What an operator sees while something is down: never a false "none", never a blank page."""

import re

from playwright.sync_api import Page, expect

from loadtests.faults_stack import FaultyStack

from .conftest import READ_CELLS, OpenPage, come_back

NUMBERS = ("Running", "Stopped", "Pending", "Other", "None", "Unknown")


def numbers(page: Page) -> list[tuple[str, ...]]:
    """The counts of every plan on screen."""
    rows: list[dict[str, str]] = page.eval_on_selector_all("table.plans tbody tr", READ_CELLS)
    return [tuple(row[name] for name in NUMBERS) for row in rows]


def test_without_redis_the_page_is_whole(open_rough: OpenPage, rough: FaultyStack) -> None:
    """The table answers; nothing is unknown, nothing is greyed."""
    page = open_rough()
    before = numbers(page)
    rough.to_redis.refuse()
    page.reload()
    expect(page.locator("table.plans tbody tr")).to_have_count(len(before))
    assert numbers(page) == before
    expect(page.locator(".notice.info")).to_have_count(0)
    expect(page.locator("#content")).not_to_have_attribute("data-stale", "")


def test_without_dynamodb_the_page_goes_on(open_rough: OpenPage, rough: FaultyStack) -> None:
    """The mirror answers; the numbers stay."""
    page = open_rough()
    before = numbers(page)
    rough.to_dynamodb.refuse()
    with page.expect_response(lambda answer: "/recovery-plans" in answer.url) as answered:
        come_back(page)
    assert answered.value.ok
    assert numbers(page) == before


def test_without_both_everything_is_unknown_and_nothing_none(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """A word, an icon and a colour of its own, in the list and in a plan."""
    page = open_rough()
    sizes = [sum(map(int, row)) for row in numbers(page)]
    rough.to_redis.refuse()
    rough.to_dynamodb.refuse()
    come_back(page)
    expect(page.locator("table.plans .count[data-bucket=unknown]:not(.zero)")).to_have_count(
        len(sizes)
    )
    expect(page.get_by_text("Not everything could be read.")).to_be_visible()
    assert numbers(page) == [("0", "0", "0", "0", "0", str(size)) for size in sizes]
    page.locator("table.plans a").first.click()
    states = page.locator("table.servers .state")
    expect(states).to_have_count(sizes[0])
    assert set(states.all_text_contents()) == {"Unknown"}
    unknown = states.first
    expect(unknown.locator(".icon-unknown")).to_be_visible()
    expect(unknown).to_have_attribute(
        "title", "Could not look: this server may have a recovery instance"
    )


def test_a_place_that_goes_down_is_named_and_keeps_what_was_known(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """After a sync that could not reach it."""
    # An earlier test's wave may have been looked at while its last instance booted: pending then,
    # running now.
    rough.stack.standin.call("POST", "clock", {"advanceSeconds": 7200})
    rough.stack.sync()
    page = open_rough()
    before = numbers(page)
    account, region = next(
        (a, r) for (a, r), it in rough.world.places.items() if it.get("recoveryInstances")
    )
    rough.stack.standin.weather(
        [*rough.world.weather, {"accountId": account, "region": region, "outage": "503"}]
    )
    rough.stack.sync()
    come_back(page)
    expect(page.locator(".notice.warn li", has_text=f"{account} · {region}")).to_contain_text(
        "last looked at"
    )
    assert numbers(page) == before
    rough.stack.standin.weather(rough.world.weather)
    rough.stack.sync()
    come_back(page)
    expect(page.locator(".notice.warn li", has_text=f"{account} · {region}")).to_have_count(0)


def test_a_failed_refresh_keeps_the_last_data_greyed_and_dated(open_rough: OpenPage) -> None:
    """And says so, to screen readers too, until it works again."""
    page = open_rough()
    before = numbers(page)
    page.context.set_offline(True)
    come_back(page)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Refreshing failed. The service cannot be reached.")
    expect(alert).to_contain_text(
        re.compile(r"What you see was loaded at \d\d:\d\d:\d\d \(\d+ s ago\)")
    )
    expect(page.locator("#content")).to_have_attribute("data-stale", "")
    assert page.locator(".view").evaluate("node => getComputedStyle(node).filter") == "grayscale(1)"
    assert numbers(page) == before
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(alert).to_have_count(0)
    expect(page.locator("#content")).not_to_have_attribute("data-stale", "")


def test_a_page_that_never_loaded_says_so_and_comes_up_later(
    open_rough: OpenPage, rough: FaultyStack
) -> None:
    """Its files are there, the API is not."""
    page = open_rough()
    page.route("**/recovery-plans*", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Nothing has been loaded yet.")
    page.unroute("**/recovery-plans*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("table.plans tbody tr")).to_have_count(len(rough.world.recovery_plans))
