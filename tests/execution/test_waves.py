"""Waves: launched in order, each server's result known, the
page told, and never held up by the sync.
"""

import pytest

from services.execution import waves
from services.execution.operations import launches_of
from services.platform.execution import Server, Status
from tests.execution.deployment import Deployment
from tests.execution.product import role_of


def test_a_drill_runs_its_waves_in_order_over_both_accounts_and_the_page_shows_every_instance(
    deployment: Deployment,
) -> None:
    """Three waves, two accounts; each instance on the page
    carries the execution that launched it.
    """
    places = [deployment.place(number) for number in (0, 1, 2)]
    plan = [(place, deployment.protect(place, 3)) for place in places]
    execution_id = deployment.drill(*plan)
    execution = deployment.execution(execution_id)
    assert execution.status == Status.COMPLETED
    assert [wave.status for wave in execution.waves] == [Status.COMPLETED] * 3
    created = [deployment.jobs(wave.place)[0]["creationDateTime"] for wave in execution.waves]
    assert created == sorted(created)
    for place, ids in plan:
        assert deployment.shown(ids, place) == dict.fromkeys(ids, "running")
        rows = deployment.wiring.table.read(ids).records
        assert {row.source_execution_id for row in rows.values()} == {execution_id}
        assert {row.source_plan_name for row in rows.values()} == {"A plan"}


def test_every_call_to_an_account_is_made_with_its_role(deployment: Deployment) -> None:
    """The records of the stand-in name the role of the account, for reads and actions alike."""
    place = deployment.place(1)
    execution_id = deployment.drill((place, deployment.protect(place, 2)))
    deployment.terminate(execution_id)
    for operation in (
        "StartRecovery",
        "DescribeJobs",
        "DescribeSourceServers",
        "TerminateRecoveryInstances",
    ):
        calls = deployment.calls(operation)
        assert calls, operation
        assert {call["roleArn"] for call in calls} == {role_of(place.account_id)}


def test_progress_shows_server_by_server_while_the_job_still_runs(deployment: Deployment) -> None:
    """A server counts as launched as soon as its job says so;
    the wave is over with the last of them.
    """
    place = deployment.place(0)
    ids = deployment.protect(place, 3)
    execution_id = deployment.begin((place, ids))
    deployment.step("start_wave", execution_id)
    deployment.advance(
        1_360
    )  # the first launch is due after 1,355 s, the next ones three seconds apart
    assert deployment.step("poll_wave", execution_id)["waveDone"] is False
    wave = deployment.execution(execution_id).waves[0]
    assert sorted(wave.server_statuses.values()) == [
        Server.LAUNCHED,
        Server.LAUNCHED,
        Server.LAUNCHING,
    ]
    deployment.advance(5)
    assert deployment.step("poll_wave", execution_id)["waveDone"] is True
    assert deployment.execution(execution_id).waves[0].status == Status.COMPLETED


def test_a_server_that_fails_makes_the_wave_partial_and_says_why(deployment: Deployment) -> None:
    """The job is COMPLETED all the same, and names nobody any more: the reason is in its log."""
    place = deployment.place(0)
    good, bad = deployment.protect(place, 2)
    deployment.sync(place)
    deployment.aws.call("PUT", "behaviour", {"launch_failures": {bad: "Subnet is full"}})
    execution = deployment.execution(deployment.drill((place, [good, bad])))
    assert execution.status == Status.PARTIAL
    (wave,) = execution.waves
    assert wave.status == Status.PARTIAL
    assert wave.server_statuses == {good: Server.LAUNCHED, bad: Server.FAILED}
    assert [(it.reason, it.server_ids) for it in wave.failures] == [("Subnet is full", [bad])]
    assert deployment.shown([good, bad], place) == {good: "running"}


def test_a_log_that_cannot_be_read_holds_no_result_up(deployment: Deployment) -> None:
    """The server has failed, only nobody knows why."""
    place = deployment.place(0)
    (bad,) = deployment.protect(place, 1)
    deployment.aws.call("PUT", "behaviour", {"launch_failures": {bad: "Subnet is full"}})
    deployment.aws.weather([{"operation": "DescribeJobLogItems", "deny": True}])
    (wave,) = deployment.execution(deployment.drill((place, [bad]))).waves
    assert wave.status == Status.FAILED
    assert "no instance of that job" in wave.failures[0].reason


def test_a_wave_of_which_nothing_launched_is_the_last(deployment: Deployment) -> None:
    """Later waves build on it; the instances that its servers had
    before are gone, and the page says so.
    """
    first, second = deployment.place(0), deployment.place(1)
    ids, others = deployment.protect(first, 2), deployment.protect(second, 2)
    deployment.drill((first, ids))
    deployment.aws.call("PUT", "behaviour", {"launch_failures": dict.fromkeys(ids, "No capacity")})
    execution = deployment.execution(deployment.drill((first, ids), (second, others), replace=True))
    assert execution.status == Status.FAILED
    assert [wave.status for wave in execution.waves] == [Status.FAILED, Status.CANCELLED]
    assert deployment.jobs(second) == []
    assert deployment.shown(ids, first) == {}


def test_a_wave_that_is_denied_fails_with_that_reason(deployment: Deployment) -> None:
    """Trying again would not help, so the wave ends at once."""
    place = deployment.place(0)
    ids = deployment.protect(place, 2)
    execution_id = deployment.begin((place, ids))
    deployment.aws.weather([{"operation": "StartRecovery", "deny": True}])
    (wave,) = deployment.drive(execution_id).waves
    assert wave.status == Status.FAILED
    assert [it.server_ids for it in wave.failures] == [ids]
    assert "AccessDenied" in wave.failures[0].reason


