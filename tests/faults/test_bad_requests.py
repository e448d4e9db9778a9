"""Requests nobody should send: never a 500, never a crash, never
another server's data, and nothing is written.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadtests.faults_stack import FaultyStack, Page, wrong
from local.functions import TABLES, name

QUERY, SYNC, START = "/recovery-instances/query", "/drs/recovery-instance-sync", "/executions"
STRANGER = "s-00000000000000000"
NASTY = [
    "", " ", "\x00", "s-\x00", "\n", STRANGER + "\n", " " + STRANGER, STRANGER + " ",
    STRANGER.upper(), STRANGER + "0",
    STRANGER[:-1], "ѕ-00000000000000000", "s‑00000000000000000", "s-" + "０" * 17, "s-" + "٠" * 17,
    "s-" + "ａ" * 17,
    "\ud800", "😀" * 40, "s-" + "💥" * 17, "../../etc/passwd", "..%2f..%2fetc%2fpasswd",
    "' OR '1'='1", '{"S": "x"}',
    "ri:v4:places", "*", "s-*", "\r\nFLUSHALL\r\n", "*1\r\n$8\r\nFLUSHALL\r\n", "${jndi:ldap://x}",
    "<script>",
    "{{7*7}}", "%s%n", "-1", "None", "null", "__proto__", "a" * 5_000,
]  # fmt: skip
LIMITS = settings(
    max_examples=100,
    deadline=5_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(NASTY),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(NASTY), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture
def faulty(shared_faulty: FaultyStack) -> FaultyStack:
    """The stack as it is: nothing is broken here, so nothing has to settle."""
    return shared_faulty


def rows(faulty: FaultyStack, short: str) -> list[Any]:
    """A table as it stands."""
    pages = faulty.stack.client("dynamodb").get_paginator("scan").paginate(TableName=TABLES[short])
    return sorted((item for page in pages for item in page["Items"]), key=str)


def assert_refused(page: Page) -> None:
    """A 4xx with a code and a short message."""
    assert 400 <= page.status < 500, page
    assert set(page.body) in ({"error", "message"}, {"message"})
    assert len(page.body["message"]) < 400
    assert "Traceback" not in page.body["message"]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_written(shared_faulty: FaultyStack) -> Iterator[None]:
    """Whatever is refused leaves every table as it was."""
    before = {short: rows(shared_faulty, short) for short in TABLES}
    yield
    assert {short: rows(shared_faulty, short) for short in TABLES} == before


@pytest.mark.parametrize("server_id", NASTY)
def test_one_bad_id_among_good_ones_is_named(faulty: FaultyStack, server_id: str) -> None:
    """By its index, and of what it says no more than 60 characters come back."""
    page = faulty.query([STRANGER, server_id])
    assert_refused(page)
    assert page.body["message"].startswith("sourceServerIds[1]: ")
    assert len(page.body["message"]) < 130


@pytest.mark.parametrize("plan_id", NASTY)
def test_a_plan_nobody_has_is_not_found(faulty: FaultyStack, plan_id: str) -> None:
    """Whatever its id is made of."""
    page = faulty.get(
        f"/recovery-plans/{quote(plan_id, safe='', errors='replace')}/check-existing-instances"
    )
    assert page.status in {400, 404}, page


@pytest.mark.parametrize("text", NASTY)
def test_a_bad_page_of_plans_is_refused_or_empty(faulty: FaultyStack, text: str) -> None:
    """`limit` and `nextToken` take what this API gave out."""
    value = quote(text, safe="", errors="replace")
    assert faulty.get(f"/recovery-plans?limit={value}").status in {400, 200}
    assert faulty.get(f"/recovery-plans?nextToken={value}").status in {400, 200}


@LIMITS
@given(
    body=st.binary(max_size=200)
    | JSON.map(json.dumps)
    | st.sampled_from(["NaN", '{"a": Infinity}', "[" * 9_999])
)
def test_any_body_is_an_answer(faulty: FaultyStack, body: str | bytes) -> None:
    """Every route that takes a body refuses what is none of its own."""
    for path in (QUERY, START, "/executions/no-such/terminate-instances"):
        assert_refused(faulty.request("POST", path, body or b"x"))
    text = body if isinstance(body, str) else body.decode(errors="replace")
    if text.strip() not in {"", "{}", "null"}:  # which say nothing, as a start of a sync does
        assert_refused(faulty.request("POST", SYNC, body))


@LIMITS
@given(data=st.data())
def test_answers_are_about_the_servers_asked_for_and_no_others(
    faulty: FaultyStack, data: st.DataObject
) -> None:
    """Known, unknown and repeated ids in any order: right for each, and no one else's."""
    known = sorted(faulty.world.expected)
    ids = data.draw(
        st.lists(
            st.sampled_from(known) | st.from_regex(r"s-[0-9a-f]{17}", fullmatch=True), min_size=1
        )
    )
    page = faulty.query(ids)
    assert page.status == 200
    assert wrong(page.body, ids, faulty.world.expected) == []
    assert {item["sourceServerId"] for item in page.body["existingInstances"]} <= set(ids)


