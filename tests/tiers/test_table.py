"""The table's contract, kept by memory, moto and DynamoDB over HTTP alike."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.protocol import Change, Verdict, apply, judge
from cache.table import Table, Written
from tests.tiers.conftest import Tables
from tests.tiers.samples import (
    HERE,
    ORIGIN,
    PROPERTY,
    SEEN_AT,
    SERVER,
    THERE,
    absence,
    changes,
    details,
    histories,
    launch,
    present,
    server_id,
)

ONE = server_id(1)


def row(table: Table, number: int = 1) -> dict[str, Any]:
    """The row of server `number`."""
    return table.read_rows([server_id(number)])[0][server_id(number)]


def test_a_new_server_gets_a_whole_row(table: Table) -> None:
    """Everything seen stands in the row under the original's attribute names, and nothing else."""
    assert table.write(present(7)).verdict is Verdict.REPLACE
    stored = row(table)
    assert stored["sourceSecurityGroupIds"] == ["sg-1", "sg-2"]
    assert stored["name"] == "web 1 🖥"
    assert stored["isDrill"] is True
    assert stored["version"] == 7
    assert (
        stored["lastSyncTime"] == stored["ec2ObservedAt"] == stored["originObservedAt"] == SEEN_AT
    )
    assert {"publicIp", "sourceInstanceProfile"}.isdisjoint(stored), (
        "what its source says is not there is omitted"
    )


def test_an_older_look_never_wins(table: Table) -> None:
    """A late write of an older look is refused and learns who won."""
    table.write(present(9, at=2))
    late = table.write(present(8, at=1))
    assert late.verdict is Verdict.OLDER
    assert late.row == row(table)
    assert late.row["ec2InstanceId"] == launch(2).ec2_instance_id


def test_the_same_write_twice_is_one_write(table: Table) -> None:
    """A retry of a write that had arrived is a success and changes nothing."""
    first = table.write(present(9))
    again = table.write(present(9))
    assert again.verdict is Verdict.OWN
    assert again.row == first.row == row(table)


def test_what_was_not_asked_stays(table: Table) -> None:
    """A look that could not ask EC2, the origin or the history keeps their last answers and stamps."""
    table.write(present(1))
    before = row(table)
    later = "2026-03-01T11:00:00Z"
    change = present(2, observed_at=later, details=None, attribution=None, server=None, origin=None)
    assert table.write(change).verdict is Verdict.UPDATE
    assert row(table) == before | {"version": 2, "lastSyncTime": later}


def test_what_its_source_denies_goes(table: Table) -> None:
    """An address that EC2 no longer reports is removed: "says none" and "could not ask" differ."""
    table.write(present(1))
    table.write(
        present(
            2, details=details(1).__class__(name="x", instance_type="t3.micro", launch_time=SEEN_AT)
        )
    )
    assert "privateIp" not in row(table)


def test_another_instance_inherits_nothing(table: Table) -> None:
    """Details and execution of the old instance go; what belongs to the source server stays."""
    table.write(present(1))
    change = present(2, at=2, details=None, attribution=None, server=None, origin=None)
    assert table.write(change).verdict is Verdict.REPLACE
    stored = row(table)
    gone = {
        "privateIp",
        "sourceExecutionId",
        "sourcePlanName",
        "ec2ObservedAt",
        "executionObservedAt",
    }
    assert gone.isdisjoint(stored)
    assert stored["name"] == f"Recovery of {ONE}"
    assert stored["instanceType"] == "unknown"
    assert stored["sourceServerName"] == SERVER.source_server_name
    assert stored["sourceVpcId"] == ORIGIN.source_vpc_id


def test_the_same_instance_under_another_job_is_another_launch(table: Table) -> None:
    """Launch-into-source starts one EC2 instance again: the execution of the first job must not stick to the second."""
    table.write(present(1))
    again = present(2, launch=launch(1, job_id="drsjob-9"), attribution=None, details=None)
    assert table.write(again).verdict is Verdict.REPLACE
    assert "sourceExecutionId" not in row(table)


