"""A process that is killed in the wave's sync, between the table and the mirror."""

import json
import os
import signal
import socket
import subprocess
import sys

from local.servers import REPOSITORY
from tests.execution.deployment import Deployment

SYNC_WAVE = """
import json, sys
from services.api.dispatch import carry_out
from services.execution.operations import direct_operations
from services.settings import Settings
from services.sync.wiring import SyncWiring
carry_out(json.loads(sys.argv[1]), direct_operations(SyncWiring(Settings.from_env())))
"""


def kill_in_sync(deployment: Deployment, execution_id: str) -> None:
    """Run the wave's sync in a process of its own, and kill that when it turns from the table to
    the mirror.

    Its mirror is a socket of ours: whoever connects to it has written the table.
    """
    event = json.dumps({"operation": "sync_wave", "executionId": execution_id, "waveNumber": 1})
    with socket.create_server(("127.0.0.1", 0)) as mirror:
        redis_url = f"redis://127.0.0.1:{mirror.getsockname()[1]}/0"
        environment = os.environ | {
            "ENVIRONMENT": deployment.wiring.settings.environment,
            "REDIS_URL": redis_url,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", SYNC_WAVE, event], env=environment, cwd=REPOSITORY
        )
        mirror.settimeout(30)
        mirror.accept()[0].close()
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL


def test_a_sync_killed_after_the_table_was_written_heals_and_what_was_launched_goes(
    deployment: Deployment,
) -> None:
    """The page shows the old state until the next sync, never a wrong one after the termination."""
    place = deployment.place(0)
    ids = deployment.protect(place, 2)
    deployment.sync(place)
    assert deployment.shown(ids, place) == {}, "the mirror now says: none"
    execution_id = deployment.begin((place, ids))
    deployment.step("start_wave", execution_id)
    deployment.advance()
    deployment.step("poll_wave", execution_id)
    kill_in_sync(deployment, execution_id)
    assert all(record.is_present for record in deployment.wiring.table.read(ids).records.values())
    assert deployment.step("sync_wave", execution_id)["moreWaves"] is False, (
        "the machine tries the step again"
    )
    assert deployment.shown(ids, place) == dict.fromkeys(ids, "running")
    kill_in_sync(deployment, execution_id)
    deployment.operate("finish", executionId=execution_id)
    deployment.terminate(execution_id)
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
    assert deployment.shown(ids, place) == {}
