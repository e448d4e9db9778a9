"""The API is what it is promised to be."""

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3

from local.stack import Stack
from local.world import DENIED, EMPTY_PLAN, WHOLE_ESTATE
from services.api.openapi import openapi
from services.api.routes import OPERATIONS
from services.data_management import handler as data_management
from services.execution import handler as execution
from services.query import handler as query

PLAN = "/recovery-plans/{planId}/check-existing-instances"
QUERY = "/recovery-instances/query"
SYNC = "/drs/recovery-instance-sync"
SERVERS = "/recovery-plans/{planId}/servers"
NOBODY = f"s-{0:017d}"
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


def call(
    stack: Stack, method: str, path: str, body: object = None, **headers: str
) -> urllib3.BaseHTTPResponse:
    """One call of the API; a body that is a string goes out as it stands."""
    content = body if isinstance(body, str | bytes | None) else json.dumps(body)
    return urllib3.request(
        method, stack.url + path, body=content, headers=headers, retries=False, timeout=30
    )


def promised(method: str, path: str, status: int) -> Any:
    """The model of an answer."""
    return next(it.answers[status] for it in OPERATIONS if (it.method, it.path) == (method, path))


def test_the_document_in_the_repository_is_the_generated_one() -> None:
    """`python -m services.api.openapi > docs/openapi.json` brings it up to date."""
    assert json.loads(DOCUMENT.read_text()) == openapi()


def test_every_function_serves_exactly_the_routes_of_the_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Data management serves the page reads too, for READ_FROM=live."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    documented = {
        function: {(it.method, it.path) for it in OPERATIONS if it.function == function}
        for function in ("query", "data-management", "execution")
    }
    assert set(query.routes()) == documented["query"]
    assert set(data_management.routes()) == documented["data-management"] | documented["query"]
    assert set(execution.routes()) == documented["execution"]


@pytest.mark.parametrize(
    ("method", "path", "route", "body"),
    [
        ("GET", "/recovery-plans", "/recovery-plans", None),
        ("GET", "/recovery-plans?limit=3", "/recovery-plans", None),
        ("GET", f"/recovery-plans/{WHOLE_ESTATE}/check-existing-instances", PLAN, None),
        ("GET", f"/recovery-plans/{EMPTY_PLAN}/check-existing-instances", PLAN, None),
        ("POST", QUERY, QUERY, {"sourceServerIds": [NOBODY] * 2}),
        ("GET", "/leftovers", "/leftovers", None),
        ("GET", f"/recovery-plans/{WHOLE_ESTATE}/servers", SERVERS, None),
        ("POST", "/source-servers/query", "/source-servers/query", {"sourceServerIds": [NOBODY]}),
        ("GET", "/plan-checks", "/plan-checks", None),
        ("GET", "/leftovers?olderThanDays=0.5", "/leftovers", None),
        ("POST", SYNC, SYNC, None),
        ("GET", "/drs/recovery-instance-sync/status", "/drs/recovery-instance-sync/status", None),
    ],
)  # fmt: skip
def test_every_answer_is_of_its_model(
    stack: Stack, method: str, path: str, route: str, body: object
) -> None:
    """Nothing undeclared, nothing missing, every type and pattern."""
    answer = call(stack, method, path, body)
    promised(method, route, answer.status).model_validate_json(answer.data, strict=True)


def test_pages_of_plans_follow_each_other_without_gaps(stack: Stack) -> None:
    """Seven at a time, every plan once, in the order of their ids."""
    seen: list[str] = []
    token = ""
    while True:
        page = call(stack, "GET", f"/recovery-plans?limit=7&nextToken={token}").json()
        seen += [plan["planId"] for plan in page["plans"]]
        if page["nextToken"] is None:
            break
        token = page["nextToken"]
    assert seen == sorted(plan["planId"] for plan in stack.world.recovery_plans)


