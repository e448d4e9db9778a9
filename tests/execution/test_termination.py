"""Termination: what an execution launched goes, once, and its rows follow what DRS says."""

from collections import Counter
from typing import Any

from tests.execution.deployment import Deployment, drilled, ids_of


def test_a_drill_is_terminated_and_leaves_the_page_once_drs_confirms(
    deployment: Deployment,
) -> None:
    """The rows stay as long as the jobs run, and become absent with the last look."""
    execution_id, waves = drilled(deployment, places=3)
    answer = deployment.terminate(execution_id)
    assert sorted(ids_of(answer["requested"])) == sorted(it for ids in waves.values() for it in ids)
    assert (answer["refused"], answer["failed"], answer["dryRun"]) == ([], [], False)
    assert {(job["accountId"], job["region"]) for job in answer["jobs"]} == {
        (*place,) for place in waves
    }
    status = deployment.termination(execution_id)
    assert (status["status"], status["terminated"]) == ("IN_PROGRESS", [])
    for place, ids in waves.items():
        assert len(deployment.shown(ids, place)) == 2
    deployment.advance()
    status = deployment.termination(execution_id)
    assert (status["status"], status["remaining"]) == ("COMPLETED", [])
    assert sorted(status["terminated"]) == sorted(it for ids in waves.values() for it in ids)
    for place, ids in waves.items():
        assert deployment.shown(ids, place) == {}


def test_asking_again_terminates_nothing_twice(deployment: Deployment) -> None:
    """Not while the job is pending, not while the instances shut down, not when they are gone."""
    execution_id, waves = drilled(deployment)
    (job,) = deployment.terminate(execution_id)["jobs"]
    for seconds, jobs in ((0, [job]), (10, [job]), (3_000, [])):
        deployment.advance(seconds)
        again = deployment.terminate(execution_id)
        assert (again["requested"], again["refused"], again["failed"], again["jobs"]) == (
            [],
            [],
            [],
            jobs,
        ), seconds
    assert len(deployment.calls("TerminateRecoveryInstances")) == 1
    ((place, ids),) = waves.items()
    assert deployment.shown(ids, place) == {}


def test_a_dry_run_says_what_would_go_and_touches_nothing(deployment: Deployment) -> None:
    """Each item names the instance well enough to decide."""
    execution_id, waves = drilled(deployment, count=1)
    ((place, (server_id,)),) = waves.items()
    row = deployment.executions.row(execution_id)
    (item,) = deployment.terminate(execution_id, dryRun=True)["requested"]
    record = deployment.wiring.table.read([server_id]).records[server_id]
    assert item == {
        "sourceServerId": server_id,
        "ec2InstanceId": record.ec2_instance_id,
        "name": record.name,
        "accountId": place.account_id,
        "region": place.region,
        "isDrill": True,
    }
    assert deployment.executions.row(execution_id) == row
    assert deployment.calls("TerminateRecoveryInstances") == []


def test_one_busy_server_does_not_hold_up_the_rest(deployment: Deployment) -> None:
    """DRS refuses the whole call; the batch is halved until the busy one stands alone."""
    execution_id, waves = drilled(deployment, count=9)
    ((place, ids),) = waves.items()
    client = deployment.wiring.sync_parts().clients.get("drs", place)
    client.start_recovery(sourceServers=[{"sourceServerID": ids[4]}], isDrill=True)
    answer = deployment.terminate(execution_id)
    assert ids_of(answer["failed"]) == [ids[4]]
    assert "ConflictException" in answer["failed"][0]["message"]
    assert len(answer["requested"]) == 8
    assert len(answer["jobs"]) > 1


def test_a_place_that_is_down_keeps_its_rows_and_may_be_asked_again(deployment: Deployment) -> None:
    """What remains is named; nothing of it is called gone."""
    execution_id, waves = drilled(deployment, places=2)
    up, down = waves
    deployment.aws.weather(
        [{"accountId": down.account_id, "region": down.region, "outage": "refuse"}]
    )
    answer = deployment.terminate(execution_id)
    assert (sorted(ids_of(answer["requested"])), sorted(ids_of(answer["failed"]))) == (
        sorted(waves[up]),
        sorted(waves[down]),
    )
    deployment.advance()
    status = deployment.termination(execution_id)
    assert (status["status"], status["remaining"]) == ("PARTIAL", sorted(waves[down]))
    assert len(deployment.shown(waves[down], down)) == 2
    deployment.aws.weather([])
    assert sorted(ids_of(deployment.terminate(execution_id)["requested"])) == sorted(waves[down])
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"


def test_a_place_that_goes_down_meanwhile_is_followed_later(deployment: Deployment) -> None:
    """Its job stays as it was known, its rows stay, and the next question goes on from there."""
    execution_id, waves = drilled(deployment)
    ((place, ids),) = waves.items()
    deployment.terminate(execution_id)
    deployment.advance()
    deployment.aws.weather(
        [{"accountId": place.account_id, "region": place.region, "outage": "503"}]
    )
    status = deployment.termination(execution_id)
    assert (status["status"], status["remaining"]) == ("IN_PROGRESS", sorted(ids))
    deployment.aws.weather([{"operation": "DescribeRecoveryInstances", "deny": True}])
    assert deployment.termination(execution_id)["status"] == "IN_PROGRESS"
    deployment.aws.weather([])
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
    assert deployment.shown(ids, place) == {}


