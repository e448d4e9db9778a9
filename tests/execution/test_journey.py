"""From the start of a drill to an empty page again, over HTTP, on a whole stack of its own."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from cache.attributes import encode_item
from local import functions
from local.stack import Stack
from local.world import make_world
from standin.drs.fleet import holdings

pytestmark = pytest.mark.xdist_group("drills")  # one stack for all of them
PATIENCE = 30.0
DRILL_SECONDS = 3_000


@pytest.fixture(scope="module")
def drill_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A small stack whose DRS stands still until its clock is turned; synced once."""
    stack = Stack(
        tmp_path_factory.mktemp("drills"),
        schedule_seconds=0,
        speed=0,
        world=make_world(servers=60, places=4, plans=4),
    )
    stack.start()
    try:
        stack.sync()
        yield stack
    finally:
        stack.stop()


class Journey:
    """An operator on this stack, with a plan of three waves in two accounts."""

    def __init__(self, stack: Stack, plan_id: str) -> None:
        self.stack = stack
        self.plan_id = plan_id
        first, second = [
            (row["accountId"], row["regions"][0]) for row in stack.world.target_accounts[:2]
        ]
        self.places = [first, second, first]
        fresh = {place: self._protect(place) for place in (first, second)}
        waves = [fresh[first][:2], fresh[second], fresh[first][2:]]
        rows = [
            {
                "waveNumber": number,
                "waveName": "W",
                "accountId": place[0],
                "region": place[1],
                "serverIds": ids,
            }
            for number, (place, ids) in enumerate(zip(self.places, waves, strict=True), 1)
        ]
        item = encode_item({"planId": plan_id, "planName": plan_id, "waves": rows})
        stack.client("dynamodb").put_item(TableName=functions.TABLES["recovery-plans"], Item=item)

    def _protect(self, place: tuple[str, str]) -> list[str]:
        """Four source servers that nobody has launched yet."""
        known = {
            it["sourceServerID"]
            for it in self.stack.standin.call("GET", f"places/{'/'.join(place)}")["sourceServers"]
        }
        servers = [
            it
            for it in holdings(*place, 12, 0, time.time())["sourceServers"]
            if it["sourceServerID"] not in known
        ]
        self.stack.standin.call("PUT", f"places/{'/'.join(place)}", {"sourceServers": servers[:4]})
        return [str(it["sourceServerID"]) for it in servers[:4]]

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One HTTP call; status and body."""
        content = None if body is None else json.dumps(body).encode()
        answer = urllib3.request(
            method, self.stack.url + path, body=content, retries=False, timeout=30
        )
        return answer.status, json.loads(answer.data)

    def start(self, **body: Any) -> str:
        """Start the plan as a drill; the execution's id."""
        status, answer = self.call(
            "POST", "/executions", {"planId": self.plan_id, "executionType": "DRILL", **body}
        )
        assert status == 202, answer
        return str(answer["executionId"])

    def page(self) -> list[dict[str, Any]]:
        """The instances that the page shows for the plan, once it knows
        all: a machine under load may need a while.
        """
        path = f"/recovery-plans/{self.plan_id}/check-existing-instances"
        answer = until(lambda: self.call("GET", path)[1], lambda it: not it["unknownServerIds"])
        assert answer["unknownServerIds"] == []
        return list(answer["existingInstances"])

    def execution(self, execution_id: str) -> Any:
        """The execution as it stands, some time later for DRS."""
        self.advance()
        return self.call("GET", f"/executions/{execution_id}")[1]

    def advance(self) -> None:
        """Turn DRS's clock past the end of any job."""
        self.stack.standin.call("POST", "clock", {"advanceSeconds": DRILL_SECONDS})

    def terminate(self, execution_id: str) -> Any:
        """Ask for the termination."""
        status, answer = self.call("POST", f"/executions/{execution_id}/terminate-instances", {})
        assert status == 202, answer
        return answer

    def termination(self, execution_id: str) -> Any:
        """How it does, some time later for DRS."""
        self.advance()
        return self.call("GET", f"/executions/{execution_id}/termination-status")[1]


def until[T](question: Callable[[], T], right: Callable[[T], object]) -> T:
    """The first answer that is right; the last one when none comes in time."""
    deadline = time.monotonic() + PATIENCE
    while not right(answer := question()) and time.monotonic() < deadline:
        pass
    return answer


def test_a_drill_shows_on_the_page_and_leaves_it_empty_again(
    drill_stack: Stack,
) -> None:
    """Three waves in two accounts, driven by the deployed state machine's own definition."""
    journey = Journey(drill_stack, "plan-drill")
    assert journey.page() == []
    execution_id = journey.start()
    assert (
        journey.call("POST", "/executions", {"planId": "plan-drill", "executionType": "DRILL"})[0]
        == 409
    )
    for number in (1, 2, 3):
        until(
            lambda: journey.execution(execution_id),
            lambda it, n=number: it["waves"][n - 1].get("endTime"),
        )
        shown = until(journey.page, lambda items, n=number: len(items) >= (2, 6, 8)[n - 1])
        assert len(shown) >= (2, 6, 8)[number - 1]
        assert {item["sourceExecutionId"] for item in shown} == {execution_id}
    done = until(lambda: journey.execution(execution_id), lambda it: it.get("endTime"))
    assert done["status"] == "COMPLETED"
    answer = journey.terminate(execution_id)
    assert (len(answer["requested"]), len(answer["jobs"])) == (8, 2)
    status = until(
        lambda: journey.termination(execution_id), lambda it: it["status"] != "IN_PROGRESS"
    )
    assert (status["status"], status["remaining"]) == ("COMPLETED", [])
    assert journey.page() == []


