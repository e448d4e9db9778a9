"""Four eyes: where a deployment says so, a real recovery and its termination wait for a second
person.

What was asked for stands in the execution's row until somebody else agrees, it is cancelled, or its
time is over.
"""

from collections.abc import Callable

from cache.errors import Conflict, Forbidden
from cache.values import now
from services.platform.execution import Approval, Execution, Status, age_of
from services.platform.executions import Executions
from services.settings import Settings

APPROVAL_SECONDS = 3_600
"""How long a request waits: what it would destroy was looked at when it was made."""
TOO_LATE = "nobody approved it within an hour"


def await_approval(execution: Execution, approval: Approval) -> None:
    """Put a request into the execution's row; one that is to
    start does not run before it is approved.
    """
    execution.approval = approval
    if approval.action == "START":
        execution.status, execution.driven_at = Status.PAUSED, None


def refuse_alone(settings: Settings, *, confirm: bool) -> None:
    """See that nobody ends real recoveries past the API, where a second person would be asked.

    Raises:
        Conflict: NEEDS_APPROVAL.
    """
    if settings.four_eyes and confirm:
        why = "a real recovery ends through the API, where a second person approves it"
        raise Conflict("NEEDS_APPROVAL", why)


def is_too_late(execution: Execution) -> bool:
    """Whether what waits in it has waited for too long."""
    approval = execution.approval
    return approval is not None and age_of(approval.requested_at) > APPROVAL_SECONDS


def expire(execution: Execution) -> None:
    """Drop a request that nobody has approved."""
    if execution.approval and execution.approval.action == "START":
        execution.cancel_requested = True
        execution.end(now(), TOO_LATE)
    execution.approval = None


def approve(
    executions: Executions,
    execution_id: str,
    by: str,
    check: Callable[[Execution, Approval], None],
) -> tuple[Execution, Approval]:
    """Agree to what waits; the execution as it is now, and what was agreed to.

    Done by one of two at once.

    `check` may refuse what has become wrong since it was asked for, and puts what it finds of a
    plan into the execution it is given: that is written with the approval, or not at all.

    Raises:
        NotFound: when there is no such execution.
        Conflict: NOTHING_TO_APPROVE, APPROVAL_EXPIRED, or whatever `check` raises.
        Forbidden: when the same person asked for it.
    """
    seen = executions.read(execution_id)
    approval = _waiting(seen, by)
    check(seen, approval)

    def alter(execution: Execution) -> None:
        if _waiting(execution, by) != approval:
            raise Conflict("NOTHING_TO_APPROVE", "another request waits now; look again")
        execution.approval = None
        if approval.action == "START":
            execution.approved_by, execution.findings = by, seen.findings
            execution.status, execution.driven_at = Status.PENDING, now()

    return executions.change(execution_id, alter), approval


def _waiting(execution: Execution, by: str) -> Approval:
    approval = execution.approval
    if approval is None:
        raise Conflict("NOTHING_TO_APPROVE", f"nothing of {execution.execution_id} waits")
    if is_too_late(execution):
        raise Conflict("APPROVAL_EXPIRED", f"{TOO_LATE}; it must be asked for again")
    if approval.requested_by == by:
        raise Forbidden(f"{by} asked for this; a second person approves it")
    return approval
