"""The sync, for every trigger.

They differ in scope (everything, one place, one wave's servers) and in what they know.

The names of these functions are part of the contract.
"""

import logging
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from cache.errors import InvalidInput, TableUnavailable
from cache.looks import LookLog, place_look
from cache.record import Attribution
from cache.recorder import Recorder
from cache.table import Table
from cache.values import Outcome, Place, PlaceLook, now, to_millis
from services.aws.drs import Protected
from services.aws.session import AwsClients
from services.platform.accounts import TargetAccount
from services.platform.executions import ExecutionHistory
from services.platform.sync_status import SyncStatus
from services.sync.look import Look
from services.sync.place import PlaceReport, PlaceSync
from services.sync.places import places_of, side_by_side
from services.sync.report import SyncReport, place_facts

logger = logging.getLogger(__name__)
PLACE_SECONDS = 60.0  # one place's deadline; shorter than the lease
WAVE_SECONDS = 20.0  # a wave's sync may not hold the wave up for longer
FOREVER = float("inf")
ANYWHERE = "*"  # the region of an account of which no place is known


@dataclass(frozen=True, slots=True)
class SyncParts:
    """What a sync works with.

    `faults` are rows of target accounts that could not be understood, and why, by account; by
    the empty string where a row names none."""

    table: Table
    looks: LookLog
    recorder: Recorder
    status: SyncStatus
    clients: AwsClients
    history: Callable[[], ExecutionHistory]
    accounts: Mapping[str, TargetAccount]
    faults: Mapping[str, str] = field(default_factory=dict)
    inventory_minutes: int = 60
    select_by_tags: Callable[[Mapping[Place, Mapping[str, Protected]]], None] = lambda _: None
    publish_plans: Callable[[], None] = lambda: None
    """Puts the definitions of the recovery plans into the mirror:
    a page needs them as much as the entries.
    """


def sync_all_recovery_instances(
    parts: SyncParts,
    run_id: str | None = None,
    deadline: float = FOREVER,
    tell: Callable[[PlaceReport, int], None] = lambda _report, _places: None,
    *,
    with_inventory: bool = False,
) -> SyncReport:
    """Look at every place of every target account, side by side; `tell` hears of each as it ends,
    and of how many.

    Source servers are listed where that is due, or everywhere `with_inventory`.

    Raises:
        AlreadyRunning: when a full sync is under way.
        TableUnavailable: when DynamoDB cannot be asked: then nothing can be recorded either.
    """
    logger.info("Starting background recovery instance sync")
    began, calls = monotonic(), parts.clients.calls()
    report = SyncReport(run_id or str(uuid.uuid4()), now(), errors=list(parts.faults.values()))
    places = places_of(parts.accounts.values(), parts.clients)
    parts.status.begin(report.run_id, report.started_at, len(places))
    rows = {str(row.get("place")): row for row in parts.looks.rows()}
    report.no_longer_configured = _register(parts, places, rows)
    parts.publish_plans()
    history = parts.history()

    def look_at(place: Place) -> PlaceReport:
        is_due = with_inventory or is_inventory_due(parts, rows.get(str(place), {}))
        return _whole_place(parts, history, place, deadline, with_inventory=is_due)

    for place in side_by_side(look_at, places):
        report.add(place)
        tell(place, len(places))
        parts.status.place_done(report.run_id)
    report.aws_calls = parts.clients.calls() - calls
    _close(report, began)
    if inventoried := _inventoried(report):
        parts.select_by_tags(inventoried)
        parts.publish_plans()
    parts.status.end(report.run_id, report.summary())
    summary = report.summary()
    logger.info("Background sync completed: %d instances updated", summary["instancesUpdated"])
    logger.info(
        "Of %d places %d failed; %d rows written, %d instances gone, in %d ms",
        len(places),
        sum(it.outcome.is_failure for it in report.places),
        summary["rowsWritten"],
        summary["instancesAbsent"],
        report.duration_ms,
    )
    return report


