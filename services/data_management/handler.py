"""The data-management function: API routes, direct operations, and, in its second deployment, the schedule."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Tracer

from cache.errors import InvalidInput
from services.api.events import is_api
from services.api.http import Routes
from services.api.routing import answer
from services.data_management.manual_sync import STATUS_URL, ManualSync
from services.data_management.operations import Operations
from services.platform.sync_status import AlreadyRunning
from services.reads.drills import Drills
from services.reads.live import LiveReader
from services.reads.pages import Pages
from services.settings import Settings
from services.telemetry import count_read, metrics, name_deployment, set_up_logging
from services.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = set_up_logging("data-management-handler")
tracer = Tracer(
    service="data-management-handler"
)  # X-Ray: the sync's AWS calls and the page query, as segments


@lru_cache
def _wiring() -> Wiring:
    settings = Settings.from_env()
    name_deployment(settings.deployment)
    return Wiring(settings)


@lru_cache
def _pages() -> Pages:
    wiring = _wiring()
    reader = LiveReader(wiring.sync_parts) if wiring.settings.read_from == "live" else wiring.reader
    return Pages(reader, wiring.page_plans, count_read)


def _drills() -> Drills:
    wiring = _wiring()
    reader = LiveReader(wiring.sync_parts) if wiring.settings.read_from == "live" else wiring.reader
    return Drills(reader, wiring.page_plans, lambda: wiring.page_table, lambda: wiring.page_looks)


@lru_cache
def routes() -> Routes:
    """What this function answers, by method and resource."""
    sync = ManualSync(_wiring(), _wiring().start_sync)
    return {
        **_pages().routes,
        **_drills().routes,
        ("POST", "/drs/recovery-instance-sync"): sync.start,
        ("GET", "/drs/recovery-instance-sync"): sync.status,
        ("GET", STATUS_URL): sync.status,
    }


@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answers proxy events, and carries out direct operations.

    A direct operation that is refused answers `{"error", "message"}`; one that fails raises, so that whoever invoked it
    sees the failure and Lambda's error metric counts it.
    """
    if isinstance(event, dict) and is_api(event):
        return answer(event, routes(), _wiring().settings.cors_origin)
    if not isinstance(event, dict):
        return _refused("INVALID_INPUT", "the event must be an object")
    try:
        return Operations(_wiring(), _pages()).run(
            event, context.get_remaining_time_in_millis() / 1000
        )
    except InvalidInput as error:
        return _refused("INVALID_INPUT", str(error))
    except AlreadyRunning as error:
        logger.info("Not started: %s", error)
        return _refused("ALREADY_RUNNING", str(error)) | {"runId": error.run_id}


def _refused(code: str, message: str) -> dict[str, Any]:
    return {"error": code, "message": message}
