"""`check`: what would keep a launch of a plan from working."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import click

from services.cli.group import main
from services.cli.listing import Column, Listing
from services.cli.output import as_json, complain, out, say
from services.cli.plans import plan_of
from services.reads.servers import Servers
from services.wiring import Wiring

IDS_SHOWN = 5
SEVERITIES = ("critical", "warning", "unknown", "info")
FAILING = {
    "critical": ("critical",),
    "warning": ("critical", "warning"),
    "unknown": ("critical", "warning", "unknown"),
}


@main.command()
@click.argument("name", required=False, metavar="[PLAN]")
@click.option(
    "--fail-on",
    type=click.Choice(list(FAILING)),
    default="critical",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@as_json
@click.option("--wide", is_flag=True, help="Every finding of every plan, with servers.")
@click.pass_obj
def check(wiring: Wiring, name: str | None, fail_on: str, as_json: bool, wide: bool) -> None:
    """Check every plan, or PLAN (its id or name): servers that would not launch, places,
    quotas, launch settings.

    What was not looked at is unknown, never good or bad. A terminal is shown each plan's worst
    finding, and all of them of one plan.
    """
    plan_id = plan_of(wiring, name).plan_id if name else None
    plans = Servers(wiring.reader, wiring.plans, lambda _: None).check_all(plan_id)
    is_whole = name is not None or wide or not out.is_terminal
    if as_json:
        click.echo(json.dumps({"plans": plans}))
    else:
        plans.sort(key=_urgency)
        if is_whole:
            for plan in plans:
                _print(plan)
        else:
            worst_listing(plans).print(out)
            say("check PLAN names the servers of its findings; --wide those of all.")
        clean = sum(not plan["findings"] for plan in plans)
        say(f"{len(plans)} plan{'' if len(plans) == 1 else 's'} checked, {clean} without findings")
        counts = Counter(it["severity"] for plan in plans for it in plan["findings"])
        if counts:
            say(f"Findings: {', '.join(f'{counts[it]} {it}' for it in SEVERITIES if counts[it])}")
    failing = [it for it in plans if it["worst"] in FAILING[fail_on]]
    if failing and not is_whole:
        complain(
            [f"{len(failing)} of {len(plans)} plans have findings that are {fail_on} or worse"]
        )
    complain([f"{it['planName']} ({it['planId']}): {it['worst']}" for it in failing])


def _urgency(plan: dict[str, Any]) -> int:
    return SEVERITIES.index(plan["worst"]) if plan["worst"] else len(SEVERITIES)


def worst_listing(plans: Iterable[dict[str, Any]]) -> Listing:
    """Each plan that has findings: how many, and below it the worst."""
    words = (Column(it.capitalize(), is_number=True) for it in SEVERITIES[:3])
    listing = Listing([Column("Plan", is_text=True), Column("Id"), *words], remark="Worst")
    for plan in plans:
        if plan["findings"]:
            counts = Counter(it["severity"] for it in plan["findings"])
            numbers = [counts[it] or None for it in SEVERITIES[:3]]
            worst = plan["findings"][0]["message"]
            listing.add(plan["planName"], plan["planId"], *numbers, remark=worst)
    return listing


def _print(plan: dict[str, Any]) -> None:
    if plan["findings"]:
        say(f"{plan['planName']} ({plan['planId']})")
    for finding in plan["findings"]:
        ids = finding["serverIds"]
        more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
        say(f"{finding['severity']}: {finding['message']}", indent=2)
        if ids:
            say(f"{', '.join(ids[:IDS_SHOWN])}{more}", indent=4)
