"""A real recovery and its termination wait for a second person, where the deployment says so."""

from dataclasses import replace

import pytest

from cache.errors import Conflict
from cache.values import to_millis, to_stamp
from services import recovery_instance_sync as functions
from services.execution.approval import APPROVAL_SECONDS
from services.execution.operations import direct_operations
from services.platform.execution import Status
from services.sync.wiring import SyncWiring
from tests.execution.deployment import Deployment
from tests.execution.machines import Machines
from tests.execution.people import People

APPROVE = "/executions/{executionId}/approve"
TERMINATE = "/executions/{executionId}/terminate-instances"


def asked(deployment: Deployment, people: People, kind: str = "RECOVERY") -> str:
    """An execution that Jane has asked for."""
    place = deployment.place(0)
    plan_id = deployment.plan((place, deployment.protect(place, 1)))
    body = {"planId": plan_id, "executionType": kind}
    status, reply = people.ask("jane", "/executions", body=body)
    assert status == 202, reply
    return str(reply["executionId"])


def test_a_recovery_waits_until_somebody_else_agrees(
    deployment: Deployment, people: People, machines: Machines
) -> None:
    """Nothing is launched before; the row says who asked and who agreed."""
    execution_id = asked(deployment, people)
    names = {it["name"] for it in machines.started}
    assert f"{execution_id}_1" not in names
    assert deployment.execution(execution_id).status == Status.PAUSED
    status, reply = people.ask("jane", APPROVE, execution_id)
    assert (status, reply["error"]) == (403, "FORBIDDEN")
    with pytest.raises(Conflict, match="second person"):
        deployment.step("start_wave", execution_id)
    assert deployment.execution(execution_id).driven_at is None, "nor is it driven"
    assert deployment.jobs(deployment.place(0)) == [], "a step taken too early launches nothing"
    status, reply = people.ask("john", APPROVE, execution_id)
    assert (status, reply["status"]) == (202, "PENDING")
    assert machines.started[-1]["name"] == f"{execution_id}_1"
    execution = deployment.drive(execution_id)
    assert (execution.status, execution.requested_by, execution.approved_by) == (
        "COMPLETED",
        "jane",
        "john",
    )
    assert people.ask("john", APPROVE, execution_id)[1]["error"] == "NOTHING_TO_APPROVE"


def test_the_plan_is_checked_again_when_somebody_agrees(
    deployment: Deployment, people: People
) -> None:
    """What was found an hour ago need not be true any more."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    body = {"planId": deployment.plan((place, ids)), "executionType": "RECOVERY"}
    asked_for = people.ask("jane", "/executions", body=body)[1]
    assert "IN_TWO_PLANS" not in {it["code"] for it in asked_for["findings"]}
    deployment.plan((place, ids), name="other")
    approved = people.ask("john", APPROVE, asked_for["executionId"])[1]
    assert "IN_TWO_PLANS" in {it["code"] for it in approved["findings"]}
    kept = deployment.execution(asked_for["executionId"]).findings or []
    assert [it.model_dump() for it in kept] == approved["findings"]


def test_its_termination_waits_too(deployment: Deployment, people: People) -> None:
    """What would go is said at once; it goes when somebody
    else agrees, and the job says who did.
    """
    execution_id = asked(deployment, people)
    people.ask("john", APPROVE, execution_id)
    deployment.drive(execution_id)
    status, reply = people.ask("john", TERMINATE, execution_id, {"confirm": True})
    assert (status, reply["awaitsApproval"], len(reply["requested"])) == (202, True, 1)
    assert deployment.execution(execution_id).termination_jobs == []
    assert people.ask("john", APPROVE, execution_id)[0] == 403
    assert people.ask("jane", APPROVE, execution_id)[0] == 202
    (job,) = deployment.execution(execution_id).termination_jobs
    assert (job.requested_by, job.approved_by) == ("john", "jane")


def test_nobody_goes_past_the_api(
    deployment: Deployment, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A direct operation knows no second person, nor does code that runs beside ours."""
    execution_id = asked(deployment, people)
    people.ask("john", APPROVE, execution_id)
    deployment.drive(execution_id)
    wiring = SyncWiring(replace(deployment.wiring.settings, four_eyes=True))
    event = {"operation": "terminate_recovery_instances", "executionId": execution_id}
    operations = direct_operations(wiring)
    with pytest.raises(Conflict, match="second person"):
        operations[event["operation"]](event | {"confirm": True})
    monkeypatch.setattr(functions, "_wiring", lambda: wiring)
    with pytest.raises(Conflict, match="second person"):
        functions.terminate_recovery_instances(execution_id, confirm=True)
    assert operations[event["operation"]](event)["requested"] == []


def test_a_drill_needs_one_person(deployment: Deployment, people: People) -> None:
    """To start and to end."""
    execution_id = asked(deployment, people, "DRILL")
    assert deployment.drive(execution_id).status == Status.COMPLETED
    status, reply = people.ask("jane", TERMINATE, execution_id, {})
    assert (status, reply["awaitsApproval"], len(reply["requested"])) == (202, False, 1)


def test_a_request_can_be_taken_back_and_does_not_wait_for_ever(
    deployment: Deployment, people: People
) -> None:
    """After an hour the watch drops it: what it would destroy was looked at when it was made."""
    taken_back = asked(deployment, people)
    people.ask("jane", "/executions/{executionId}/cancel", taken_back)
    assert deployment.execution(taken_back).status == Status.CANCELLED
    assert people.ask("john", APPROVE, taken_back)[1]["error"] == "NOTHING_TO_APPROVE"
    forgotten = asked(deployment, people)
    row = deployment.executions.row(forgotten)
    made = to_millis(row["approval"]["requestedAt"]) - (APPROVAL_SECONDS + 5) * 1000
    row["approval"]["requestedAt"] = to_stamp(made)
    deployment.row(deployment.wiring.settings.execution_history_table, row)
    assert people.ask("john", APPROVE, forgotten)[1]["error"] == "APPROVAL_EXPIRED"
    assert forgotten in deployment.operate("watch_executions")["closed"]
    assert deployment.execution(forgotten).status == Status.CANCELLED


def test_what_has_come_to_be_since_is_not_destroyed_unseen(
    deployment: Deployment, people: People
) -> None:
    """The approval looks again where replacing was not asked for."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    body = {"planId": deployment.plan((place, ids)), "executionType": "RECOVERY"}
    execution_id = people.ask("jane", "/executions", body=body)[1]["executionId"]
    client = deployment.wiring.sync_parts().clients.get("drs", place)
    client.start_recovery(sourceServers=[{"sourceServerID": ids[0]}], isDrill=True)
    deployment.advance()
    status, reply = people.ask("john", APPROVE, execution_id)
    assert (status, reply["error"]) == (409, "EXISTING_INSTANCES")
    assert deployment.execution(execution_id).status == Status.PAUSED
