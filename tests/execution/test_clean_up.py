"""*Clean up drill*, and what the report says afterwards."""

from services.api import models
from tests.execution.deployment import Deployment, drilled, ids_of

CLEAN_UP = "/recovery-plans/{planId}/clean-up-drill"
REPORT = "/executions/{executionId}/report"


def test_one_verb_ends_whatever_the_drills_of_a_plan_have_left(deployment: Deployment) -> None:
    """With a dry run first; the note and the request stand in
    the report, and nothing is left behind.
    """
    execution_id, waves = drilled(deployment, places=2)
    plan_id = deployment.execution(execution_id).plan_id
    note = {"note": "all came up"}
    status, dry = deployment.call("POST", CLEAN_UP, note | {"dryRun": True}, planId=plan_id)
    assert (status, dry["executionIds"], dry["jobs"]) == (200, [execution_id], [])
    status, done = deployment.call("POST", CLEAN_UP, note, planId=plan_id)
    assert status == 202
    assert sorted(ids_of(done["requested"])) == sorted(it for ids in waves.values() for it in ids)
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
    _, report = deployment.call("GET", REPORT, executionId=execution_id)
    assert [it["note"] for it in report["cleanUps"]] == ["all came up"]
    assert all(it["requestedAt"] and it["endedAt"] for it in report["termination"])
    assert report["leftBehind"] == []
    models.Report.model_validate(report)
    models.CleanedUp.model_validate(done)
    status, again = deployment.call("POST", CLEAN_UP, note, planId=plan_id)
    assert (status, again["requested"], again["executionIds"]) == (202, [], [])


def test_a_plan_that_shares_a_server_ends_no_other_instances_of_the_other_plan(
    deployment: Deployment,
) -> None:
    """The drill was the other plan's; what only that plan has is still being drilled there."""
    _, waves = drilled(deployment)
    ((place, (shared, own)),) = waves.items()
    plan_id = deployment.plan((place, [shared]), name="shares one")
    status, done = deployment.call("POST", CLEAN_UP, {"note": "x"}, planId=plan_id)
    assert (status, ids_of(done["requested"])) == (202, [shared])
    deployment.advance()
    assert deployment.records(place, own)


def test_the_report_keeps_what_was_launched_after_it_is_gone(deployment: Deployment) -> None:
    """Recovery point and time of each server, from right after its wave."""
    execution_id, waves = drilled(deployment)
    deployment.terminate(execution_id)
    deployment.advance()
    deployment.termination(execution_id)
    _, report = deployment.call("GET", REPORT, executionId=execution_id)
    (wave,) = report["waves"]
    assert sorted(it["sourceServerId"] for it in wave["servers"]) == sorted(*waves.values())
    for server in wave["servers"]:
        assert server["ec2InstanceId"].startswith("i-")
        assert server["pointInTime"] <= server["launchTime"]
        assert server["recoveryTimeSeconds"] is not None
    assert report["measured"] == report["launched"] == len(wave["servers"])


def test_of_a_launch_that_was_not_kept_the_rows_still_tell_the_data_but_not_the_time(
    deployment: Deployment,
) -> None:
    """EC2's launch time moves at every start, so a recovery time made of it would be wrong."""
    execution_id, _ = drilled(deployment, count=1)
    key = {"id": {"S": f"launches#{execution_id}#1#0"}}
    table = deployment.wiring.settings.sync_status_table
    deployment.wiring.dynamodb.delete_item(TableName=table, Key=key)
    _, report = deployment.call("GET", REPORT, executionId=execution_id)
    ((server,),) = [wave["servers"] for wave in report["waves"]]
    assert server["recoveryPointSeconds"] is not None
    assert (server["launchTime"], server["recoveryTimeSeconds"], report["measured"]) == (
        None,
        None,
        0,
    )


def test_a_real_recovery_is_never_cleaned_up(deployment: Deployment) -> None:
    """Not even listed: nobody may be led to confirm it."""
    execution_id, _ = drilled(deployment, kind="RECOVERY")
    plan_id = deployment.execution(execution_id).plan_id
    status, body = deployment.call("POST", CLEAN_UP, {"note": "x"}, planId=plan_id)
    assert (status, body["requested"], body["refused"]) == (202, [], [])
    assert deployment.calls("TerminateRecoveryInstances") == []


def test_an_instance_of_which_nobody_knows_the_execution_is_refused(
    deployment: Deployment,
) -> None:
    """Launched from the console: which job may be ended is not known."""
    place = deployment.place(0)
    fleet = deployment.fleet(place, 1, launched=True)
    deployment.put(place, **fleet)
    server_id = str(fleet["sourceServers"][0]["sourceServerID"])
    deployment.sync(place)
    plan_id = deployment.plan((place, [server_id]))
    status, body = deployment.call("POST", CLEAN_UP, {"note": "x"}, planId=plan_id)
    (refused,) = body["refused"]
    assert (status, refused["reason"], body["executionIds"]) == (202, "EXECUTION_UNKNOWN", [])


def test_while_an_execution_runs_nothing_is_cleaned_up(deployment: Deployment) -> None:
    """Cancel it first."""
    execution_id, _ = drilled(deployment)
    deployment.executions.change(execution_id, lambda it: setattr(it, "status", "RUNNING"))
    plan_id = deployment.execution(execution_id).plan_id
    status, body = deployment.call("POST", CLEAN_UP, {"note": "x"}, planId=plan_id)
    assert (status, body["error"], body["executionId"]) == (409, "EXECUTION_RUNNING", execution_id)
    assert deployment.calls("TerminateRecoveryInstances") == []


def test_what_makes_no_sense_is_refused(deployment: Deployment) -> None:
    """A note is needed, the plan must exist, and a report comes in two forms."""
    assert deployment.call("POST", CLEAN_UP, {}, planId="nothing")[0] == 400
    assert deployment.call("POST", CLEAN_UP, {"note": ""}, planId="nothing")[0] == 400
    assert deployment.call("POST", CLEAN_UP, {"note": "x"}, planId="nothing")[0] == 404
    assert deployment.call("GET", REPORT, executionId="nothing")[0] == 404
