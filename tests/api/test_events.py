"""Whoever sends a request, in whatever shape: the same route answers, or a clear refusal."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.errors import TableUnavailable
from services.api.events import is_api, is_ping
from services.api.http import Request, Response, Routes
from services.api.routes import OPERATIONS
from services.api.routing import COLLECTIONS, answer

PLAN = "/recovery-plans/{planId}/check-existing-instances"
ID = "Plan A/é 100% +x"
QUOTED = quote(ID, safe="")
PATH = f"/recovery-plans/{QUOTED}/check-existing-instances"
NEVER_USED = {"headers": None, "queryStringParameters": None, "stageVariables": None, "body": None}


def told(request: Request) -> Response:
    """What the route was given."""
    return Response({
        "path": dict(request.path), "query": dict(request.query), "body": request.body,
        "resource": request.resource, "id": request.request_id,
    })  # fmt: skip


def routes_of(function: str) -> Routes:
    """Every route of one function."""
    return {(it.method, it.path): told for it in OPERATIONS if it.function == function}


def sent(event: Mapping[str, Any], function: str = "query", **options: str) -> tuple[int, Any]:
    """Status and body of the answer."""
    reply = answer(event, routes_of(function), **options)
    json.dumps(reply)
    return reply["statusCode"], json.loads(reply["body"] or "null")


def rest(path: str, resource: str, parameters: object, method: str = "GET") -> dict[str, Any]:
    """An event of a REST API: what stands in the path is as it was sent."""
    return {"resource": resource, "path": path, "httpMethod": method, "pathParameters": parameters,
            "requestContext": {"requestId": "r", "stage": "prod"}, **NEVER_USED}  # fmt: skip


def v2(path: str, domain: str, **more: Any) -> dict[str, Any]:
    """An event of payload format 2.0."""
    http = {"method": "GET", "path": path}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "isBase64Encoded": False,
        "requestContext": {"http": http, "domainName": domain, "requestId": "r"},
    } | more


def balanced(path: str, **more: Any) -> dict[str, Any]:
    """An event of an Application Load Balancer."""
    return {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": path,
            "queryStringParameters": {}, "headers": {}, "body": "",
            "isBase64Encoded": False} | more  # fmt: skip


GATEWAY, FUNCTION_URL = "x.execute-api.us-east-1.amazonaws.com", "x.lambda-url.us-east-1.on.aws"
SENDERS = {
    "explicit resource": rest(PATH, PLAN, {"planId": QUOTED}),
    "explicit resource under a stage": rest(f"/prod{PATH}", PLAN, {"planId": QUOTED}),
    "greedy resource": rest(PATH, "/{proxy+}", {"proxy": PATH[1:]}),
    "greedy behind a base path": rest(f"/dr/v1{PATH}", "/{proxy+}", {"proxy": PATH[1:]}),
    "greedy of another name": rest(f"/api{PATH}", "/api/{rest+}", {"rest": PATH[1:]}),
    "greedy below the plans": rest(PATH, "/recovery-plans/{proxy+}", {"proxy": PATH[16:]}),
    "base path alone": rest(f"/dr{PATH}", "", None),
    "trailing slash": rest(f"{PATH}/", "/{proxy+}", {"proxy": f"{PATH[1:]}/"}),
    "console's test of a method": {"httpMethod": "GET", "path": PATH, "resource": PLAN},
    "function URL": v2(PATH, FUNCTION_URL),
    "HTTP API, explicit": v2(
        f"/recovery-plans/{ID}/check-existing-instances", GATEWAY,
        routeKey=f"GET {PLAN}", pathParameters={"planId": ID},
    ),
    "HTTP API in format 1.0": rest("/", PLAN, {"planId": ID}) | {"version": "1.0"},
    "load balancer": balanced(PATH),
    "load balancer with a prefix": balanced(f"/dr{PATH}"),
}  # fmt: skip


@pytest.mark.parametrize("sender", SENDERS)
def test_every_sender_reaches_the_same_route_with_the_id_decoded_once(sender: str) -> None:
    """An id with a space, a slash, a percent and a plus sign
    in it arrives as it is in the table.
    """
    status, body = sent(SENDERS[sender])
    assert (status, body["resource"], body["path"]) == (200, PLAN, {"planId": ID})


def test_a_path_that_was_decoded_on_the_way_is_not_decoded_again() -> None:
    """An HTTP API's catch-all route: what looks encoded in it is the id itself."""
    event = v2("/recovery-plans/a%20b/check-existing-instances", GATEWAY)
    assert sent(event)[1]["path"] == {"planId": "a%20b"}


