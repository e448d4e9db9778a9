"""Starting and cancelling an execution: what is refused, what is written, and who is told."""

import uuid
from collections.abc import Callable, Iterable, Mapping

from cache.errors import Conflict, InvalidInput, TierUnavailable
from cache.values import Place, now
from services.execution.approval import approve, await_approval
from services.execution.driving import refuse_unless_ours
from services.execution.existing import existing_instances
from services.execution.planned import planned_waves
from services.platform.execution import IN_FLIGHT, Approval, Execution, PlanFinding
from services.platform.executions import Executions
from services.platform.plans import Plan
from services.sync.run import SyncParts

MOST_SERVERS = 5_000  # with their statuses, that is what one DynamoDB item holds
FORCED = "cancelled by force; DRS may still launch what was under way"
type Drive = Callable[[str, int], None]
type Check = Callable[[str], list[PlanFinding]]


class Starter:
    """Begins executions."""

    def __init__(
        self, executions: Executions, parts: SyncParts, drive: Drive, check: Check
    ) -> None:
        self._executions = executions
        self._parts = parts
        self._drive = drive
        self._check = check

    def start(  # noqa: PLR0913 - what a request for it says
        self,
        plan: Plan,
        execution_type: str,
        *,
        replace_existing: bool,
        snapshots: Mapping[str, str] | None = None,
        by: str | None = None,
        needs_approval: bool = False,
    ) -> Execution:
        """Begin an execution of this plan and set the state machine going, unless it needs somebody
        else's approval.

        `snapshots` are the points in time that were chosen, by server.

        Raises:
            InvalidInput: when the plan cannot be executed as it is.
            Conflict: PLAN_RUNNING, SERVER_BUSY, or EXISTING_INSTANCES with what the launch would
            destroy. TierUnavailable: when DynamoDB or the state machine cannot be asked; nothing
            was launched then.
        """
        execution = _execution(plan, execution_type)
        _choose_snapshots(execution, snapshots or {})
        execution.requested_by = by
        if needs_approval:
            await_approval(execution, Approval(
                action="START", requested_by=by or "", requested_at=now(),
                replace_existing=replace_existing,
            ))  # fmt: skip
        _check_places(execution, self._parts)
        _refuse_if_running(execution, self._executions.running())
        if not replace_existing:
            _refuse_if_existing(execution, self._parts)
        execution.findings = self._check(plan.plan_id)
        self._executions.begin(execution, lambda running: _refuse_if_running(execution, running))
        if not needs_approval:
            self._go(execution)
        return execution

    def approve(self, execution_id: str, by: str) -> tuple[Execution, Approval]:
        """Agree to what waits, and set the state machine going if that is a start.

        Raises:
            As `approval.approve`; Conflict: EXISTING_INSTANCES that were not there when it was
            asked for.
        """

        def check(execution: Execution, waiting: Approval) -> None:
            if waiting.action == "START":
                if not waiting.replace_existing:
                    _refuse_if_existing(execution, self._parts)
                execution.findings = self._check(execution.plan_id)

        execution, approval = approve(self._executions, execution_id, by, check)
        if approval.action == "START":
            self._go(execution)
        return execution, approval

    def _go(self, execution: Execution) -> None:
        try:
            self._drive(execution.execution_id, execution.waves[0].wave_number)
        except TierUnavailable as error:
            why = f"not started: {error}"
            self._executions.change(execution.execution_id, lambda it: it.end(now(), why))
            raise


def cancel_execution(
    executions: Executions, execution_id: str, *, force: bool = False, by: str | None = None
) -> Execution:
    """Stop before the next wave.

    A wave in flight is followed to its end: DRS cannot be told to stop.

    With `force` the execution ends now, and nobody follows what DRS still launches; the next
    background sync shows it. An execution of the platform is cancelled there; by force, only its
    row is closed, so that its plan and servers are free.

    Raises:
        NotFound: when there is no such execution.
        Conflict: EXECUTION_OVER, or DRIVEN_BY_PLATFORM without `force`.
    """

    def alter(execution: Execution) -> None:
        if execution.is_over:
            raise Conflict(
                "EXECUTION_OVER", f"execution {execution_id} is over: {execution.status}"
            )
        why = FORCED + (f" (by {by})" if by else "")
        if not force:
            refuse_unless_ours(execution)
        if not execution.is_ours:
            execution.abandon(now(), why)
            return
        execution.cancel_requested, execution.approval = True, None
        execution.cancelled_by = by
        if force:
            execution.end(now(), why)
        elif not any(wave.status in IN_FLIGHT for wave in execution.waves):
            execution.end(now(), None)

    return executions.change(execution_id, alter)


def _execution(plan: Plan, execution_type: str) -> Execution:
    """A new execution of the plan's waves, in the order of their numbers."""
    if plan.unresolved:
        raise InvalidInput("plan", f"its servers cannot be known: {plan.unresolved[0]}")
    if plan.malformed:
        raise InvalidInput("plan", f"{plan.malformed[0]!r:.60} is no source server id")
    waves = planned_waves(plan.waves)
    server_ids = [it for wave in waves for it in wave.server_ids]
    if not 1 <= len(server_ids) <= MOST_SERVERS:
        raise InvalidInput(
            "plan", f"has {len(server_ids)} servers; 1 to {MOST_SERVERS} can be launched"
        )
    if len(set(server_ids)) < len(server_ids):
        raise InvalidInput("plan", "names a server twice")
    if len({wave.wave_number for wave in waves}) < len(waves):
        raise InvalidInput("plan", "has two waves of the same number")
    return Execution(
        execution_id=str(uuid.uuid4()),
        plan_id=plan.plan_id,
        plan_name=plan.name,
        execution_type=execution_type,
        start_time=now(),
        driven_at=now(),
        revision=0,
        waves=waves,
    )


def _choose_snapshots(execution: Execution, snapshots: Mapping[str, str]) -> None:
    if strangers := snapshots.keys() - execution.server_ids:
        raise InvalidInput("recoverySnapshotIds", f"{min(strangers)} is no server of the plan")
    for wave in execution.waves:
        wave.snapshots = {it: snapshots[it] for it in wave.server_ids if it in snapshots}


def _check_places(execution: Execution, parts: SyncParts) -> None:
    for wave in execution.waves:
        if wave.account_id not in parts.accounts or not wave.region:
            raise InvalidInput(
                "plan", f"wave {wave.wave_number}: {wave.place} is no region of a target account"
            )


def _refuse_if_running(execution: Execution, running: Iterable[Execution]) -> None:
    servers = execution.server_ids
    for other in running:
        if other.plan_id == execution.plan_id:
            raise Conflict(
                "PLAN_RUNNING", f"plan {other.plan_id} is being executed",
                executionId=other.execution_id
            )  # fmt: skip
        if busy := sorted(servers & other.server_ids):
            raise Conflict(
                "SERVER_BUSY",
                f"{len(busy)} of its servers are being launched by another execution",
                executionId=other.execution_id,
                serverIds=busy,
            )


def _refuse_if_existing(execution: Execution, parts: SyncParts) -> None:
    servers: dict[str, Place] = {
        it: wave.place for wave in execution.waves for it in wave.server_ids
    }
    existing = existing_instances(parts, servers)
    if existing.instances or existing.unknown:
        raise Conflict(
            "EXISTING_INSTANCES",
            f"the launch would destroy {len(existing.instances)} instances, and "
            f"{len(existing.unknown)} servers could "
            "not be asked; say replaceExisting to launch all the same",
            existingInstances=existing.instances,
            unknownServerIds=existing.unknown,
        )
