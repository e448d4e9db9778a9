"""`clean-up` and `report`: the end of a drill, and what it came to."""

import json
from typing import Any

import click

from cache.errors import Conflict, NotFound
from services.cli.caller import caller
from services.cli.group import main
from services.cli.listing import wide_option
from services.cli.output import as_json, complain, out, say
from services.cli.plans import plan_of
from services.cli.terminate import termination_listing, totals_of
from services.execution.clean_up import clean_up_drill, clean_up_of
from services.execution.operations import execution_report, executions_of
from services.execution.report_html import duration, kind_of, report_html, what_is_left
from services.sync.wiring import SyncWiring


@main.command("clean-up")
@click.argument("name", metavar="PLAN")
@click.option("--note", required=True, help="What the drill showed; kept for its report.")
@click.option("--yes", is_flag=True, help="Terminate. Without it this is a dry run.")
@as_json
@wide_option
@click.pass_obj
def clean_up(  # noqa: PLR0913, PLR0917 - an option each
    wiring: SyncWiring, name: str, note: str, yes: bool, as_json: bool, wide: bool
) -> None:
    """Terminate whatever drills of PLAN (its id or name) have left.

    Real recoveries are never touched.
    """
    plan = plan_of(wiring, name)
    try:
        body = clean_up_drill(
            executions_of(wiring),
            wiring.sync_parts(),
            plan,
            clean_up_of(note, caller() if yes else None),
            dry_run=not yes,
        )
    except Conflict as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(body))
    else:
        termination_listing(body).print(out, wide=wide)
        say(totals_of(body) + ("" if yes else " Nothing was terminated. --yes does it."))
    complain([f"{it['sourceServerId']}: {it['message']}" for it in body["failed"]])


@main.command()
@click.argument("execution_id")
@click.option("--html", "as_html", is_flag=True, help="Print one HTML page that stands alone.")
@as_json
@click.pass_obj
def report(wiring: SyncWiring, execution_id: str, as_html: bool, as_json: bool) -> None:
    """What EXECUTION_ID came to: recovery points and times,
    failures, the end, what was left behind.
    """
    if as_html and as_json:
        raise click.UsageError("--html and --json exclude each other")
    try:
        body = execution_report(wiring, execution_id)
    except NotFound as error:
        raise click.ClickException(str(error)) from error
    if as_json or as_html:
        click.echo(json.dumps(body) if as_json else report_html(body), nl=not as_html)
    else:
        print_report(body)


def print_report(body: dict[str, Any]) -> None:
    """The report on standard output, in lines for a person."""
    say(f"{kind_of(body)} of {body['planName'] or body['planId']}: {body['status']}")
    say(
        f"Started {body['startTime'] or 'not known when'}, took {duration(body['durationSeconds'])}"
    )
    people = {"asked for": "requestedBy", "agreed to": "approvedBy", "cancelled": "cancelledBy"}
    if named := [f"{did} by {body[who]}" for did, who in people.items() if body[who]]:
        say(", ".join(named).capitalize())
    for finding in body["findings"] or ():
        say(f"Plan check before the launch, {finding['severity']}: {finding['message']}")
    for part in (*body["waves"], body):
        name = (
            f"Wave {part['waveNumber']} {part['waveName']}".strip()
            if "waveNumber" in part
            else "In all"
        )
        counts = f"{part['launched']} of {part['serverCount']} launched, {part['failed']} failed"
        longest = duration(part["longestRecoveryTimeSeconds"])
        say(f"{name}: {counts}; RTO {longest}, RPO {duration(part['oldestRecoveryPointSeconds'])}")
    for note in body["cleanUps"]:
        say(f"Cleaned up {note['at']} by {note['by'] or 'not known who'}: {note['note']}")
    say(f"Left behind: {what_is_left(body)}")
