"""Rows of `execution-history` as the platform's own functions write them."""

from collections.abc import Sequence
from typing import Any

STARTED = 1_795_000_000


def execution_row(account: str, **more: Any) -> dict[str, Any]:
    """A finished execution without waves."""
    return {
        "executionId": "exec-1", "planId": "plan-1", "planName": "Web shop",
        "executionType": "DRILL",
        "status": "COMPLETED", "startTime": STARTED, "endTime": STARTED + 2_400,
        "initiatedBy": "user@example.com",
        "totalWaves": 1, "accountId": account, "waves": [],
        "accountContext": {
            "accountId": account, "assumeRoleName": "DROrchestrationRole", "externalId": "",
            "isCurrentAccount": False,
        },
    } | more  # fmt: skip


def wave_row(job_id: str, region: str, server_ids: Sequence[str], **more: Any) -> dict[str, Any]:
    """A finished wave: no account, epoch times, a list of statuses
    with what the platform shows of each server.
    """
    return {
        "waveNumber": 0, "waveName": "Databases", "status": "COMPLETED", "jobId": job_id,
        "region": region,
        "startTime": STARTED, "endTime": STARTED + 2_000, "serverIds": [*server_ids],
        "serverStatuses": [
            {
                "sourceServerId": it, "serverName": f"db-{it[-2:]}", "hostname": "db",
                "launchStatus": "LAUNCHED",
                "recoveryInstanceId": "i-0123456789abcdef0", "instanceId": "i-0123456789abcdef0",
                "privateIp": "10.0.0.1", "instanceType": "t3.medium", "launchTime": STARTED + 1_500,
            } for it in server_ids
        ],
    } | more  # fmt: skip
