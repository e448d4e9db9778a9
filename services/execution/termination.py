"""Terminating what an execution launched: planned, then asked for
place by place, each job kept on the execution.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from threading import Lock
from typing import Any

from cache.errors import Conflict, RecoverySyncError
from cache.values import Place, now
from services.api import models
from services.aws.drs_jobs import recent_jobs, terminate
from services.aws.outcome import LOOK_ERRORS
from services.execution.jobs import ask_for_jobs
from services.execution.termination_plan import PlacePlan, plan_termination
from services.execution.termination_status import follow_jobs, look_at_servers
from services.platform.execution import Execution
from services.platform.executions import Executions
from services.sync.places import side_by_side
from services.sync.run import SyncParts

logger = logging.getLogger(__name__)


def terminate_recovery_instances(  # noqa: PLR0913 - an option each
    executions: Executions,
    parts: SyncParts,
    execution_id: str,
    *,
    confirm: bool = False,
    dry_run: bool = False,
    by: str | None = None,
    approved_by: str | None = None,
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """Terminate the instances of an execution, as far as the guard rails allow; the answer that is
    sent.

    `by` is who asks, `approved_by` who agreed; `only` are the servers it is about, if not all.

    `{executionId, dryRun, requested, refused, failed, jobs}`: `requested` are now being terminated
    (with `dry_run`: would be), `refused` carry a guard rail's `reason`, `failed` could not be asked
    for and may be asked again, `jobs` are all that still run. What runs already is not asked for
    again.

    Raises:
        NotFound: when there is no such execution.
        Conflict: EXECUTION_RUNNING while waves are still launched.
        TableUnavailable: when the rows cannot be read.
    """
    execution = executions.read(execution_id)
    if not execution.is_over:
        raise Conflict("EXECUTION_RUNNING", f"execution {execution_id} still runs; cancel it first")
    if not dry_run:
        execution = follow_jobs(executions, parts, execution)
    plans = plan_termination(parts, execution, confirm=confirm, only=only)
    if not dry_run and plans:
        keep = _Keeper(executions, execution_id, by, approved_by)
        terminations = [_PlaceTermination(parts, execution, plan, keep) for plan in plans]
        list(side_by_side(_PlaceTermination.run, terminations))
        execution = executions.read(execution_id)
    return _body(execution, plans, dry_run=dry_run)


class _Keeper:
    """Keeps jobs on the execution, one at a time: the threads of the places share one row."""

    def __init__(
        self, executions: Executions, execution_id: str, by: str | None, approved_by: str | None
    ) -> None:
        self.by = by
        self._executions = executions
        self._execution_id = execution_id
        self._asked = {
            "requested_at": now(),
            "requested_by": by,
            "approved_by": approved_by,
        }
        self._turn = Lock()

    def __call__(self, job_id: str, place: Place, server_ids: Sequence[str]) -> None:
        with self._turn:
            self._executions.change(
                self._execution_id,
                lambda it: it.add_termination(job_id, place, server_ids, **self._asked),
            )


class _PlaceTermination:
    """The terminations of one place. Any failure is this place's alone and ends up in its plan."""

    def __init__(
        self, parts: SyncParts, execution: Execution, plan: PlacePlan, keep: _Keeper
    ) -> None:
        self._parts = parts
        self._execution = execution
        self._plan = plan
        self._keep = keep
        self._open = {it.server_id: it for it in plan.requested}

    def run(self) -> None:
        """Ask for the jobs, and let the rows follow of what is gone already."""
        plan = self._plan
        followed = {it for job in self._execution.open_terminations for it in job.server_ids}
        try:
            if unknown := [it for it in plan.going if it not in followed]:
                for job_id, server_ids in self.find(unknown).items():
                    self.started(job_id, server_ids)
            ask_for_jobs(self, list(self._open))
        except (*LOOK_ERRORS, RecoverySyncError) as error:
            self.refused(list(self._open), str(error))
        if plan.gone:
            look_at_servers(self._parts, self._execution, plan.place, plan.gone)

    def ask(self, server_ids: Sequence[str]) -> str:
        """One TerminateRecoveryInstances call."""
        ids = [self._open[it].recovery_instance_id for it in server_ids]
        job_id = terminate(self._client, ids)
        logger.info(
            "Terminating %d instances of %s in %s, asked for by %s",
            len(ids), self._execution.execution_id, self._plan.place, self._keep.by,
        )  # fmt: skip
        return job_id

    def find(self, server_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """TERMINATE jobs under way that these servers are in."""
        wanted = set(server_ids)
        jobs = (it for it in recent_jobs(self._client, "TERMINATE") if not it.is_over)
        return {job.job_id: sorted(taken) for job in jobs if (taken := wanted & job.servers.keys())}

    def started(self, job_id: str, server_ids: Sequence[str]) -> None:
        """Keep the job; these servers are done with."""
        for server_id in server_ids:
            self._open.pop(server_id, None)
        self._keep(job_id, self._plan.place, server_ids)

    def refused(self, server_ids: Sequence[str], why: str) -> None:
        """They stay, and are named."""
        taken = [self._open.pop(it) for it in server_ids]
        self._plan.failed += [(it, why) for it in taken]
        self._plan.requested = [it for it in self._plan.requested if it not in taken]

    @property
    def _client(self) -> Any:
        return self._parts.clients.get("drs", self._plan.place)


def _body(execution: Execution, plans: Sequence[PlacePlan], *, dry_run: bool) -> dict[str, Any]:
    return models.Termination(
        execution_id=execution.execution_id,
        dry_run=dry_run,
        requested=[models.Candidate(**it.facts()) for plan in plans for it in plan.requested],
        refused=[
            models.Refused(**it.facts(), reason=why, message=why.message)
            for plan in plans
            for it, why in plan.refused
        ],
        failed=[
            models.Failed(**it.facts(), message=why) for plan in plans for it, why in plan.failed
        ],
        jobs=[
            models.Job(job_id=it.job_id, account_id=it.account_id, region=it.region)
            for it in execution.open_terminations
        ],
    ).sent()
