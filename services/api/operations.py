"""Direct operations, as far as they are the same in each function that takes them."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from cache.errors import InvalidInput
from cache.record import Attribution
from cache.values import Place
from services.api.models import AccountId, Body, ServerId
from services.sync.report import place_facts
from services.sync.run import SyncParts, sync_recovery_instances_after_wave

ExecutionId = Annotated[str, Field(min_length=1, max_length=256)]
Region = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]


class Event(Body):
    """One direct operation as it is sent."""

    operation: str


class WaveSyncEvent(Event):
    """`sync_recovery_instances_after_wave`: a wave that has finished, with the job that launched its instances."""

    execution_id: ExecutionId
    plan_name: str | None = None
    wave_number: int = Field(ge=0)
    source_server_ids: list[ServerId] = Field(min_length=1, max_length=5000)
    account_id: AccountId
    region: Region
    job_id: str = Field(pattern=r"^drsjob-[0-9a-zA-Z]{17}$")


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


def sync_after_wave(parts: Callable[[], SyncParts], event: Mapping[str, Any]) -> dict[str, Any]:
    """Look at a finished wave's servers; what the look came to. Nothing is asked for an event that makes no sense.

    Raises:
        InvalidInput: when it makes none, or the account is not a target account.
        TableUnavailable: when the target accounts cannot be read.
    """
    it = valid(WaveSyncEvent, event)
    known = Attribution(source_execution_id=it.execution_id, source_plan_name=it.plan_name)
    report = sync_recovery_instances_after_wave(
        parts(),
        Place(it.account_id, it.region),
        it.source_server_ids,
        {it.job_id: known},
        it.wave_number,
    )
    return place_facts(report)
