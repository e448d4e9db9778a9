"""Starting and cancelling: what would be destroyed is said
first, and no plan or server is launched by two.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.processes import free_port
from services.execution.plan_check import check_before_launch
from services.platform.execution import Status
from services.platform.plans import PlanBook
from services.reads.servers import Servers
from services.settings import Settings
from services.sync.wiring import SyncWiring
from tests.execution.deployment import Deployment
from tests.execution.machines import Machines
from tests.tiers.conftest import dynamodb_client

CANCEL = "/executions/{executionId}/cancel"


def start(deployment: Deployment, plan_id: str, **body: Any) -> tuple[int, Any]:
    """POST /executions for this plan; a drill unless told otherwise."""
    return deployment.call(
        "POST", "/executions", {"planId": plan_id, "executionType": "DRILL"} | body
    )


def test_a_start_is_accepted_and_the_state_machine_gets_it_under_its_own_name(
    deployment: Deployment, machines: Machines
) -> None:
    """The name says execution and wave, so that Step Functions
    runs each once; its input is all it needs.
    """
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    started = machines.started[-1]
    assert started["name"] == f"{execution_id}_1"
    assert started["input"] == f'{{"executionId": "{execution_id}", "waveNumber": 1}}'
    status, row = deployment.call("GET", "/executions/{executionId}", executionId=execution_id)
    assert (status, row["status"], row["planName"]) == (200, "PENDING", "A plan")


def test_what_the_check_of_the_plan_finds_is_kept_and_stops_nothing(
    deployment: Deployment,
) -> None:
    """In the answer, in the row and in the report."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    deployment.plan((place, ids), name="other")
    status, answer = start(deployment, deployment.plan((place, ids)))
    assert status == 202
    found = {it["code"]: it["severity"] for it in answer["findings"]}
    assert found["IN_TWO_PLANS"] == "warning"
    of_it = {"executionId": answer["executionId"]}
    for resource in ("/executions/{executionId}", "/executions/{executionId}/report"):
        assert deployment.call("GET", resource, **of_it)[1]["findings"] == answer["findings"]


def test_a_plan_that_cannot_be_checked_says_so(deployment: Deployment) -> None:
    """And may be launched: a disaster waits for no check."""
    wiring = deployment.wiring
    nowhere = dynamodb_client(f"http://127.0.0.1:{free_port()}")
    servers = Servers(wiring.reader, PlanBook(lambda: nowhere, wiring.plan_tables), lambda _: None)
    (finding,) = check_before_launch(servers, "plan-1")
    assert (finding.code, finding.severity) == ("NOT_CHECKED", "unknown")


