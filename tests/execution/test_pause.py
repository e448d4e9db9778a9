"""Between waves: a pause until somebody says go on, a longest
time, and a launch from a chosen point in time.
"""

from typing import Any

from cache.attributes import decode_item, encode
from services.api.models import RecoverySnapshots
from services.execution import waves as steps
from services.execution.report_html import report_html
from services.platform.execution import Server, Status
from tests.execution.deployment import Deployment
from tests.execution.people import People

SNAPSHOTS = "/source-servers/{sourceServerId}/recovery-snapshots"
RESUME = "/executions/{executionId}/resume"


def plan_of(deployment: Deployment, **second: Any) -> tuple[str, list[str]]:
    """A plan of two waves of a server each, of which the second
    says this too; its id and the servers'.
    """
    place = deployment.place(0)
    ids = deployment.protect(place, 2)
    plan_id = deployment.plan((place, ids[:1]), (place, ids[1:]))
    table = deployment.wiring.settings.recovery_plans_table
    key = {"planId": encode(plan_id)}
    row = decode_item(deployment.wiring.dynamodb.get_item(TableName=table, Key=key)["Item"])
    row["waves"][1] |= second
    deployment.row(table, row)
    return plan_id, ids


def begun(deployment: Deployment, plan_id: str, **more: Any) -> str:
    """The execution of this plan, not driven by anybody."""
    body = {"planId": plan_id, "executionType": "DRILL", **more}
    status, answer = deployment.call("POST", "/executions", body)
    assert status == 202, answer
    return str(answer["executionId"])


def resume(deployment: Deployment, execution_id: str) -> tuple[int, Any]:
    """Somebody says go on."""
    return deployment.call("POST", RESUME, {}, executionId=execution_id)


def test_the_platforms_pause_holds_the_next_wave_until_somebody_says_go_on(
    deployment: Deployment,
) -> None:
    """Nothing runs meanwhile, nothing is closed, and the plan
    stays taken; then the wave runs to its end.
    """
    plan_id, ids = plan_of(deployment, pauseBeforeWave=True)
    execution_id = begun(deployment, plan_id)
    assert resume(deployment, execution_id)[1]["error"] == "NOT_PAUSED"
    execution = deployment.drive(execution_id)
    assert (execution.status, execution.is_over) == (Status.PAUSED, False)
    assert execution.waves[1].status == Status.PENDING
    deployment.operate("watch_executions")
    body = {"planId": plan_id, "executionType": "DRILL", "replaceExisting": True}
    assert deployment.call("POST", "/executions", body)[1]["error"] == "PLAN_RUNNING"
    assert resume(deployment, execution_id)[0] == 202
    assert resume(deployment, execution_id)[1]["error"] == "NOT_PAUSED"
    execution = deployment.drive(execution_id, wave=2)
    assert execution.status == Status.COMPLETED
    assert {it for wave in execution.waves for it in wave.servers(Server.LAUNCHED)} == set(ids)


def test_a_wave_that_waited_names_who_let_it_begin(deployment: Deployment, people: People) -> None:
    """In the row and in the report."""
    plan_id, _ = plan_of(deployment, pauseBeforeWave=True)
    execution_id = begun(deployment, plan_id)
    deployment.drive(execution_id)
    assert people.ask("jane", RESUME, execution_id)[0] == 202
    assert [it.resumed_by for it in deployment.execution(execution_id).waves] == [None, "jane"]
    path = "/executions/{executionId}/report"
    report = deployment.call("GET", path, executionId=execution_id)[1]
    assert [it["resumedBy"] for it in report["waves"]] == [None, "jane"]
    assert "resumed by jane" in report_html(report)


def test_a_paused_execution_is_cancelled_at_once(deployment: Deployment) -> None:
    """What was launched stays, what was not is not."""
    plan_id, _ = plan_of(deployment, pauseBeforeWave=True)
    execution_id = begun(deployment, plan_id)
    deployment.drive(execution_id)
    path = "/executions/{executionId}/cancel"
    assert deployment.call("POST", path, {}, executionId=execution_id)[0] == 202
    execution = deployment.execution(execution_id)
    assert (execution.status, execution.waves[1].status) == (Status.CANCELLED, Status.CANCELLED)


