"""The customer's `sync_recovery_instances_after_wave`: its three
arguments, and the execution's own row decides the rest.
"""

from typing import Any

import pytest

from cache.errors import Conflict, InvalidInput, NotFound, SomeUnknown
from services import recovery_instance_sync as functions
from services.settings import Settings
from services.sync.wiring import SyncWiring
from tests.execution.deployment import Deployment, drilled
from tests.execution.platform_rows import execution_row, wave_row


def event(execution_id: str, server_ids: list[str], **more: Any) -> dict[str, Any]:
    """The event with just these three."""
    return {"executionId": execution_id, "waveNumber": 1, "sourceServerIds": server_ids, **more}


def origin(deployment: Deployment, server_id: str) -> tuple[str | None, str | None]:
    """What the server's row says of who launched it."""
    record = deployment.wiring.table.read([server_id]).records[server_id]
    return record.source_execution_id, record.source_plan_name


def test_three_arguments_are_enough_and_the_plan_keeps_its_name(deployment: Deployment) -> None:
    """Place, job and plan come from the row."""
    execution_id, waves = drilled(deployment)
    (server_ids,) = waves.values()
    report = deployment.operate(
        "sync_recovery_instances_after_wave", **event(execution_id, server_ids)
    )
    assert (report["outcome"], report["instances"]) == ("seen", len(server_ids))
    assert origin(deployment, server_ids[0]) == (execution_id, "A plan")


def test_what_fits_the_row_may_be_said_too(deployment: Deployment) -> None:
    """An older caller names place, job and plan."""
    execution_id, waves = drilled(deployment)
    ((place, server_ids),) = waves.items()
    (job,) = deployment.execution(execution_id).waves[0].jobs
    said = {
        "accountId": place.account_id,
        "region": place.region,
        "jobId": job,
        "planName": "A plan",
    }
    report = deployment.operate(
        "sync_recovery_instances_after_wave", **event(execution_id, server_ids, **said)
    )
    assert report["outcome"] == "seen"


def test_what_does_not_fit_the_row_is_refused_and_changes_nothing(deployment: Deployment) -> None:
    """Another execution with the true job, a job, place, plan or
    server of another, a wave that is not there.
    """
    execution_id, waves = drilled(deployment)
    ((_, server_ids),) = waves.items()
    other, others = drilled(deployment)
    (other_ids,) = others.values()
    (job,) = deployment.execution(execution_id).waves[0].jobs
    for wrong, says in [
        (event(other, other_ids, jobId=job), "jobId"),
        (event(other, server_ids), "sourceServerIds"),
        (event(other, server_ids, jobId=job), "sourceServerIds"),
        (event(execution_id, server_ids, region="eu-west-1"), "region"),
        (event(execution_id, server_ids, accountId="9" * 12), "accountId"),
        (event(execution_id, server_ids, planName="Mine"), "planName"),
    ]:
        with pytest.raises(InvalidInput, match=f"^{says}: "):
            deployment.operate("sync_recovery_instances_after_wave", **wrong)
    for missing in (
        event("nobody's", server_ids),
        event(execution_id, server_ids) | {"waveNumber": 9},
    ):
        with pytest.raises(NotFound):
            deployment.operate("sync_recovery_instances_after_wave", **missing)
    assert origin(deployment, server_ids[0]) == (execution_id, "A plan")


def test_a_place_that_nobody_says_is_asked_for(deployment: Deployment) -> None:
    """Rows of others may lack it; guessed, it would be looked at in the wrong account."""
    execution_id, waves = drilled(deployment)
    ((place, server_ids),) = waves.items()
    execution = deployment.execution(execution_id)
    row = execution_row(place.account_id, executionId=execution_id, planId=execution.plan_id)
    wave = wave_row(execution.waves[0].jobs[0], place.region, server_ids, waveNumber=1)
    del wave["region"]
    deployment.row(deployment.wiring.settings.execution_history_table, row | {"waves": [wave]})
    asked = event(execution_id, server_ids)
    with pytest.raises(InvalidInput, match=r"^region: is needed"):
        deployment.operate("sync_recovery_instances_after_wave", **asked)
    report = deployment.operate("sync_recovery_instances_after_wave", **asked, region=place.region)
    assert report["outcome"] == "seen"


def test_the_customers_functions_take_the_customers_arguments(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the names and with the answers that callers know."""
    monkeypatch.setattr(functions, "_wiring", lambda: deployment.wiring)
    execution_id, waves = drilled(deployment)
    ((place, server_ids),) = waves.items()
    assert (
        functions.sync_recovery_instances_after_wave(execution_id, 1, server_ids)["instances"] == 2
    )
    assert functions.sync_recovery_instances_for_account(*place)["errors"] == []
    items = functions.check_existing_recovery_instances(server_ids)
    assert {it["sourceServerId"] for it in items} == set(server_ids)
    assert {it["sourceExecutionId"] for it in items} == {execution_id}
    assert functions.checkExistingRecoveryInstances(source_server_ids=server_ids) == items
    assert functions.terminateRecoveryInstances(execution_id=execution_id) == 2
    with pytest.raises(NotFound):
        functions.terminate_recovery_instances("nobody's")
    assert "places" in functions.get_recovery_instance_sync_status()
    running = deployment.begin((place, deployment.protect(place, 1)))
    with pytest.raises(Conflict):
        functions.terminate_recovery_instances(running)


def test_a_server_nobody_could_look_up_is_no_none(
    endpoints: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer's function gives a list, in which a missing
    server would read as one that has nothing.
    """
    for name, value in endpoints.items():
        monkeypatch.setenv(name, value)
    nowhere = {"RECOVERY_INSTANCES_TABLE": "no-such-table", "SYNC_STATUS_TABLE": "no-such-table"}
    monkeypatch.setattr(functions, "_wiring", lambda: SyncWiring(Settings.from_env(nowhere)))
    nobody = f"s-{0:017d}"
    with pytest.raises(SomeUnknown) as unknown:
        functions.check_existing_recovery_instances([nobody])
    assert (unknown.value.unknown, unknown.value.found) == ([nobody], [])
