"""Direct operations: `{"operation": NAME, …}`, as EventBridge, the CLI and other functions send them."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Self

from pydantic import Field, model_validator

from cache.errors import InvalidInput
from services.api.models import AccountId
from services.api.operations import Event, Region, sync_after_wave, valid
from services.reads.pages import Pages
from services.sync.metrics import count_sync
from services.sync.report import SyncReport
from services.sync.run import (
    get_recovery_instance_sync_status,
    sync_all_recovery_instances,
    sync_recovery_instances_for_account,
)
from services.wiring import Wiring

RESERVE_SECONDS = 10.0  # of the function's time, kept for ending the run properly


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


class CheckEvent(Event):
    """Servers to look up."""

    source_server_ids: list[Any]


class Operations:
    """The direct operations over one process's parts."""

    def __init__(self, wiring: Wiring, pages: Pages) -> None:
        self._wiring = wiring
        self._pages = pages

    def run(self, event: Mapping[str, Any], remaining: float) -> dict[str, Any]:
        """Carry out one operation, within `remaining` seconds.

        Raises:
            InvalidInput: when there is no such operation, or it is not what it needs.
            AlreadyRunning, TableUnavailable: as the sync does.
        """
        operations: dict[str, Callable[[], dict[str, Any]]] = {
            "sync_recovery_instances": lambda: self._sync(valid(SyncEvent, event), remaining),
            "get_recovery_instance_sync_status": lambda: self._status(valid(StatusEvent, event)),
            "check_existing_recovery_instances": lambda: self._check(valid(CheckEvent, event)),
            "sync_recovery_instances_after_wave": lambda: sync_after_wave(
                self._wiring.sync_parts, event
            ),
        }
        operation = event.get("operation")
        if not isinstance(operation, str) or operation not in operations:
            raise InvalidInput("operation", f"{operation!r:.60} is none of {', '.join(operations)}")
        return operations[operation]()

    def _status(self, _event: StatusEvent) -> dict[str, Any]:
        return get_recovery_instance_sync_status(self._wiring.looks, self._wiring.status)

    def _check(self, event: CheckEvent) -> dict[str, Any]:
        return self._pages.existing_instances(event.source_server_ids)

    def _sync(self, event: SyncEvent, remaining: float) -> dict[str, Any]:
        parts = self._wiring.sync_parts()
        report: SyncReport
        if event.account_id and event.region:
            report = sync_recovery_instances_for_account(parts, event.account_id, event.region)
        else:
            deadline = monotonic() + max(0.0, remaining - RESERVE_SECONDS)
            report = sync_all_recovery_instances(parts, event.run_id, deadline)
        count_sync(report)
        return report.body()
