"""The execution function: API routes, the state machine's steps, and direct operations."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from services.api.access import Access
from services.api.dispatch import DirectOperations, dispatch
from services.api.http import Routes
from services.execution.operations import UNATTENDED, direct_operations
from services.execution.routes import ExecutionRoutes
from services.settings import Settings
from services.sync.wiring import SyncWiring
from services.telemetry import metrics, name_deployment, set_up_logging

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = set_up_logging("execution-handler")


@lru_cache
def _wiring() -> SyncWiring:
    settings = Settings.from_env()
    name_deployment(settings.deployment)
    return SyncWiring(settings)


@lru_cache
def access() -> Access:
    """How this function tells its callers apart."""
    return Access.of(_wiring().settings)


@lru_cache
def routes() -> Routes:
    """What this function answers, by method and resource."""
    return ExecutionRoutes(_wiring()).routes


@lru_cache
def operations() -> DirectOperations:
    """What this function carries out, by name."""
    return direct_operations(_wiring())


@metrics.log_metrics
@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def lambda_handler(event: object, _context: "LambdaContext") -> dict[str, Any]:
    """Proxy events and direct operations alike."""
    cors_origin = _wiring().settings.cors_origin
    return dispatch(
        event,
        routes(),
        operations(),
        cors_origin,
        access(),
        is_unheard=lambda it, _: str(it.get("operation")) in UNATTENDED,
    )
