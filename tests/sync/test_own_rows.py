"""Rows of `sync-status` as another release, or a person, may leave them: no request fails over one,
nothing that it does not say is believed, and its neighbours count.
"""

from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.attributes import encode_item
from cache.looks import place_look, place_looks
from cache.values import Outcome, PlaceLook
from services.api.models import PlacedExtra
from services.cli.sync import status
from services.execution.report import report_body
from services.execution.report_html import report_html
from services.platform.execution import Execution
from services.platform.groups import Group, selected_servers
from services.platform.launches import launches_in
from services.platform.sync_status import LEASE, RUN
from services.reads.drills import extras
from services.sync.run import get_recovery_instance_sync_status
from tests.altered import LIMITS, altered
from tests.sync.platform import Platform

A, B = (f"s-{number:017}" for number in (1, 2))
STAMP = "2026-11-01T10:00:00Z"
LOOK: dict[str, Any] = {
    "ticket": 7, "outcome": "seen", "completedAt": STAMP, "completedTicket": 7, "listedAt": STAMP,
    "inventoriedAt": STAMP, "place": "111111111111/eu-west-1",
}  # fmt: skip
EXTRA: dict[str, Any] = {
    "sourceServerId": A, "ec2InstanceId": "i-1", "ec2InstanceState": "running", "why": "second",
    "jobId": "drsjob-1", "isDrill": True,
}  # fmt: skip
GROUP = Group("111111111111", "eu-west-1", None, {"tier": "db"})
SELECTION: dict[str, Any] = {
    "tags": {"tier": "db"}, "place": "111111111111/eu-west-1", "serverIds": [A, B],
}  # fmt: skip
LAUNCH: dict[str, Any] = {
    "sourceServerName": "db", "ec2InstanceId": "i-1", "instanceType": "m5.large",
    "launchTime": STAMP, "pointInTime": STAMP,
}  # fmt: skip
EXECUTION = Execution.model_validate({
    "executionId": "e", "planId": "p", "status": "COMPLETED",
    "waves": [{"waveNumber": 1, "serverIds": [A, B], "status": "COMPLETED", "startTime": STAMP}],
})  # fmt: skip


@LIMITS
@given(row=altered(LOOK, "seen", "denied", STAMP))
def test_a_look_that_makes_no_sense_vouches_for_nothing(row: dict[str, Any]) -> None:
    """Its neighbour's look stands."""
    look = place_look(row)
    if not isinstance(row.get("ticket"), int) or not isinstance(row.get("outcome"), str):
        assert look.completed_at == 0
    rows = [{**row, "id": "place#1/a"}, {**LOOK, "id": "place#1/b"}]
    whole = PlaceLook(7, 1793527200000, Outcome.SEEN, 7, 1793527200000, 1793527200000)
    assert place_looks(rows)["1/b"] == whole


@LIMITS
@given(row=altered(SELECTION, [A], {"tier": "db"}))
def test_a_selection_is_of_these_tags_and_this_place_or_of_nobody(row: dict[str, Any]) -> None:
    """Unknown is None, and never an empty choice that the row does not say."""
    selected = selected_servers(GROUP, row)
    is_said = (
        row.get("tags") == SELECTION["tags"]
        and row.get("place") == SELECTION["place"]
        and isinstance(row.get("serverIds"), list)
    )
    assert selected == (tuple(row["serverIds"]) if is_said else None)


@LIMITS
@given(launch=altered(LAUNCH, STAMP), row=altered({"launches": {}, "id": "x"}))
def test_a_report_is_made_of_whatever_was_kept(launch: dict[str, Any], row: dict[str, Any]) -> None:
    """What is no launch is as good as not known; the other server's figures are there."""
    for kept in (row, {"launches": {A: launch, B: LAUNCH}}, {"launches": {A: 7, B: LAUNCH}}):
        body = report_body(EXECUTION, launches_in(kept), [], STAMP)
        assert "<html" in report_html(body)
    (wave,) = body["waves"]
    assert [it["ec2InstanceId"] for it in wave["servers"]] == [None, "i-1"]


@LIMITS
@given(item=altered(EXTRA), kept=st.none() | st.integers() | st.text() | st.lists(st.integers()))
def test_instances_beside_the_current_ones_are_listed_whatever_the_row(
    item: dict[str, Any], kept: object
) -> None:
    """Each that is one at all, and those of the next place."""
    place = {"place": "111111111111/eu-west-1"}
    rows = [
        {**place, "extraInstances": kept, "forgottenInstances": [item]},
        {**place, "extraInstances": [EXTRA]},
    ]
    found = list(extras(rows))
    assert len(found) == 2
    assert {name: found[1][name] for name in EXTRA} == EXTRA
    for it in found:
        PlacedExtra.model_validate(it, strict=True)


@pytest.mark.parametrize("until", [None, "soon", True, [], 0])
def test_a_lease_that_does_not_say_how_long_stops_nobody(platform: Platform, until: object) -> None:
    """Else it would stop every sync for ever."""
    wiring = platform.wiring
    status = wiring.status
    row = {"id": LEASE, "runId": "r", "expiresAt": until}
    wiring.dynamodb.put_item(TableName=wiring.settings.sync_status_table, Item=encode_item(row))
    assert status.read().running is None
    status.begin("mine", STAMP, 1)
    assert (status.read().running or {})["runId"] == "mine"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    look=altered(LOOK | {"durationMs": 7, "message": "x", "instances": 1, "absent": 0}, STAMP),
    lease=altered({"runId": "r", "startedAt": STAMP, "placesDone": 1, "placesTotal": 2}, STAMP),
    run=altered({"runId": "r", "endedAt": STAMP, "status": "completed", "errors": []}, STAMP),
)
def test_the_status_is_told_whatever_the_rows(
    platform: Platform, look: dict[str, Any], lease: dict[str, Any], run: dict[str, Any]
) -> None:
    """At the command line too; the place beside is told as it is."""
    table = platform.wiring.settings.sync_status_table
    rows = {"place#1/a": look, "place#1/b": LOOK | {"place": "1/b", "instances": 4_321}}
    rows |= {LEASE: lease | {"expiresAt": 9_999_999_999}, RUN: run}
    for row_id, row in rows.items():
        platform.row(table, row | {"id": row_id})
    told = CliRunner().invoke(status, obj=platform.wiring)
    assert told.exception is None, told.output
    assert "4321" in told.output
    body = get_recovery_instance_sync_status(platform.wiring.looks, platform.wiring.status)
    for place in body["places"]:
        assert isinstance(place["outcome"], str)