def test_more_servers_than_a_job_takes_are_launched_by_several(deployment: Deployment) -> None:
    """The wave keeps all job ids, the first of them where a single one is expected."""
    place = deployment.place(0)
    ids = deployment.protect(place, 130)
    (wave,) = deployment.execution(deployment.drill((place, ids))).waves
    assert wave.status == Status.COMPLETED
    jobs = [job["jobID"] for job in deployment.jobs(place)]
    assert sorted(wave.job_ids) == sorted(jobs)
    assert len(jobs) == 2
    assert wave.job_id == wave.job_ids[0]
    assert len(deployment.shown(ids, place)) == 130


def test_servers_over_the_quota_wait_for_their_turn(deployment: Deployment) -> None:
    """DRS takes 20 jobs at a time, whoever asks; what it does not
    take is started while the wave is polled.
    """
    place = deployment.place(0)
    ids = deployment.protect(place, 102)
    deployment.keep_busy(place, 19)
    execution_id = deployment.begin((place, ids))
    deployment.step("start_wave", execution_id)
    assert len(deployment.execution(execution_id).waves[0].servers(Server.PENDING)) == 2
    (wave,) = deployment.drive(execution_id).waves
    assert wave.status == Status.COMPLETED
    assert len(wave.job_ids) == 2


def test_a_server_busy_in_a_job_of_somebody_else_does_not_hold_up_the_rest(
    deployment: Deployment,
) -> None:
    """One StartRecovery is refused for all; halving it finds the busy
    one, which fails alone, and with the reason.
    """
    place = deployment.place(0)
    ids = deployment.protect(place, 9)
    execution_id = deployment.begin((place, ids))
    client = deployment.wiring.sync_parts().clients.get("drs", place)
    client.start_recovery(sourceServers=[{"sourceServerID": ids[4]}], isDrill=False)
    (wave,) = deployment.drive(execution_id).waves
    assert wave.status == Status.PARTIAL
    assert wave.servers(Server.FAILED) == [ids[4]]
    assert "ConflictException" in wave.failures[0].reason
    assert len(wave.servers(Server.LAUNCHED)) == 8


@pytest.mark.parametrize("tagged", [False, True])
def test_jobs_are_tagged_only_where_the_setting_says_so(
    deployment: Deployment, tagged: bool
) -> None:
    """Tags have been seen to make DRS skip a phase, so they are off unless told."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    execution_id = deployment.begin((place, ids))
    wiring = deployment.wiring
    steps = waves.Waves(
        deployment.executions, wiring.sync_parts, launches_of(wiring), job_tags=tagged
    )
    steps.start_wave(execution_id, 1)
    (job,) = deployment.jobs(place)
    assert job["tags"] == ({"executionId": execution_id, "planName": "A plan"} if tagged else {})


@pytest.mark.parametrize(
    "rule",
    [
        {"operation": "DescribeRecoveryInstances", "deny": True},
        {"operation": "DescribeRecoveryInstances", "garbage": True},
        {"service": "ec2", "outage": "503"},
        {"operation": "DescribeSourceServers", "throttle": 1},
        {"service": "sts", "deny": True},
    ],
)
def test_a_sync_that_fails_never_fails_the_wave_and_the_next_full_sync_heals(
    deployment: Deployment, rule: dict[str, object]
) -> None:
    """Whatever breaks in the sync: the wave stays what it is, and the next wave begins."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    other = deployment.protect(deployment.place(1), 1)
    execution_id = deployment.begin((place, ids), (deployment.place(1), other))
    deployment.step("start_wave", execution_id)
    deployment.advance()
    deployment.step("poll_wave", execution_id)
    deployment.aws.weather([rule])
    step = deployment.step("sync_wave", execution_id)
    assert (step["waveNumber"], step["moreWaves"]) == (2, True)
    assert deployment.execution(execution_id).waves[0].status == Status.COMPLETED
    deployment.aws.weather([])
    deployment.drive(execution_id, wave=2)
    deployment.sync(place)
    assert deployment.shown(ids, place) == dict.fromkeys(ids, "running")
    assert deployment.wiring.table.read(ids).records[ids[0]].source_execution_id == execution_id


def test_a_sync_that_hangs_delays_the_wave_by_its_deadline_only(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that does not come back outlives the deadline, the step does not."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    execution_id = deployment.begin((place, ids))
    deployment.step("start_wave", execution_id)
    deployment.advance()
    deployment.step("poll_wave", execution_id)
    monkeypatch.setattr(waves, "WAVE_SECONDS", 0.2)
    deployment.aws.weather([{"operation": "DescribeRecoveryInstances", "latencyMs": 5_000}])
    assert deployment.step("sync_wave", execution_id)["waveDone"] is True
    assert deployment.wiring.table.read(ids).records == {}, "the call was waited for"


def test_what_others_keep_in_the_row_stays(deployment: Deployment) -> None:
    """The table is the platform's; our steps change what is ours."""
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    table = deployment.wiring.settings.execution_history_table
    deployment.row(table, deployment.executions.row(execution_id) | {"initiatedBy": "night shift"})
    deployment.drive(execution_id)
    row = deployment.executions.row(execution_id)
    assert row["initiatedBy"] == "night shift"
    assert row["status"] == Status.COMPLETED
