"""Executions that the platform runs beside ours, in the table that both write."""

import json
from typing import Any

import pytest

from cache.attributes import decode_item, encode, encode_item
from cache.errors import Conflict, NotFound
from services.api.models import RunningExecutions
from services.api.routing import answer as answer_to
from services.execution.routes import ExecutionRoutes
from services.platform.execution import Execution
from services.platform.executions import TURN
from tests.execution.deployment import Deployment, drilled
from tests.execution.platform_rows import execution_row, wave_row


def written(deployment: Deployment, execution_id: str, **changes: Any) -> dict[str, Any]:
    """What stands in the row, after these changes by the platform."""
    execution = deployment.execution(execution_id)
    key = encode_item({"executionId": execution_id, "planId": execution.plan_id})
    table = deployment.wiring.settings.execution_history_table
    for name, value in changes.items():
        deployment.wiring.dynamodb.update_item(
            TableName=table, Key=key, UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name}, ExpressionAttributeValues={":v": encode(value)},
        )  # fmt: skip
    return decode_item(deployment.wiring.dynamodb.get_item(TableName=table, Key=key)["Item"])


def as_the_platform(deployment: Deployment, **more: Any) -> tuple[str, list[str], dict[str, Any]]:
    """A drill whose row is the platform's own: the id, its servers, and the row."""
    execution_id, waves = drilled(deployment)
    ((place, server_ids),) = waves.items()
    execution = deployment.execution(execution_id)
    wave = wave_row(execution.waves[0].jobs[0], place.region, server_ids)
    row = (
        execution_row(
            place.account_id, executionId=execution_id, planId=execution.plan_id, waves=[wave]
        )
        | more
    )
    deployment.row(deployment.wiring.settings.execution_history_table, row)
    return execution_id, server_ids, row


def test_an_execution_of_the_platform_is_terminated_and_its_row_otherwise_untouched(
    deployment: Deployment,
) -> None:
    """The jobs are kept beside what the platform wrote, member
    by member, and followed to their end.
    """
    execution_id, server_ids, row = as_the_platform(deployment)
    answer = deployment.terminate(execution_id)
    assert {it["sourceServerId"] for it in answer["requested"]} == set(server_ids)
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
    after = written(deployment, execution_id)
    assert row.items() <= after.items()
    added = {"terminateJobs", "terminationInitiatedAt", "instancesTerminated"}
    assert after.keys() - row.keys() == added
    assert after["instancesTerminated"] is True


def test_the_page_of_an_execution_shows_the_platforms_row_in_our_forms(
    deployment: Deployment,
) -> None:
    """And no external id leaves the house."""
    execution_id, server_ids, _ = as_the_platform(deployment)
    status, body = deployment.call("GET", "/executions/{executionId}", executionId=execution_id)
    assert (status, body["startTime"]) == (200, "2026-11-18T11:06:40Z")
    assert body["waves"][0]["serverStatuses"] == dict.fromkeys(server_ids, "LAUNCHED")
    assert "accountContext" not in body


@pytest.mark.parametrize("status", ["POLLING", "PAUSED", "SOMETHING_NEW"])
def test_what_the_platform_runs_is_neither_terminated_nor_started_again(
    deployment: Deployment, status: str
) -> None:
    """Nor are its servers launched by another plan; a status
    that we do not know is one that runs.
    """
    execution_id, server_ids, row = as_the_platform(deployment, status=status)
    path = "/executions/{executionId}/terminate-instances"
    got = deployment.call("POST", path, {}, executionId=execution_id)
    assert (got[0], got[1]["error"]) == (409, "EXECUTION_RUNNING")
    other = deployment.plan((deployment.place(0), server_ids), name="other")
    body = {"planId": other, "executionType": "DRILL", "replaceExisting": True}
    got = deployment.call("POST", "/executions", body)
    assert (got[0], got[1]["error"], got[1]["serverIds"]) == (
        409,
        "SERVER_BUSY",
        sorted(server_ids),
    )
    body["planId"] = row["planId"]
    got = deployment.call("POST", "/executions", body)
    assert (got[0], got[1]["error"]) == (409, "PLAN_RUNNING")
    written(deployment, execution_id, status="COMPLETED")