def test_the_list_counts_what_the_world_has(stack: Stack) -> None:
    """Per plan: servers, found and absent, drills and recoveries, states."""
    plans = {plan["planId"]: plan for plan in call(stack, "GET", "/recovery-plans").json()["plans"]}
    for row in stack.world.recovery_plans:
        servers = {it for wave in row["waves"] for it in wave["serverIds"]}
        alive = [stack.world.alive[it] for it in servers if it in stack.world.alive]
        counts = plans[row["planId"]]["counts"]
        states = [it["ec2InstanceState"] for it in alive]
        assert counts == {
            "servers": len(servers),
            "found": len(alive),
            "absent": len(servers) - len(alive),
            "unknown": 0,
            "drills": sum(it["isDrill"] for it in alive),
            "recoveries": sum(not it["isDrill"] for it in alive),
            "states": {state: states.count(state) for state in set(states)},
        }


def test_leftovers_are_the_drills_that_exist_and_the_denied_place_is_named(stack: Stack) -> None:
    """In no plan or in several, each instance once; where
    nobody could look, some may be missing.
    """
    body = call(stack, "GET", "/leftovers?olderThanDays=0").json()
    drills = {it["ec2InstanceId"] for it in stack.world.alive.values() if it["isDrill"]}
    listed = [it["ec2InstanceId"] for group in body["groups"] for it in group["instances"]]
    assert sorted(listed) == sorted(drills)
    assert body["tooOld"] == body["instanceCount"] == len(drills)
    assert [it.rpartition("/")[2] for it in body["unseenPlaces"]] == [DENIED]


def test_every_server_of_a_plan_is_answered_launched_or_not(stack: Stack) -> None:
    """With its name and its readiness, the never launched as well; a
    server of no plan and no place is unknown.
    """
    body = call(stack, "GET", f"/recovery-plans/{WHOLE_ESTATE}/servers").json()
    assert len(body["servers"]) == 1000
    for server in body["servers"]:
        expected = stack.world.expected[server["sourceServerId"]]
        assert server["state"] == ("found" if expected else "none")
        assert (server["instance"] or {}).get("ec2InstanceId") == (expected or {}).get(
            "ec2InstanceId"
        )
        assert server["sourceServerName"]
        assert server["readiness"]["observedAt"]
    words = {it["readiness"]["state"] for it in body["servers"]}
    assert words == {
        "ready",
        "lagging",
        "stalled",
        "disconnected",
        "initial_sync",
        "paused",
        "no_data",
    }
    assert sum(body["readiness"].values()) == 1000
    (nobody,) = call(stack, "POST", "/source-servers/query", {"sourceServerIds": [NOBODY]}).json()[
        "servers"
    ]
    assert (nobody["state"], nobody["readiness"]["state"]) == ("unknown", "unknown")


def test_the_list_counts_the_same_readiness_as_the_plans(stack: Stack) -> None:
    """From the heads of the entries alone."""
    plans = {it["planId"]: it for it in call(stack, "GET", "/recovery-plans").json()["plans"]}
    for plan_id in (WHOLE_ESTATE, EMPTY_PLAN):
        body = call(stack, "GET", f"/recovery-plans/{plan_id}/servers").json()
        assert plans[plan_id]["readiness"] == body["readiness"]


def test_the_check_finds_what_would_not_launch(stack: Stack) -> None:
    """Each finding names its servers; a plan of the whole estate shares servers with others."""
    plans = {it["planId"]: it for it in call(stack, "GET", "/plan-checks").json()["plans"]}
    estate = plans[WHOLE_ESTATE]
    assert estate["worst"] == "critical"
    found = {it["code"]: it["serverIds"] for it in estate["findings"]}
    assert {"NOT_READY_STALLED", "NOT_READY_NO_DATA", "IN_TWO_PLANS"} <= found.keys()
    servers = call(stack, "GET", f"/recovery-plans/{WHOLE_ESTATE}/servers").json()
    assert servers["findings"] == estate["findings"]
    stalled = [
        it["sourceServerId"] for it in servers["servers"] if it["readiness"]["state"] == "stalled"
    ]
    assert found["NOT_READY_STALLED"] == stalled


@pytest.mark.parametrize("days", ["-1", "soon", "nan", "1e9", ""])
def test_an_age_that_is_none_is_refused(stack: Stack, days: str) -> None:
    """Named, with what it may be."""
    answer = call(stack, "GET", f"/leftovers?olderThanDays={days}")
    assert (answer.status, "olderThanDays" in answer.json()["message"]) == (400, True)


