"""Direct operations: `{"operation": NAME, …}`, as EventBridge, the CLI and other functions send them."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from cache.entry import SERVER_ID, Place
from cache.errors import InvalidInput
from cache.instance import Attribution
from services.pages import Pages
from services.sync.metrics import count_sync
from services.sync.report import SyncReport, place_facts
from services.sync.run import (
    get_recovery_instance_sync_status,
    sync_all_recovery_instances,
    sync_recovery_instances_after_wave,
    sync_recovery_instances_for_account,
)
from services.wiring import Wiring

RESERVE_SECONDS = 10.0  # of the function's time, kept for ending the run properly


class _Event(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    operation: str


class SyncEvent(_Event):
    """Everything, or one place. `run_id` lets whoever started the run find its result."""

    account_id: str | None = Field(None, pattern=r"^[0-9]{12}$")
    region: str | None = Field(None, pattern=r"^[a-z0-9-]{1,32}$")
    run_id: str | None = Field(None, pattern=r"^[0-9a-zA-Z-]{1,64}$")

    @model_validator(mode="after")
    def _a_whole_place(self) -> Self:
        if (self.account_id is None) != (self.region is None):
            raise ValueError("accountId and region go together")
        return self


class StatusEvent(_Event):
    """Nothing more is needed."""


class CheckEvent(_Event):
    """Servers to look up."""

    source_server_ids: list[Any]


class WaveEvent(_Event):
    """A wave that has finished, with the job that launched its instances."""

    execution_id: str = Field(min_length=1, max_length=256)
    plan_name: str | None = None
    wave_number: int = Field(ge=0)
    source_server_ids: list[str] = Field(min_length=1, max_length=5000)
    account_id: str = Field(pattern=r"^[0-9]{12}$")
    region: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    job_id: str = Field(pattern=r"^drsjob-[0-9a-zA-Z]{17}$")

    @model_validator(mode="after")
    def _server_ids(self) -> Self:
        if wrong := [it for it in self.source_server_ids if not SERVER_ID.fullmatch(it)]:
            raise ValueError(f"sourceServerIds: {wrong[0]!r:.60} is not s- and 17 letters or digits")
        return self


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
            "sync_recovery_instances": lambda: self._sync(_valid(SyncEvent, event), remaining),
            "get_recovery_instance_sync_status": lambda: self._status(_valid(StatusEvent, event)),
            "check_existing_recovery_instances": lambda: self._check(_valid(CheckEvent, event)),
            "sync_recovery_instances_after_wave": lambda: self._after_wave(_valid(WaveEvent, event)),
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

    def _after_wave(self, event: WaveEvent) -> dict[str, Any]:
        known = Attribution(source_execution_id=event.execution_id, source_plan_name=event.plan_name)
        report = sync_recovery_instances_after_wave(
            self._wiring.sync_parts(),
            Place(event.account_id, event.region),
            event.source_server_ids,
            {event.job_id: known},
            event.wave_number,
        )
        return place_facts(report)


def _valid[E: _Event](model: type[E], event: Mapping[str, Any]) -> E:
    try:
        return model.model_validate(event)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(".".join(map(str, first["loc"])) or "event", first["msg"]) from None