ODD: list[dict[str, Any]] = [
    {"status": "POLLING"},
    {"status": "PAUSED"},
    {"status": "ROLLING_BACK", "waves": [7, {"jobIds": 7}]},
    {"status": "PENDING", "waves": []},
]


@pytest.mark.parametrize("odd", ODD)
def test_what_the_platform_runs_nobody_else_cancels_or_drives(
    deployment: Deployment, odd: dict[str, Any]
) -> None:
    """Whatever is asked for is refused, and says who drives it; the row stays as it is."""
    execution_id, _, _ = as_the_platform(deployment, **odd)
    row = written(deployment, execution_id)
    for verb in ("cancel", "resume"):
        path = f"/executions/{{executionId}}/{verb}"
        status, answer = deployment.call("POST", path, executionId=execution_id)
        assert (status, answer["error"]) == (409, "DRIVEN_BY_PLATFORM")
        assert "platform" in answer["message"]
    if deployment.execution(execution_id).waves:
        for step in ("start_wave", "poll_wave", "sync_wave", "go_on"):
            with pytest.raises(Conflict, match="platform"):
                deployment.step(step, execution_id, wave=0)
    with pytest.raises(Conflict, match="platform"):
        deployment.operate("finish", executionId=execution_id)
    assert written(deployment, execution_id) == row
    written(deployment, execution_id, status="COMPLETED")


@pytest.mark.parametrize("odd", ODD)
def test_what_the_platform_has_abandoned_is_closed_by_force_and_nothing_else_of_its_row(
    deployment: Deployment, odd: dict[str, Any]
) -> None:
    """It was cancelled, whatever its waves had come to, and they stay as the platform has them."""
    execution_id, _, _ = as_the_platform(deployment, **odd)
    row = written(deployment, execution_id)
    path, forced = "/executions/{executionId}/cancel", {"force": True}
    assert deployment.call("POST", path, forced, executionId=execution_id)[0] == 400
    forced["confirm"] = True
    status, answer = deployment.call("POST", path, forced, executionId=execution_id)
    assert (status, answer["status"]) == (202, "CANCELLED")
    after = written(deployment, execution_id)
    changed = {name for name in after if after[name] != row.get(name)}
    assert changed == {"status", "endTime", "message"}
    assert after["status"] == "CANCELLED"
    assert "by force" in after["message"]


def test_what_runs_is_listed_whoever_drives_it(deployment: Deployment) -> None:
    """By plan too; what is over, and locks, are not."""
    over, _ = drilled(deployment)
    theirs, _, row = as_the_platform(deployment, status="POLLING", planId="theirs")
    place = deployment.place(0)
    ours = deployment.begin((place, deployment.protect(place, 1)))
    status, answer = deployment.call("GET", "/executions")
    RunningExecutions.model_validate(answer)
    found = {it["executionId"]: it["isOurs"] for it in answer["executions"]}
    assert (status, found[theirs], found[ours], over in found) == (200, False, True, False)
    event = {"httpMethod": "GET", "path": "/executions"}
    query = {"queryStringParameters": {"planId": row["planId"]}}
    reply = answer_to(event | query, ExecutionRoutes(deployment.wiring).routes)
    assert [it["executionId"] for it in json.loads(reply["body"])["executions"]] == [theirs]
    for execution_id in (theirs, ours):
        body = {"force": True, "confirm": True}
        deployment.call("POST", "/executions/{executionId}/cancel", body, executionId=execution_id)


def test_what_is_over_in_other_spelling_blocks_no_start(deployment: Deployment) -> None:
    """In small letters, or with an end and no word."""
    execution_id, _, row = as_the_platform(deployment, status="completed")
    table = deployment.wiring.settings.execution_history_table
    wordless = {name: it for name, it in row.items() if name != "status"}
    deployment.row(table, wordless | {"executionId": "wordless"})
    running = {one.execution_id for one in deployment.wiring.executions.running()}
    assert running.isdisjoint({execution_id, "wordless"})