def test_an_unknown_job_changes_nothing(table: Table) -> None:
    """A listing that lacks the job is about the same launch, and the execution stays."""
    table.write(present(1))
    assert (
        table.write(present(2, launch=launch(1, job_id=None), attribution=None)).verdict
        is Verdict.UPDATE
    )
    assert row(table)["sourceExecutionId"] == "exec-1"


def test_an_absence_is_a_tombstone(table: Table) -> None:
    """The instance's attributes go, the server's stay, and so does its row in the index of its place."""
    table.write(present(1))
    assert table.servers_of("exec-1") == [ONE]
    assert table.write(absence(2)).verdict is Verdict.UPDATE
    stored = row(table)
    assert stored["presence"] == "absent"
    assert {"ec2InstanceId", "name", "jobId", "sourceExecutionId", "ec2ObservedAt"}.isdisjoint(
        stored
    )
    assert stored["sourceServerName"] == "web"
    assert table.servers_in(HERE) == {ONE: "absent"}
    assert table.servers_of("exec-1") == []


def test_an_absence_says_nothing_elsewhere(table: Table) -> None:
    """A server that moved is never called absent by the place it left, nor is one without a row."""
    assert table.write(absence(1)).verdict is Verdict.ELSEWHERE
    assert table.read_rows([ONE])[0] == {}
    table.write(present(2, place=THERE))
    moved = table.write(absence(3, place=HERE))
    assert moved.verdict is Verdict.ELSEWHERE
    assert moved.row is not None
    assert moved.row["presence"] == row(table)["presence"] == "present"


def test_the_deleted_come_back_only_by_a_newer_look(table: Table) -> None:
    """A tombstone outlives late writes and gives way to a newer launch."""
    table.write(present(1))
    table.write(absence(5))
    assert table.write(present(4)).verdict is Verdict.OLDER
    assert table.write(present(6)).verdict is Verdict.REPLACE
    assert row(table)["presence"] == "present"


@pytest.mark.parametrize(
    "hint", [None, {}, {"version": 99, "ec2InstanceId": "i-other"}, {"version": 1, "jobId": "x"}]
)
def test_a_wrong_hint_costs_only_time(table: Table, hint: dict[str, Any] | None) -> None:
    """Whatever the caller believed is stored, the table decides by what is."""
    table.write(present(1))
    assert table.write(present(2), hint).verdict is Verdict.UPDATE
    assert table.write(absence(3), hint).verdict is Verdict.UPDATE
    assert table.write(present(4), hint).verdict is Verdict.REPLACE


@pytest.mark.parametrize("version", [None, "9", True, [9], 5.5, -3])
@pytest.mark.parametrize(
    "change", [present(10), present(10, at=2), absence(10)], ids=["same", "other", "absent"]
)
def test_a_row_without_a_sound_version_is_healed_by_the_next_look(
    tables: Tables, version: object, change: Change
) -> None:
    """What somebody broke gives way to whatever is confirmed of it."""
    table = tables.fresh()
    broken = apply(None, present(1), Verdict.REPLACE) | {"version": version}
    tables.put(table, {name: value for name, value in broken.items() if value is not None})
    assert table.write(change).verdict.is_write
    assert row(table)["version"] == 10


def test_a_row_with_odd_types_is_another_launch(tables: Tables) -> None:
    """Identifiers that are no text match nothing, and do not stop the sync."""
    table = tables.fresh()
    tables.put(
        table,
        {
            "sourceServerId": ONE,
            "version": 1,
            "ec2InstanceId": launch(1).ec2_instance_id,
            "jobId": ["x"],
        },
    )
    assert table.write(present(2)).verdict is Verdict.REPLACE


