"""`show`: what the page would show."""

from typing import Any

import click

from cache.values import is_server_id
from services.cli.group import main
from services.cli.listing import Column, Listing, wide_option
from services.cli.output import as_json, complain, kind_of, out
from services.cli.plans import plan_of
from services.reads.pages import existing_body, server_ids
from services.reads.servers import servers_body
from services.wiring import Wiring

COLUMNS = (
    *map(Column, ("Server", "Instance", "State", "Kind", "Readiness")),
    Column("Name", is_text=True),
    *map(Column, ("Private IP", "Account", "Region", "Execution")),
)


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="PLAN | SERVER_ID …")
@as_json
@wide_option
@click.pass_obj
def show(wiring: Wiring, targets: tuple[str, ...], as_json: bool, wide: bool) -> None:
    """The instances that exist for a plan's servers, or for these servers, and whether each could
    be launched now. A plan is told by its id or its name.
    """
    plan = None
    if len(targets) == 1 and not targets[0].startswith("s-"):
        plan = plan_of(wiring, targets[0])
    elif malformed := [it for it in targets if not is_server_id(it)]:
        raise click.UsageError(f"{malformed[0]!r} is no source server id: s- and 17 hex digits")
    servers = plan.servers if plan else dict.fromkeys(server_ids(list(targets)))
    answer = wiring.reader.read(servers, with_machines=True)
    body = existing_body(answer, servers, plan=plan)
    if as_json:
        click.echo(body.decode())
        return
    listing = Listing(COLUMNS)
    for server in servers_body(answer, servers)["servers"]:
        listing.add(*_cells(server), remark=remark_of(server))
    listing.print(out, wide=wide)
    problems = [f"its servers cannot be known: {why}" for why in (plan.unresolved if plan else ())]
    if answer.unknown:
        why = "no tier could say, or a place was never looked at (see status)"
        problems.append(f"unknown: {len(answer.unknown)}; {why}")
    complain(problems)


def _cells(server: dict[str, Any]) -> list[str | None]:
    server_id, word = server["sourceServerId"], server["readiness"]["state"]
    item = server["instance"]
    if item is None:
        name, account, region = (server[it] for it in ("sourceServerName", "accountId", "region"))
        return [server_id, None, server["state"], None, word, name, None, account, region, None]
    names = ("name", "privateIp", "accountId", "region", "sourceExecutionId")
    state, kind = item["ec2InstanceState"], kind_of(item["isDrill"])
    return [server_id, item["ec2InstanceId"], state, kind, word, *map(item.get, names)]


def remark_of(server: dict[str, Any]) -> str:
    """Why it is not ready, and how old its details are where they are older than the look."""
    readiness, item = server["readiness"], server["instance"] or {}
    said = [] if readiness["state"] == "ready" else [readiness["reason"]]
    if "detailsSeenAt" in item:
        said.append(f"details of {item['detailsSeenAt'] or 'its instance never seen'}")
    return "; ".join(said)
