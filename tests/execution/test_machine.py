"""The deployed state machine's definition over the real
steps: however it ends, the row is closed.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cache.values import now, to_millis, to_stamp
from local.driver import StateMachine, StepFailed
from local.lambdas import Answer, error
from local.proxy import FaultProxy
from services.execution import waves
from services.execution.progress import GRACE_POLLS
from services.platform.execution import ABANDONED_AFTER, Server, Status
from tests.execution.deployment import Deployment
from tests.execution.machines import Machines

DEFINITION = (Path(__file__).parents[2] / "infra" / "execution.asl.json").read_text()
MOST_STEPS = 40
CANCEL = "/executions/{executionId}/cancel"
HISTORY_EVENTS = 25_000  # Step Functions ends a standard workflow that has more


class Killed(BaseException):
    """The machine is no more."""


class Steps:
    """The execution function in this process, DRS's clock turned at each poll.

    `kill` may raise Killed.
    """

    def __init__(self, deployment: Deployment, kill: Callable[[int], None]) -> None:
        self._deployment = deployment
        self._kill = kill
        self.taken: list[str] = []

    async def invoke(self, payload: bytes) -> Answer:
        """One call."""
        event: dict[str, Any] = json.loads(payload)
        self.taken.append(event["operation"])
        self._kill(len(self.taken))
        self._deployment.advance()
        try:
            answer = self._deployment.operate(**event)
        except Exception as failure:  # noqa: BLE001 - as Lambda does, whatever it is
            return error(type(failure).__name__, str(failure))
        return Answer(json.dumps(answer).encode())


def machine(steps: Steps, tries: int = 3) -> StateMachine:
    """The machine, with so many tries in place of hours of them."""
    definition = json.loads(DEFINITION)
    for state in definition["States"].values():
        for retrier in state.get("Retry", []):
            retrier["MaxAttempts"] = min(retrier["MaxAttempts"], tries)
    return StateMachine(json.dumps(definition), steps, speed=0)  # type: ignore[arg-type]


def begun(deployment: Deployment) -> tuple[str, list[str]]:
    """An execution of two waves, and its servers."""
    places = [deployment.place(0), deployment.place(1)]
    ids = [deployment.protect(place, 1) for place in places]
    return deployment.begin(*zip(places, ids, strict=True)), [it for part in ids for it in part]


def run(
    deployment: Deployment, execution_id: str, wave: int = 1, *, kill_at: int = 0
) -> tuple[list[str], str]:
    """Run the machine of a wave; the steps it took, and how it ended."""

    def kill(number: int) -> None:
        if number == kill_at:
            raise Killed

    steps = Steps(deployment, kill)
    try:
        values = {"executionId": execution_id, "waveNumber": wave}
        asyncio.run(machine(steps).run(values))
    except Killed:
        return steps.taken, "ABORTED"
    except StepFailed:
        return steps.taken, "FAILED"
    return steps.taken, "SUCCEEDED"


def silent(deployment: Deployment, execution_id: str, seconds: float) -> None:
    """Nobody has driven the execution for so long."""
    row = deployment.executions.row(execution_id)
    row["drivenAt"] = to_stamp(to_millis(now()) - int(seconds * 1000))
    deployment.row(deployment.wiring.settings.execution_history_table, row)


def test_each_wave_is_driven_by_a_machine_of_its_own(
    deployment: Deployment, machines: Machines
) -> None:
    """The first starts the second, whose history begins anew, and the last one finishes."""
    execution_id, _ = begun(deployment)
    taken, ended = run(deployment, execution_id)
    assert (taken[0], taken[-1], ended) == ("start_wave", "go_on", "SUCCEEDED")
    assert machines.started[-1]["name"] == f"{execution_id}_2"
    values = json.loads(machines.started[-1]["input"])
    taken, ended = run(deployment, execution_id, values["waveNumber"])
    assert (taken[-1], ended) == ("finish", "SUCCEEDED")
    assert deployment.execution(execution_id).status == Status.COMPLETED


def test_a_machine_killed_at_any_step_leaves_nothing_locked(deployment: Deployment) -> None:
    """The rule on its end closes the row; twice does no harm; the plan can be started again."""
    for kill_at in range(1, MOST_STEPS):
        execution_id, _ = begun(deployment)
        taken, ended = run(deployment, execution_id, kill_at=kill_at)
        if ended == "SUCCEEDED":
            assert kill_at > 4, "it was never killed"
            return
        for _ in range(2):
            deployment.operate("machine_ended", name=f"{execution_id}_1", status="ABORTED")
        execution = deployment.execution(execution_id)
        assert execution.is_over, taken
        assert all(wave.is_over for wave in execution.waves)
        assert execution.message == "its state machine ended: ABORTED"
        deployment.advance(100_000)
        body = {"planId": execution.plan_id, "executionType": "DRILL", "replaceExisting": True}
        status, answer = deployment.call("POST", "/executions", body)
        assert status == 202, (taken, answer)
        deployment.call("POST", CANCEL, executionId=answer["executionId"])
    pytest.fail("the machine never ends")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [({"throttle": 1}, "ThrottlingException"), ({"deny": True}, "AccessDeniedException")],
)
def test_a_step_that_fails_to_the_end_of_its_tries_closes_the_execution(
    deployment: Deployment, trouble: dict[str, Any], said: str
) -> None:
    """DRS throttles, or denies, for longer than the machine asks again; the row says why, in one
    line.
    """
    execution_id, _ = begun(deployment)
    rule = {"service": "drs", "operation": "DescribeSourceServers"}
    deployment.aws.weather([rule | trouble])
    taken, ended = run(deployment, execution_id)
    assert (taken, ended) == (["start_wave"] * 4 + ["finish"], "FAILED")
    execution = deployment.execution(execution_id)
    assert execution.status == Status.FAILED
    message = execution.message or ""
    assert all(it in message for it in ("DescribeSourceServers", said)), message
    assert "\n" not in message


def test_an_outage_shorter_than_the_tries_costs_time_only(deployment: Deployment) -> None:
    """Tries are counted anew for each step."""
    execution_id, _ = begun(deployment)
    outage = [{"service": "drs", "outage": "503"}]

    def weather(number: int) -> None:
        deployment.aws.weather(outage if number % 3 else [])

    steps = Steps(deployment, weather)
    asyncio.run(machine(steps).run({"executionId": execution_id, "waveNumber": 1}))
    deployment.aws.weather([])
    assert deployment.execution(execution_id).waves[0].status == Status.COMPLETED


def test_retries_last_for_hours_and_no_history_outgrows_its_limit() -> None:
    """Worked out from the definition: a try costs three events, a
    poll nine, and the machine ends in time.
    """
    definition = json.loads(DEFINITION)
    for name, state in definition["States"].items():
        if state["Type"] != "Task":
            continue
        refused, retried = state["Retry"]
        assert refused["MaxAttempts"] == 0
        assert retried["MaxAttempts"] * retried["MaxDelaySeconds"] / 2 > 6 * 3_600, name
        assert state["TimeoutSeconds"] + retried["MaxDelaySeconds"] < ABANDONED_AFTER
    lasts = definition["TimeoutSeconds"]
    assert lasts > waves.LONGEST_WAVE
    assert (
        _most_events(waves.SLOW_AFTER, waves.POLL_SECONDS)
        + _most_events(lasts - waves.SLOW_AFTER, waves.SLOW_POLL_SECONDS)
        < 0.9 * HISTORY_EVENTS
    )


def _most_events(seconds: float, wait: float) -> float:
    """The most that polling can write in so long, however many tries each poll takes."""
    _, retried = json.loads(DEFINITION)["States"]["Poll wave"]["Retry"]
    most, pause, events, delay = 0.0, wait, 9, float(retried["IntervalSeconds"])
    for _ in range(50):
        most = max(most, events / pause)
        pause, events = pause + delay / 2, events + 3  # full jitter: half of the delay on average
        delay = min(delay * retried["BackoffRate"], retried["MaxDelaySeconds"])
    return most * seconds


def test_a_job_that_drs_forgets_ends_its_wave_after_a_grace(deployment: Deployment) -> None:
    """Its servers have failed, for that reason; what has an
    instance of the job was launched all the same.
    """
    place = deployment.place(0)
    lost, kept = deployment.protect(place, 2)
    execution_id = deployment.begin((place, [lost, kept]))
    deployment.step("start_wave", execution_id)
    deployment.advance()
    client = deployment.wiring.sync_parts().clients.get("drs", place)
    (job,) = deployment.execution(execution_id).waves[0].jobs
    client.delete_job(jobID=job)
    (record,) = deployment.records(place, lost)
    deployment.aws.call(
        "DELETE",
        f"places/{place.account_id}/{place.region}/recoveryInstances/{record['recoveryInstanceID']}",
    )
    for _ in range(GRACE_POLLS):
        assert deployment.step("poll_wave", execution_id)["waveDone"] is False
    assert deployment.step("poll_wave", execution_id)["waveDone"] is True
    (wave,) = deployment.execution(execution_id).waves
    assert wave.server_statuses == {lost: Server.FAILED, kept: Server.LAUNCHED}
    assert "DRS knows it no longer" in wave.failures[0].reason


def test_a_wave_has_its_longest_time(deployment: Deployment) -> None:
    """After a day it is given up, DRS asked or not."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    execution_id = deployment.begin((place, ids))
    deployment.step("start_wave", execution_id)
    row = deployment.executions.row(execution_id)
    row["waves"][0]["startTime"] = "2026-01-01T00:00:00Z"
    deployment.row(deployment.wiring.settings.execution_history_table, row)
    deployment.aws.weather([{"service": "drs", "outage": "503"}])
    step = deployment.step("poll_wave", execution_id)
    assert (step["waveDone"], step["waitSeconds"]) == (True, waves.SLOW_POLL_SECONDS)
    (wave,) = deployment.execution(execution_id).waves
    assert (wave.status, wave.failures[0].reason) == (
        Status.FAILED,
        waves.TOO_LONG.format(minutes=1440),
    )


