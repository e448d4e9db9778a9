"""Drill instances that still exist: AWS cleans up nothing after a
drill, and a forgotten one costs money every hour.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cache.values import to_millis
from services.reads.prices import PRICES_ARE, PRICES_AS_OF, hourly_price

type Item = Mapping[str, Any]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OLDER_THAN_DAYS = 7
_COST_NOTHING = {"stopped", "stopping"}  # but their disks do


def leftovers_body(items: Iterable[Item], at: int, older_than_days: float) -> dict[str, Any]:
    """All drill instances among these items of `existingInstances`, by execution, the oldest first;
    `at` is epoch ms.

    Hours count since EC2's last start of the instance, which is all that is known; what is stopped
    costs nothing here. Items that DRS calls neither drill nor recovery are counted, not listed.
    """
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    unclear = 0
    for item in items:
        if item["isDrill"] is True:
            groups[item["sourceExecutionId"] or ""].append(_leftover(item, at))
        unclear += item["isDrill"] is None
    found = [_group(execution_id, members) for execution_id, members in groups.items()]
    found.sort(key=lambda group: str(group["oldestLaunch"]))
    everything = [member for members in groups.values() for member in members]
    return {
        **_sums(everything),
        "tooOld": sum(it["ageDays"] > older_than_days for it in everything),
        "olderThanDays": older_than_days,
        "unclear": unclear,
        "groups": found,
        "prices": {"asOf": PRICES_AS_OF, "what": PRICES_ARE},
    }


def _leftover(item: Item, at: int) -> dict[str, Any]:
    hours = max(0.0, (at - to_millis(item["launchTime"])) / HOUR_MS)
    price = hourly_price(item["instanceType"])
    runs = item["ec2InstanceState"] not in _COST_NOTHING
    cost = None if price is None else round(price * hours, 2) if runs else 0.0
    return {
        **item,
        "ageDays": round(hours / 24, 1),
        "instanceHours": round(hours, 1) if runs else 0.0,
        "estimatedCost": cost,
    }


def _group(execution_id: str, members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ordered = sorted(members, key=lambda it: str(it["launchTime"]))
    types: defaultdict[str, int] = defaultdict(int)
    for member in ordered:
        types[member["instanceType"]] += 1
    return {
        "executionId": execution_id or None,
        "planName": next((it["sourcePlanName"] for it in ordered if it["sourcePlanName"]), None),
        **_sums(ordered),
        "instanceTypes": dict(sorted(types.items())),
        "instances": ordered,
    }


def _sums(members: Sequence[Item]) -> dict[str, Any]:
    """`unpriced` instances are in no estimate."""
    stopped = sum(it["ec2InstanceState"] in _COST_NOTHING for it in members)
    costs = [it["estimatedCost"] for it in members]
    return {
        "instanceCount": len(members),
        "running": len(members) - stopped,
        "stopped": stopped,
        "oldestLaunch": min((str(it["launchTime"]) for it in members), default=None),
        "instanceHours": round(sum(it["instanceHours"] for it in members), 1),
        "estimatedCost": round(sum(cost for cost in costs if cost is not None), 2),
        "unpriced": costs.count(None),
    }
