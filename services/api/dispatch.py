"""The one way into every function: requests, direct operations (`{"operation": NAME, …}`), and what
is neither.

Light: the page read has it.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from cache.errors import Conflict, InvalidInput, NotFound, Unattended
from services.api.access import OPEN, Access
from services.api.events import is_api, is_notification, is_ping
from services.api.http import Routes, refusal
from services.api.routing import answer

logger = logging.getLogger(__name__)
type Event = Mapping[str, Any]
type DirectOperations = Mapping[str, Callable[[Event], dict[str, Any]]]
type Refused = InvalidInput | NotFound | Conflict

SERVED_BY: Mapping[str, str] = {
    "sync_recovery_instances": "data-management",
    "get_recovery_instance_sync_status": "data-management",
    "check_existing_recovery_instances": "query and the data-management",
    "audit_mirror": "data-management",
    "warm_mirror": "data-management",
    "sync_recovery_instances_after_wave": "execution and the data-management",
    "terminate_recovery_instances": "execution and the data-management",
    **dict.fromkeys(
        ("start_wave", "poll_wave", "sync_wave", "go_on", "finish", "machine_ended",
        "watch_executions"),
        "execution",
    ),
}  # fmt: skip
"""Which functions take an operation, so that each can say whose event it was given."""


def dispatch(  # noqa: PLR0913 - a door has these parts
    event: object,
    routes: Routes,
    operations: DirectOperations,
    cors_origin: str,
    access: Access = OPEN,
    *,
    is_unheard: Callable[[Event, Refused], bool] = lambda _event, _error: False,
) -> dict[str, Any]:
    """Answer requests and pings, carry out direct operations.

    A direct operation that is refused answers `{"error", "message", …}`; one that fails raises, so
    that the invoker sees the failure, the state machine tries again and Lambda's error metric
    counts it. So does a refusal that
    `is_unheard`, and a notification of some AWS service without an operation in it: nobody would
    read the answer.

    Raises:
        Unattended: for such a notification. Whatever the operation raises.
    """
    if isinstance(event, dict):
        if is_api(event):
            return answer(event, routes, cors_origin, access)
        if is_ping(event):
            return {"warm": True}
        if is_notification(event):
            raise Unattended("event", "has no operation; give its source the input it should send")
    try:
        return carry_out(event, operations)
    except (InvalidInput, NotFound, Conflict) as error:
        if isinstance(event, dict) and is_unheard(event, error):
            raise
        logger.warning("Refused: %s", error)
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
    if isinstance(name, str) and name in operations:
        return operations[name](event)
    if isinstance(name, str) and name in SERVED_BY:
        raise InvalidInput(
            "operation", f"{name} is taken by the {SERVED_BY[name]} function, not here"
        )
    raise InvalidInput("operation", f"{name!r:.60} is not one of {', '.join(operations)}")
