"""Direct operations: `{"operation": NAME, …}`, as
EventBridge, the CLI and other functions send them.
"""

import logging
from collections.abc import Mapping
from itertools import islice
from typing import Any, Self

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import Field, model_validator

from cache.errors import Conflict, TableUnavailable
from cache.mirror import Mirror
from services.api.dispatch import DirectOperations
from services.api.models import AccountId
from services.api.operations import Event, Region, valid
from services.aws.invoke import invoke
from services.reads.check import Severity
from services.reads.pages import Pages
from services.reads.servers import Servers
from services.sync.after_wave import sync_after_wave
from services.sync.audit import audit_mirror, warm
from services.sync.metrics import count_sync, count_whole_sync
from services.sync.report import SyncReport
from services.sync.run import (
    SyncParts,
    get_recovery_instance_sync_status,
    sync_all_recovery_instances,
    sync_recovery_instances_for_account,
)
from services.sync.wiring import SyncWiring
from services.telemetry import metrics

logger = logging.getLogger(__name__)
PLANS_LOGGED = 20
DIFFERENCES_TOLD = 100  # an answer of Lambda holds 6 MB


class SyncEvent(Event):
    """Everything, or one place. `run_id` lets whoever started the run find its result."""

    account_id: AccountId | None = None
    region: Region | None = None
    run_id: str | None = Field(None, pattern=r"^[0-9a-zA-Z-]{1,64}$")

    @model_validator(mode="after")
    def _a_whole_place(self) -> Self:
        if (self.account_id is None) != (self.region is None):
            raise ValueError("accountId and region go together")
        return self


class StatusEvent(Event):
    """Nothing more is needed."""


class AuditEvent(Event):
    """Whether what differs is replaced by the table's."""

    repair: bool = False


class WarmEvent(Event):
    """Nothing more is needed."""


class CheckEvent(Event):
    """Servers to look up."""

    source_server_ids: list[Any]


def direct_operations(wiring: SyncWiring, pages: Pages, deadline: float) -> DirectOperations:
    """The operations by name, over one process's parts; a full
    sync ends by `deadline` (monotonic seconds).
    """

    def sync(event: Mapping[str, Any]) -> dict[str, Any]:
        report = _sync(wiring.sync_parts(), valid(SyncEvent, event), deadline)
        if any(place.source_servers is not None for place in report.places):
            _check_plans(wiring)
        return report.body()

    def status(event: Mapping[str, Any]) -> dict[str, Any]:
        valid(StatusEvent, event)
        return get_recovery_instance_sync_status(wiring.looks, wiring.status)

    def check(event: Mapping[str, Any]) -> dict[str, Any]:
        return pages.existing_instances(valid(CheckEvent, event).source_server_ids)

    def terminate(event: Mapping[str, Any]) -> dict[str, Any]:
        """The execution function's role alone may do that; its answer is ours."""
        return invoke(wiring.settings.name("execution-handler"), dict(event))

    return {
        "terminate_recovery_instances": terminate,
        "sync_recovery_instances": sync,
        "get_recovery_instance_sync_status": status,
        "check_existing_recovery_instances": check,
        **_mirror_operations(wiring),
        "sync_recovery_instances_after_wave": lambda event: sync_after_wave(
            wiring.executions, wiring.sync_parts, event
        ),
    }


def _mirror_operations(wiring: SyncWiring) -> DirectOperations:
    """What the command line does where it reaches Redis, for those whom the VPC shuts out."""

    def compare(event: Mapping[str, Any]) -> dict[str, Any]:
        repair = valid(AuditEvent, event).repair
        audit = audit_mirror(wiring.table, wiring.looks, mirror(), ignored, repair=repair)
        return {
            "compared": audit.compared,
            "missing": audit.missing,
            "differing": len(audit.differences),
            "differences": dict(islice(audit.differences.items(), DIFFERENCES_TOLD)),
            "unreadable": audit.unreadable,
        }

    def fill(event: Mapping[str, Any]) -> dict[str, Any]:
        valid(WarmEvent, event)
        done = warm(wiring.table, wiring.looks, mirror(), ignored)
        return {"published": done.taken, "newerAlready": done.refused, "failed": done.failed}

    def mirror() -> Mirror:
        if wiring.mirror is None:
            raise Conflict("NO_MIRROR", "this deployment has none: REDIS_URL is empty")
        return wiring.mirror

    def ignored(_done: int) -> None:
        """Nobody watches."""

    return {"audit_mirror": compare, "warm_mirror": fill}


def _sync(parts: SyncParts, event: SyncEvent, deadline: float) -> SyncReport:
    if event.account_id and event.region:
        report = sync_recovery_instances_for_account(parts, event.account_id, event.region)
    else:
        report = sync_all_recovery_instances(parts, event.run_id, deadline)
        count_whole_sync(report, parts.looks.places())
    count_sync(report)
    return report


def _check_plans(wiring: SyncWiring) -> None:
    """Check every plan, as often as the source servers are listed: who
    cannot be launched is told before a disaster.
    """
    try:
        plans = Servers(wiring.reader, wiring.plans, lambda _: None).check_all()
    except TableUnavailable as error:
        logger.warning("The plans were not checked: %s", error)
        return
    critical = [plan for plan in plans if plan["worst"] == Severity.CRITICAL]
    metrics.add_metric("PlansNotLaunchable", MetricUnit.Count, len(critical))
    for plan in critical[:PLANS_LOGGED]:
        why = plan["findings"][0]["message"]
        logger.warning("Plan %s would not launch as it should: %s", plan["planId"], why)
