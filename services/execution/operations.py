"""Direct operations: the steps of the state machine, and
what the CLI and other functions ask for.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import Field

from cache.errors import TableUnavailable
from cache.values import now
from services.api.access import without_address
from services.api.dispatch import DirectOperations
from services.api.models import Terminate
from services.api.operations import Event, ExecutionId, valid
from services.execution.approval import refuse_alone
from services.execution.driving import Driver
from services.execution.report import report_body
from services.execution.termination import terminate_recovery_instances
from services.execution.termination_status import remaining
from services.execution.waves import Waves
from services.platform.execution import REASON_LENGTH
from services.platform.executions import Executions
from services.platform.launches import LaunchLog, launches_still_there
from services.sync.after_wave import sync_after_wave
from services.sync.wiring import SyncWiring

DIRECTLY = "a direct operation"  # who asked, where the event does not say for whom
UNATTENDED = frozenset(
    {"start_wave", "poll_wave", "sync_wave", "go_on", "finish", "machine_ended", "watch_executions"}
)
"""Nobody reads the answers of these: what refuses them must fail, or it goes unnoticed."""


class TerminateEvent(Terminate, Event):
    """`terminate_recovery_instances`."""

    execution_id: ExecutionId
    requested_by: str = Field(DIRECTLY, min_length=1, max_length=100)


class StepEvent(Event):
    """`start_wave`, `poll_wave`, `sync_wave`, `go_on`."""

    execution_id: ExecutionId
    wave_number: int


class FinishEvent(Event):
    """`finish`; `error` is why it is closed, `failure` what a
    step of the state machine ended with.
    """

    execution_id: ExecutionId
    error: str | None = None
    failure: dict[str, str] | None = None


class MachineEvent(Event):
    """`machine_ended`: a state machine of this name ended otherwise than by succeeding."""

    name: str = Field(min_length=1, max_length=80)
    status: str


class WatchEvent(Event):
    """`watch_executions`: nothing more is needed."""


def executions_of(wiring: SyncWiring) -> Executions:
    """The executions of this deployment."""
    return wiring.executions


def execution_report(wiring: SyncWiring, execution_id: str) -> dict[str, Any]:
    """The report on an execution, as far as can be told now.

    Raises:
        NotFound: when there is no such execution.
        TableUnavailable: when its row or its launches cannot be read.
    """
    execution = executions_of(wiring).read(execution_id)
    launches = launches_still_there(wiring.table, execution) | launches_of(wiring).read(execution)
    try:
        left = remaining(wiring.table, execution)
    except TableUnavailable:
        left = None
    return report_body(execution, launches, left, now())


def launches_of(wiring: SyncWiring) -> LaunchLog:
    """The launches that are kept for reports."""
    return LaunchLog(wiring.dynamodb, wiring.settings.sync_status_table)


def direct_operations(wiring: SyncWiring) -> DirectOperations:
    """The operations by name, over one process's parts."""
    executions = executions_of(wiring)
    waves = Waves(
        executions, wiring.sync_parts, launches_of(wiring), job_tags=wiring.settings.job_tags
    )

    driver = Driver(executions, wiring.settings.state_machine_arn)

    def step(
        take: Callable[[str, int], dict[str, Any]], event: Mapping[str, Any]
    ) -> dict[str, Any]:
        values = valid(StepEvent, event)
        return take(values.execution_id, values.wave_number)

    def finish(event: Mapping[str, Any]) -> dict[str, Any]:
        values = valid(FinishEvent, event)
        failure = values.failure or {}
        why = failure.get("Cause") or failure.get("Error") or values.error
        return driver.close(values.execution_id, _one_line(why))

    def machine_ended(event: Mapping[str, Any]) -> dict[str, Any]:
        values = valid(MachineEvent, event)
        return driver.machine_ended(values.name, values.status)

    def watch(event: Mapping[str, Any]) -> dict[str, Any]:
        valid(WatchEvent, event)
        return driver.watch()

    def terminate(event: Mapping[str, Any]) -> dict[str, Any]:
        wanted = valid(TerminateEvent, event)
        refuse_alone(wiring.settings, confirm=wanted.confirm)
        return terminate_recovery_instances(
            executions,
            wiring.sync_parts(),
            wanted.execution_id,
            confirm=wanted.confirm,
            dry_run=wanted.dry_run,
            by=without_address(wanted.requested_by) or DIRECTLY,
        )

    return {
        "start_wave": lambda event: step(waves.start_wave, event),
        "poll_wave": lambda event: step(waves.poll_wave, event),
        "sync_wave": lambda event: step(waves.sync_wave, event),
        "go_on": lambda event: step(driver.go_on, event),
        "finish": finish,
        "machine_ended": machine_ended,
        "watch_executions": watch,
        "terminate_recovery_instances": terminate,
        "sync_recovery_instances_after_wave": lambda event: sync_after_wave(
            wiring.executions, wiring.sync_parts, event
        ),
    }


def _one_line(error: str | None) -> str | None:
    """Step Functions passes on Lambda's error as JSON with its stack trace."""
    if error is None:
        return None
    with suppress(ValueError, TypeError, KeyError):
        error = json.loads(error)["errorMessage"]
    return str(error)[:REASON_LENGTH]