def test_a_crash_between_the_call_and_the_record_is_made_good(deployment: Deployment) -> None:
    """The job that nobody wrote down is found: while it is
    pending by the conflict, later by the state.
    """
    execution_id, waves = drilled(deployment, places=2)
    jobs = {}
    for seconds, (place, ids) in zip((10, 0), waves.items(), strict=True):
        client = deployment.wiring.sync_parts().clients.get("drs", place)
        instances = [deployment.records(place, it)[0]["recoveryInstanceID"] for it in ids]
        jobs[place] = client.terminate_recovery_instances(recoveryInstanceIDs=instances)["job"][
            "jobID"
        ]
        deployment.advance(seconds)
    answer = deployment.terminate(execution_id)
    assert {job["jobId"] for job in answer["jobs"]} == set(jobs.values())
    assert answer["failed"] == []
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"


def test_instances_that_no_sync_ever_saw_go_too(deployment: Deployment) -> None:
    """The wave knows what it launched, even if its sync failed from beginning to end."""
    place = deployment.place(0)
    ids = deployment.protect(place, 2)
    execution_id = deployment.begin((place, ids))
    deployment.step("start_wave", execution_id)
    deployment.advance()
    deployment.step("poll_wave", execution_id)
    deployment.operate("finish", executionId=execution_id)
    assert deployment.wiring.table.read(ids).records == {}
    assert ids_of(deployment.terminate(execution_id)["requested"]) == ids
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"


def test_instances_terminated_behind_our_back_leave_the_page(deployment: Deployment) -> None:
    """There is nothing to ask for; the look alone makes the rows follow."""
    execution_id, waves = drilled(deployment)
    ((place, ids),) = waves.items()
    for server_id in ids:
        deployment.alter(place, server_id, ec2InstanceState="TERMINATED")
    answer = deployment.terminate(execution_id)
    assert (answer["requested"], answer["jobs"]) == ([], [])
    assert deployment.shown(ids, place) == {}


def test_a_background_sync_begun_before_and_ended_after_brings_nothing_back(
    deployment: Deployment,
) -> None:
    """It has seen the instances alive; its older tickets lose."""
    execution_id, waves = drilled(deployment)
    ((place, ids),) = waves.items()
    with deployment.held_before("DescribeSourceServers", place, lambda: deployment.sync(place)):
        deployment.terminate(execution_id)
        deployment.advance()
        assert deployment.termination(execution_id)["status"] == "COMPLETED"
        assert deployment.shown(ids, place) == {}
    assert deployment.shown(ids, place) == {}
    assert deployment.termination(execution_id)["remaining"] == []


def test_three_hundred_instances_in_three_places_cost_three_calls_and_one_index_query(
    deployment: Deployment,
) -> None:
    """And no Scan of the instances."""
    execution_id, waves = drilled(deployment, count=100, places=3)
    table = deployment.wiring.settings.recovery_instances_table
    asked: Counter[str] = Counter()

    def count(model: Any, params: dict[str, Any], **_: object) -> None:
        if table in str(params["body"]):
            asked[model.name] += 1

    hooks = deployment.wiring.dynamodb.meta.events
    hooks.register("before-call.dynamodb", count, unique_id="count")
    answer = deployment.terminate(execution_id)
    hooks.unregister("before-call.dynamodb", unique_id="count")
    assert len(answer["requested"]) == 300
    assert len(deployment.calls("TerminateRecoveryInstances")) == 3
    assert asked == {"Query": 1, "BatchGetItem": 3}
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
    for place, ids in waves.items():
        assert deployment.shown(ids, place) == {}


def test_more_instances_than_drs_takes_at_once_are_asked_for_in_turns(
    deployment: Deployment,
) -> None:
    """DRS takes 20 jobs at a time.

    Those over the quota are named, and go when they are asked for again.
    """
    execution_id, waves = drilled(deployment, count=102)
    deployment.keep_busy(next(iter(waves)), 19)
    first = deployment.terminate(execution_id)
    assert (len(first["requested"]), len(first["failed"])) == (100, 2)
    assert "ServiceQuotaExceeded" in first["failed"][0]["message"]
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "PARTIAL"
    assert len(deployment.terminate(execution_id)["requested"]) == 2
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"


def test_an_execution_that_still_runs_is_not_terminated(deployment: Deployment) -> None:
    """Its next wave would launch what this one ends."""
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    resource = "/executions/{executionId}/terminate-instances"
    status, answer = deployment.call("POST", resource, {}, executionId=execution_id)
    assert (status, answer["error"]) == (409, "EXECUTION_RUNNING")


def test_the_direct_operation_does_the_same(deployment: Deployment) -> None:
    """Under the name that callers use."""
    execution_id, _ = drilled(deployment)
    answer = deployment.operate(
        "terminate_recovery_instances", executionId=execution_id, confirm=False
    )
    assert len(answer["requested"]) == 2


def test_an_instance_that_still_shuts_down_when_its_job_is_over_is_followed_on(
    deployment: Deployment,
) -> None:
    """The job's word is not DRS's confirmation."""
    execution_id, waves = drilled(deployment, count=1)
    ((place, (server_id,)),) = waves.items()
    deployment.terminate(execution_id)
    deployment.advance(60)
    (record,) = deployment.records(place, server_id)
    machines = [
        it
        for it in deployment.holds(place)["instances"]
        if it["InstanceId"] == record["ec2InstanceID"]
    ]
    going = {"Code": 32, "Name": "shutting-down"}
    deployment.put(place, recoveryInstances=[record | {"ec2InstanceState": "SHUTTING-DOWN"}])
    deployment.put(place, instances=[machine | {"State": going} for machine in machines])
    status = deployment.termination(execution_id)
    assert (status["status"], status["remaining"]) == ("IN_PROGRESS", [server_id])
    assert deployment.shown([server_id], place) == {server_id: "shutting-down"}
    deployment.put(place, recoveryInstances=[record])
    deployment.put(place, instances=machines)
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
