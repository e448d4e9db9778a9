"""`recovery-sync`: the product on the command line, for whoever is on call. Exit code 1 on failure, 2 on bad usage."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from cache.errors import InvalidInput, RecoverySyncError
from cache.mirror import Mirror
from services.pages import existing_body, server_ids
from services.plans import PlanBook
from services.settings import Settings
from services.sync.place import PlaceReport
from services.sync.run import (
    get_recovery_instance_sync_status,
    sync_all_recovery_instances,
    sync_recovery_instances_for_account,
)
from services.tables import create_tables
from services.upkeep import Audit, audit_mirror, audit_table, warm
from services.wiring import Wiring

out = Console()
notes = Console(stderr=True)  # progress and complaints; standard output stays clean for --json
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


class _Commands(click.Group):
    """Turns the product's own errors into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise click.UsageError(str(error), ctx) from error
        except RecoverySyncError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(ctx: click.Context) -> None:
    """Which servers already have a recovery instance: sync, look, look after.

    The environment says which deployment (see the README); a running local stack leaves it in .local/env.
    """
    ctx.obj = Wiring(Settings.from_env())


@main.command()
@click.option("--port", default=8080, show_default=True, help="Where the page is served.")
@click.option("--servers", default=1200, show_default=True, help="Source servers in the seeded world.")
@click.option("--interval", default=300.0, show_default=True, help="Seconds between syncs; 0 for no schedule.")
@click.option("--read-from", type=click.Choice(["mirror", "table", "live"]), default="mirror", show_default=True)
def local(port: int, servers: int, interval: float, read_from: str) -> None:
    """Run the whole stack on this machine, with a seeded world, until Ctrl-C."""
    from services.local.processes import LocalStackError
    from services.local.run import DIRECTORY, run_local
    from services.local.stack import Stack
    from services.local.world import make_world

    stack = Stack(DIRECTORY, port, make_world(servers=servers), interval, read_from)
    try:
        run_local(out, stack)
    except LocalStackError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--account", help="Look at one place: its account …")
@click.option("--region", help="… and its region.")
@as_json
@click.pass_obj
def sync(wiring: Wiring, account: str | None, region: str | None, as_json: bool) -> None:
    """Look at DRS and EC2 now and record what is there. Exit code 1 when a place could not be looked at."""
    if (account is None) != (region is None):
        raise click.UsageError("--account and --region go together")
    parts = wiring.sync_parts()
    with _bar("Places", None) as (advance, total):
        if account and region:
            report = sync_recovery_instances_for_account(parts, account, region)
        else:

            def tell(_: PlaceReport, places: int) -> None:
                total(places)
                advance(1)

            report = sync_all_recovery_instances(parts, tell=tell)
    body = report.body()
    if as_json:
        click.echo(json.dumps(body))
    else:
        out.print(_places_grid(body["places"]))
        calls, seconds = sum(body["awsCalls"].values()), body["durationMs"] / 1000
        counts = f"{body['instancesUpdated']:,} instances recorded, {body['instancesAbsent']} gone"
        out.print(f"{body['regionsScanned']} places, {counts}, {calls} AWS calls, {seconds:.1f} s")
    _complain(body["errors"])


@main.command()
@as_json
@click.pass_obj
def status(wiring: Wiring, as_json: bool) -> None:
    """What runs now, how the last sync ended, and how every place did."""
    body = get_recovery_instance_sync_status(wiring.looks, wiring.status)
    if as_json:
        click.echo(json.dumps(body, default=str))
        return
    if body["running"]:
        out.print("Running: {runId} since {startedAt}, {placesDone} of {placesTotal} places".format(**body["running"]))
    out.print(f"Last full sync ended: {body['lastSyncTime'] or 'never'}")
    out.print(_places_grid(body["places"]))


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="PLAN | SERVER_ID …")
@as_json
@click.pass_obj
def show(wiring: Wiring, targets: tuple[str, ...], as_json: bool) -> None:
    """The instances that exist for a plan's servers, or for these servers, as the page would show them."""
    plan = None
    if len(targets) == 1 and not targets[0].startswith("s-"):
        plans = PlanBook(lambda: wiring.page_dynamodb, wiring.settings.recovery_plans_table)
        plan = plans.get(targets[0]).value
        if plan is None:
            raise click.UsageError(f"there is no recovery plan {targets[0]!r}")
    servers = plan.servers if plan else dict.fromkeys(server_ids(list(targets)))
    answer = wiring.reader.read(servers)
    body = existing_body(answer, servers, plan_id=plan.plan_id if plan else None)
    if as_json:
        click.echo(body.decode())
        return
    found = {it["sourceServerId"]: it for it in json.loads(body)["existingInstances"]}
    grid = Grid("Server", "Instance", "State", "Kind", "Name", "Private IP", "Account / Region", "Execution")
    for server_id in servers:
        grid.add_row(*_server_row(server_id, found.get(server_id), server_id in answer.unknown))
    out.print(grid)
    _complain([f"{len(answer.unknown)} servers are unknown: neither tier could say"] if answer.unknown else [])


