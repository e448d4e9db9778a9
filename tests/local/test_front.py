"""The HTTP front and the Lambda functions behind it."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.xdist_group("front")


def test_a_request_reaches_the_handler_as_a_rest_proxy_event(front: Any) -> None:
    """Path, query, headers and body arrive in the members API Gateway uses."""
    path = "/recovery-plans/plan%20%C3%A9/check-existing-instances?a=1&a=2&b="
    answer = front.request("GET", path, headers={"x-one": "1"})
    event = answer.json()
    assert event["httpMethod"] == "GET"
    assert event["resource"] == "/recovery-plans/{planId}/check-existing-instances"
    assert event["pathParameters"] == {"planId": "plan%20%C3%A9"}
    assert event["queryStringParameters"] == {"a": "2", "b": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert event["headers"]["x-one"] == "1"
    assert event["body"] is None
    assert event["requestContext"]["requestId"]


def test_bodies_arrive_as_text_or_as_base64(front: Any) -> None:
    """A UTF-8 body is text, anything else is encoded."""
    text = front.request("POST", "/recovery-instances/query", body='{"x": "é"}'.encode()).json()
    assert (text["body"], text["isBase64Encoded"]) == ('{"x": "é"}', False)
    binary = front.request("POST", "/recovery-instances/query", body=b"\xff\x00").json()
    assert (binary["body"], binary["isBase64Encoded"]) == ("/wA=", True)


def test_the_answer_keeps_status_headers_and_repeated_headers(front: Any) -> None:
    """Single and multi value headers are both sent."""
    answer = front.request("GET", "/recovery-plans")
    assert answer.status == 200
    assert answer.headers["x-echo"] == "yes"
    assert answer.headers.getlist("set-cookie") == ["a=1", "b=2"]


def test_a_base64_answer_is_decoded(front: Any) -> None:
    """Binary bodies come out as bytes."""
    assert (
        front.request("GET", "/recovery-plans/binary/check-existing-instances").data
        == b"\x00\x01\xff"
    )


@pytest.mark.parametrize("plan", ["no-status", "raises"])
def test_a_handler_that_fails_is_a_502_without_its_stack_trace(front: Any, plan: str) -> None:
    """API Gateway's own answer for a handler that raises or answers nonsense."""
    answer = front.request("GET", f"/recovery-plans/{plan}/check-existing-instances")
    assert (answer.status, answer.json()) == (502, {"message": "Internal server error"})


def test_the_page_is_served_and_nothing_beside_it(front: Any) -> None:
    """The index at the root; no way out of the folder."""
    page = front.request("GET", "/")
    assert page.data.decode() == "<h1>Grüße</h1>"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == "default-src 'self'"
    assert front.request("GET", "/%2e%2e/secret.txt").status == 404
    assert front.request("GET", "/no-such").status == 404
    assert front.request("POST", "/").status == 405
    assert front.request("DELETE", "/recovery-plans").status == 405


def test_malformed_requests_are_refused(front: Any) -> None:
    """Garbage, a wrong length and chunked bodies get a 4xx and a closed connection."""
    port = int(front.url.rsplit(":", 1)[1])
    for head, status in [
        (b"rubbish\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", b"413"),
    ]:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(head)
            received = b"".join(iter(lambda: client.recv(4096), b""))
        assert received.split(b" ")[1] == status


def test_two_processes_serve_at_the_same_time(front: Any) -> None:
    """One request per process, as in Lambda: two sleepers overlap, in different processes."""
    nap = json.dumps({"do": "sleep", "seconds": 0.4})

    def invoke(_: int) -> dict[str, Any]:
        return json.loads(front.invoker.invoke(FunctionName="query", Payload=nap)["Payload"].read())

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(invoke, range(2)))
    assert len({answer["pid"] for answer in answers}) == 2


