"""Whatever row others leave in `execution-history`, every request about it is answered, and the
execution beside it is listed.
"""

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.attributes import encode_item
from cache.errors import Conflict, InvalidInput, NotFound
from services.api.models import RunningExecutions
from services.api.routing import answer
from services.execution.routes import ExecutionRoutes
from tests.altered import altered
from tests.execution.deployment import Deployment
from tests.execution.platform_rows import execution_row, wave_row

ACCOUNT, REGION = "222222222222", "us-east-1"  # the account is put in when there is a deployment
JOB = f"drsjob-{0:017d}"
SERVERS = [f"s-{number:017d}" for number in range(3)]
WORDS = (JOB, *SERVERS, "LAUNCHED", "RUNNING", "PAUSED", ACCOUNT, REGION, 1_795_000_000)
STAMP = "2026-11-18T11:06:40Z"
TERMINATION: dict[str, Any] = {
    "jobId": JOB, "region": REGION, "accountId": ACCOUNT, "serverIds": SERVERS,
    "status": "STARTED", "requestedAt": STAMP,
}  # fmt: skip
OF_OURS: dict[str, Any] = {
    "revision": 3, "drivenAt": STAMP, "findings": [], "cleanUps": [],
    "approval": {"action": "TERMINATE", "requestedBy": "a", "requestedAt": STAMP},
    "terminationInitiatedAt": 1_795_000_000,
}  # fmt: skip
ROW = execution_row(ACCOUNT, status="RUNNING", terminateJobs=[TERMINATION])
REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "", {}), ("GET", "/report", {}), ("GET", "/report", {"format": "html"}),
    ("POST", "/terminate-instances", {"dryRun": True}), ("GET", "/termination-status", {}),
    ("POST", "/approve", {}), ("POST", "/resume", {}), ("POST", "/cancel", {}),
    ("POST", "/terminate-instances", {"confirm": True}), ("GET", "/termination-status", {}),
    ("POST", "/cancel", {"force": True, "confirm": True}),
)  # fmt: skip
EACH_A_FEW_MS = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@EACH_A_FEW_MS
@given(
    row=altered(ROW, *WORDS) | altered(ROW | OF_OURS, *WORDS),
    wave=altered(wave_row(JOB, REGION, SERVERS), *WORDS),
    job=altered(TERMINATION, *WORDS),
    status=st.sampled_from(["RUNNING", "COMPLETED", "PAUSED"]),
)
def test_no_row_of_an_execution_is_an_error_or_hides_its_neighbour(
    deployment: Deployment,
    row: dict[str, Any],
    wave: dict[str, Any],
    job: dict[str, Any],
    status: str,
) -> None:
    """By every route, the direct operations, and the list of what runs."""
    odd, good = f"odd-{uuid4().hex}", f"good-{uuid4().hex}"
    usual = {"waves": [], "terminateJobs": [TERMINATION], "status": "RUNNING"}
    instead = {"waves": [wave], "terminateJobs": [job], "status": status}
    row |= {name: instead[name] for name, value in usual.items() if row.get(name) == value}
    row = json.loads(json.dumps(row).replace(ACCOUNT, deployment.accounts[0]))
    table = deployment.wiring.settings.execution_history_table
    deployment.row(table, row | {"executionId": odd, "planId": "plan-1"})
    deployment.row(table, ROW | {"executionId": good})
    try:
        for request in REQUESTS:
            reply = asked(deployment, odd, *request)
            assert reply["statusCode"] < 500, (request, reply)
        listed = answer(
            {"httpMethod": "GET", "resource": "/executions"},
            ExecutionRoutes(deployment.wiring).routes,
        )
        executions = RunningExecutions.model_validate_json(listed["body"]).executions
        assert good in {it.execution_id for it in executions}
        for operation in ("sync_recovery_instances_after_wave", "terminate_recovery_instances"):
            arguments = {"executionId": odd, "waveNumber": 0, "sourceServerIds": SERVERS}
            with suppress(InvalidInput, NotFound, Conflict):
                deployment.operate(operation, **arguments)
    finally:
        for execution_id in (odd, good):
            key = encode_item({"executionId": execution_id, "planId": "plan-1"})
            deployment.wiring.dynamodb.delete_item(TableName=table, Key=key)


def asked(
    deployment: Deployment, execution_id: str, method: str, end: str, said: dict[str, Any]
) -> dict[str, Any]:
    """The reply to one request about an execution; `said` is a query or a body."""
    event = {
        "httpMethod": method,
        "resource": f"/executions/{{executionId}}{end}",
        "pathParameters": {"executionId": execution_id},
        "queryStringParameters": said if method == "GET" else None,
        "body": None if method == "GET" else json.dumps(said),
    }
    return dict(answer(event, ExecutionRoutes(deployment.wiring).routes))