def test_an_execution_that_nobody_drives_says_so_and_can_be_cancelled_by_force(
    deployment: Deployment, machines: Machines
) -> None:
    """Its machine may run, and yet nobody takes a step: a person decides, and confirms."""
    execution_id, _ = begun(deployment)
    deployment.step("start_wave", execution_id)
    show = "/executions/{executionId}"
    assert deployment.call("GET", show, executionId=execution_id)[1]["abandonedSince"] is None
    silent(deployment, execution_id, ABANDONED_AFTER + 5)
    row = deployment.call("GET", show, executionId=execution_id)[1]
    assert row["abandonedSince"] == row["drivenAt"]
    machines.statuses[f"{execution_id}_1"] = "RUNNING"
    assert execution_id in deployment.operate("watch_executions")["abandoned"]
    status, answer = deployment.call("POST", CANCEL, {"force": True}, executionId=execution_id)
    assert (status, answer["error"]) == (400, "INVALID_INPUT")
    assert deployment.call("POST", CANCEL, executionId=execution_id)[1]["status"] == "RUNNING"
    forced = {"force": True, "confirm": True}
    status, answer = deployment.call("POST", CANCEL, forced, executionId=execution_id)
    assert (status, answer["status"]) == (202, "CANCELLED")
    assert deployment.step("poll_wave", execution_id)["waveDone"] is True
    assert execution_id not in deployment.operate("watch_executions")["abandoned"]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", None])