@pytest.mark.parametrize("path", ["/prod/recovery-plans", "/recovery-plans", "/recovery-plans/"])
@pytest.mark.parametrize("domain", [GATEWAY, FUNCTION_URL])
def test_a_stage_may_stand_in_the_raw_path(path: str, domain: str) -> None:
    """HTTP APIs put theirs there."""
    assert sent(v2(path, domain))[1]["resource"] == "/recovery-plans"


@pytest.mark.parametrize("base", ["drs", "dr", "prod", "recovery-instance-sync"])
def test_the_longest_end_that_fits_decides(base: str) -> None:
    """A base path may be called as a part of ours is."""
    path = f"/{base}/drs/recovery-instance-sync/status"
    status, body = sent(balanced(path), "data-management")
    assert (status, body["resource"]) == (200, "/drs/recovery-instance-sync/status")


def test_what_begins_as_a_path_of_ours_is_not_cut_short() -> None:
    """An execution is never started by the end of some other address."""
    for path in ("/recovery-plans/x/executions", "/executions/x/executions"):
        assert sent(balanced(path, httpMethod="POST"), "execution")[0] == 404
    firsts = {it.path.split("/")[1] for it in OPERATIONS}
    assert firsts - COLLECTIONS == {"drs"}


def test_the_query_of_a_load_balancer_is_decoded_and_that_of_a_gateway_is_not_twice() -> None:
    """A page token has characters that both encode."""
    token = {"nextToken": "a%2Bb%3D"}
    assert sent(balanced("/recovery-plans", queryStringParameters=token))[1]["query"] == {
        "nextToken": "a+b="
    }
    event = rest("/recovery-plans", "/recovery-plans", None) | {"queryStringParameters": token}
    assert sent(event)[1]["query"] == token


