"""Direct operations that only the execution function takes, as they are sent."""

from services.api.models import Terminate
from services.api.operations import Event, ExecutionId


class TerminateEvent(Terminate, Event):
    """`terminate_recovery_instances`."""

    execution_id: ExecutionId


class StepEvent(Event):
    """`start_wave`, `poll_wave`, `sync_wave`."""

    execution_id: ExecutionId
    wave_number: int


class FinishEvent(Event):
    """`finish`; `error` is why the state machine gave up."""

    execution_id: ExecutionId
    error: str | None = None