@pytest.mark.parametrize("running_first", [True, False])
def test_of_several_rows_of_one_execution_the_one_that_runs_counts(
    deployment: Deployment, *, running_first: bool
) -> None:
    """The table's sort key allows it: terminated and driven by the row
    that is over, a launch under way would be missed.
    """
    execution_id, _, row = as_the_platform(deployment)
    plan_id = ("0" if running_first else "z") + "-copy"
    table = deployment.wiring.settings.execution_history_table
    deployment.row(table, row | {"planId": plan_id, "status": "POLLING", "endTime": None})
    assert deployment.execution(execution_id).plan_id == plan_id
    status, answer = deployment.call(
        "POST", "/executions/{executionId}/terminate-instances", {}, executionId=execution_id
    )
    assert (status, answer["error"]) == (409, "EXECUTION_RUNNING")


def test_locks_are_no_executions_and_stay_as_they_are(deployment: Deployment) -> None:
    """They block nothing, are found by nobody, and an execution beside its own lock is read."""
    execution_id, _, row = as_the_platform(deployment)
    table = deployment.wiring.settings.execution_history_table
    lock = {"executionId": execution_id, "planId": "LOCK", "status": "LOCK", "waves": "x"}
    alone = {"executionId": f"lock-{execution_id}", "planId": row["planId"], "status": "LOCK"}
    for it in (lock, alone):
        deployment.row(table, it)
    assert deployment.execution(execution_id).plan_id == row["planId"]
    path = "/executions/{executionId}"
    assert deployment.call("GET", path, executionId=alone["executionId"])[0] == 404
    body = {"planId": row["planId"], "executionType": "DRILL", "replaceExisting": True}
    assert deployment.call("POST", "/executions", body)[0] == 202
    keys = encode_item({"executionId": execution_id, "planId": "LOCK"})
    found = deployment.wiring.dynamodb.get_item(TableName=table, Key=keys)["Item"]
    assert decode_item(found) == lock


@pytest.mark.parametrize("had", [{}, {"message": "theirs"}])
def test_what_the_platform_writes_between_our_read_and_our_write_is_kept(
    deployment: Deployment, had: dict[str, Any]
) -> None:
    """Another member's update stays; of the same member, whether it was there or not, the
    later reader starts again from what stands.
    """
    execution_id, _, _ = as_the_platform(deployment, **had)
    place = deployment.place(0)
    tries, seen = 0, list[str | None]()

    def alter(execution: Execution) -> None:
        nonlocal tries
        tries += 1
        written(deployment, execution_id, lastUpdated=tries, planName=f"renamed {tries}")
        if tries == 1:
            jobs = [{"jobId": "theirs", "region": "x"}]
            now = dict.fromkeys(had, "theirs, later") or {"terminateJobs": jobs}
            written(deployment, execution_id, **now)
        seen.append(execution.message)
        execution.message = "ours" if had else None
        execution.add_termination("ours", place, [])

    deployment.executions.change(execution_id, alter)
    after = written(deployment, execution_id)
    assert (tries, after["lastUpdated"], after["planName"]) == (2, 2, "renamed 2")
    assert [it["jobId"] for it in after["terminateJobs"]] == ["theirs", "ours"][bool(had) :]
    assert seen == (["theirs", "theirs, later"] if had else [None, None])


@pytest.mark.parametrize("member", ["waves", "terminateJobs"])
def test_a_list_the_platform_wrote_between_our_read_and_our_write_is_kept(
    deployment: Deployment, member: str
) -> None:
    """The list was there when we read it, and has as many entries as then: what is in it counts."""
    job = {"jobId": "before", "region": "x", "status": "STARTED"}
    execution_id, _, _ = as_the_platform(deployment, terminateJobs=[job])
    place = deployment.place(0)
    tries = 0

    def alter(execution: Execution) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            (entry,) = written(deployment, execution_id)[member]
            written(deployment, execution_id, **{member: [entry | {"note": "theirs"}]})
        execution.waves[0].message = "ours"
        execution.add_termination("ours", place, [])

    deployment.executions.change(execution_id, alter)
    after = written(deployment, execution_id)
    assert (tries, after[member][0]["note"]) == (2, "theirs")
    assert [it["jobId"] for it in after["terminateJobs"]] == ["before", "ours"]


