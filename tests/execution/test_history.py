"""The rows of executions: two writers never lose each other's work."""

import pytest

from cache.errors import TableUnavailable
from services.platform.execution import Execution
from tests.execution.deployment import Deployment


def test_a_change_that_was_overtaken_is_made_again_on_what_stands_now(
    deployment: Deployment,
) -> None:
    """The one that comes second sees the first one's work and keeps it."""
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    executions = deployment.executions
    calls = 0

    def overtaken(execution: Execution) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            executions.change(
                execution_id, lambda it: it.add_termination("drsjob-1", place, ["s-1"])
            )
        execution.add_termination("drsjob-2", place, ["s-2"])

    executions.change(execution_id, overtaken)
    jobs = deployment.execution(execution_id).termination_jobs
    assert [job.job_id for job in jobs] == ["drsjob-1", "drsjob-2"]


def test_a_change_that_changes_nothing_writes_nothing(deployment: Deployment) -> None:
    """Polling costs reads only."""
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    row = deployment.executions.row(execution_id)
    deployment.executions.change(execution_id, lambda _: None)
    assert deployment.executions.row(execution_id) == row


def test_a_change_that_is_always_overtaken_gives_up_aloud(deployment: Deployment) -> None:
    """Somebody else writes without end; that is for the state machine to try again later."""
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    executions = deployment.executions

    def overtaken(execution: Execution) -> None:
        executions.change(execution_id, lambda it: setattr(it, "message", f"{it.revision}"))
        execution.message = "mine"

    with pytest.raises(TableUnavailable, match="changed under 12 writes"):
        executions.change(execution_id, overtaken)


def test_an_execution_whose_row_says_little_is_terminated_by_its_servers_rows(
    deployment: Deployment,
) -> None:
    """Rows of others may hold no more than the job; the servers' own rows know the rest."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    execution_id = deployment.drill((place, ids))
    wave = {"waveNumber": 1, "jobId": deployment.execution(execution_id).waves[0].job_id}
    row = {
        "executionId": execution_id,
        "planId": deployment.execution(execution_id).plan_id,
        "planName": "A plan",
        "status": "COMPLETED",
        "waves": [wave],
    }
    deployment.row(deployment.wiring.settings.execution_history_table, row)
    assert [it["sourceServerId"] for it in deployment.terminate(execution_id)["requested"]] == ids
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
