"""An execution's waves, from whatever the plan's row says of them."""

from typing import Any

import pytest
from hypothesis import given

from services.execution.planned import planned_waves
from services.platform.execution import Status, Wave
from services.platform.plans import read_plan
from tests.altered import LIMITS, altered
from tests.execution.deployment import Deployment
from tests.execution.test_pause import begun, plan_of

SERVER, ACCOUNT, REGION = f"s-{0:017d}", "222222222222", "us-east-1"
WAVE: dict[str, Any] = {
    "waveNumber": 1, "waveName": "Web", "serverIds": [SERVER], "accountId": ACCOUNT,
    "region": REGION, "pauseBeforeWave": True, "longestMinutes": 30, "dependsOnWaves": [0],
    "waveDescription": "", "protectionGroupId": "g-1",
}  # fmt: skip
OF_A_RUN: dict[str, Any] = {
    "status": "COMPLETED", "jobId": "drsjob-1", "jobIds": 7, "serverStatuses": [], "failures": "x",
    "startTime": 1_795_000_000, "endTime": None, "message": 7, "snapshots": {SERVER: "pit-1"},
    "quiet_polls": "x", "job_id": "drsjob-2", "resumedBy": "jane",
}  # fmt: skip


def wave_of(**changes: Any) -> Wave:
    """The wave of this row, as a start takes it from a plan."""
    plan = read_plan({"planId": "p", "waves": [WAVE | changes]})
    (wave,) = planned_waves(plan.waves)
    return wave


def test_what_a_run_says_of_a_wave_is_no_plans_to_say() -> None:
    """Else a wave would be over before it began; what the platform says beside stays."""
    wave = wave_of(**OF_A_RUN, note="kept")
    assert (wave.status, wave.jobs, wave.start_time) == (Status.PENDING, [], None)
    assert (wave.snapshots, wave.failures, wave.resumed_by, wave.quiet_polls) == ({}, [], None, 0)
    assert wave.model_extra == {
        "dependsOnWaves": [0], "waveDescription": "", "protectionGroupId": "g-1", "note": "kept",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (None, False), (False, False), (0, False), ("", False), ("false", False), ("No ", False),
        (True, True), (1, True), ("true", True), ("yes", True), ("approval", True), ([1], True),
    ],
)  # fmt: skip
def test_a_pause_that_is_no_clear_no_is_kept(said: object, means: bool) -> None:
    """A launch cannot be taken back."""
    assert wave_of(pauseBeforeWave=said).pause_before_wave is means


@pytest.mark.parametrize(
    ("said", "means"),
    [(30, 30), (30.0, 30), ("30", 30), (0, None), (-1, None), ("soon", None), (None, None),
     ([], None), (True, None)],
)  # fmt: skip
def test_a_longest_time_that_is_none_is_left_out(said: object, means: int | None) -> None:
    """Nor does it stop the plan."""
    assert wave_of(longestMinutes=said).longest_minutes == means


@LIMITS
@given(row=altered(WAVE | OF_A_RUN, SERVER, [SERVER], "COMPLETED", keep="serverIds"))
def test_any_wave_with_servers_can_be_begun(row: dict[str, Any]) -> None:
    """It has not been begun yet, whatever the row says."""
    plan = read_plan({"planId": "p", "waves": [row | {"dependsOnWaves": []}]})
    waves = planned_waves(plan.waves)
    assert [(it.status, it.jobs, it.server_ids) for it in waves] == [("PENDING", [], [SERVER])]


def test_a_plan_with_members_of_other_types_is_launched(deployment: Deployment) -> None:
    """Each costs itself alone."""
    plan_id, ids = plan_of(deployment, pauseBeforeWave=None, longestMinutes="soon", **OF_A_RUN)
    execution = deployment.drive(begun(deployment, plan_id))
    assert execution.status == Status.COMPLETED
    assert [it.server_ids for it in execution.waves] == [ids[:1], ids[1:]]


def test_a_wave_that_depends_on_a_later_one_is_not_launched_before_it(
    deployment: Deployment,
) -> None:
    """Waves go by their numbers, so the plan is refused; what it depends on may also be no wave."""
    plan_id, _ = plan_of(deployment, dependsOnWaves=[1, "1", 7, None, "x"])
    assert begun(deployment, plan_id)
    for later in ([2], ["2"]):
        body = {"planId": plan_of(deployment, dependsOnWaves=later)[0], "executionType": "DRILL"}
        status, answer = deployment.call("POST", "/executions", body)
        assert (status, answer["error"]) == (400, "INVALID_INPUT")
        assert "depends on wave 2" in answer["message"]