def test_many_valued_headers_and_queries_are_read_and_answered_in_kind() -> None:
    """A load balancer whose target group is set so sends no other, and reads no other."""
    event = balanced("/recovery-plans", multiValueHeaders={"X-Correlation-Id": ["a", "b"]},
                     multiValueQueryStringParameters={"limit": ["1", "2"]})  # fmt: skip
    del event["headers"], event["queryStringParameters"]
    reply = answer(event, routes_of("query"))
    assert json.loads(reply["body"])["id"] == "b"
    assert json.loads(reply["body"])["query"] == {"limit": "2"}
    assert reply["statusDescription"] == "200 OK"
    assert reply["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert "headers" not in reply


def test_a_load_balancer_that_asks_for_a_sign_of_life_gets_one() -> None:
    """Whatever path its health check is set to."""
    event = balanced("/", headers={"user-agent": "ELB-HealthChecker/2.0"})
    assert answer(event, {})["statusDescription"] == "200 OK"


def test_a_body_may_be_null_text_or_base64() -> None:
    """Each arrives as text; what only claims to be base64 is refused by name."""
    event = rest("/recovery-instances/query", "/recovery-instances/query", None, "POST")
    text = '{"x": "é"}'
    coded = base64.b64encode(text.encode()).decode()
    assert sent(event)[1]["body"] == ""
    assert sent(event | {"body": text})[1]["body"] == text
    assert sent(event | {"body": coded, "isBase64Encoded": True})[1]["body"] == text
    for wrong in ({"body": "?", "isBase64Encoded": True}, {"body": {"x": 1}}):
        status, body = sent(event | wrong)
        assert (status, body["message"].partition(" ")[0]) == (400, "body:")


def test_head_answers_as_get_without_the_body() -> None:
    """Status and headers are those of the GET."""
    event = rest("/recovery-plans", "/recovery-plans", None)
    got, head = (answer(event | {"httpMethod": it}, routes_of("query")) for it in ("GET", "HEAD"))
    assert (head["statusCode"], head["body"]) == (200, "")
    assert head["headers"] == got["headers"]


def test_options_says_what_is_allowed_and_lets_the_page_of_one_origin_in() -> None:
    """204, with the methods of that path."""
    event = balanced(f"/dr{PATH}", httpMethod="OPTIONS")
    reply = answer(event, routes_of("query"), cors_origin="https://page.example")
    assert (reply["statusCode"], reply["body"], reply["headers"]["Allow"]) == (204, "", "GET")
    assert reply["headers"]["Access-Control-Allow-Methods"] == "GET"
    assert reply["headers"]["Access-Control-Allow-Origin"] == "https://page.example"
    assert sent(balanced("/no-such", httpMethod="OPTIONS"))[0] == 404


def test_another_method_is_refused_with_those_that_are_allowed() -> None:
    """405, and the header that belongs to it."""
    reply = answer(balanced("/recovery-plans", httpMethod="DELETE"), routes_of("query"))
    assert (reply["statusCode"], reply["headers"]["Allow"]) == (405, "GET")
    assert json.loads(reply["body"])["error"] == "METHOD_NOT_ALLOWED"


def test_another_functions_request_is_told_whose_it_is() -> None:
    """So that whoever wired the API finds the wrong line."""
    wrong = {
        "query": "/executions/e",
        "execution": "/recovery-plans",
        "data-management": "/executions/e",
    }
    for function, path in wrong.items():
        status, body = sent(balanced(path), function)
        other = "query" if path == "/recovery-plans" else "execution"
        assert status == 404
        assert f"is served by the {other} function" in body["message"]


def test_half_an_event_is_a_clear_400() -> None:
    """No method, or none that is text."""
    for event in (
        {"httpMethod": None},
        {"httpMethod": []},
        {"rawPath": "/x"},
        {"routeKey": "$connect"},
    ):
        assert is_api(event)
        status, body = sent(event)
        assert (status, body["error"]) == (400, "INVALID_INPUT")


def test_the_lost_time_is_counted_for_every_format() -> None:
    """A request's age is what API Gateway says, as long as that can be true."""
    ages = []

    def aged(request: Request) -> Response:
        ages.append(request.began)
        return Response({})

    now, millis = time.monotonic(), int(time.time() * 1000)
    for context in (
        {"requestTimeEpoch": millis - 9_000},
        {"timeEpoch": millis - 9_000},
        {"requestTimeEpoch": millis - 99_000},
        {"requestTimeEpoch": "soon"},
    ):
        event = rest("/recovery-plans", "/recovery-plans", None) | {"requestContext": context}
        answer(event, {("GET", "/recovery-plans"): aged})
    assert [round(it - now) for it in ages] == [-9, -9, 0, 0]


@pytest.mark.parametrize(
    "event",
    [{"source": "serverless-plugin-warmup"}, {"warmer": True, "concurrency": 3}, {"warmup": True}],
)
def test_a_ping_is_a_ping(event: dict[str, Any]) -> None:
    """Neither a request nor an operation."""
    assert is_ping(event)
    assert not is_api(event)
    assert not is_ping(event | {"operation": "sync_recovery_instances"})
    assert not is_ping({"source": "aws.events", "detail-type": "Scheduled Event"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner,
    max_size=3),
    max_leaves=6,
)  # fmt: skip
MEMBERS = st.sampled_from([
    "httpMethod", "resource", "path", "rawPath", "routeKey", "version", "headers", "body",
    "requestContext",
    "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters",
    "pathParameters", "isBase64Encoded",
])  # fmt: skip


@settings(deadline=5_000, suppress_health_check=[HealthCheck.too_slow])
@given(base=st.sampled_from(sorted(SENDERS)), changes=st.dictionaries(MEMBERS, JSON, max_size=3))
def test_any_event_is_answered(base: str, changes: dict[str, Any]) -> None:
    """Members missing, renamed and retyped: never an exception, never a 5xx."""
    reply = answer(SENDERS[base] | changes, routes_of("query"))
    json.dumps(reply)
    assert reply["statusCode"] < 500, json.loads(reply["body"])


def test_a_tier_that_is_away_is_a_503_to_every_sender() -> None:
    """And no more is told."""

    def away(_: Request) -> Response:
        raise TableUnavailable("no")

    for event in SENDERS.values():
        reply = answer(event, {("GET", PLAN): away})
        assert (reply["statusCode"], json.loads(reply["body"])["error"]) == (503, "UNAVAILABLE")
