"""`executions`: what runs, and what nobody drives any more. `cancel`: the way out of it.
`snapshots`: the points in time that a launch can go back to.
"""

import json

import click

from cache.errors import Conflict, NotFound
from services.cli.caller import caller
from services.cli.group import main
from services.cli.listing import Column, Listing, wide_option
from services.cli.output import as_json, complain, out, say
from services.execution.operations import executions_of
from services.execution.snapshots import snapshots_of
from services.execution.start import cancel_execution
from services.platform.execution import Execution
from services.sync.wiring import SyncWiring

CANCELLING = "being cancelled: ends when its wave in flight does"


@main.command()
@as_json
@wide_option
@click.pass_obj
def executions(wiring: SyncWiring, as_json: bool, wide: bool) -> None:
    """Every execution that is not over. Exit code 1 when nobody drives one of them any more."""
    found = sorted(executions_of(wiring).running(), key=lambda it: it.start_time or "")
    if as_json:
        click.echo(json.dumps([it.body() for it in found]))
    elif found:
        running_listing(found).print(out, wide=wide)
    else:
        say("Nothing runs.")
    complain([f"{it.execution_id}: {_todo(it)}" for it in found if it.abandoned_since])


@main.command()
@click.argument("execution_id")
@click.option("--force", is_flag=True, help="End it now, even while a wave is being launched.")
@click.option(
    "--yes", is_flag=True, help="Needed with --force: nobody follows what DRS still launches."
)
@as_json
@click.pass_obj
def cancel(wiring: SyncWiring, execution_id: str, force: bool, yes: bool, as_json: bool) -> None:
    """Stop EXECUTION_ID before its next wave, or at once."""
    if force and not yes:
        raise click.UsageError(
            "--force ends it now, and nobody follows what DRS still launches: --yes"
        )
    try:
        execution = cancel_execution(executions_of(wiring), execution_id, force=force, by=caller())
    except (NotFound, Conflict) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(execution.body()))
    else:
        say(f"{execution.execution_id}: {cancelled(execution)}")


@main.command()
@click.argument("server_id")
@as_json
@click.pass_obj
def snapshots(wiring: SyncWiring, server_id: str, as_json: bool) -> None:
    """The points in time that SERVER_ID can be launched from, the latest first."""
    body = snapshots_of(wiring.sync_parts(), server_id)
    if as_json:
        click.echo(json.dumps(body))
        return
    listing = Listing([Column("Snapshot"), Column("Taken")])
    for it in body["snapshots"]:
        listing.add(it["snapshotId"], it["takenAt"] or "being taken")
    listing.print(out, wide=False)
    say(f"{len(body['snapshots'])} snapshots of {server_id}.")


def cancelled(execution: Execution) -> str:
    """What a cancel has come to: DRS cannot be told to stop, so a wave in flight is followed."""
    return execution.status.lower() if execution.is_over else CANCELLING


def running_listing(found: list[Execution]) -> Listing:
    """What runs, with what a person must decide."""
    what, when = map(Column, ("Execution", "Kind", "Status")), map(Column, ("Started", "Last step"))
    listing = Listing([*what, Column("Plan", is_text=True), *when], remark="Why")
    for it in found:
        listing.add(
            it.execution_id,
            it.execution_type.lower(),
            it.status,
            it.plan_name or it.plan_id,
            it.start_time,
            it.driven_at,
            remark=_todo(it),
        )
    return listing


def _todo(execution: Execution) -> str:
    if execution.approval:
        return f"{execution.approval.requested_by} waits for a second person's approval"
    if execution.abandoned_since:
        return (
            f"abandoned: no step since {execution.abandoned_since}; `recovery-sync cancel "
            "--force` frees its plan"
        )
    if execution.cancel_requested:
        return CANCELLING
    return ""
