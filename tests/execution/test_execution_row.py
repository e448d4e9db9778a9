"""Executions are read from whatever row the platform wrote, and
written so that the platform understands ours.
"""

from typing import Any

import pytest
from hypothesis import given

from cache.attributes import decode_item, encode_item
from cache.errors import InvalidRow
from cache.values import Place
from services.platform.execution import Execution, Server, Status, Wave
from services.platform.execution_row import (
    MOST_LISTED,
    changed_members,
    is_lock,
    new_row,
    read_execution,
)
from tests.altered import LIMITS, altered
from tests.execution.platform_rows import STARTED, execution_row, wave_row

ACCOUNT, REGION = "222222222222", "us-west-2"
JOB = f"drsjob-{0:017d}"
SERVERS = [f"s-{number:017d}" for number in range(3)]
ROW = execution_row(ACCOUNT, waves=[wave_row(JOB, REGION, SERVERS)])


def test_a_row_of_the_platform_is_read_whole() -> None:
    """Account from the top, times in our form, statuses by server."""
    execution = read_execution(ROW)
    (wave,) = execution.waves
    assert (execution.plan_id, execution.is_over, execution.is_drill) == ("plan-1", True, True)
    assert execution.start_time == "2026-11-18T11:06:40Z"
    assert (wave.wave_number, wave.place, wave.jobs) == (0, Place(ACCOUNT, REGION), [JOB])
    assert wave.servers(Server.LAUNCHED) == SERVERS
    assert wave.end_time == "2026-11-18T11:40:00Z"


@pytest.mark.parametrize(
    "status",
    [
        "PENDING",
        "POLLING",
        "INITIATED",
        "LAUNCHING",
        "STARTED",
        "IN_PROGRESS",
        "RUNNING",
        "PAUSED",
        "CANCELLING",
        "polling",
        "NEVER_HEARD_OF",
    ],
)
def test_only_four_words_mean_that_an_execution_is_over(status: str) -> None:
    """Any other one runs."""
    assert not read_execution(ROW | {"status": status}).is_over
    for over in ("COMPLETED", "PARTIAL", "FAILED", "CANCELLED", "completed"):
        assert read_execution(ROW | {"status": over}).is_over


@pytest.mark.parametrize(
    ("time", "means"),
    [
        (STARTED, "2026-11-18T11:06:40Z"), (STARTED + 0.7, "2026-11-18T11:06:40Z"),
        (STARTED * 1000, "2026-11-18T11:06:40Z"), (str(STARTED), "2026-11-18T11:06:40Z"),
        ("2026-11-18T13:06:40+02:00", "2026-11-18T11:06:40Z"), ("2026-11-18T11:06:40", None),
        ("yesterday", None), (True, None), (None, None), ([], None), (1e300, None), ("", None),
    ],
)  # fmt: skip
def test_times_are_read_in_any_form_that_means_one(time: Any, means: str | None) -> None:
    """Epoch seconds or milliseconds, as number or text, or ISO 8601 with a zone."""
    assert read_execution(ROW | {"startTime": time}).start_time == means


@pytest.mark.parametrize(
    "changes",
    [
        {"serverStatuses": dict.fromkeys(SERVERS, "LAUNCHED")},
        {"serverStatuses": {it: {"launchStatus": "launched"} for it in SERVERS}},
        {"serverIds": None}, {"serverIds": []}, {"waveNumber": None}, {"waveNumber": "0"},
        {"jobId": None, "jobIds": [JOB]}, {"jobIds": "rubbish"}, {"accountId": int(ACCOUNT)},
        {"failures": "none"}, {"waveName": 7}, {"message": {"x": 1.5}},
    ],
)  # fmt: skip
def test_a_wave_says_the_same_in_other_forms(changes: dict[str, Any]) -> None:
    """A member that is missing, of another type or unknown costs that member."""
    (wave,) = read_execution(ROW | {"waves": [wave_row(JOB, REGION, SERVERS) | changes]}).waves
    assert (wave.wave_number, wave.jobs, wave.place) == (0, [JOB], Place(ACCOUNT, REGION))
    assert wave.servers(Server.LAUNCHED) == SERVERS