def test_errors_come_back_as_function_errors(front: Any) -> None:
    """boto3 sees FunctionError and the runtime's own error payload."""
    answer = front.invoker.invoke(FunctionName="query", Payload=b'{"do": "raise"}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"


def test_a_process_that_dies_fails_its_invocation_and_is_replaced(front: Any) -> None:
    """The caller is told; the next call works."""
    answer = front.invoker.invoke(FunctionName="query", Payload=b'{"do": "exit"}')
    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ExitError"
    assert "FunctionError" not in front.invoker.invoke(FunctionName="query", Payload=b"{}")


def test_a_function_past_its_timeout_is_killed_and_replaced(front: Any) -> None:
    """The answer says so after the function's own timeout, and the next call works."""
    answer = front.invoker.invoke(FunctionName="hasty", Payload=b'{"do": "sleep", "seconds": 30}')
    assert json.loads(answer["Payload"].read()) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "Task timed out after 1 seconds",
    }
    assert "FunctionError" not in front.invoker.invoke(FunctionName="hasty", Payload=b"{}")


def test_a_handler_that_cannot_be_imported_says_so(front: Any) -> None:
    """The first invocation gets the import error."""
    answer = front.invoker.invoke(FunctionName="broken", Payload=b"{}")
    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ImportModuleError"


def test_events_queue_behind_reserved_concurrency_and_calls_are_throttled(
    front: Any, tmp_path: Path
) -> None:
    """Events run one after the other, none lost; a synchronous call meanwhile is refused."""
    target = tmp_path / "events"
    arn = "arn:aws:lambda:us-east-1:111111111111:function:alone"
    gate = tmp_path / "gate"
    front.invoker.invoke(
        FunctionName=arn,
        InvocationType="Event",
        Payload=json.dumps({"do": "await", "file": str(gate)}),
    )
    for text in "abc":
        payload = json.dumps({"do": "append", "file": str(target), "text": text})
        assert (
            front.invoker.invoke(FunctionName="alone", InvocationType="Event", Payload=payload)[
                "StatusCode"
            ]
            == 202
        )
    with pytest.raises(ClientError) as refused:
        front.invoker.invoke(FunctionName="alone", Payload=b"{}")
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    gate.touch()
    deadline = time.monotonic() + 10
    while not (target.exists() and target.read_text() == "abc"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_unknown_functions_and_payloads_that_are_no_json_are_refused(front: Any) -> None:
    """The Invoke API's own error codes."""
    with pytest.raises(front.invoker.exceptions.ResourceNotFoundException):
        front.invoker.invoke(FunctionName="nobody", Payload=b"{}")
    with pytest.raises(front.invoker.exceptions.InvalidRequestContentException):
        front.invoker.invoke(FunctionName="query", Payload=b"{")


def test_the_deadline_is_the_functions_timeout(front: Any) -> None:
    """The context's remaining time counts down from it."""
    answer = json.loads(front.invoker.invoke(FunctionName="query", Payload=b"{}")["Payload"].read())
    assert 8_000 < answer["millis"] <= 10_000


def test_killing_the_front_leaves_no_process_behind(doomed_front: Any) -> None:
    """kill -9 of the front ends its functions too."""
    parent = psutil.Process(doomed_front.process.pid)
    doomed_front.invoker.invoke(FunctionName="query", Payload=b"{}")
    children = parent.children(recursive=True)
    assert len(children) >= 3
    parent.kill()
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert len(gone) == len(children)


def test_the_schedule_sends_exactly_its_event_again_and_again(
    ticking_front: Any, tmp_path: Path
) -> None:
    """What EventBridge is told to send, and nothing around it."""
    record, deadline = tmp_path / "record", time.monotonic() + 10
    while not record.exists() or record.read_text().count("\n") < 3:
        assert time.monotonic() < deadline, ticking_front.url
        time.sleep(0.02)
    assert set(record.read_text().splitlines()) == {'{"operation": "sync_recovery_instances"}'}
