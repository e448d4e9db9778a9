"""The largest execution: 5,000 instances, listed through the
index to its last page, terminated in one go.
"""

import pytest

from cache.attributes import encode_item
from cache.values import Place
from services.execution import termination_plan, termination_status
from services.platform.execution import Execution, Server, Status, Wave
from services.platform.execution_row import new_row
from tests.execution.deployment import Deployment

ITEM_LIMIT = 409_600  # bytes, DynamoDB's largest item
EXECUTION = "exec-1"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [50, pytest.param(500, marks=pytest.mark.long)])
def test_the_instances_of_ten_places_go_in_one_go(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """500 in each of ten places are the most an execution has: 50
    jobs, and its row still is one DynamoDB item.
    """
    monkeypatch.setattr(termination_plan, "PLAN_SECONDS", 300.0)  # how fast is not asked here
    monkeypatch.setattr(termination_status, "FOLLOW_SECONDS", 300.0)
    places = [deployment.place(number) for number in range(10)]
    waves = [launched(deployment, place, number, count) for number, place in enumerate(places, 1)]
    execution = Execution(
        execution_id=EXECUTION,
        plan_id="plan",
        plan_name="A plan",
        status=Status.COMPLETED,
        waves=waves,
    )
    table = deployment.wiring.settings.execution_history_table
    deployment.wiring.dynamodb.put_item(TableName=table, Item=new_row(execution))
    answer = deployment.terminate(EXECUTION)
    jobs = 10 * -(-count // 100)
    assert (len(answer["requested"]), len(answer["jobs"])) == (10 * count, jobs)
    assert len(deployment.calls("TerminateRecoveryInstances")) == jobs
    assert item_size(deployment.executions.row(EXECUTION)) < ITEM_LIMIT
    deployment.advance()
    status = deployment.termination(EXECUTION)
    assert (status["status"], status["remaining"], len(status["terminated"])) == (
        "COMPLETED",
        [],
        10 * count,
    )


def launched(deployment: Deployment, place: Place, number: int, count: int) -> Wave:
    """A wave of this place's servers with their instances, and their rows as a sync wrote them."""
    body = deployment.fleet(place, count, launched=True)
    deployment.put(place, **body)
    (job,) = body["jobs"]
    rows = [row(place, record) for record in body["recoveryInstances"]]
    table, client = deployment.wiring.settings.recovery_instances_table, deployment.wiring.dynamodb
    for at in range(0, len(rows), 25):
        puts = [{"PutRequest": {"Item": encode_item(it)}} for it in rows[at : at + 25]]
        assert not client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]
    ids = [str(it["sourceServerId"]) for it in rows]
    return Wave(
        wave_number=number,
        wave_name=f"Wave {number}",
        account_id=place.account_id,
        region=place.region,
        server_ids=ids,
        status=Status.COMPLETED,
        job_id=job["jobID"],
        job_ids=[job["jobID"]],
        server_statuses=dict.fromkeys(ids, Server.LAUNCHED),
    )


def row(place: Place, record: dict[str, object]) -> dict[str, object]:
    """The row of a server with this instance."""
    return {
        "sourceServerId": record["sourceServerID"],
        "version": 1,
        "presence": "present",
        "place": str(place),
        "accountId": place.account_id,
        "region": place.region,
        "lastSyncTime": "2026-11-01T00:00:00Z",
        "recoveryInstanceId": record["recoveryInstanceID"],
        "ec2InstanceId": record["ec2InstanceID"],
        "ec2InstanceState": "running",
        "jobId": record["jobID"],
        "isDrill": True,
        "name": "a machine",
        "instanceType": "m5.large",
        "launchTime": "2026-11-01T00:00:00Z",
        "sourceExecutionId": EXECUTION,
        "sourcePlanName": "A plan",
    }


def item_size(value: object) -> int:
    """Bytes of a value as DynamoDB counts them: UTF-8, 3 for each
    map or list and 1 for each of its members.
    """
    match value:
        case dict():
            return 3 + sum(1 + len(name.encode()) + item_size(it) for name, it in value.items())
        case list():
            return 3 + sum(1 + item_size(it) for it in value)
        case str():
            return len(value.encode())
        case _:
            return 21