@main.command("warm")
@as_json
@click.pass_obj
def warm_command(wiring: Wiring, as_json: bool) -> None:
    """Fill the mirror from the table."""
    with _bar("Records", None) as (advance, _):
        done = warm(wiring.table, _mirror(wiring), advance)
    result = {"published": done.taken, "newerAlready": done.refused, "failed": done.failed}
    click.echo(json.dumps(result)) if as_json else out.print(f"{done.taken:,} entries published, {done.failed} failed")
    _complain([f"{done.failed} entries could not be published"] if done.failed else [])


@main.command()
@click.option("--live", is_flag=True, help="Compare the table with DRS instead.")
@click.option("--repair", is_flag=True, help="Put the table's record where the mirror differs.")
@as_json
@click.pass_obj
def audit(wiring: Wiring, live: bool, repair: bool, as_json: bool) -> None:
    """Compare the mirror with the table, or the table with DRS. Exit code 1 when they differ."""
    if live and repair:
        raise click.UsageError("--repair works on the mirror; `sync` is what repairs the table")
    with _bar("Places" if live else "Records", None) as (advance, _):
        if live:
            result = audit_table(wiring.sync_parts(), advance)
        else:
            result = audit_mirror(wiring.table, _mirror(wiring), advance, repair=repair)
    _print_audit(result, as_json)
    _complain(result.unreadable + ([f"{len(result.differences)} servers differ"] if result.differences else []))


@main.command("create-tables")
@as_json
@click.pass_obj
def create_tables_command(wiring: Wiring, as_json: bool) -> None:
    """Create the tables that are missing. With CloudFormation you do not need this."""
    created = create_tables(wiring.dynamodb, wiring.settings)
    click.echo(json.dumps({"created": created})) if as_json else out.print("\n".join(created) or "All tables exist")


def _mirror(wiring: Wiring) -> Mirror:
    if wiring.mirror is None:
        raise click.UsageError("REDIS_URL is empty: this deployment has no mirror")
    return wiring.mirror


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar: functions that advance it and that set its total."""
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n), lambda n: progress.update(task, total=n)


def _places_grid(places: list[dict[str, Any]]) -> Grid:
    grid = Grid("Account", "Region", "Outcome", "Instances", "Gone", "Seconds", "Why")
    for it in places:
        seconds = f"{it.get('durationMs', 0) / 1000:.1f}"
        counts = (str(it.get("instances", "")), str(it.get("absent", "")))
        grid.add_row(it["accountId"], it["region"], it["outcome"], *counts, seconds, it.get("message") or "")
    return grid


def _server_row(server_id: str, item: dict[str, Any] | None, is_unknown: bool) -> list[str]:
    if item is None:
        return [server_id, "[yellow]unknown[/]" if is_unknown else "none", *[""] * 6]
    kind = {True: "drill", False: "recovery", None: ""}[item["isDrill"]]
    place = f"{item['accountId']} / {item['region']}"
    cells = (item["ec2InstanceId"], item["ec2InstanceState"], kind, item["name"], item["privateIp"] or "", place)
    return [server_id, *map(escape, cells), escape(item["sourceExecutionId"] or "")]


def _print_audit(result: Audit, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    out.print(f"{result.compared:,} compared, {result.missing:,} not in the mirror, {len(result.differences)} differ")
    for server_id, what in result.differences.items():
        out.print(f"  {server_id}  {what}")


def _complain(problems: list[str]) -> None:
    for problem in problems:
        notes.print(f"[red]![/] {escape(problem)}")
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