def test_the_watch_closes_what_no_machine_drives_any_more(
    deployment: Deployment, machines: Machines, status: str | None
) -> None:
    """Whatever the rule missed; while Step Functions cannot be asked, nothing is closed."""
    execution_id, _ = begun(deployment)
    assert execution_id in deployment.operate("watch_executions")["running"]
    silent(deployment, execution_id, ABANDONED_AFTER + 5)
    machines.statuses |= {f"{execution_id}_1": status} if status else {}
    machines.refuses = True
    assert execution_id in deployment.operate("watch_executions")["abandoned"]
    machines.refuses = False
    assert execution_id in deployment.operate("watch_executions")["closed"]
    assert deployment.execution(execution_id).status == Status.FAILED


def test_a_row_without_its_waves_costs_its_neighbours_no_watch(deployment: Deployment) -> None:
    """Somebody has emptied it: nobody can drive it any more, and it is closed as failed."""
    execution_id, _ = begun(deployment)
    silent(deployment, execution_id, ABANDONED_AFTER + 5)
    row = deployment.executions.row(execution_id) | {"waves": []}
    deployment.row(deployment.wiring.settings.execution_history_table, row)
    assert execution_id in deployment.operate("watch_executions")["closed"]
    assert deployment.execution(execution_id).status == Status.FAILED


def test_a_row_that_others_have_replaced_costs_its_neighbours_no_watch(
    deployment: Deployment,
) -> None:
    """It is theirs now, and is left alone."""
    theirs, _ = begun(deployment)
    silent(deployment, theirs, ABANDONED_AFTER + 5)
    row = deployment.executions.row(theirs)
    del row["revision"]
    deployment.row(deployment.wiring.settings.execution_history_table, row)
    assert theirs not in str(deployment.operate("watch_executions"))