def test_a_wave_without_a_result_in_its_longest_time_has_failed(
    deployment: Deployment,
) -> None:
    """The plan's own minutes, not a day; the wave says why."""
    plan_id, ids = plan_of(deployment, longestMinutes=30)
    execution_id = begun(deployment, plan_id)
    deployment.step("start_wave", execution_id, 2)
    executions = deployment.executions
    long_ago = "2026-01-01T00:00:00Z"
    executions.change(execution_id, lambda it: setattr(it.waves[1], "start_time", long_ago))
    assert deployment.step("poll_wave", execution_id, 2)["waveDone"]
    wave = deployment.execution(execution_id).waves[1]
    assert wave.servers(Server.FAILED) == ids[1:]
    assert wave.failures[0].reason == steps.TOO_LONG.format(minutes=30)
    deployment.advance()


def test_a_launch_goes_back_to_the_point_in_time_that_was_chosen(deployment: Deployment) -> None:
    """For the servers that name one; a server of no wave and a malformed id are refused."""
    plan_id, ids = plan_of(deployment)
    place = deployment.place(0)
    snapshot = {"snapshotID": f"pit-{0:017d}", "sourceServerID": ids[0]}
    taken = "2026-11-20T10:00:00Z"
    deployment.put(
        place, recoverySnapshots=[snapshot | {"expectedTimestamp": taken, "timestamp": taken}]
    )
    for wrong in ({f"s-{9:017d}": snapshot["snapshotID"]}, {ids[0]: "latest"}):
        body = {"planId": plan_id, "executionType": "DRILL", "recoverySnapshotIds": wrong}
        status, answer = deployment.call("POST", "/executions", body)
        assert (status, answer["message"].partition(":")[0].split(".")[0]) == (
            400,
            "recoverySnapshotIds",
        )
    deployment.sync(place)
    listed = deployment.call("GET", SNAPSHOTS, sourceServerId=ids[0])
    RecoverySnapshots.model_validate(listed[1])
    assert listed[0] == 200
    assert listed[1]["snapshots"] == [{"snapshotId": snapshot["snapshotID"], "takenAt": taken}]
    chosen = {ids[0]: listed[1]["snapshots"][0]["snapshotId"]}
    execution_id = begun(deployment, plan_id, recoverySnapshotIds=chosen)
    assert deployment.drive(execution_id).status == Status.COMPLETED
    points = [deployment.records(place, it)[0]["pointInTimeSnapshotDateTime"] for it in ids]
    assert points[0] == taken
    assert points[1] > taken


def test_points_in_time_that_cannot_be_listed_are_never_none(deployment: Deployment) -> None:
    """A malformed id, a server nobody knows, one that DRS has lost, DRS that cannot be asked."""
    place = deployment.place(0)
    (server_id,) = deployment.protect(place, 1)
    for wrong, status in (("s-1", 400), (f"s-{9:017d}", 404), (server_id, 404)):
        assert deployment.call("GET", SNAPSHOTS, sourceServerId=wrong)[0] == status
    deployment.sync(place)
    assert deployment.call("GET", SNAPSHOTS, sourceServerId=server_id)[1]["snapshots"] == []
    deployment.aws.weather([{"operation": "DescribeRecoverySnapshots", "outage": "503"}])
    status, answer = deployment.call("GET", SNAPSHOTS, sourceServerId=server_id)
    assert (status, answer["error"]) == (503, "SNAPSHOTS_UNAVAILABLE")
    deployment.aws.weather([])
    path = f"places/{place.account_id}/{place.region}/sourceServers/{server_id}"
    deployment.aws.call("DELETE", path)
    assert deployment.call("GET", SNAPSHOTS, sourceServerId=server_id)[0] == 404
