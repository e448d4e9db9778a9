"""A look at some servers of an execution, so that their rows follow what DRS says now."""

from collections.abc import Sequence

from cache.record import Attribution
from cache.values import Place
from services.platform.execution import Execution
from services.sync.run import SyncParts, sync_recovery_instances_after_wave


def look_at_servers(
    parts: SyncParts, execution: Execution, place: Place, server_ids: Sequence[str]
) -> bool:
    """Look, and record; whether the place was seen. What is gone becomes absent only because DRS says so."""
    known = Attribution(
        source_execution_id=execution.execution_id, source_plan_name=execution.plan_name
    )
    jobs = [job for wave in execution.waves if wave.place == place for job in wave.jobs]
    report = sync_recovery_instances_after_wave(
        parts, place, server_ids, dict.fromkeys(jobs, known), 0
    )
    return report.outcome.is_complete
