"""Who drives an execution: a state machine for each wave.

Machines die; whatever happens, the row is closed.

A machine that ends otherwise than by succeeding is announced (`machine_ended`); `watch` finds what
no announcement came for, by the time of the last step, and closes what certainly nobody drives any
more.
"""

import logging
from contextlib import suppress
from typing import Any

from cache.errors import Conflict, NotFound, TierUnavailable
from cache.values import now
from services.aws.invoke import machine_status, start_machine
from services.execution.approval import expire, is_too_late
from services.platform.execution import Execution, Status
from services.platform.executions import Executions
from services.telemetry import count_failed_execution, count_watch

logger = logging.getLogger(__name__)


def refuse_unless_ours(execution: Execution) -> None:
    """Two drivers of one execution would launch its servers twice.

    Raises:
        Conflict: DRIVEN_BY_PLATFORM.
    """
    if not execution.is_ours:
        raise Conflict(
            "DRIVEN_BY_PLATFORM",
            f"execution {execution.execution_id} is driven by the platform that began it, and is "
            "cancelled or resumed there; if nobody drives it any more, cancel it by force",
        )


def take_step(execution: Execution) -> None:
    """Say that a step is being taken of an execution of ours.

    Raises:
        Conflict: DRIVEN_BY_PLATFORM.
    """
    refuse_unless_ours(execution)
    execution.beat()


class Driver:
    """Starts machines, and looks after what they leave. `arn` is the state machine's."""

    def __init__(self, executions: Executions, arn: str) -> None:
        self._executions = executions
        self._arn = arn

    def drive(self, execution_id: str, number: int) -> None:
        """Set a machine going for one wave.

        Raises:
            MachineNotStarted: when Step Functions did not take it.
        """
        values = {"executionId": execution_id, "waveNumber": number}
        start_machine(self._arn, _machine(execution_id, number), values)

    def go_on(self, execution_id: str, number: int) -> dict[str, Any]:
        """A machine of its own for the next wave: no history grows with the plan.

        Raises:
            NotFound, TableUnavailable, MachineNotStarted; Conflict: DRIVEN_BY_PLATFORM.
        """
        self._executions.change(execution_id, take_step)
        self.drive(execution_id, number)
        return {"executionId": execution_id, "waveNumber": number}

    def close(self, execution_id: str, why: str | None = None) -> dict[str, Any]:
        """End the execution, unless it is over or pauses before its next wave.

        `why` says that it is given up.

        Raises:
            NotFound, TableUnavailable; Conflict: DRIVEN_BY_PLATFORM.
        """
        has_ended = False

        def alter(execution: Execution) -> None:
            nonlocal has_ended
            refuse_unless_ours(execution)
            is_waiting = why is None and execution.status == Status.PAUSED
            has_ended = not execution.is_over and not is_waiting
            if has_ended:
                execution.end(now(), why)

        execution = self._executions.change(execution_id, alter)
        if has_ended:
            _tell(execution, why)
        return {"executionId": execution_id, "status": execution.status}

    def machine_ended(self, name: str, status: str) -> dict[str, Any]:
        """A machine failed, ran out of time or was stopped: nobody drives its execution any more.

        Raises:
            NotFound, TableUnavailable.
        """
        execution_id = name.rpartition("_")[0] or name
        return self.close(execution_id, f"its state machine ended: {status}")

    def watch(self) -> dict[str, Any]:
        """See whether each open execution of ours is driven; `{running, abandoned, closed}` as ids.

        One whose machine has ended is closed; one that only is silent is named, for a person to
        decide.

        Raises:
            TableUnavailable: when DynamoDB cannot be asked.
        """
        found: dict[str, list[str]] = {"running": [], "abandoned": [], "closed": []}
        for execution in self._open():
            execution_id = execution.execution_id
            if is_too_late(execution):
                self._executions.change(execution_id, expire)
                found["closed"].append(execution_id)
            elif execution.abandoned_since is None:
                found["running"].append(execution_id)
            elif why := self._has_ended(execution):
                self.close(execution_id, why)
                found["closed"].append(execution_id)
            else:
                found["abandoned"].append(execution_id)
                logger.error(
                    "Execution %s of plan %s is abandoned: no step since %s; cancel it by force",
                    execution_id,
                    execution.plan_id,
                    execution.abandoned_since,
                )
        count_watch(abandoned=len(found["abandoned"]))
        return found

    def _open(self) -> list[Execution]:
        found = []
        for execution_id in self._executions.open():
            with suppress(NotFound):  # somebody has deleted its row
                execution = self._executions.read(execution_id)
                found += [execution] if execution.is_ours and not execution.is_over else []
        return found

    def _has_ended(self, execution: Execution) -> str | None:
        """Why nobody will drive it any more, if that is certain: its
        first open wave has no living machine.
        """
        if not execution.waves:  # somebody has taken them out of the row
            return "its row has no waves any more"
        numbers = [it.wave_number for it in execution.waves if not it.is_over]
        number = numbers[0] if numbers else execution.waves[-1].wave_number
        try:
            status = machine_status(self._arn, _machine(execution.execution_id, number))
        except TierUnavailable as error:
            logger.warning("Whether execution %s is driven: %s", execution.execution_id, error)
            return None
        return None if status == "RUNNING" else f"its state machine is {status or 'not there'}"


def _machine(execution_id: str, number: int) -> str:
    """A machine's name, which says whose it is."""
    return f"{execution_id}_{number}"


def _tell(execution: Execution, why: str | None) -> None:
    """One line of how an execution ended; a failure is counted."""
    failed = execution.status == Status.FAILED
    count_failed_execution(failed=failed)
    logger.log(
        logging.ERROR if failed or why else logging.INFO,
        "Execution %s of plan %s ended: %s%s",
        execution.execution_id,
        execution.plan_id,
        execution.status,
        f": {why}" if why else "",
    )