def test_an_unchanged_page_is_not_sent_twice(stack: Stack) -> None:
    """ETag and 304 for pages; nothing else may be kept."""
    path = f"/recovery-plans/{EMPTY_PLAN}/check-existing-instances"
    first = call(stack, "GET", path)
    again = call(stack, "GET", path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.data) == (304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"
    query = call(stack, "POST", QUERY, {"sourceServerIds": [NOBODY]})
    assert (query.headers["Cache-Control"], "ETag" in query.headers) == ("no-store", False)


def test_answers_are_compressed_for_whoever_takes_it(stack: Stack) -> None:
    """As API Gateway does above a minimum size."""
    path = f"/recovery-plans/{WHOLE_ESTATE}/check-existing-instances"
    pool = urllib3.PoolManager()
    packed = pool.request(
        "GET", stack.url + path, headers={"Accept-Encoding": "gzip"}, decode_content=False
    )
    plain = pool.request(
        "GET", stack.url + path, headers={"Accept-Encoding": "identity"}, decode_content=False
    )
    assert packed.headers.get("Content-Encoding") == "gzip"
    assert len(packed.data) < len(plain.data) / 4


def test_a_correlation_id_comes_back(stack: Stack) -> None:
    """The caller's, or one of our own."""
    assert (
        call(stack, "GET", "/recovery-plans?limit=1", **{"X-Correlation-Id": "abc-1"}).headers[
            "x-correlation-id"
        ]
        == "abc-1"
    )
    assert call(stack, "GET", "/recovery-plans?limit=1").headers["x-correlation-id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/recovery-plans?limit=0", None, 400, "limit: must be a number from 1 to 500"),
        ("GET", "/recovery-plans?limit=ten", None, 400, "limit: must be a number from 1 to 500"),
        ("GET", "/recovery-plans?nextToken=%21", None, 400,
        "nextToken: was not given out by this API"),
        ("GET", "/recovery-plans/no-such-plan/check-existing-instances", None, 404,
        "no recovery plan 'no-such-plan'"),
        ("POST", QUERY, None, 400, "body: is missing"),
        ("POST", QUERY, "null", 400, "body: must be a JSON object"),
        ("POST", QUERY, "[]", 400, "body: must be a JSON object"),
        ("POST", QUERY, "{", 400, "body: is not JSON"),
        ("POST", QUERY, b"\xff\xfe", 400, "body: is not JSON"),
        ("POST", QUERY, {}, 400, "sourceServerIds: must be a list of 1 to 5000"),
        ("POST", QUERY, {"sourceServerIds": "s-1"}, 400, "sourceServerIds: must be a list"),
        ("POST", QUERY, {"sourceServerIds": [NOBODY] * 5001}, 400, "1 to 5000"),
        ("POST", QUERY, {"sourceServerIds": [NOBODY, "s-1"]}, 400, "sourceServerIds[1]: 's-1'"),
        ("POST", QUERY, {"sourceServerIds": [7]}, 400, "sourceServerIds[0]: 7"),
        ("POST", SYNC, {"region": "us-east-1"}, 400, "body: must be empty"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_what_and_where(  # noqa: PLR0917  a table of cases
    stack: Stack, method: str, path: str, body: object, status: int, says: str
) -> None:
    """A code, a message that names the fault, and no trace of our insides."""
    answer = call(stack, method, path, body)
    assert answer.status == status
    error = answer.json()
    assert error.keys() == {"error", "message"}
    assert says in error["message"]
    assert "Traceback" not in answer.data.decode()


def test_more_than_a_batch_with_duplicates_and_strangers_is_answered(stack: Stack) -> None:
    """250 known ids twice over, and well-formed ids nobody knows:
    those are absent, for every place was looked at.
    """
    known = list(stack.world.expected)[:250]
    strangers = [f"s-{number:017d}" for number in range(60)]
    body = call(stack, "POST", QUERY, {"sourceServerIds": [*known, *strangers, *known]}).json()
    alive = [it for it in known if it in stack.world.alive]
    assert [it["sourceServerId"] for it in body["existingInstances"]] == alive
    assert body["instanceCount"] == len(alive)
    # One region denies us: nobody can say that it has no unknown server's instance.
    assert set(body["unknownServerIds"]) == set(strangers) | {
        it for it in body["unknownServerIds"] if it in known
    }
    assert body["degraded"] is True
