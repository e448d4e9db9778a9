"""`show`: what the page would show."""

import json
from typing import Any

import click
from rich.markup import escape

from services.cli.group import main
from services.cli.output import as_json, complain, grid, kind_of, out
from services.reads.pages import existing_body, server_ids
from services.wiring import Wiring


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="PLAN | SERVER_ID …")
@as_json
@click.pass_obj
def show(wiring: Wiring, targets: tuple[str, ...], as_json: bool) -> None:
    """The instances that exist for a plan's servers, or for these servers, as the page would show them."""
    plan = None
    if len(targets) == 1 and not targets[0].startswith("s-"):
        plan = wiring.plans.get(targets[0]).value
        if plan is None:
            raise click.UsageError(f"there is no recovery plan {targets[0]!r}")
    servers = plan.servers if plan else dict.fromkeys(server_ids(list(targets)))
    answer = wiring.reader.read(servers)
    body = existing_body(answer, servers, plan_id=plan.plan_id if plan else None)
    if as_json:
        click.echo(body.decode())
        return
    found = {it["sourceServerId"]: it for it in json.loads(body)["existingInstances"]}
    rows = grid(
        "Server", "Instance", "State", "Kind", "Name", "Private IP", "Account / Region", "Execution"
    )
    for server_id in servers:
        rows.add_row(*_server_row(server_id, found.get(server_id), server_id in answer.unknown))
    out.print(rows)
    if answer.unknown:
        complain(
            [
                f"unknown: {len(answer.unknown)}; no tier could say, or a place was never looked at (see status)"
            ]
        )


def _server_row(server_id: str, item: dict[str, Any] | None, is_unknown: bool) -> list[str]:
    if item is None:
        return [server_id, "[yellow]unknown[/]" if is_unknown else "none", *[""] * 6]
    kind = kind_of(item["isDrill"])
    place = f"{item['accountId']} / {item['region']}"
    cells = (
        item["ec2InstanceId"],
        item["ec2InstanceState"],
        kind,
        item["name"],
        item["privateIp"] or "",
        place,
    )
    return [server_id, *map(escape, cells), escape(item["sourceExecutionId"] or "")]
