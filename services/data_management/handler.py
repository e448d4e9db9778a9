"""The data-management function: API routes, direct operations,
and, in its second deployment, the schedule.
"""

from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Tracer

from cache.errors import InvalidInput
from services.api.access import Access
from services.api.dispatch import Event, Refused, dispatch
from services.api.http import Routes
from services.api.me import me
from services.data_management.manual_sync import STATUS_URL, ManualSync
from services.data_management.operations import direct_operations
from services.reads.drills import Drills
from services.reads.live import LiveReader
from services.reads.pages import Pages, Reads
from services.reads.servers import Servers
from services.settings import Settings
from services.sync.wiring import SyncWiring
from services.telemetry import count_read, metrics, name_deployment, set_up_logging
from services.wiring import PAGE, Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = set_up_logging("data-management-handler")
# X-Ray: the sync's AWS calls and the page query, as segments
tracer = Tracer(service="data-management-handler")
RESERVE_SECONDS = 10.0  # of the function's time, kept for ending the run properly


@lru_cache
def _wiring() -> SyncWiring:
    settings = Settings.from_env()
    name_deployment(settings.deployment)
    return SyncWiring(settings)


@lru_cache
def _page_wiring() -> Wiring:
    return Wiring(_wiring().settings, PAGE)


@lru_cache
def _reader() -> Reads:
    if _wiring().settings.read_from == "live":
        return LiveReader(_wiring().sync_parts)
    return _page_wiring().reader


@lru_cache
def _pages() -> Pages:
    return Pages(_reader(), _page_wiring().plans, count_read)


def _drills() -> Drills:
    wiring = _page_wiring()
    return Drills(_reader(), wiring.plans, lambda: wiring.table, lambda: wiring.looks)


@lru_cache
def access() -> Access:
    """How this function tells its callers apart."""
    return Access.of(_wiring().settings)


@lru_cache
def routes() -> Routes:
    """What this function answers, by method and resource."""
    sync = ManualSync(_page_wiring())
    return {
        **_pages().routes,
        **Servers(_reader(), _page_wiring().plans, count_read).routes,
        **_drills().routes,
        ("GET", "/me"): me(four_eyes=_wiring().settings.four_eyes),
        ("POST", "/drs/recovery-instance-sync"): sync.start,
        ("GET", "/drs/recovery-instance-sync"): sync.status,
        ("GET", STATUS_URL): sync.status,
    }


@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def lambda_handler(event: object, context: "LambdaContext") -> dict[str, Any]:
    """Proxy events and direct operations alike."""
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    operations = direct_operations(_wiring(), _pages(), monotonic() + max(0.0, seconds))
    is_sync_function = context.function_name == _wiring().settings.name("recovery-instance-sync")

    def is_unheard(_: Event, error: Refused) -> bool:
        """The sync function is set going by schedules and by others who do
        not wait; that another sync runs is no fault.
        """
        return is_sync_function and isinstance(error, InvalidInput)

    cors_origin = _wiring().settings.cors_origin
    return dispatch(event, routes(), operations, cors_origin, access(), is_unheard=is_unheard)
