"""`show`: what the page would show."""

import json
from typing import Any

import click

from services.cli.group import main
from services.cli.listing import Column, Listing, wide_option
from services.cli.output import as_json, complain, kind_of, out
from services.reads.pages import existing_body, server_ids
from services.wiring import Wiring

COLUMNS = (
    *map(Column, ("Server", "Instance", "State", "Kind")),
    Column("Name", is_text=True),
    *map(Column, ("Private IP", "Account", "Region", "Execution")),
)


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="PLAN | SERVER_ID …")
@as_json
@wide_option
@click.pass_obj
def show(wiring: Wiring, targets: tuple[str, ...], as_json: bool, wide: bool) -> None:
    """The instances that exist for a plan's servers, or for these servers, as the page would show them."""
    plan = None
    if len(targets) == 1 and not targets[0].startswith("s-"):
        plan = wiring.plans.get(targets[0]).value
        if plan is None:
            raise click.UsageError(f"there is no recovery plan {targets[0]!r}")
    servers = plan.servers if plan else dict.fromkeys(server_ids(list(targets)))
    answer = wiring.reader.read(servers)
    body = existing_body(answer, servers, plan=plan)
    if as_json:
        click.echo(body.decode())
        return
    found = {it["sourceServerId"]: it for it in json.loads(body)["existingInstances"]}
    listing = Listing(COLUMNS)
    for server_id in servers:
        listing.add(*_cells(server_id, found.get(server_id), server_id in answer.unknown))
    listing.print(out, wide=wide)
    problems = [f"its servers cannot be known: {why}" for why in (plan.unresolved if plan else ())]
    if answer.unknown:
        why = "no tier could say, or a place was never looked at (see status)"
        problems.append(f"unknown: {len(answer.unknown)}; {why}")
    complain(problems)


def _cells(server_id: str, item: dict[str, Any] | None, is_unknown: bool) -> list[str | None]:
    if item is None:
        return [server_id, None, "unknown" if is_unknown else "none", *[None] * 6]
    names = ("name", "privateIp", "accountId", "region", "sourceExecutionId")
    kind = kind_of(item["isDrill"])
    return [server_id, item["ec2InstanceId"], item["ec2InstanceState"], kind, *map(item.get, names)]
