"""What direct operations take, and how that is checked."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from cache.errors import InvalidInput
from services.api.models import AccountId, Body, ServerId

ExecutionId = Annotated[str, Field(min_length=1, max_length=256)]
Region = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]


class Event(Body):
    """One direct operation as it is sent."""

    operation: str


class WaveSyncEvent(Event):
    """`sync_recovery_instances_after_wave`: a wave that has finished.

    Its place, jobs and plan stand in its execution's
    row, which decides; what else is said must fit that."""

    execution_id: ExecutionId
    wave_number: int = Field(ge=0)
    source_server_ids: list[ServerId] = Field(min_length=1, max_length=5000)
    plan_name: str | None = None
    account_id: AccountId | None = None
    region: Region | None = None
    job_id: str | None = Field(None, pattern=r"^drsjob-[0-9a-zA-Z]{17}$")


def valid[E: Body](model: type[E], values: Mapping[str, Any]) -> E:
    """The values as this model, and of its very types: a `confirm` of `"no"` is an error.

    Raises:
        InvalidInput: naming the first field that is wrong, and how.
    """
    try:
        return model.model_validate(values, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))[:100] or "event"
        raise InvalidInput(where, first["msg"]) from None
