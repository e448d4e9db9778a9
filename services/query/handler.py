"""The page-read function.

What it imports is paid on every cold start: no more than a read the mirror answers needs.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from services.api.access import Access
from services.api.dispatch import Event, dispatch
from services.api.http import Routes
from services.api.me import me
from services.reads.drills import Drills
from services.reads.pages import Pages
from services.reads.servers import Servers
from services.settings import Settings, is_being_snapshotted
from services.telemetry import count_read, metrics, name_deployment, set_up_logging
from services.wiring import PAGE, Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = set_up_logging("query-handler")


@lru_cache
def _wiring() -> Wiring:
    settings = Settings.from_env()
    name_deployment(settings.deployment)
    return Wiring(settings, PAGE)


@lru_cache
def access() -> Access:
    """How this function tells its callers apart."""
    return Access.of(_wiring().settings)


@lru_cache
def routes() -> Routes:
    """What this function answers, by method and resource."""
    wiring = _wiring()
    drills = Drills(wiring.reader, wiring.plans, lambda: wiring.table, lambda: wiring.looks)
    pages = Pages(wiring.reader, wiring.plans, count_read)
    servers = Servers(wiring.reader, wiring.plans, count_read)
    who = me(four_eyes=wiring.settings.four_eyes)
    return {**pages.routes, **servers.routes, **drills.routes, ("GET", "/me"): who}


def _check(event: Event) -> dict[str, Any]:
    wiring = _wiring()
    pages = Pages(wiring.reader, wiring.plans, count_read)
    return pages.existing_instances(event.get("sourceServerIds"))


@metrics.log_metrics
@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def lambda_handler(event: object, _context: "LambdaContext") -> dict[str, Any]:
    """Requests for page reads, and the one direct operation that only reads."""
    operations = {"check_existing_recovery_instances": _check}
    return dispatch(event, routes(), operations, _wiring().settings.cors_origin, access())


def prepare() -> None:
    """Make what only a first page makes: routes, and DynamoDB's client. Nothing connects."""
    routes(), access()
    _ = _wiring().table, _wiring().looks


if is_being_snapshotted():  # paid once a version, not by the first page of every start
    prepare()
