"""`warm`, `audit` and `create-tables`: looking after the tiers."""

import json
from dataclasses import asdict

import click

from cache.mirror import Mirror
from services.cli.group import main
from services.cli.output import as_json, bar, complain, say
from services.platform.tables import create_tables
from services.sync.audit import Audit, audit_mirror, audit_table, warm
from services.sync.wiring import SyncWiring


@main.command("warm")
@as_json
@click.pass_obj
def warm_command(wiring: SyncWiring, as_json: bool) -> None:
    """Fill the mirror from the table."""
    with bar("Records", None) as (advance, _):
        done = warm(wiring.table, wiring.looks, _mirror(wiring), advance)
    result = {"published": done.taken, "newerAlready": done.refused, "failed": done.failed}
    click.echo(json.dumps(result)) if as_json else say(
        f"{done.taken:,} entries published, {done.failed} failed"
    )
    complain([f"{done.failed} entries could not be published"] if done.failed else [])


@main.command()
@click.option("--live", is_flag=True, help="Compare the table with DRS instead.")
@click.option("--repair", is_flag=True, help="Put the table's record where the mirror differs.")
@as_json
@click.pass_obj
def audit(wiring: SyncWiring, live: bool, repair: bool, as_json: bool) -> None:
    """Compare the mirror with the table, or the table with DRS. Exit code 1 when they differ."""
    if live and repair:
        raise click.UsageError("--repair works on the mirror; `sync` is what repairs the table")
    with bar("Places" if live else "Records", None) as (advance, _):
        if live:
            result = audit_table(wiring.sync_parts(), advance)
        else:
            result = audit_mirror(
                wiring.table, wiring.looks, _mirror(wiring), advance, repair=repair
            )
    _print_audit(result, as_json)
    complain(
        result.unreadable
        + ([f"{len(result.differences)} servers differ"] if result.differences else [])
    )


@main.command("create-tables")
@as_json
@click.pass_obj
def create_tables_command(wiring: SyncWiring, as_json: bool) -> None:
    """Create the tables that are missing. With CloudFormation you do not need this."""
    created = create_tables(wiring.dynamodb, wiring.settings)
    click.echo(json.dumps({"created": created})) if as_json else say(
        "\n".join(created) or "All tables exist"
    )


def _mirror(wiring: SyncWiring) -> Mirror:
    if wiring.mirror is None:
        raise click.UsageError("REDIS_URL is empty: this deployment has no mirror")
    return wiring.mirror


def _print_audit(result: Audit, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    say(
        f"{result.compared:,} compared, {result.missing:,} not in the mirror, "
        f"{len(result.differences)} differ"
    )
    for server_id, what in result.differences.items():
        say(f"  {server_id}  {what}")