def sync_recovery_instances_for_account(
    parts: SyncParts, account_id: str, region: str
) -> SyncReport:
    """Look at one place, with its inventory.

    Raises:
        InvalidInput: when the account is not a target account, or the region none of its. Noting a
        look there would
            leave a place that nobody looks at again, and every server without a row unknown for its
            sake.
    """
    _known_account(parts, account_id)
    if region not in (parts.accounts[account_id].regions or parts.clients.drs_regions()):
        raise InvalidInput("region", f"{region} is not a region of target account {account_id}")
    began, calls = monotonic(), parts.clients.calls()
    report = SyncReport(str(uuid.uuid4()), now())
    place = Place(account_id, region)
    report.add(_whole_place(parts, parts.history(), place, FOREVER, with_inventory=True))
    if inventoried := _inventoried(report):
        parts.select_by_tags(inventoried)
    report.aws_calls = parts.clients.calls() - calls
    _close(report, began)
    return report


def sync_recovery_instances_after_wave(
    parts: SyncParts,
    place: Place,
    server_ids: Sequence[str],
    known: Mapping[str, Attribution],
    wave_number: int,
) -> PlaceReport:
    """Look at a finished wave's servers; `known` are the executions by job that the wave knows
    itself.

    A background sync that overtook us may have written the same launch without its execution; then
    we look again, under a newer ticket, so that the execution is not lost.

    Raises:
        InvalidInput: when the account is not a target account.
    """
    _known_account(parts, place.account_id)
    deadline = monotonic() + WAVE_SECONDS
    report = _servers(parts, place, server_ids, known, deadline)
    if report.refused:
        rows = parts.table.read_rows(server_ids).rows
        robbed = [
            it
            for it, row in rows.items()
            if row.get("jobId") in known and not row.get("sourceExecutionId")
        ]
        again = _servers(parts, place, robbed, known, deadline)
        report.instances += again.instances
    _log_wave(report, known, wave_number)
    return report


def _log_wave(report: PlaceReport, known: Mapping[str, Attribution], wave_number: int) -> None:
    """What a wave's look came to. One that failed has synced nothing, and says so."""
    if report.outcome.is_complete:
        logger.info("Synced %d recovery instances after wave %d", report.instances, wave_number)
        return
    executions = sorted({it.source_execution_id for it in known.values()})
    logger.error(
        "Failed to sync recovery instances after wave %d of execution %s in %s: %s: %s",
        wave_number,
        ", ".join(executions) or "unknown",
        report.place,
        report.outcome,
        report.message,
    )


def get_recovery_instance_sync_status(looks: LookLog, status: SyncStatus) -> dict[str, Any]:
    """What runs, how the last run ended, and how each place's last look did.

    Raises:
        TableUnavailable: when it cannot be read.
    """
    run = status.read()
    places = []
    for row in sorted(looks.rows(), key=lambda it: str(it["id"])):
        account_id, _, region = str(row.get("place", "")).partition("/")
        here = {"accountId": account_id, "region": region, "completedAt": None}
        places.append(here | _facts(row))
    return {
        "running": run.running,
        "lastRun": run.last_run and {**run.last_run, "places": places},
        "places": places,
        "lastSyncTime": run.last_run and run.last_run.get("endedAt"),
    }