def test_a_drill_of_ours_is_written_in_the_platforms_forms(deployment: Deployment) -> None:
    """From its first row to its last."""
    execution_id, waves = drilled(deployment)
    ((place, server_ids),) = waves.items()
    row = written(deployment, execution_id)
    assert (row["status"], row["totalWaves"], row["accountId"]) == (
        "COMPLETED",
        1,
        place.account_id,
    )
    assert all(isinstance(row[name], int) for name in ("startTime", "endTime"))
    (wave,) = row["waves"]
    assert [it["sourceServerId"] for it in wave["serverStatuses"]] == server_ids
    assert {it["launchStatus"] for it in wave["serverStatuses"]} == {"LAUNCHED"}


def test_the_sync_attributes_what_the_platform_launched(deployment: Deployment) -> None:
    """By the job of a wave, past locks and rows that are hardly any."""
    execution_id, _, row = as_the_platform(deployment, planName="Renamed since")
    table = deployment.wiring.settings.execution_history_table
    for number, waves in enumerate(["none", [7, {"jobIds": 7}], {"a": 1}]):
        odd = {
            "executionId": f"odd-{number}-{execution_id}",
            "planId": "odd",
            "waves": waves,
            "status": "FAILED",
        }
        deployment.row(table, odd)
    lock = {
        "executionId": f"lock-{execution_id}",
        "planId": "LOCK",
        "status": "LOCK",
        "waves": row["waves"],
    }
    deployment.row(table, lock)
    history = deployment.wiring.sync_parts().history()
    found = history.attribution(row["waves"][0]["jobId"])
    assert found is not None
    assert (found.source_execution_id, found.source_plan_name) == (execution_id, "Renamed since")


@pytest.mark.parametrize("odd", [{}, {"turn": None}, {"turn": "7", "open": "x"}, {"open": 7}])
def test_a_turn_that_makes_no_sense_stops_no_start(
    deployment: Deployment, odd: dict[str, Any]
) -> None:
    """Else nothing could ever be started again; what begins is watched as always."""
    deployment.row(deployment.wiring.settings.sync_status_table, {"id": TURN} | odd)
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    assert deployment.executions.open() == [execution_id]
    deployment.executions.change(execution_id, lambda it: it.abandon("2026-11-18T11:06:40Z", "end"))


@pytest.mark.parametrize("execution_id", ["", "x" * 2049, "\u00e9" * 1025], ids=len)
def test_what_can_be_no_key_is_no_execution(deployment: Deployment, execution_id: str) -> None:
    """DynamoDB refuses to look for such a key, which is no tier that is away."""
    calls: list[object] = []
    events = deployment.wiring.dynamodb.meta.events
    events.register("before-call.dynamodb", lambda **_: calls.append(1), unique_id="count")
    try:
        with pytest.raises(NotFound):
            deployment.execution(execution_id)
    finally:
        events.unregister("before-call.dynamodb", unique_id="count")
    assert calls == []


@pytest.mark.parametrize("body", [None, "", "null", " null\n", "{}"])
def test_a_request_that_needs_no_body_takes_none_in_any_form(
    deployment: Deployment, body: str | None
) -> None:
    """Some clients send JSON's null where they were given no body."""
    routes = ExecutionRoutes(deployment.wiring).routes
    event = {
        "httpMethod": "POST",
        "resource": "/executions/{executionId}/cancel",
        "pathParameters": {"executionId": f"nobody-{body}"},
    }
    assert answer_to(event | {"body": body}, routes)["statusCode"] == 404, "it looked"
    assert answer_to(event | {"body": "[]"}, routes)["statusCode"] == 400
