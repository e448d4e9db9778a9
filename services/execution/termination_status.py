"""Following a termination to its end, across accounts: jobs,
then a look at their servers, then the rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cache.errors import TableUnavailable
from cache.table import Table
from cache.values import Place, now
from services.api import models
from services.aws.drs_jobs import describe_jobs
from services.aws.outcome import LOOK_ERRORS
from services.execution.termination_plan import GOING
from services.platform.execution import Execution, Status, TerminationJob
from services.platform.executions import Executions
from services.sync.places import by_place, in_time
from services.sync.run import SyncParts, sync_recovery_instances_after_wave

FOLLOW_SECONDS = 12.0  # of API Gateway's 29


def termination_status(
    executions: Executions, parts: SyncParts, execution_id: str
) -> dict[str, Any]:
    """How the termination does; the answer that is sent.

    `{executionId, status, jobs, remaining, terminated}`: `status` is NONE (nothing was asked for),
    IN_PROGRESS, COMPLETED (nothing of the execution is left) or PARTIAL (all jobs are over and some
    is left). Jobs of a place that cannot be asked stay as they were. A job is COMPLETED only after
    its servers were looked at and their rows written.

    Raises:
        NotFound: when there is no such execution. TableUnavailable: when the rows cannot be read.
    """
    execution = follow_jobs(executions, parts, executions.read(execution_id))
    return _body(execution, remaining(parts.table, execution))


def follow_jobs(executions: Executions, parts: SyncParts, execution: Execution) -> Execution:
    """The execution with the status of its open TERMINATE jobs as it is now, kept.

    Raises:
        TableUnavailable: when the row cannot be written.
    """
    statuses = _statuses(parts, execution)
    if not statuses:
        return execution
    return executions.change(execution.execution_id, lambda it: _note(it, statuses))


def look_at_servers(
    parts: SyncParts, execution: Execution, place: Place, server_ids: Sequence[str]
) -> bool:
    """Look at some of its servers, and record; whether the place was seen.

    What is gone becomes absent only because DRS says so.
    """
    jobs = [job for wave in execution.waves if wave.place == place for job in wave.jobs]
    known = dict.fromkeys(jobs, execution.attribution)
    report = sync_recovery_instances_after_wave(parts, place, server_ids, known, 0)
    return report.outcome.is_complete


def _statuses(parts: SyncParts, execution: Execution) -> dict[str, str]:
    """The new status of each job whose status has changed."""
    jobs = [it for it in execution.open_terminations if it.account_id in parts.accounts]
    places = by_place(jobs, lambda job: job.place)
    found = in_time(
        lambda it: _follow_in(parts, execution, *it),
        places.items(),
        FOLLOW_SECONDS,
        late=lambda _: dict[str, str](),
    )
    return {job_id: status for statuses in found for job_id, status in statuses.items()}


def _follow_in(
    parts: SyncParts, execution: Execution, place: Place, jobs: list[TerminationJob]
) -> Mapping[str, str]:
    try:
        seen = describe_jobs(parts.clients.get("drs", place), [it.job_id for it in jobs])
    except LOOK_ERRORS:
        return {}
    over = [it for it in jobs if it.job_id in seen and seen[it.job_id].is_over]
    statuses = {
        it.job_id: Status.RUNNING
        for it in jobs
        if it.job_id in seen and it.status == Status.PENDING
    }
    servers = [it for job in over for it in job.server_ids]
    if servers and look_at_servers(parts, execution, place, servers):
        rows = parts.table.read(servers)
        going = {
            it for it, record in rows.records.items() if record.ec2_instance_state == GOING
        } | rows.unread
        statuses |= {it.job_id: Status.COMPLETED for it in over if not going & {*it.server_ids}}
    return statuses


def _note(execution: Execution, statuses: Mapping[str, str]) -> None:
    for job in execution.open_terminations:
        job.status = statuses.get(job.job_id, job.status)
        job.ended_at = now() if job.is_over else None


def remaining(table: Table, execution: Execution) -> set[str]:
    """Servers that still have an instance of the execution; the index may lag, so the rows
    themselves decide.

    Raises:
        TableUnavailable: when the rows cannot be read.
    """
    asked_for = [it for job in execution.termination_jobs for it in job.server_ids]
    rows = table.read([*table.servers_of(execution.execution_id), *asked_for])
    if rows.unread:
        raise TableUnavailable(f"{len(rows.unread)} rows could not be read")
    shown = {
        server_id
        for server_id, record in rows.records.items()
        if record.is_present and record.source_execution_id == execution.execution_id
    }
    return shown | {it for job in execution.open_terminations for it in job.server_ids}


def _body(execution: Execution, remaining: set[str]) -> dict[str, Any]:
    asked_for = dict.fromkeys(it for job in execution.termination_jobs for it in job.server_ids)
    return models.TerminationStatus(
        execution_id=execution.execution_id,
        status=_status(execution, remaining),
        jobs=[
            models.JobStatus(
                job_id=job.job_id,
                account_id=job.account_id,
                region=job.region,
                status=job.status,
                server_ids=job.server_ids,
            )
            for job in execution.termination_jobs
        ],
        remaining=sorted(remaining),
        terminated=[it for it in asked_for if it not in remaining],
    ).sent()


def _status(
    execution: Execution, remaining: set[str]
) -> Literal["NONE", "IN_PROGRESS", "COMPLETED", "PARTIAL"]:
    if not execution.termination_jobs:
        return "NONE"
    if execution.open_terminations:
        return "IN_PROGRESS"
    return "PARTIAL" if remaining else "COMPLETED"
