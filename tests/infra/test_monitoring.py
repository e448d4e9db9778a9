"""Alarms, dashboard and log messages: what is watched is what the functions were seen to write."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.infra.journeys import RecordedStack
from tests.infra.policies import filled
from tests.infra.templates import INFRA, load, resources

pytestmark = [pytest.mark.xdist_group("infra-journeys"), pytest.mark.long]


@pytest.fixture
def logged(journeys: RecordedStack) -> list[str]:
    """What the functions wrote, line by line."""
    return [
        line
        for log in journeys.directory.glob("*-dev.log")
        for line in log.read_text().splitlines()
    ]


@pytest.fixture
def emitted(logged: list[str]) -> dict[str, set[str]]:
    """Each metric that the functions wrote, with its dimensions."""
    found = [
        it
        for line in logged
        if '"_aws"' in line
        for it in json.loads(line)["_aws"]["CloudWatchMetrics"]
    ]
    assert {it["Namespace"] for it in found} == {"RecoveryInstanceSync"}
    return {metric["Name"]: set(it["Dimensions"][0]) for it in found for metric in it["Metrics"]}


def test_alarms_and_widgets_show_what_the_code_emits(emitted: dict[str, tuple[str, ...]]) -> None:
    """Each of our metrics that is named anywhere exists, with these very dimensions."""
    shown = dict(_alarm_metrics()) | dict(_widget_metrics())
    assert {name: set(emitted.get(name, ())) for name in shown} == {
        name: set(it) for name, it in shown.items()
    }


def test_everything_that_is_emitted_is_shown(emitted: dict[str, tuple[str, ...]]) -> None:
    """No metric is paid for that nobody looks at."""
    assert set(emitted) == set(dict(_alarm_metrics()) | dict(_widget_metrics()))


def test_the_alarms_of_the_customers_design_keep_their_thresholds() -> None:
    """Three critical, two warning, and data age; each alarm tells
    somebody, also of its end, and where to read on.
    """
    alarms = resources("monitoring.yaml", "AWS::CloudWatch::Alarm")
    asked_for = {
        "SyncErrors": 0, "TableThrottled": 0, "SlowHandler": 5_000, "MissRate": 10,
        "SlowSync": 120_000, "OldData": 900,
    }  # fmt: skip
    assert {name: alarms[name]["Threshold"] for name in asked_for} == asked_for
    for name, alarm in alarms.items():
        level = re.findall("critical|warning", alarm["AlarmName"]["Fn::Sub"])[0]
        assert alarm["AlarmDescription"].startswith(level.capitalize()), name
        assert alarm["AlarmActions"], name
        assert alarm["OKActions"], name


def test_every_alarm_has_its_entry_in_the_runbook() -> None:
    """The description names the entry, and the entry names the alarm."""
    runbook = (INFRA.parent / "docs" / "runbook.md").read_text()
    headings = [it.lower() for it in re.findall(r"^## (.+)$", runbook, re.MULTILINE)]
    entries = {part.strip() for heading in headings for part in heading.split(",")}
    for name, alarm in resources("monitoring.yaml", "AWS::CloudWatch::Alarm").items():
        (entry,) = re.findall(r"Runbook: (.+)\.$", alarm["AlarmDescription"].strip())
        assert entry in entries, name
        assert alarm["AlarmName"]["Fn::Sub"].removeprefix("${Project}-${Environment}-") in runbook


def test_without_a_mirror_nothing_watches_one() -> None:
    """An alarm that can only ring is none."""
    template = load("monitoring.yaml")["Resources"]
    conditional = {name for name, it in template.items() if it.get("Condition") == "Mirror"}
    watching = {
        name
        for name, it in template.items()
        if it["Type"] == "AWS::CloudWatch::Alarm"
        and re.search("CacheMissCount|CacheHitCount|MirrorAway|publisher", json.dumps(it))
    }
    assert watching == conditional == {"MissRate", "MirrorAway", "PublisherBehind"}


def test_a_heartbeat_that_stops_is_an_alarm() -> None:
    """Missing data is bad news there alone; everywhere else nothing happened."""
    alarms = resources("monitoring.yaml", "AWS::CloudWatch::Alarm")
    breaching = {name for name, it in alarms.items() if it["TreatMissingData"] == "breaching"}
    assert breaching == {"NoLook"}


@pytest.mark.parametrize(
    "message",
    [
        r"Synced \d+ recovery instances after wave \d+",
        r"Background sync completed: \d+ instances updated",
        r"Cache miss for server s-[0-9a-zA-Z]{17}",
    ],
)
def test_the_log_messages_of_the_original_design(logged: list[str], message: str) -> None:
    """Word for word, since people search for them."""
    messages = [
        json.loads(line).get("message", "") for line in logged if line.startswith('{"level"')
    ]
    assert any(re.search(message, str(it)) for it in messages)


def _alarm_metrics() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Our own metrics that alarms watch, with their dimensions."""
    for alarm in resources("monitoring.yaml", "AWS::CloudWatch::Alarm").values():
        stats = [
            it["MetricStat"]["Metric"] for it in alarm.get("Metrics", []) if "MetricStat" in it
        ]
        for metric in stats or [alarm]:
            if metric["Namespace"] == "RecoveryInstanceSync":
                yield metric["MetricName"], tuple(it["Name"] for it in metric["Dimensions"])


def _widget_metrics() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Our own metrics on the dashboard, with their dimensions, in searches too."""
    board = resources("monitoring.yaml", "AWS::CloudWatch::Dashboard")["Board"]
    for widget in json.loads(filled(board["DashboardBody"]["Fn::Sub"]))["widgets"]:
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], dict):
                for schema, name in re.findall(
                    r"SEARCH\('\{([^}]+)\} MetricName=\"(\w+)\"", metric[0]["expression"]
                ):
                    yield name, tuple(schema.split(",")[1:])
            elif metric[0] == "RecoveryInstanceSync":
                yield metric[1], tuple(it for it in metric[2:-1:2] if isinstance(it, str))
