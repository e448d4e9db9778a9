"""Pauses between waves: the next wave waits until somebody says that it may begin.

No machine runs meanwhile.
"""

from cache.errors import Conflict, TierUnavailable
from cache.values import now
from services.execution.driving import Driver, refuse_unless_ours
from services.platform.execution import Execution, Status
from services.platform.executions import Executions


def pause(execution: Execution) -> None:
    """The wave before is over, and the next one waits."""
    if not execution.is_over and not execution.cancel_requested:
        execution.status, execution.driven_at = Status.PAUSED, None


def resume(executions: Executions, driver: Driver, execution_id: str, by: str | None) -> Execution:
    """Let the wave begin that waits. Of two who say so at once, one does.

    Raises:
        NotFound: when there is no such execution.
        Conflict: NOT_PAUSED, DRIVEN_BY_PLATFORM, or AWAITS_APPROVAL of its start.
        TierUnavailable: when the state machine did not start; it is paused then as before.
    """
    number = 0

    def alter(execution: Execution) -> None:
        nonlocal number
        refuse_unless_ours(execution)
        if execution.approval:
            raise Conflict("AWAITS_APPROVAL", "its start waits for a second person's approval")
        waiting = [it for it in execution.waves if it.status == Status.PENDING]
        if execution.status != Status.PAUSED or not waiting:
            raise Conflict(
                "NOT_PAUSED", f"execution {execution_id} is not paused: {execution.status}"
            )
        wave = min(waiting, key=lambda it: it.wave_number)
        number, wave.pause_before_wave, wave.resumed_by = wave.wave_number, False, by
        execution.status, execution.driven_at = Status.RUNNING, now()

    def alter_back(execution: Execution) -> None:
        pause(execution)
        if wave := execution.wave(number):
            wave.pause_before_wave, wave.resumed_by = True, None

    execution = executions.change(execution_id, alter)
    try:
        driver.drive(execution_id, number)
    except TierUnavailable:
        executions.change(execution_id, alter_back)
        raise
    return execution