_TYPES: Mapping[str, Any] = {
    "outcome": str,
    "message": str,
    **dict.fromkeys(("instances", "absent", "durationMs"), int | float),
}


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a place's row says of its last look; a member of another type is left out, and a row
    without an outcome is `unreadable`.
    """
    said = {
        name: value
        for name, value in row.items()
        if name not in {"id", "place"} and isinstance(value, _TYPES.get(name, object))
    }
    return {"outcome": Outcome.UNREADABLE, **said}


def is_inventory_due(parts: SyncParts, row: Mapping[str, Any]) -> bool:
    """Whether the source servers of the place with this row are to be listed again.

    A clock decides no more than that.
    """
    try:
        age = to_millis(now()) - to_millis(str(row.get("inventoriedAt")))
    except ValueError:
        return True
    return age >= parts.inventory_minutes * 60_000


def _whole_place(
    parts: SyncParts,
    history: ExecutionHistory,
    place: Place,
    deadline: float,
    *,
    with_inventory: bool,
) -> PlaceReport:
    look = Look(place, parts.clients, history, min(deadline, monotonic() + PLACE_SECONDS))
    sync = PlaceSync(parts.table, parts.looks, parts.recorder, look)
    report = sync.whole(with_inventory=with_inventory)
    try:
        _note(parts, report)
    except TableUnavailable as error:
        report.outcome, report.message = Outcome.ERROR, str(error)
    return report


def _servers(
    parts: SyncParts,
    place: Place,
    server_ids: Sequence[str],
    known: Mapping[str, Attribution],
    deadline: float,
) -> PlaceReport:
    look = Look(place, parts.clients, parts.history(), deadline, known)
    return PlaceSync(parts.table, parts.looks, parts.recorder, look).servers(server_ids)


def _note(parts: SyncParts, report: PlaceReport) -> None:
    """Keep how the look ended; the mirror hears of it last, and
    only when it has all that the look saw.
    """
    if not report.ticket:
        return  # not even a ticket could be drawn, so nothing can be kept either
    facts = place_facts(report) | {"startedAt": report.started_at, "endedAt": now()}
    if report.outcome.is_complete and not report.message:
        facts["detailsSeenAt"] = report.started_at  # else it stays: the details are that old
    if report.source_servers is not None and report.outcome.is_complete:
        facts["inventoriedAt"] = report.started_at
    look = parts.looks.note(
        report.place, report.ticket, facts, completed=report.outcome.is_complete
    )
    if look and not report.unpublished:
        parts.recorder.publish_place(str(report.place), look)


def _register(
    parts: SyncParts, places: Collection[Place], rows: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Make every configured place known before it is looked at, and find those that are configured
    no longer.

    A server without a row is absent only once every place it could be in was looked at, so none may
    be unknown to the reader; and a place nobody looks at any more must not hold that answer up for
    ever. Its rows are kept. Of an account whose row cannot be understood the places are not left,
    only not looked at; and there is at least one.
    """
    for place in places:
        look = place_look(rows[str(place)]) if str(place) in rows else _await(parts, place)
        if look and look.outcome == Outcome.NEVER_LOOKED:
            parts.recorder.publish_place(str(place), look)
    known = rows.keys() - {str(place) for place in places}
    named = {name.partition("/")[0] for name in rows}
    known |= {str(Place(it, ANYWHERE)) for it in parts.faults if it and it not in named}
    left = []
    for name in sorted(known):
        fault = _fault_of(parts, name.partition("/")[0])
        outcome = Outcome.UNREADABLE if fault else Outcome.NOT_CONFIGURED
        left += [] if fault else [name]
        row = rows.get(name, {})
        look = place_look(row) if row.get("outcome") == outcome else _leave(parts, name, fault)
        if look:  # told again in every sync: the mirror may not have been there to hear
            parts.recorder.publish_place(name, look)
    return left


def _await(parts: SyncParts, place: Place) -> PlaceLook | None:
    """Note that nobody has looked at this place yet; None when somebody has meanwhile."""
    facts = {"outcome": Outcome.NEVER_LOOKED, "endedAt": now()}
    return parts.looks.note(place, 0, facts, completed=False)


def _leave(parts: SyncParts, name: str, fault: str | None) -> PlaceLook | None:
    """Note that nobody looks at this place now; None when a newer look has the last word."""
    outcome = Outcome.UNREADABLE if fault else Outcome.NOT_CONFIGURED
    facts = {"outcome": outcome, "endedAt": now(), "message": fault}
    place, ticket = Place.parse(name), parts.looks.draw_ticket()
    return parts.looks.note(place, ticket, facts, completed=False)


def _fault_of(parts: SyncParts, account_id: str) -> str | None:
    """Why nobody knows whether this account is still to be looked at; None where that is known."""
    if account_id in parts.accounts:
        return None
    return parts.faults.get(account_id) or parts.faults.get("")


def _inventoried(report: SyncReport) -> dict[Place, Mapping[str, Protected]]:
    """The source servers of the places where all were listed."""
    return {
        it.place: it.source_servers
        for it in report.places
        if it.outcome.is_complete and it.source_servers is not None
    }


def _known_account(parts: SyncParts, account_id: str) -> None:
    if account_id not in parts.accounts:
        raise InvalidInput("accountId", f"{account_id} is not a target account")


def _close(report: SyncReport, began: float) -> None:
    report.ended_at = now()
    report.duration_ms = int((monotonic() - began) * 1000)