def test_a_plan_that_is_being_executed_is_not_started_again(deployment: Deployment) -> None:
    """Until the first execution is over."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    execution_id = deployment.begin((place, ids))
    plan_id = deployment.plan((place, ids))
    status, answer = start(deployment, plan_id, replaceExisting=True)
    assert (status, answer["error"], answer["executionId"]) == (409, "PLAN_RUNNING", execution_id)
    deployment.drive(execution_id)
    assert start(deployment, plan_id, replaceExisting=True)[0] == 202


def test_a_server_that_another_plan_is_launching_is_busy(deployment: Deployment) -> None:
    """It is named, with the execution that has it."""
    place = deployment.place(0)
    first, shared, second = deployment.protect(place, 3)
    execution_id = deployment.begin((place, [first, shared]))
    status, answer = start(deployment, deployment.plan((place, [shared, second]), name="other"))
    assert (status, answer["error"]) == (409, "SERVER_BUSY")
    assert (answer["serverIds"], answer["executionId"]) == ([shared], execution_id)


def test_of_many_starts_at_once_exactly_one_is_accepted(deployment: Deployment) -> None:
    """Two operators, one button."""
    place = deployment.place(0)
    plan_id = deployment.plan((place, deployment.protect(place, 1)))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: start(deployment, plan_id), range(6)))
    assert sorted(status for status, _ in answers) == [202, 409, 409, 409, 409, 409]
    assert {answer["error"] for status, answer in answers if status == 409} == {"PLAN_RUNNING"}


@pytest.mark.parametrize("kind", ["DRILL", "RECOVERY"])
def test_a_launch_that_would_destroy_instances_says_which_and_waits_for_leave(
    deployment: Deployment, kind: str
) -> None:
    """From a live look, with the execution each of them comes
    from, though no sync has seen them.
    """
    place = deployment.place(0)
    ids = deployment.protect(place, 2)
    execution_id = deployment.begin((place, ids[:1]), kind=kind)
    deployment.step("start_wave", execution_id)
    deployment.advance()
    deployment.step("poll_wave", execution_id)
    deployment.operate("finish", executionId=execution_id)
    plan_id = deployment.plan((place, ids))
    status, answer = start(deployment, plan_id)
    assert (status, answer["error"], answer["unknownServerIds"]) == (409, "EXISTING_INSTANCES", [])
    (item,) = answer["existingInstances"]
    assert item["sourceServerId"] == ids[0]
    assert (item["sourceExecutionId"], item["sourcePlanName"]) == (execution_id, "A plan")
    assert (item["isDrill"], item["ec2InstanceState"]) == (kind == "DRILL", "running")
    assert len(item) == 16
    assert start(deployment, plan_id, replaceExisting=True)[0] == 202


def test_servers_that_cannot_be_asked_may_have_instances(deployment: Deployment) -> None:
    """A place that is down is not an empty place."""
    up, down = deployment.place(0), deployment.place(1)
    ids = deployment.protect(down, 1)
    plan_id = deployment.plan((up, deployment.protect(up, 1)), (down, ids))
    deployment.aws.weather([{"accountId": down.account_id, "outage": "503"}])
    status, answer = start(deployment, plan_id)
    assert (status, answer["error"]) == (409, "EXISTING_INSTANCES")
    assert (answer["existingInstances"], answer["unknownServerIds"]) == ([], ids)
    assert start(deployment, plan_id, replaceExisting=True)[0] == 202


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"planId": "plan-1"}, "executionType"),
        ({"planId": "plan-1", "executionType": "FAILOVER"}, "executionType"),
        (
            {"planId": "plan-1", "executionType": "DRILL", "replaceExisting": "no"},
            "replaceExisting",
        ),
        ({"planId": "", "executionType": "DRILL"}, "planId"),
        ({"planId": "plan-1", "executionType": "DRILL", "force": True}, "force"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    deployment: Deployment, body: dict[str, Any], where: str
) -> None:
    """A truth value is a truth value, not a word."""
    status, answer = deployment.call("POST", "/executions", body)
    assert (status, answer["error"]) == (400, "INVALID_INPUT")
    assert answer["message"].startswith(where)


def test_a_plan_that_cannot_be_executed_says_why(deployment: Deployment) -> None:
    """Nothing is begun then."""
    place, ids = deployment.place(0), deployment.protect(deployment.place(0), 1)
    stranger = place._replace(account_id="999999999999")
    for plan, why in [
        (deployment.plan((place, []), name="empty"), "has 0 servers"),
        (deployment.plan((place, ids), (place, ids), name="twice"), "names a server twice"),
        (deployment.plan((place, ["i-0"]), name="malformed"), "is no source server id"),
        (
            deployment.plan((stranger, ids), name="stranger"),
            "999999999999/us-east-1 is no region of a target account",
        ),
    ]:
        status, answer = start(deployment, plan)
        assert (status, answer["error"]) == (400, "INVALID_INPUT")
        assert why in answer["message"]
    assert start(deployment, "no such plan")[0] == 404


def test_a_state_machine_that_does_not_take_it_leaves_the_plan_free(
    deployment: Deployment, machines: Machines
) -> None:
    """503, and the execution is closed with the reason."""
    place = deployment.place(0)
    plan_id = deployment.plan((place, deployment.protect(place, 1)))
    machines.refuses = True
    try:
        assert start(deployment, plan_id)[0] == 503
    finally:
        machines.refuses = False
    assert start(deployment, plan_id)[0] == 202


def test_a_deployment_without_a_state_machine_says_so(deployment: Deployment) -> None:
    """Not something that trying again would help."""
    settings = deployment.wiring.settings
    deployment.wiring = SyncWiring(Settings.from_env({"ENVIRONMENT": settings.environment}))
    status, answer = start(deployment, "plan-1")
    assert (status, answer["error"]) == (503, "NOT_CONFIGURED")


def test_cancelling_stops_before_the_next_wave(deployment: Deployment) -> None:
    """The wave in flight is followed to its end: DRS cannot be told to stop."""
    places = [deployment.place(0), deployment.place(1)]
    execution_id = deployment.begin(*((place, deployment.protect(place, 1)) for place in places))
    deployment.step("start_wave", execution_id)
    status, answer = deployment.call("POST", CANCEL, executionId=execution_id)
    assert (status, answer["status"]) == (202, "RUNNING")
    execution = deployment.drive(execution_id)
    assert execution.status == Status.CANCELLED
    assert [wave.status for wave in execution.waves] == [Status.COMPLETED, Status.CANCELLED]
    assert deployment.jobs(places[1]) == []
    status, answer = deployment.call("POST", CANCEL, executionId=execution_id)
    assert (status, answer["error"]) == (409, "EXECUTION_OVER")


def test_cancelling_before_or_between_waves_ends_it_at_once(deployment: Deployment) -> None:
    """Also when no state machine is alive to hear of it: the plan must be free again."""
    places = [deployment.place(0), deployment.place(1)]
    plan = [(place, deployment.protect(place, 1)) for place in places]
    execution_id = deployment.begin(*plan)
    assert deployment.call("POST", CANCEL, executionId=execution_id)[1]["status"] == "CANCELLED"
    assert deployment.drive(execution_id).status == Status.CANCELLED
    assert deployment.jobs(places[0]) == []
    execution_id = deployment.begin(*plan)
    for step in ("start_wave", "poll_wave", "sync_wave"):
        deployment.step(step, execution_id)
        deployment.advance()
    assert deployment.call("POST", CANCEL, executionId=execution_id)[1]["status"] == "CANCELLED"
    assert deployment.drive(execution_id, wave=2).waves[1].status == Status.CANCELLED
    assert deployment.jobs(places[1]) == []


def test_an_execution_that_does_not_exist_is_not_found(deployment: Deployment) -> None:
    """By any route."""
    for method, resource in [("GET", "/executions/{executionId}"), ("POST", CANCEL)]:
        assert deployment.call(method, resource, executionId="none")[0] == 404
    for method, part in [("POST", "terminate-instances"), ("GET", "termination-status")]:
        assert (
            deployment.call(method, f"/executions/{{executionId}}/{part}", executionId="none")[0]
            == 404
        )


def test_a_machine_that_gave_up_closes_the_execution_with_one_line_of_why(
    deployment: Deployment,
) -> None:
    """Step Functions passes on Lambda's error as JSON, stack trace and all."""
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    deployment.step("start_wave", execution_id)
    cause = '{"errorMessage": "DRS is away", "errorType": "ClientError", "stackTrace": ["secret"]}'
    deployment.operate("finish", executionId=execution_id, error=cause)
    execution = deployment.execution(execution_id)
    assert (execution.status, execution.message) == (Status.FAILED, "DRS is away")
    assert (execution.waves[0].status, execution.waves[0].message) == (Status.FAILED, "DRS is away")