OPERATIONS = st.sampled_from([
    "get_recovery_instance_sync_status", "check_existing_recovery_instances",
    "sync_recovery_instances_after_wave",
    "terminate_recovery_instances", "no_such_operation", "run", "__init__",
])  # fmt: skip
ARGUMENTS = st.sampled_from([
    "sourceServerIds", "accountId", "region", "executionId", "waveNumber", "jobId", "confirm",
    "runId", "planName",
])  # fmt: skip


def invoke(faulty: FaultyStack, role: str, event: object) -> Any:
    """The payload of a direct call; fails when the function failed."""
    answer = faulty.stack.client("lambda").invoke(
        FunctionName=name(role), Payload=json.dumps(event).encode()
    )
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, (event, payload)
    return payload


@settings(LIMITS, max_examples=60)
@given(
    operation=OPERATIONS | JSON, arguments=st.dictionaries(ARGUMENTS | st.text(), JSON, max_size=4)
)
@pytest.mark.parametrize("role", ["data-management", "execution"])
def test_any_direct_operation_is_an_answer(
    faulty: FaultyStack, role: str, operation: object, arguments: dict[str, object]
) -> None:
    """What is refused says why; nothing raises, so nobody is woken by a caller's mistake."""
    payload = invoke(faulty, role, arguments | {"operation": operation})
    assert set(payload) >= {"error", "message"} or operation == "get_recovery_instance_sync_status"


@pytest.mark.parametrize("role", ["data-management", "execution"])
@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "x",
        7,
        {},
        {"operation": None},
        {"httpMethod": None},
        {"httpMethod": []},
        {"httpMethod": "POST", "resource": "/x", "body": {}},
        {"httpMethod": "POST", "body": "?", "isBase64Encoded": True},
    ],
)
def test_an_event_that_is_none_is_an_answer(faulty: FaultyStack, role: str, event: object) -> None:
    """Not even an object, no operation, or half a proxy event."""
    payload = invoke(faulty, role, event)
    assert "error" in payload or payload["statusCode"] in {400, 404}


@pytest.mark.parametrize(
    "place",
    [
        {"accountId": "999999999999", "region": "us-east-1"},
        {"accountId": "111111111111", "region": "mars-north-1"},
        {"accountId": "111111111111", "region": "us-west-2"},
        {"accountId": "111111111111", "region": "-"},
        {"accountId": "111111111111"},
        {"region": "us-east-1"},
    ],
)
def test_a_place_nobody_configured_is_not_looked_at(
    faulty: FaultyStack, place: dict[str, str]
) -> None:
    """Noting a look there would make every server nobody
    knows unknown, until the next full sync.
    """
    payload = invoke(faulty, "data-management", {"operation": "sync_recovery_instances", **place})
    assert payload["error"] == "INVALID_INPUT"
