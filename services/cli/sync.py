"""`sync` and `status`."""

import json
from collections import defaultdict

import click

from services.cli.group import main
from services.cli.listing import wide_option
from services.cli.output import as_json, bar, complain, print_places, say
from services.sync.place import PlaceReport
from services.sync.run import (
    get_recovery_instance_sync_status,
    sync_all_recovery_instances,
    sync_recovery_instances_for_account,
)
from services.sync.wiring import SyncWiring


@main.command()
@click.option("--account", help="Look at one place: its account …")
@click.option("--region", help="… and its region.")
@click.option("--inventory", is_flag=True, help="List all source servers too, due or not.")
@as_json
@wide_option
@click.pass_obj
def sync(  # noqa: PLR0913, PLR0917 - an argument for each option
    wiring: SyncWiring,
    account: str | None,
    region: str | None,
    inventory: bool,
    as_json: bool,
    wide: bool,
) -> None:
    """Look at DRS and EC2 now and record what is there.

    Exit code 1 when a place could not be looked at.
    """
    if (account is None) != (region is None):
        raise click.UsageError("--account and --region go together")
    parts = wiring.sync_parts()
    with bar("Places", None) as (advance, total):
        if account and region:
            report = sync_recovery_instances_for_account(parts, account, region)
        else:

            def tell(_: PlaceReport, places: int) -> None:
                total(places)
                advance(1)

            report = sync_all_recovery_instances(parts, tell=tell, with_inventory=inventory)
    body = report.body()
    if as_json:
        click.echo(json.dumps(body))
    else:
        print_places(body["places"], wide=wide)
        calls, seconds = sum(body["awsCalls"].values()), body["durationMs"] / 1000
        counts = f"{body['instancesUpdated']:,} instances recorded, {body['instancesAbsent']} gone"
        say(f"{body['regionsScanned']} places, {counts}, {calls} AWS calls, {seconds:.1f} s")
    complain(body["errors"])


@main.command()
@as_json
@wide_option
@click.pass_obj
def status(wiring: SyncWiring, as_json: bool, wide: bool) -> None:
    """What runs now, how the last sync ended, and how every place did."""
    body = get_recovery_instance_sync_status(wiring.looks, wiring.status)
    if as_json:
        click.echo(json.dumps(body, default=str))
        return
    if body["running"]:
        running = "Running: {runId} since {startedAt}, {placesDone} of {placesTotal} places"
        say(running.format_map(defaultdict(lambda: "unknown", body["running"])))
    say(f"Last full sync ended: {body['lastSyncTime'] or 'never'}")
    print_places(body["places"], wide=wide)
