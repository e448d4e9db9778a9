"""Direct operations as they are sent to the execution function, and what is wrong with those that are none."""

from typing import Annotated, Any

from pydantic import Field, ValidationError

from cache.errors import InvalidInput
from services.contract.models import AccountId, Body, ServerId, Terminate

type ExecutionId = Annotated[str, Field(min_length=1, max_length=256)]


class TerminateEvent(Terminate):
    """`terminate_recovery_instances`."""

    operation: str
    execution_id: ExecutionId


class StepEvent(Body):
    """`start_wave`, `poll_wave`, `sync_wave`."""

    operation: str
    execution_id: ExecutionId
    wave_number: int


class FinishEvent(Body):
    """`finish`; `error` is why the state machine gave up."""

    operation: str
    execution_id: ExecutionId
    error: str | None = None


class WaveSyncEvent(Body):
    """`sync_recovery_instances_after_wave`."""

    operation: str
    execution_id: ExecutionId
    plan_name: str | None = None
    wave_number: int = Field(ge=0)
    source_server_ids: list[ServerId] = Field(min_length=1, max_length=5000)
    account_id: AccountId
    region: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    job_id: str = Field(pattern=r"^drsjob-[0-9a-zA-Z]{17}$")


def valid[M: Body](model: type[M], values: dict[str, Any]) -> M:
    """The values as this model, and of its very types: a `confirm` of `"no"` is an error.

    Raises:
        InvalidInput: naming the first field that is wrong, and how.
    """
    try:
        return model.model_validate(values, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(".".join(map(str, first["loc"])) or "event", first["msg"]) from None
