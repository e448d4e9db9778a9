"""Direct operations: the steps of the state machine, and what the CLI and other functions ask for."""

from collections.abc import Callable
from typing import Any

from cache.errors import InvalidInput
from services.api.operations import sync_after_wave, valid
from services.execution.events import FinishEvent, StepEvent, TerminateEvent
from services.execution.termination import terminate_recovery_instances
from services.execution.waves import Waves
from services.platform.executions import Executions
from services.wiring import Wiring

type Event = dict[str, Any]


def executions_of(wiring: Wiring) -> Executions:
    """The executions of this deployment."""
    settings = wiring.settings
    return Executions(wiring.dynamodb, settings.execution_history_table, settings.sync_status_table)


class Operations:
    """The direct operations over one process's parts."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._executions = executions_of(wiring)
        self._waves = Waves(self._executions, wiring.sync_parts, job_tags=wiring.settings.job_tags)

    def run(self, event: Event) -> dict[str, Any]:
        """Carry out one operation.

        Raises:
            InvalidInput: when there is no such operation, or it is not what it needs.
            Whatever the operation raises; a step that could not be done is for the state machine to try again.
        """
        operations: dict[str, Callable[[Event], dict[str, Any]]] = {
            "start_wave": lambda it: self._step(self._waves.start_wave, it),
            "poll_wave": lambda it: self._step(self._waves.poll_wave, it),
            "sync_wave": lambda it: self._step(self._waves.sync_wave, it),
            "finish": self._finish,
            "terminate_recovery_instances": self._terminate,
            "sync_recovery_instances_after_wave": lambda it: sync_after_wave(
                self._wiring.sync_parts, it
            ),
        }
        operation = event.get("operation")
        if not isinstance(operation, str) or operation not in operations:
            raise InvalidInput("operation", f"{operation!r:.60} is none of {', '.join(operations)}")
        return operations[operation](event)

    def _step(self, step: Callable[[str, int], dict[str, Any]], event: Event) -> dict[str, Any]:
        values = valid(StepEvent, event)
        return step(values.execution_id, values.wave_number)

    def _finish(self, event: Event) -> dict[str, Any]:
        values = valid(FinishEvent, event)
        return self._waves.finish(values.execution_id, values.error)

    def _terminate(self, event: Event) -> dict[str, Any]:
        it = valid(TerminateEvent, event)
        parts = self._wiring.sync_parts()
        return terminate_recovery_instances(
            self._executions, parts, it.execution_id, confirm=it.confirm, dry_run=it.dry_run
        )