def test_termination_jobs_of_the_platform_are_followed_where_they_name_a_place() -> None:
    """Or where there is only one; what names no job is passed over."""
    jobs = ["drsjob-1", {"jobId": "drsjob-2", "status": "STARTED"}, {"region": REGION}, 7, None]
    execution = read_execution(ROW | {"terminateJobs": jobs})
    assert [it.job_id for it in execution.open_terminations] == ["drsjob-1", "drsjob-2"]
    assert {it.place for it in execution.open_terminations} == {Place(ACCOUNT, REGION)}
    nowhere = read_execution(ROW | {"terminateJobs": jobs, "waves": []})
    assert nowhere.open_terminations == []


def test_a_row_without_an_id_is_none_and_a_lock_is_a_lock() -> None:
    """The table's key is the one thing that is always there."""
    for execution_id in (None, "", 7):
        with pytest.raises(InvalidRow):
            read_execution({"executionId": execution_id})
    assert is_lock({"status": "LOCK"})
    assert not is_lock(ROW)


def ours(**more: Any) -> Execution:
    """An execution of ours, half way."""
    wave = Wave(wave_number=0, wave_name="One", account_id=ACCOUNT, region=REGION,
    server_ids=SERVERS,
                status=Status.STARTING, start_time="2026-11-18T11:06:40Z")  # fmt: skip
    wave.add_job(JOB, SERVERS[:1])
    wave.fail({SERVERS[1]: "no capacity"})
    return Execution(
        execution_id="e",
        plan_id="p",
        plan_name="P",
        execution_type="DRILL",
        status=Status.RUNNING,
        start_time="2026-11-18T11:06:40Z",
        revision=0,
        waves=[wave],
    ).model_copy(update=more)


def test_what_we_write_the_platform_understands() -> None:
    """Its types, its words, its account at the top."""
    row = decode_item(new_row(ours()))
    assert (row["startTime"], row["totalWaves"], row["accountId"]) == (STARTED, 1, ACCOUNT)
    assert row["accountContext"] == {"accountId": ACCOUNT}
    (wave,) = row["waves"]
    assert (wave["status"], wave["jobId"], wave["startTime"]) == ("INITIATED", JOB, STARTED)
    assert wave["serverStatuses"] == [
        {"sourceServerId": SERVERS[0], "launchStatus": "IN_PROGRESS"},
        {"sourceServerId": SERVERS[1], "launchStatus": "FAILED"},
    ]


def test_what_we_write_we_read_as_it_was() -> None:
    """Every member, in every status."""
    for status in Status:
        execution = ours(status=status)
        execution.waves[0].status = status
        execution.add_termination("drsjob-1", Place(ACCOUNT, REGION), SERVERS)
        assert read_execution(decode_item(new_row(execution))) == execution


def test_an_execution_of_more_servers_than_a_list_holds_keeps_a_map() -> None:
    """So that 5,000 servers still fit into one item."""
    execution = ours()
    execution.waves[0].server_ids = [f"s-{number:017d}" for number in range(MOST_LISTED + 1)]
    item = new_row(execution)
    assert "M" in item["waves"]["L"][0]["M"]["serverStatuses"]
    assert read_execution(decode_item(item)) == execution


def test_only_what_changes_is_written_and_over_what_was_there() -> None:
    """Members of others stay, in the row, in a wave and in a server's status."""
    item = encode_item(ROW | {"note": "kept"})
    before = read_execution(ROW)
    after = before.model_copy(deep=True)
    after.add_termination("drsjob-9", Place(ACCOUNT, REGION), SERVERS)
    changes = changed_members(item, before, after)
    assert set(changes) == {"terminateJobs", "terminationInitiatedAt", "instancesTerminated"}
    after.waves[0].mark(SERVERS[:1], Server.FAILED)
    changes = changed_members(item, before, after)
    wave = decode_item(changes["waves"]["L"][0]["M"])  # type: ignore[index]
    assert wave["serverStatuses"][0] == ROW["waves"][0]["serverStatuses"][0] | {
        "launchStatus": "FAILED"
    }
    assert wave["serverStatuses"][1:] == ROW["waves"][0]["serverStatuses"][1:]
    assert changed_members(item, before, before) == {}


