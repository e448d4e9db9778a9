"""The report on an execution: waves, servers, recovery points and
times, failures, the end, and what was left behind.
"""

from typing import Any

from services.execution.report import report_body
from services.execution.report_html import duration, report_html
from services.platform.execution import Execution

A, B, C = (f"s-{n:017}" for n in (1, 2, 3))
EXECUTION = {
    "executionId": "exec-1",
    "planId": "plan-1",
    "planName": "Shop <b>",
    "status": "PARTIAL",
    "startTime": "2026-11-01T10:00:00Z",
    "endTime": "2026-11-01T11:30:00Z",
    "waves": [
        {
            "waveNumber": 1,
            "waveName": "Databases",
            "serverIds": [A, B],
            "status": "PARTIAL",
            "jobIds": ["drsjob-1"],
            "serverStatuses": {A: "LAUNCHED", B: "FAILED"},
            "failures": [{"reason": "no <capacity>", "serverIds": [B]}],
            "startTime": "2026-11-01T10:00:10Z",
            "endTime": "2026-11-01T10:24:10Z",
        },
        {"waveNumber": 2, "serverIds": [C], "status": "CANCELLED"},
    ],
    "terminationJobs": [
        {"jobId": "drsjob-2", "accountId": "1", "region": "r", "serverIds": [A],
         "status": "COMPLETED", "requestedAt": "2026-11-02T08:00:00Z", "requestedBy": "ann"},
    ],
    "cleanUps": [{"note": "all <fine>", "at": "2026-11-02T08:00:00Z", "by": "ann"}],
}  # fmt: skip
LAUNCHES = {
    A: {
        "sourceServerName": "db & co",
        "ec2InstanceId": "i-1",
        "instanceType": "m5.large",
        "launchTime": "2026-11-01T10:20:10Z",
        "pointInTime": "2026-11-01T09:55:10Z",
    }
}


def report(left: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    """The report on the execution above."""
    execution = Execution.model_validate(EXECUTION | changes)
    return report_body(execution, LAUNCHES, left, "2026-11-03T00:00:00Z")


def test_what_the_check_found_before_the_launch_is_reported() -> None:
    """Nothing found, found, and never checked are three things."""
    finding = {"severity": "warning", "code": "IN_TWO_PLANS", "message": "in <two>"}
    found = report(findings=[finding])
    assert found["findings"] == [finding]
    assert "warning: in &lt;two&gt;" in report_html(found)
    assert "Nothing was found." in report_html(report(findings=[]))
    assert "Not checked by this product." in report_html(report())


def test_a_server_says_its_recovery_point_and_time() -> None:
    """Both against the start of its wave; of a server that was not launched nobody knows any."""
    launched, failed = report()["waves"][0]["servers"]
    assert (launched["recoveryTimeSeconds"], launched["recoveryPointSeconds"]) == (1200, 300)
    assert (failed["recoveryTimeSeconds"], failed["recoveryPointSeconds"]) == (None, None)
    assert failed["reason"] == "no <capacity>"


def test_the_whole_says_the_worst_figures_and_of_how_many_servers_they_are() -> None:
    """A figure of two servers out of three is told as such."""
    body = report()
    assert (body["serverCount"], body["launched"], body["failed"], body["measured"]) == (3, 1, 1, 1)
    assert body["longestRecoveryTimeSeconds"] == 1200
    assert body["oldestRecoveryPointSeconds"] == 300
    assert body["durationSeconds"] == 5400
    assert body["waves"][0]["durationSeconds"] == 1440
    assert body["waves"][1]["longestRecoveryTimeSeconds"] is None


def test_who_ended_it_and_what_was_left_is_told() -> None:
    """Left behind that could not be asked is not "nothing"."""
    assert report(None)["leftBehind"] is None
    assert report([C, A])["leftBehind"] == [A, C]
    body = report([])
    assert body["termination"][0]["requestedBy"] == "ann"
    assert body["cleanUps"][0]["note"] == "all <fine>"
    assert "could not be asked" in report_html(report(None))
    assert "Left behind:</b> nothing" in report_html(body)


def test_what_runs_has_left_nothing_that_anybody_knows_of() -> None:
    """Instances are being launched, so "nothing" would be false; rows of others say less."""
    body = report([], status="RUNNING", executionType="UNKNOWN", startTime=None)
    assert body["leftBehind"] is None
    page = report_html(body)
    assert "Left behind:</b> not known while it runs" in page
    assert "Execution report" in page
    assert "None" not in page


def test_an_execution_that_runs_or_lacks_times_has_a_report_too() -> None:
    """Rows of others may lack what ours have."""
    body = report(startTime=None, endTime=None, waves=[{"waveNumber": 1, "serverIds": [A]}])
    assert body["durationSeconds"] is None
    assert body["waves"][0]["servers"][0]["recoveryTimeSeconds"] is None
    assert "not yet" in report_html(body)


def test_the_page_escapes_what_other_people_wrote() -> None:
    """Names, reasons and notes."""
    page = report_html(report([]))
    for text in ("Shop &lt;b&gt;", "no &lt;capacity&gt;", "all &lt;fine&gt;", "db &amp; co"):
        assert text in page
    assert "<capacity>" not in page


def test_a_duration_is_said_in_two_units_at_most() -> None:
    """None is not zero."""
    said = [duration(it) for it in (None, 0, 4, 185, 7500)]
    assert said == ["not known", "0 s", "4 s", "3 min 5 s", "2 h 5 min"]
