"""The execution function: API routes, the state machine's steps, and direct operations."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cache.errors import Conflict, InvalidInput, NotFound
from services.api.events import is_api
from services.api.http import Routes
from services.api.routing import answer
from services.execution.operations import Operations
from services.execution.routes import ExecutionRoutes
from services.settings import Settings
from services.telemetry import set_up_logging
from services.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = set_up_logging("execution-handler")


@lru_cache
def _wiring() -> Wiring:
    return Wiring(Settings.from_env())


@lru_cache
def routes() -> Routes:
    """What this function answers, by method and resource."""
    return ExecutionRoutes(_wiring()).routes


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def lambda_handler(event: dict[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """Answers proxy events, and carries out direct operations.

    A direct operation that is refused answers `{"error", "message"}`; one that fails raises, so that the state machine
    tries again and Lambda's error metric counts it.
    """
    if isinstance(event, dict) and is_api(event):
        return answer(event, routes(), _wiring().settings.cors_origin)
    if not isinstance(event, dict):
        return _refused("INVALID_INPUT", "the event must be an object")
    try:
        return Operations(_wiring()).run(event)
    except InvalidInput as error:
        return _refused("INVALID_INPUT", str(error))
    except NotFound as error:
        return _refused("NOT_FOUND", str(error))
    except Conflict as error:
        return _refused(error.code, str(error)) | error.details


def _refused(code: str, message: str) -> dict[str, Any]:
    return {"error": code, "message": message}