def test_what_is_in_a_list_and_none_of_ours_stays_where_it_is() -> None:
    """Entries that are no objects, waves that did not change, members that nobody changed."""
    odd = wave_row(JOB, REGION, SERVERS) | {"jobIds": 7, "waveNumber": "1", "status": "polling"}
    job = {"jobId": "drsjob-2", "status": "started", "note": "theirs"}
    jobs = ["drsjob-1", 7, job, {"note": "no id"}, {"note": "nor this"}]
    row = ROW | {"waves": [7, odd, "x", wave_row(JOB, REGION, SERVERS)], "terminateJobs": jobs}
    before = read_execution(row)
    after = before.model_copy(deep=True)
    after.waves[1].message = "changed"
    after.add_termination("drsjob-9", Place(ACCOUNT, REGION), SERVERS)
    changes = changed_members(encode_item(row), before, after)
    written = decode_item({name: it for name, it in changes.items() if it is not None})
    assert written["waves"] == [*row["waves"][:3], row["waves"][3] | {"message": "changed"}]
    assert written["terminateJobs"][:-1] == jobs
    assert written["terminateJobs"][-1]["jobId"] == "drsjob-9"
    after.waves[0].mark(SERVERS[:1], Server.FAILED)
    (_, first, *_) = decode_item(
        {"waves": changed_members(encode_item(row), before, after)["waves"] or {}}
    )["waves"]
    assert first | {"serverStatuses": odd["serverStatuses"]} == odd


WORDS = (JOB, *SERVERS, "LAUNCHED", "RUNNING")


@LIMITS
@given(
    row=altered(ROW, *WORDS),
    wave=altered(ROW["waves"][0], *WORDS),
    status=altered(ROW["waves"][0]["serverStatuses"][0], *WORDS),
)
def test_any_row_with_an_id_is_an_execution_and_costs_its_neighbours_nothing(
    row: dict[str, Any], wave: dict[str, Any], status: dict[str, Any]
) -> None:
    """The good wave beside the odd one is read whole; what was read can be changed and written."""
    wave = wave | ({"serverStatuses": [status]} if "serverStatuses" in wave else {})
    row = row | {"executionId": "e", "waves": [wave, wave_row(JOB, REGION, SERVERS)]}
    execution = read_execution(row)
    good = execution.waves[1]
    assert (good.jobs, good.servers(Server.LAUNCHED)) == ([JOB], SERVERS)
    execution.body()
    after = execution.model_copy(deep=True)
    after.add_termination("drsjob-9", Place(ACCOUNT, REGION), SERVERS)
    assert "waves" not in changed_members(encode_item(row), execution, after)


@pytest.mark.parametrize(
    ("initiated_by", "who"),
    [("user@example.com", "user"), ("operator", "operator"), ("", None), (7, None), (None, None)],
)
def test_who_began_it_is_read_in_the_platforms_word(initiated_by: object, who: str | None) -> None:
    """No address, as everywhere; and it is written for the platform where we know it."""
    assert read_execution(ROW | {"initiatedBy": initiated_by}).requested_by == who
    assert decode_item(new_row(ours(requested_by=who)))["initiatedBy"] == (who or "recovery-sync")
    execution = read_execution(ROW | {"initiatedBy": initiated_by})
    after = execution.model_copy(update={"message": "closed"})
    assert set(changed_members(encode_item(ROW), execution, after)) == {"message"}


@pytest.mark.parametrize("odd", ["", "drsjob-1", 7, None, ["x"]])
def test_what_is_no_server_costs_no_other_server(odd: object) -> None:
    """One such key fails a whole call of DynamoDB, and of DRS; the row keeps it."""
    statuses = [{"sourceServerId": it, "launchStatus": "LAUNCHED"} for it in [odd, *SERVERS]]
    for said in ({"serverIds": [odd, *SERVERS]}, {"serverIds": [odd], "serverStatuses": statuses}):
        wave = wave_row(JOB, REGION, SERVERS) | said
        job = {"jobId": JOB, "region": REGION, "serverIds": [odd, *SERVERS]}
        row = ROW | {"waves": [wave], "terminateJobs": [job]}
        execution = read_execution(row)
        assert execution.server_ids == set(SERVERS)
        assert [it.server_ids for it in execution.termination_jobs] == [SERVERS]
        after = execution.model_copy(deep=True)
        after.waves[0].message = "changed"
        changed = changed_members(encode_item(row), execution, after)
        (written,) = decode_item({"waves": changed["waves"] or {}})["waves"]
        assert written == wave | {"message": "changed"}
