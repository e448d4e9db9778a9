"""*Clean up drill*: one verb on a plan.

Whatever drills of the plan have left is terminated, with a note for the reports.
"""

from collections.abc import Iterable
from typing import Any

from cache.errors import Conflict, NotFound, TableUnavailable
from cache.record import Record
from cache.values import now
from services.execution.termination import terminate_recovery_instances
from services.platform.execution import CleanUp, Execution
from services.platform.executions import Executions
from services.platform.plans import Plan
from services.sync.run import SyncParts

UNATTRIBUTED = "EXECUTION_UNKNOWN"


def clean_up_drill(
    executions: Executions, parts: SyncParts, plan: Plan, clean_up: CleanUp, *, dry_run: bool
) -> dict[str, Any]:
    """Terminate the drill instances of a plan's servers, execution by execution; the answer that is
    sent.

    Of another plan's executions only the servers that this plan has too: the others are no leftover
    of its drills.

    As of a termination, with `planId`, `executionIds` and `note`. Real recoveries are never
    touched. An instance whose execution nobody knows is refused, as nothing says which job may be
    ended. The note is kept on each execution.

    Raises:
        Conflict: EXECUTION_RUNNING while one of these executions still launches; nothing is
        terminated then. TableUnavailable: when the rows cannot be read.
    """
    found = _drills(parts, plan)
    ended, unknown = _executions(executions, found)
    answers = []
    for execution in ended:
        execution_id = execution.execution_id
        only = None if execution.plan_id == plan.plan_id else plan.servers.keys()
        answers.append(
            terminate_recovery_instances(
                executions, parts, execution_id, dry_run=dry_run, by=clean_up.by, only=only
            )
        )
        if not dry_run:
            executions.change(execution_id, lambda it: it.clean_ups.append(clean_up))
    body: dict[str, Any] = {
        part: [it for answer in answers for it in answer[part]]
        for part in ("requested", "refused", "failed", "jobs")
    }
    body["refused"] += [_unattributed(record) for record in unknown]
    ids = [execution.execution_id for execution in ended]
    return {
        "planId": plan.plan_id,
        "dryRun": dry_run,
        "note": clean_up.note,
        "executionIds": ids,
        **body,
    }


def clean_up_of(note: str, by: str | None) -> CleanUp:
    """A clean-up asked for now."""
    return CleanUp(note=note, at=now(), by=by)


def _drills(parts: SyncParts, plan: Plan) -> list[Record]:
    """The rows of the plan's servers that have an instance of a drill."""
    rows = parts.table.read(plan.servers)
    if rows.unread:
        raise TableUnavailable(f"{len(rows.unread)} rows could not be read")
    return [it for it in rows.records.values() if it.is_present and it.is_drill]


def _executions(
    executions: Executions, records: Iterable[Record]
) -> tuple[list[Execution], list[Record]]:
    """The executions that launched these, all of them over, and
    the rows whose execution nobody knows.
    """
    known: dict[str, Execution | None] = {}
    unknown = []
    for record in records:
        execution_id = record.source_execution_id or ""
        if execution_id not in known:
            known[execution_id] = _read(executions, execution_id)
        if known[execution_id] is None:
            unknown.append(record)
    found = [it for it in known.values() if it is not None]
    for execution in found:
        if not execution.is_over:
            raise Conflict(
                "EXECUTION_RUNNING",
                f"execution {execution.execution_id} still runs; cancel it first",
                executionId=execution.execution_id,
            )
    return found, unknown


def _read(executions: Executions, execution_id: str) -> Execution | None:
    try:
        return executions.read(execution_id) if execution_id else None
    except NotFound:
        return None


def _unattributed(record: Record) -> dict[str, Any]:
    return {
        "sourceServerId": record.source_server_id,
        "ec2InstanceId": record.ec2_instance_id,
        "name": record.name,
        "accountId": record.account_id,
        "region": record.region,
        "isDrill": True,
        "reason": UNATTRIBUTED,
        "message": "nobody knows its execution; terminate in the DRS console",
    }
