"""Leftovers: the drill instances that still exist, how old they are, and what they cost about."""

from typing import Any

import pytest

from cache.values import to_millis
from services.reads.leftovers import leftovers_body
from services.reads.prices import hourly_price

AT = to_millis("2026-11-11T00:00:00Z")


def item(**members: Any) -> dict[str, Any]:
    """An item of existingInstances: a drill's m5.large that has run for ten days."""
    return {
        "sourceServerId": "s-1",
        "ec2InstanceState": "running",
        "instanceType": "m5.large",
        "launchTime": "2026-11-01T00:00:00Z",
        "sourceExecutionId": "exec-1",
        "sourcePlanName": "Shop",
        "isDrill": True,
    } | members


@pytest.mark.parametrize(
    ("instance_type", "price"),
    [
        ("t3.nano", 0.0052), ("t3.medium", 0.0416), ("m5.large", 0.096), ("m5.xlarge", 0.192),
        ("r5.24xlarge", 6.048), ("c7g.medium", 0.03625), ("m5.metal", None), ("p9.large", None),
        ("unknown", None), ("m5.²xlarge", None), ("", None),
    ],
)  # fmt: skip
def test_a_price_is_a_multiple_of_the_familys_large(
    instance_type: str, price: float | None
) -> None:
    """A type that the table does not have has no price, and no guess."""
    assert hourly_price(instance_type) == (None if price is None else pytest.approx(price))


def test_each_drill_instance_says_its_age_hours_and_cost() -> None:
    """What is stopped costs nothing here, and what has no price is in no estimate but counted."""
    body = leftovers_body(
        [item(), item(ec2InstanceState="stopped"), item(instanceType="p9.huge")], AT, 7
    )
    (group,) = body["groups"]
    hours = [it["instanceHours"] for it in group["instances"]]
    assert hours == [240.0, 0.0, 240.0]
    assert [it["estimatedCost"] for it in group["instances"]] == [23.04, 0.0, None]
    assert (body["estimatedCost"], body["unpriced"]) == (23.04, 1)
    assert (body["instanceCount"], body["running"], body["stopped"]) == (3, 2, 1)
    assert group["instanceTypes"] == {"m5.large": 2, "p9.huge": 1}


def test_recoveries_are_no_leftovers_and_the_unclear_are_counted() -> None:
    """Real recoveries serve production; nobody may be told to clean those up."""
    body = leftovers_body([item(isDrill=False), item(isDrill=None)], AT, 7)
    assert (body["groups"], body["instanceCount"], body["unclear"]) == ([], 0, 1)
    assert body["oldestLaunch"] is None


def test_executions_come_oldest_first_and_unattributed_ones_are_a_group() -> None:
    """So that what costs most is seen first."""
    young = item(sourceExecutionId="exec-2", launchTime="2026-11-10T00:00:00Z")
    lost = item(sourceExecutionId=None, sourcePlanName=None, launchTime="2026-10-01T00:00:00Z")
    body = leftovers_body([young, item(), lost], AT, 7)
    assert [group["executionId"] for group in body["groups"]] == [None, "exec-1", "exec-2"]
    assert body["tooOld"] == 2
    assert leftovers_body([young], AT, 0.5)["tooOld"] == 1


def test_an_instance_that_starts_tomorrow_is_no_time_old() -> None:
    """Clocks differ."""
    body = leftovers_body([item(launchTime="2026-11-12T00:00:00Z")], AT, 7)
    assert (body["instanceHours"], body["groups"][0]["instances"][0]["ageDays"]) == (0.0, 0.0)
