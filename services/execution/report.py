"""The report on an execution: what an auditor asks for after a drill.

Pure: from its row and what was kept of its launches.

Recovery point (RPO): how much older than the start of its wave the data is that a server was
launched from. Recovery time (RTO): from the start of its wave to EC2's launch of its instance. Both
are null where nobody knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cache.values import to_millis
from services.platform.execution import Execution, Server, Wave

type Launch = Mapping[str, Any]
type Launches = Mapping[str, Launch]
"""By server: `ec2InstanceId, name, instanceType, launchTime,
pointInTime`, as seen right after its wave.
"""


def report_body(
    execution: Execution, launches: Launches, left: Iterable[str] | None, at: str
) -> dict[str, Any]:
    """The report at a moment.

    `left` are servers that still have an instance of it; None: could not be asked. While it runs
    nobody knows what it will leave.
    """
    waves = [
        _wave(wave, launches) for wave in sorted(execution.waves, key=lambda it: it.wave_number)
    ]
    servers = [server for wave in waves for server in wave["servers"]]
    return {
        "executionId": execution.execution_id,
        "planId": execution.plan_id,
        "planName": execution.plan_name,
        "executionType": execution.execution_type,
        "status": execution.status,
        "message": execution.message,
        "requestedBy": execution.requested_by,
        "approvedBy": execution.approved_by,
        "cancelledBy": execution.cancelled_by,
        "findings": [it.model_dump() for it in execution.findings]
        if execution.findings is not None
        else None,
        "startTime": execution.start_time,
        "endTime": execution.end_time,
        "durationSeconds": _seconds(execution.start_time, execution.end_time),
        **_sums(servers),
        "waves": waves,
        "termination": _termination(execution),
        "cleanUps": [it.model_dump(by_alias=True) for it in execution.clean_ups],
        "leftBehind": sorted(left) if left is not None and execution.is_over else None,
        "generatedAt": at,
    }


def _wave(wave: Wave, launches: Launches) -> dict[str, Any]:
    reasons = {it: failure.reason for failure in wave.failures for it in failure.server_ids}
    servers = [
        _server(wave, it, launches.get(it, {}), reasons.get(it))
        for it in dict.fromkeys(wave.server_ids)
    ]
    return {
        "waveNumber": wave.wave_number,
        "waveName": wave.wave_name,
        "accountId": wave.account_id,
        "region": wave.region,
        "status": wave.status,
        "message": wave.message,
        "jobIds": wave.jobs,
        "resumedBy": wave.resumed_by,
        "startTime": wave.start_time,
        "endTime": wave.end_time,
        "durationSeconds": _seconds(wave.start_time, wave.end_time),
        **_sums(servers),
        "servers": servers,
    }


def _server(wave: Wave, server_id: str, launch: Launch, reason: str | None) -> dict[str, Any]:
    return {
        "sourceServerId": server_id,
        "sourceServerName": launch.get("sourceServerName"),
        "status": wave.server_statuses.get(server_id, Server.PENDING),
        "reason": reason,
        "ec2InstanceId": launch.get("ec2InstanceId"),
        "instanceType": launch.get("instanceType"),
        "launchTime": launch.get("launchTime"),
        "pointInTime": launch.get("pointInTime"),
        "recoveryTimeSeconds": _seconds(wave.start_time, launch.get("launchTime")),
        "recoveryPointSeconds": _seconds(launch.get("pointInTime"), wave.start_time),
    }


def _sums(servers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts and the worst of the known figures; `measured` says of how many servers those are."""
    statuses = [it["status"] for it in servers]
    times = [it["recoveryTimeSeconds"] for it in servers if it["recoveryTimeSeconds"] is not None]
    points = [
        it["recoveryPointSeconds"] for it in servers if it["recoveryPointSeconds"] is not None
    ]
    return {
        "serverCount": len(servers),
        "launched": statuses.count(Server.LAUNCHED),
        "failed": statuses.count(Server.FAILED),
        "measured": len(times),
        "longestRecoveryTimeSeconds": max(times, default=None),
        "oldestRecoveryPointSeconds": max(points, default=None),
    }


def _termination(execution: Execution) -> list[dict[str, Any]]:
    return [it.model_dump(by_alias=True) for it in execution.termination_jobs]


def _seconds(since: str | None, until: str | None) -> int | None:
    """Whole seconds between two moments; 0 where clocks disagree,
    None where one is not known or no time.
    """
    try:
        return max(0, (to_millis(str(until)) - to_millis(str(since))) // 1000)
    except ValueError:
        return None
