"""`terminate`: what terminating an execution's instances would do,
and, with --yes, doing it and following it.
"""

import json
import time
from typing import Any

import click

from cache.errors import Conflict, NotFound
from services.cli.caller import caller
from services.cli.group import main
from services.cli.listing import Column, Listing, wide_option
from services.cli.output import as_json, bar, complain, kind_of, out, say
from services.execution.approval import refuse_alone
from services.execution.guard import Refusal
from services.execution.operations import executions_of
from services.execution.termination import terminate_recovery_instances
from services.execution.termination_status import termination_status
from services.platform.executions import Executions
from services.sync.run import SyncParts
from services.sync.wiring import SyncWiring

POLL_SECONDS = 5.0


@main.command()
@click.argument("execution_id")
@click.option("--yes", is_flag=True, help="Terminate. Without it this is a dry run.")
@click.option(
    "--confirm-recovery", is_flag=True, help="Terminate real recoveries too, not only drills."
)
@as_json
@wide_option
@click.pass_obj
def terminate(  # noqa: PLR0913, PLR0917 - an option each
    wiring: SyncWiring,
    execution_id: str,
    yes: bool,
    confirm_recovery: bool,
    as_json: bool,
    wide: bool,
) -> None:
    """Terminate what EXECUTION_ID launched, as far as the guard rails allow."""
    executions, parts = executions_of(wiring), wiring.sync_parts()
    try:
        refuse_alone(wiring.settings, confirm=confirm_recovery)
        body = terminate_recovery_instances(
            executions,
            parts,
            execution_id,
            confirm=confirm_recovery,
            dry_run=not yes,
            by=caller() if yes else None,
        )
    except (NotFound, Conflict) as error:
        raise click.ClickException(str(error)) from error
    if not as_json:
        termination_listing(body).print(out, wide=wide)
    if yes and body["jobs"]:
        body["termination"] = _follow(executions, parts, execution_id)
    if as_json:
        click.echo(json.dumps(body))
    else:
        say(sum_of(body))
    left = body.get("termination", {}).get("remaining", [])
    failed = [f"{it['sourceServerId']}: {it['message']}" for it in body["failed"]]
    complain(failed + ([f"{len(left)} servers remain: {', '.join(left[:10])}"] if left else []))


def _follow(executions: Executions, parts: SyncParts, execution_id: str) -> dict[str, Any]:
    """Poll until no job runs any more; the last status."""
    with bar("Terminated", None) as (advance, total):
        shown = 0
        while True:
            status = termination_status(executions, parts, execution_id)
            total(len(status["terminated"]) + len(status["remaining"]))
            advance(len(status["terminated"]) - shown)
            shown = len(status["terminated"])
            if status["status"] != "IN_PROGRESS":
                return status
            time.sleep(POLL_SECONDS)


def sum_of(body: dict[str, Any]) -> str:
    """How many go, how many stay, and which flags would change that."""
    parts = [totals_of(body)]
    if real := sum(it["reason"] == Refusal.REAL_RECOVERY for it in body["refused"]):
        parts.append(f"{real} are of a real recovery: --confirm-recovery includes those.")
    if body["dryRun"]:
        parts.append("Nothing was terminated." + (" --yes does it." if body["requested"] else ""))
    return " ".join(parts)


def totals_of(body: dict[str, Any]) -> str:
    """How many go, how many stay, and how many could not be asked to go."""
    counts = {it: len(body[it]) for it in ("requested", "refused", "failed")}
    goes = "would go" if body["dryRun"] else "go"
    return f"{counts['requested']} {goes}, {counts['refused']} stay, {counts['failed']} failed."


def termination_listing(body: dict[str, Any]) -> Listing:
    columns = (
        *map(Column, ("Server", "Instance", "What", "Kind")),
        Column("Name", is_text=True),
        *map(Column, ("Account", "Region")),
    )
    listing = Listing(columns, remark="Why")
    would = "would go" if body["dryRun"] else "goes"
    for outcome, what in (("requested", would), ("refused", "stays"), ("failed", "failed")):
        for item in body[outcome]:
            listing.add(
                item["sourceServerId"],
                item["ec2InstanceId"],
                what,
                kind_of(item["isDrill"]),
                item["name"],
                item["accountId"],
                item["region"],
                remark=f"{item.get('reason', '')} {item.get('message', '')}",
            )
    return listing