def test_a_place_that_goes_down_costs_its_own_wave_only_time(drill_stack: Stack) -> None:
    """The state machine asks again until the place is back; the
    termination names what remains, and ends it later.
    """
    journey = Journey(drill_stack, "plan-down")
    account, region = journey.places[1]
    weather = drill_stack.standin.call("GET", "weather")["rules"]
    down = {"accountId": account, "region": region, "outage": "503", "service": "drs"}
    execution_id = journey.start()
    drill_stack.standin.weather([*weather, down])
    try:
        first = until(
            lambda: journey.execution(execution_id), lambda it: it["waves"][0].get("endTime")
        )
        assert first["waves"][0]["status"] == "COMPLETED"
        assert until(
            lambda: [it for it in drill_stack.standin.calls() if it["status"] == 503], bool
        )
    finally:
        drill_stack.standin.weather(weather)
    done = until(lambda: journey.execution(execution_id), lambda it: it.get("endTime"))
    assert done["status"] == "COMPLETED"
    assert len(until(journey.page, lambda items: len(items) == 8)) == 8
    drill_stack.standin.weather([*weather, down])
    try:
        answer = journey.terminate(execution_id)
        assert (len(answer["requested"]), len(answer["failed"])) == (4, 4)
        status = until(
            lambda: journey.termination(execution_id), lambda it: it["status"] != "IN_PROGRESS"
        )
        assert (status["status"], len(status["remaining"])) == ("PARTIAL", 4)
    finally:
        drill_stack.standin.weather(weather)
    assert len(journey.page()) == 4
    assert len(journey.terminate(execution_id)["requested"]) == 4
    status = until(
        lambda: journey.termination(execution_id), lambda it: it["status"] != "IN_PROGRESS"
    )
    assert (status["status"], status["remaining"]) == ("COMPLETED", [])
    assert journey.page() == []


def test_a_machine_that_is_stopped_closes_its_execution_and_frees_the_plan(
    drill_stack: Stack,
) -> None:
    """A step fails and is tried again; somebody stops the machine;
    the row says so, and the plan can be started.
    """
    journey = Journey(drill_stack, "plan-stopped")
    account, region = journey.places[0]
    weather = drill_stack.standin.call("GET", "weather")["rules"]
    denied = {
        "accountId": account,
        "region": region,
        "operation": "DescribeSourceServers",
        "deny": True,
    }
    log, again = drill_stack.directory / "front.log", "start_wave failed and is tried again"
    before = log.read_text().count(again)
    drill_stack.standin.weather([*weather, denied])
    try:
        given_up = journey.start()
        until(log.read_text, lambda it: it.count(again) > before)
        arn = f"arn:aws:states:us-east-1:111111111111:execution:waves:{given_up}_1"
        drill_stack.client("stepfunctions").stop_execution(executionArn=arn)
        done = until(lambda: journey.execution(given_up), lambda it: it.get("endTime"))
    finally:
        drill_stack.standin.weather(weather)
    assert done["status"] == "FAILED"
    assert [wave["status"] for wave in done["waves"]] == ["CANCELLED"] * 3
    assert done["message"] == "its state machine ended: ABORTED"
    execution_id = journey.start()
    assert journey.call("POST", f"/executions/{execution_id}/cancel")[0] == 202
    done = until(lambda: journey.execution(execution_id), lambda it: it.get("endTime"))
    assert done["status"] == "CANCELLED"
    journey.terminate(execution_id)
    until(lambda: journey.termination(execution_id), lambda it: it["status"] != "IN_PROGRESS")


def test_a_step_that_is_refused_fails_rather_than_answer(drill_stack: Stack) -> None:
    """A state machine takes every answer for a success; nobody would read the refusal."""
    for event in (
        {"operation": "start_wave", "executionId": "none"},
        {"operation": "finish", "executionId": "none"},
        {"operation": "machine_ended", "name": "none_1", "status": "FAILED"},
    ):
        answer = drill_stack.client("lambda").invoke(
            FunctionName=functions.name("execution"), Payload=json.dumps(event).encode()
        )
        assert answer["FunctionError"]
        assert json.loads(answer["Payload"].read())["errorType"] in {"InvalidInput", "NotFound"}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"operation": "destroy_everything"}, "INVALID_INPUT"),
        (
            {"operation": "terminate_recovery_instances", "executionId": "none", "confirm": "yes"},
            "INVALID_INPUT",
        ),
        ({"operation": "terminate_recovery_instances", "executionId": "none"}, "NOT_FOUND"),
        ([], "INVALID_INPUT"),
    ],
)
def test_a_direct_operation_that_is_refused_answers_so(
    drill_stack: Stack, event: object, code: str
) -> None:
    """As the API does: a code and a message."""
    payload = json.dumps(event).encode()
    answer = drill_stack.client("lambda").invoke(
        FunctionName=functions.name("execution"), Payload=payload
    )
    assert "FunctionError" not in answer
    body = json.loads(answer["Payload"].read())
    assert body["error"] == code
    assert body["message"]
