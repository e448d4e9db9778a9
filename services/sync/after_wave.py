"""The direct operation `sync_recovery_instances_after_wave`, which two functions take."""

from collections.abc import Callable, Mapping
from typing import Any

from cache.record import Attribution
from cache.values import Place
from services.api.operations import WaveSyncEvent, valid
from services.sync.report import place_facts
from services.sync.run import SyncParts, sync_recovery_instances_after_wave


def sync_after_wave(parts: Callable[[], SyncParts], event: Mapping[str, Any]) -> dict[str, Any]:
    """Look at a finished wave's servers; what the look came to. An event that makes no sense asks nothing.

    Raises:
        InvalidInput: when the event makes no sense, or the account is not a target account.
        TableUnavailable: when the target accounts cannot be read.
    """
    wave = valid(WaveSyncEvent, event)
    execution = Attribution(source_execution_id=wave.execution_id, source_plan_name=wave.plan_name)
    place = Place(wave.account_id, wave.region)
    report = sync_recovery_instances_after_wave(
        parts(), place, wave.source_server_ids, {wave.job_id: execution}, wave.wave_number
    )
    return place_facts(report)
