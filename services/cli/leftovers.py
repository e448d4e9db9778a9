"""`leftovers`: the drill instances that still cost money."""

import json
from typing import Any

import click

from services.cli.group import main
from services.cli.listing import Column, Listing, wide_option
from services.cli.output import as_json, complain, out, say
from services.reads.drills import LONGEST_DAYS, Drills
from services.reads.leftovers import OLDER_THAN_DAYS
from services.wiring import Wiring


@main.command()
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(0, LONGEST_DAYS),
    default=OLDER_THAN_DAYS,
    show_default=True,
    help="Days after which a leftover is too old.",
)
@as_json
@wide_option
@click.pass_obj
def leftovers(wiring: Wiring, days: float, as_json: bool, wide: bool) -> None:
    """Every drill instance that still exists.

    Exit code 1 when any is too old, or when not everything could be read.
    """
    body = Drills(wiring.reader, wiring.plans, lambda: wiring.table, lambda: wiring.looks).body(
        days
    )
    if as_json:
        click.echo(json.dumps(body))
    else:
        _print(body, wide=wide)
    complain(_problems(body))


def _print(body: dict[str, Any], *, wide: bool) -> None:
    if body["groups"]:
        leftovers_listing(body).print(out, wide=wide)
    if body["extraInstances"]:
        say("Instances beside a server's current one:")
        _extras(body).print(out, wide=wide)
    counts = f"{body['instanceCount']} drill instances ({body['stopped']} stopped)"
    cost = f"{body['instanceHours']:,.0f} instance-hours, about ${body['estimatedCost']:,.2f}"
    say(f"{counts}, {cost} so far")
    say(f"Prices of {body['prices']['asOf']}: {body['prices']['what']}")
    if body["unpriced"]:
        say(f"{body['unpriced']} are of types without a price and in no estimate")
    if body["unclear"]:
        say(f"{body['unclear']} more are neither drill nor recovery by DRS's word")


def leftovers_listing(body: dict[str, Any]) -> Listing:
    columns = (
        Column("Plan", is_text=True),
        Column("Execution"),  # what `terminate` needs
        *(Column(it, is_number=True) for it in ("Oldest", "About")),
        Column("Instances"),
        Column("Hours", is_number=True),
        Column("Types", is_text=True),
    )
    listing = Listing(columns)
    for group in body["groups"]:
        age = max(it["ageDays"] for it in group["instances"])
        types = ", ".join(f"{count} {name}" for name, count in group["instanceTypes"].items())
        listing.add(
            group["planName"] or "not known",
            group["executionId"] or "not known",
            f"{age:.1f} days",
            f"${group['estimatedCost']:,.2f}",
            f"{group['running']} running, {group['stopped']} stopped",
            f"{group['instanceHours']:,.0f}",
            types,
        )
    return listing


def _extras(body: dict[str, Any]) -> Listing:
    titles = ("Instance", "State", "Server", "Account", "Region")
    listing = Listing([*map(Column, titles)], remark="Why")
    for item in body["extraInstances"]:
        names = ("ec2InstanceId", "ec2InstanceState", "sourceServerId", "accountId", "region")
        listing.add(*(item[name] for name in names), remark=item["why"])
    return listing


def _problems(body: dict[str, Any]) -> list[str]:
    problems = []
    if body["tooOld"]:
        problems.append(f"{body['tooOld']} are older than {body['olderThanDays']:g} days")
    if body["unseenPlaces"]:
        problems.append(f"drills may be missing in {', '.join(body['unseenPlaces'])}")
    if body["unknownServerIds"]:
        problems.append(f"{len(body['unknownServerIds'])} servers could not be read")
    if body["degraded"] and not body["unknownServerIds"]:
        problems.append("only the servers of plans could be read")
    return problems