def test_a_machine_service_that_is_silent_costs_a_start_a_few_seconds(
    deployment: Deployment, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 within the gateway's time, and nothing is left behind that would lock the plan."""
    proxy = FaultProxy(int(machines.url.rpartition(":")[2]))
    proxy.black_hole()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", f"http://127.0.0.1:{proxy.port}")
    place = deployment.place(0)
    plan_id = deployment.plan((place, deployment.protect(place, 1)))
    body = {"planId": plan_id, "executionType": "DRILL"}
    status, answer = deployment.call("POST", "/executions", body)
    assert (status, answer["error"]) == (503, "UNAVAILABLE")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", machines.url)
    proxy.close()
    assert deployment.call("POST", "/executions", body)[0] == 202


def test_a_step_says_that_the_execution_is_driven_even_while_drs_is_away(
    deployment: Deployment,
) -> None:
    """An outage of DRS is no death of the machine."""
    execution_id, _ = begun(deployment)
    silent(deployment, execution_id, ABANDONED_AFTER + 5)
    deployment.aws.weather([{"service": "drs", "outage": "503"}])
    with pytest.raises(Exception, match=r"503|Unavailable"):
        deployment.step("start_wave", execution_id)
    assert deployment.execution(execution_id).abandoned_since is None


@pytest.mark.parametrize("status", ["POLLING", "INITIATED", "a word of tomorrow"])
def test_a_status_that_we_do_not_know_is_one_that_runs(deployment: Deployment, status: str) -> None:
    """Its servers are busy, it is not terminated, and it is
    never called abandoned: others drive it.
    """
    execution_id, ids = begun(deployment)
    row = deployment.executions.row(execution_id) | {"status": status}
    deployment.row(deployment.wiring.settings.execution_history_table, row)
    resource = "/executions/{executionId}/terminate-instances"
    status_code, answer = deployment.call("POST", resource, {}, executionId=execution_id)
    assert (status_code, answer["error"]) == (409, "EXECUTION_RUNNING")
    other = deployment.plan((deployment.place(0), ids[:1]), name="other")
    body = {"planId": other, "executionType": "DRILL", "replaceExisting": True}
    assert deployment.call("POST", "/executions", body)[1]["error"] == "SERVER_BUSY"
    forced = {"force": True, "confirm": True}
    assert deployment.call("POST", CANCEL, forced, executionId=execution_id)[0] == 202


def test_a_lock_of_the_platform_is_no_execution(deployment: Deployment) -> None:
    """Its rows stand in the same table and run for ever."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    plan_id = deployment.plan((place, ids))
    table = deployment.wiring.settings.execution_history_table
    deployment.row(table, {"executionId": f"lock-{plan_id}", "planId": plan_id, "status": "LOCK"})
    body = {"planId": plan_id, "executionType": "DRILL"}
    assert deployment.call("POST", "/executions", body)[0] == 202


def test_a_participant_that_is_terminated_has_failed(deployment: Deployment) -> None:
    """It was launched and is gone: that is no launch to build the next wave on."""
    place = deployment.place(0)
    (server,) = deployment.protect(place, 1)
    execution_id = deployment.begin((place, [server]))
    deployment.step("start_wave", execution_id)
    (job,) = deployment.jobs(place)
    job["participatingServers"][0]["launchStatus"] = "TERMINATED"
    deployment.put(place, jobs=[job])
    assert deployment.step("poll_wave", execution_id)["waveDone"] is True
    (wave,) = deployment.execution(execution_id).waves
    assert wave.status == Status.FAILED
    assert "terminated" in wave.failures[0].reason


def test_a_participant_in_progress_is_waited_for_though_the_job_is_over(
    deployment: Deployment,
) -> None:
    """The record may come after the job's end; a grace is for participants that were cleared."""
    place = deployment.place(0)
    (server,) = deployment.protect(place, 1)
    execution_id = deployment.begin((place, [server]))
    deployment.step("start_wave", execution_id)
    (job,) = deployment.jobs(place)
    deployment.put(place, jobs=[job | {"status": "COMPLETED"}])
    for _ in range(GRACE_POLLS + 2):
        assert deployment.step("poll_wave", execution_id)["waveDone"] is False
    deployment.advance()
    assert deployment.step("poll_wave", execution_id)["waveDone"] is True
    assert deployment.execution(execution_id).status in {Status.RUNNING, Status.COMPLETED}
    assert deployment.execution(execution_id).waves[0].status == Status.COMPLETED


def test_a_failure_kept_twice_is_named_once(deployment: Deployment) -> None:
    """A refusal was kept, its answer lost, and the server asked for again."""
    place = deployment.place(0)
    (server,) = deployment.protect(place, 1)
    execution_id = deployment.begin((place, [server]))
    wave = deployment.execution(execution_id).waves[0]
    for _ in range(2):
        wave.fail({server: "Subnet is full"})
    assert [it.server_ids for it in wave.failures] == [[server]]