def test_many_are_written_side_by_side(table: Table) -> None:
    """Each change gets its own result, and one refused costs the others nothing."""
    table.write(present(50, number=3))
    results = list(table.write_all([present(9, number=it) for it in range(20)], {}))
    verdicts = {it.change.server_id: it.verdict for it in results if isinstance(it, Written)}
    assert verdicts.pop(server_id(3)) is Verdict.OLDER
    assert set(verdicts.values()) == {Verdict.REPLACE}
    assert len(table.servers_in(HERE)) == 20


def test_more_than_a_batch_is_read_whole(table: Table) -> None:
    """More than 100 ids, duplicates and servers without a row in one read."""
    list(table.write_all([present(1, number=it) for it in range(0, 105, 8)], {}))
    asked = [server_id(it) for it in range(110)] * 2
    rows = table.read(asked)
    assert set(rows.records) == {server_id(it) for it in range(0, 105, 8)}
    assert not rows.unread


def test_a_read_whose_time_is_up_knows_nothing(table: Table) -> None:
    """After the deadline every id is unread, never missing."""
    table.write(present(1))
    rows = table.read([ONE, server_id(2)], deadline=monotonic() - 1)
    assert rows.unread == {ONE, server_id(2)}
    assert rows.records == {}


def test_a_row_that_is_no_record_is_unread(tables: Tables) -> None:
    """A broken row is unknown, never absent."""
    table = tables.fresh()
    tables.put(table, {"sourceServerId": ONE, "presence": "absent", "version": 3})
    assert table.read([ONE]).unread == {ONE}


def test_the_index_lists_places_apart(table: Table) -> None:
    """A server is listed in the place its row is in, however often it moved."""
    table.write(present(1, number=1))
    table.write(present(1, number=2, place=THERE))
    table.write(present(2, number=1, place=THERE))
    assert table.servers_in(HERE) == {}
    assert table.servers_in(THERE) == {server_id(1): "present", server_id(2): "present"}
    assert {it["sourceServerId"] for it in table.scan()} == {server_id(1), server_id(2)}


@pytest.mark.parametrize(
    "tables", ["memory", "http"], indirect=True
)  # moto takes half a minute for it
@settings(PROPERTY, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), hints=st.lists(st.none() | changes(), min_size=8, max_size=8))
def test_the_engine_does_what_the_pure_functions_say(
    tables: Tables, history: list[Change], hints: list[Change | None]
) -> None:
    """For any history and any hints the row and every verdict equal the fold of `judge` and `apply`."""
    table = _shared(tables)
    number = next(_servers)
    expected: dict[str, Any] | None = None
    for change, hint in zip(history, hints, strict=False):
        moved = Change(server_id(number), *(getattr(change, name) for name in Change.__slots__[1:]))
        verdict = judge(expected, moved)
        expected = apply(expected, moved, verdict) if verdict.is_write else expected
        written = table.write(moved, apply(None, hint, Verdict.REPLACE) if hint else None)
        assert written.verdict is verdict
        assert written.row == _listed(expected)
    assert table.read_rows([server_id(number)])[0].get(server_id(number)) == _listed(expected)


@pytest.mark.parametrize(
    "tables", ["memory", "http"], indirect=True
)  # moto's table is not safe between threads
def test_racing_writers_leave_the_newest(table: Table) -> None:
    """Sixteen threads, one server: the highest ticket stands, and every result names a winner at least its own."""
    tickets = list(range(1, 65))
    Random(5).shuffle(tickets)
    with ThreadPoolExecutor(16) as pool:
        results = list(
            pool.map(lambda ticket: table.write(present(ticket, at=ticket % 3)), tickets)
        )
    assert row(table)["version"] == 64
    assert row(table)["ec2InstanceId"] == launch(64 % 3).ec2_instance_id
    assert all(it.row is not None and it.row["version"] >= it.change.version for it in results)


def _listed(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """The row as a table gives it back: lists for tuples."""
    return row and {
        name: list(value) if isinstance(value, tuple) else value for name, value in row.items()
    }


_servers = iter(range(1000, 10**9))
_tables: dict[int, Table] = {}


def _shared(tables: Tables) -> Table:
    return _tables.setdefault(id(tables), tables.fresh())
