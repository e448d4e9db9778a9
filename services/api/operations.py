"""Direct operations, `{"operation": NAME, …}`, and the one way in for every function that takes them."""

import logging
from collections.abc import Callable, Container, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from cache.errors import Conflict, InvalidInput, NotFound
from services.api.events import is_api
from services.api.http import Routes, refusal
from services.api.models import AccountId, Body, ServerId
from services.api.routing import answer

logger = logging.getLogger(__name__)
type DirectOperations = Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]

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


def dispatch(
    event: object,
    routes: Routes,
    operations: DirectOperations,
    cors_origin: str,
    unattended: Container[str] = (),
) -> dict[str, Any]:
    """The one way in: answers proxy events, and carries out direct operations.

    A direct operation that is refused answers `{"error", "message", …}`; one that fails raises, so that the invoker
    sees the failure, the state machine tries again and Lambda's error metric counts it. `unattended` operations raise
    a refusal too: nobody would read the answer.
    """
    if isinstance(event, dict) and is_api(event):
        return answer(event, routes, cors_origin)
    try:
        return carry_out(event, operations)
    except (InvalidInput, NotFound, Conflict) as error:
        if isinstance(event, dict) and event.get("operation") in unattended:
            raise
        logger.info("Refused: %s", error)
        return refusal(error)[1]


def carry_out(event: object, operations: DirectOperations) -> dict[str, Any]:
    """The answer of the operation that the event names.

    Raises:
        InvalidInput: when there is no such operation, or the event is not what it needs.
        Whatever the operation raises.
    """
    if not isinstance(event, dict):
        raise InvalidInput("event", "must be an object")
    name = event.get("operation")
    if not isinstance(name, str) or name not in operations:
        raise InvalidInput("operation", f"{name!r:.60} is not one of {', '.join(operations)}")
    return operations[name](event)
