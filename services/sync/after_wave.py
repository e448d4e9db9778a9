"""The direct operation `sync_recovery_instances_after_wave`, which two functions take."""

from collections.abc import Callable, Mapping
from typing import Any

from cache.errors import InvalidInput, NotFound
from cache.values import Place
from services.api.operations import WaveSyncEvent, valid
from services.platform.execution import Execution, Wave
from services.platform.executions import Executions
from services.sync.report import place_facts
from services.sync.run import SyncParts, sync_recovery_instances_after_wave


def sync_after_wave(
    executions: Executions, parts: Callable[[], SyncParts], event: Mapping[str, Any]
) -> dict[str, Any]:
    """Look at a finished wave's servers; what the look came to.

    An event that makes no sense asks nothing.

    The execution's own row says where, by which jobs and of which plan. An execution that launched
    something else may not be written over the one that did, so what does not fit the row is
    refused.

    Raises:
        InvalidInput: when the event makes no sense or does not fit the row, or the account is not a
        target account. NotFound: when there is no such execution, or no such wave in it.
        TableUnavailable: when the row or the target accounts cannot be read.
    """
    asked = valid(WaveSyncEvent, event)
    execution = executions.read(asked.execution_id)
    wave = execution.wave(asked.wave_number)
    if wave is None:
        raise NotFound(f"execution {asked.execution_id} has no wave {asked.wave_number}")
    _refuse_misfit(asked, execution, wave)
    place = Place(wave.account_id or asked.account_id or "", wave.region or asked.region or "")
    known = dict.fromkeys(wave.jobs, execution.attribution)
    report = sync_recovery_instances_after_wave(
        parts(), place, asked.source_server_ids, known, wave.wave_number
    )
    return place_facts(report)


def _refuse_misfit(asked: WaveSyncEvent, execution: Execution, wave: Wave) -> None:
    """See that what was said is what the row says, and that there is a place.

    Raises:
        InvalidInput: naming the first that does not fit.
    """
    strangers = set(asked.source_server_ids) - set(wave.server_ids)
    if wave.server_ids and strangers:
        raise InvalidInput("sourceServerIds", f"{min(strangers)} is not in wave {wave.wave_number}")
    said = {
        "accountId": (asked.account_id, wave.account_id),
        "region": (asked.region, wave.region),
        "planName": (asked.plan_name, execution.plan_name),
    }
    for name, (given, ours) in said.items():
        if given and ours and given != ours:
            raise InvalidInput(name, f"the execution's row says {ours!r:.60}")
        if not (given or ours or name == "planName"):
            raise InvalidInput(name, "is needed: the execution's row does not say")
    if asked.job_id and asked.job_id not in wave.jobs:
        raise InvalidInput("jobId", f"is no job of wave {wave.wave_number} in the execution's row")
