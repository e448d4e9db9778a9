"""`check`: what would keep a launch of a plan from working."""

import json
from collections import Counter
from typing import Any

import click

from services.cli.group import main
from services.cli.output import as_json, complain, say
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
@click.pass_obj
def check(wiring: Wiring, name: str | None, fail_on: str, as_json: bool) -> None:
    """Check every plan, or PLAN (its id or name): servers that would not launch, places,
    quotas, launch settings.

    What was not looked at is unknown, never good or bad.
    """
    plan_id = plan_of(wiring, name).plan_id if name else None
    plans = Servers(wiring.reader, wiring.plans, lambda _: None).check_all(plan_id)
    if as_json:
        click.echo(json.dumps({"plans": plans}))
    else:
        for plan in plans:
            _print(plan)
        clean = sum(not plan["findings"] for plan in plans)
        say(f"{len(plans)} plan{'' if len(plans) == 1 else 's'} checked, {clean} without findings")
        counts = Counter(it["severity"] for plan in plans for it in plan["findings"])
        if counts:
            say(f"Findings: {', '.join(f'{counts[it]} {it}' for it in SEVERITIES if counts[it])}")
    failing = [it for it in plans if it["worst"] in FAILING[fail_on]]
    complain([f"{it['planName']} ({it['planId']}): {it['worst']}" for it in failing])


def _print(plan: dict[str, Any]) -> None:
    if plan["findings"]:
        say(f"{plan['planName']} ({plan['planId']})")
    for finding in plan["findings"]:
        ids = finding["serverIds"]
        more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
        say(f"{finding['severity']}: {finding['message']}", indent=2)
        if ids:
            say(f"{', '.join(ids[:IDS_SHOWN])}{more}", indent=4)
