"""The table's contract, kept by memory, moto and DynamoDB over HTTP alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from random import Random
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.protocol import Change, Verdict, apply, decide, decide_again
from cache.record import Attribution, InstanceState, SourceServer
from cache.table import Stored, Table, Written
from tests.tiers.conftest import Tables
from tests.tiers.conftest import write as write_each
from tests.tiers.samples import (
    HERE,
    ORIGIN,
    PROPERTY,
    SEEN_AT,
    SERVER,
    THERE,
    absence,
    details,
    histories,
    launch,
    present,
    server_id,
)

ONE = server_id(1)


def write(table: Table, change: Change, **options: Any) -> Written:
    """What became of one change."""
    (written,) = write_each(table, change, **options)
    return written


def row(table: Table, number: int = 1) -> dict[str, Any]:
    """The row of server `number`."""
    return table.read_rows([server_id(number)])[0][server_id(number)]


def test_a_new_server_gets_a_whole_row(table: Table) -> None:
    """Everything seen stands in the row under the original's attribute names, and nothing else."""
    assert write(table, present(7)).verdict is Verdict.REPLACE
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
    write(table, present(9, at=2))
    late = write(table, present(8, at=1))
    assert late.verdict is Verdict.OLDER
    assert late.row == row(table)
    assert late.row["ec2InstanceId"] == launch(2).ec2_instance_id


def test_the_same_write_twice_is_one_write(table: Table) -> None:
    """A retry of a write that had arrived is a success and changes nothing."""
    first = write(table, present(9))
    again = write(table, present(9))
    assert again.verdict is Verdict.OWN
    assert again.row == first.row == row(table)


def test_what_was_not_asked_stays(table: Table) -> None:
    """A look that could not ask EC2, the origin or the history
    keeps their last answers and stamps.
    """
    write(table, present(1))
    before = row(table)
    later = "2026-03-01T11:00:00Z"
    change = present(2, observed_at=later, details=None, attribution=None, server=None, origin=None)
    assert write(table, change).verdict is Verdict.UPDATE
    older = {"version": 2, "lastSyncTime": later, "detailsAreOlder": True}
    assert row(table) == before | older
    write(table, present(3))
    assert "detailsAreOlder" not in row(table)


def test_what_its_source_denies_goes(table: Table) -> None:
    """An address that EC2 no longer reports is removed: "says none" and "could not ask" differ."""
    write(table, present(1))
    write(
        table,
        present(
            2, details=details(1).__class__(name="x", instance_type="t3.micro", launch_time=SEEN_AT)
        ),
    )
    assert "privateIp" not in row(table)


def test_an_execution_without_a_plan_keeps_its_own_plan_only(table: Table) -> None:
    """A source that does not name the plan did not say there is none; another execution's goes."""
    whole = Attribution(source_execution_id="exec-1", source_plan_name="Shop")
    for version, said in enumerate((whole, replace(whole, source_plan_name=None)), 1):
        write(table, present(version, attribution=said))
        assert row(table)["sourcePlanName"] == "Shop"
    write(table, present(3, attribution=Attribution(source_execution_id="exec-2")))
    assert row(table)["sourceExecutionId"] == "exec-2"
    assert "sourcePlanName" not in row(table)


def test_another_instance_inherits_nothing(table: Table) -> None:
    """Details and execution of the old instance go; what belongs to the source server stays."""
    write(table, present(1))
    change = present(2, at=2, details=None, attribution=None, server=None, origin=None)
    assert write(table, change).verdict is Verdict.REPLACE
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
    """Launch-into-source starts one EC2 instance again: the execution
    of the first job must not stick to the second.
    """
    write(table, present(1))
    again = present(2, launch=launch(1, job_id="drsjob-9"), attribution=None, details=None)
    assert write(table, again).verdict is Verdict.REPLACE
    assert "sourceExecutionId" not in row(table)


def test_an_unknown_job_changes_nothing(table: Table) -> None:
    """A listing that lacks the job is about the same launch, and the execution stays."""
    write(table, present(1))
    assert (
        write(table, present(2, launch=launch(1, job_id=None), attribution=None)).verdict
        is Verdict.UPDATE
    )
    assert row(table)["sourceExecutionId"] == "exec-1"


def test_an_absence_is_a_tombstone(table: Table) -> None:
    """The instance's attributes go, the server's stay, and so
    does its row in the index of its place.
    """
    write(table, present(1))
    assert table.servers_of("exec-1") == [ONE]
    assert write(table, absence(2)).verdict is Verdict.UPDATE
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
    assert write(table, absence(1)).verdict is Verdict.ELSEWHERE
    assert table.read_rows([ONE])[0] == {}
    write(table, present(2, place=THERE))
    moved = write(table, absence(3, place=HERE))
    assert moved.verdict is Verdict.ELSEWHERE
    assert moved.row is not None
    assert moved.row["presence"] == row(table)["presence"] == "present"


def test_the_deleted_come_back_only_by_a_newer_look(table: Table) -> None:
    """A tombstone outlives late writes and gives way to a newer launch."""
    write(table, present(1))
    write(table, absence(5))
    assert write(table, present(4)).verdict is Verdict.OLDER
    assert write(table, present(6)).verdict is Verdict.REPLACE
    assert row(table)["presence"] == "present"


def as_read(*rows: dict[str, Any]) -> Stored:
    """Rows as somebody has read them."""
    return Stored({it["sourceServerId"]: it for it in rows}, set(), monotonic())


@pytest.mark.parametrize(
    "read", [None, {"version": 99}, {"version": 1, "ec2InstanceId": "i-other"}]
)
def test_what_was_read_too_early_costs_only_time(table: Table, read: dict[str, Any] | None) -> None:
    """Whatever the caller read, the table decides by what is there at the write."""
    early = as_read(*([{"sourceServerId": ONE} | read] if read else []))
    assert write(table, present(1), stored=as_read()).verdict is Verdict.REPLACE
    write(table, present(2))
    if read and read["version"] == 99:
        assert write(table, present(3), stored=early).verdict is Verdict.OLDER
    else:
        assert write(table, present(3), stored=early).verdict is Verdict.UPDATE


def test_an_absence_of_a_row_that_changed_since_says_nothing(table: Table) -> None:
    """The row was read before the describe; what came to stand there since is not called absent."""
    write(table, present(1))
    early = table.read_rows([ONE])
    write(table, present(2, at=2))
    assert write(table, absence(3), stored=early).verdict is Verdict.CHANGED
    assert row(table)["presence"] == "present"


def test_a_row_that_could_not_be_read_is_not_written(table: Table) -> None:
    """Neither as a new one nor as the same."""
    unread = Stored({}, {ONE}, monotonic())
    assert write(table, present(1), stored=unread).verdict is Verdict.FAILED
    assert table.read_rows([ONE]).rows == {}


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
    assert write(table, change).verdict.is_write
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
    assert write(table, present(2)).verdict is Verdict.REPLACE


def test_many_are_written_in_transactions(table: Table) -> None:
    """Each change gets its own result, and one refused costs the others nothing."""
    early = as_read()
    write(table, present(50, number=3))
    results = list(chain(*table.write([present(9, number=it) for it in range(230)], early)))
    verdicts = {it.change.server_id: it.verdict for it in results}
    assert verdicts.pop(server_id(3)) is Verdict.OLDER
    assert set(verdicts.values()) == {Verdict.REPLACE}
    assert len(results) == len(table.servers_in(HERE)) == 230


def test_a_row_that_says_the_same_is_confirmed_not_written(table: Table) -> None:
    """Only for a look behind its fence, and only for an hour:
    whoever reads the table is never further behind.
    """
    write(table, present(1))
    before = row(table)
    soon, late = "2026-03-01T10:59:59Z", "2026-03-01T11:00:00Z"
    same = write(table, present(2, observed_at=soon), skip=True)
    assert (same.verdict, same.row, row(table)) == (Verdict.SAME, before, before)
    assert write(table, present(3, observed_at=late), skip=True).verdict is Verdict.UPDATE
    assert row(table)["lastSyncTime"] == late
    assert write(table, present(4, observed_at=late)).verdict is Verdict.UPDATE
    assert row(table)["version"] == 4


@pytest.mark.parametrize(
    "change",
    [
        present(2, launch=launch(1, ec2_instance_state=InstanceState.STOPPED)),
        present(2, details=replace(details(1), public_ip="198.51.100.7")),
        present(2, origin=None, server=SourceServer(source_server_name="renamed")),
        present(2, at=2),
        present(2, place=THERE),
    ],
    ids=["state", "address", "name", "launch", "place"],
)
def test_a_row_that_differs_is_written(table: Table, change: Change) -> None:
    """In any attribute that is not a stamp."""
    write(table, present(1))
    assert write(table, change, skip=True).verdict.is_write
    assert row(table)["version"] == 2


def test_a_broken_row_is_written_anew_although_it_says_the_same(tables: Tables) -> None:
    """Only a record may be skipped."""
    table = tables.fresh()
    tables.put(table, apply(None, present(1), Verdict.REPLACE) | {"lastSyncTime": "yesterday"})
    assert write(table, present(2), skip=True).verdict is Verdict.UPDATE
    assert table.read([ONE]).records[ONE].version == 2


@pytest.mark.parametrize("value", [b"\x00", 5.5, 10**37, {"x": [1, None, {"y": b"z"}]}, -3])
def test_what_others_keep_in_a_row_stays_there(tables: Tables, value: object) -> None:
    """A whole row is written, with what was in it."""
    table = tables.fresh()
    tables.put(table, apply(None, present(1), Verdict.REPLACE) | {"surprise": value})
    assert write(table, present(2)).verdict is Verdict.UPDATE
    assert row(table)["surprise"] == value


def test_more_than_a_batch_is_read_whole(table: Table) -> None:
    """More than 100 ids, duplicates and servers without a row in one read."""
    write_each(table, *(present(1, number=it) for it in range(0, 105, 8)))
    asked = [server_id(it) for it in range(110)] * 2
    rows = table.read(asked)
    assert set(rows.records) == {server_id(it) for it in range(0, 105, 8)}
    assert not rows.unread


def test_a_read_whose_time_is_up_knows_nothing(table: Table) -> None:
    """After the deadline every id is unread, never missing."""
    write(table, present(1))
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
    write(table, present(1, number=1))
    write(table, present(1, number=2, place=THERE))
    write(table, present(2, number=1, place=THERE))
    assert table.servers_in(HERE) == {}
    assert table.servers_in(THERE) == {server_id(1): "present", server_id(2): "present"}
    assert {it["sourceServerId"] for it in table.scan()} == {server_id(1), server_id(2)}


@pytest.mark.parametrize(
    "tables", ["memory", "http"], indirect=True
)  # moto takes half a minute for it
@settings(PROPERTY, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), read=st.lists(st.integers(0, 8), min_size=8, max_size=8))
def test_the_engine_does_what_the_pure_functions_say(
    tables: Tables, history: list[Change], read: list[int]
) -> None:
    """For any history, and however old what was read: row and
    verdicts are those of `decide` and `decide_again`.
    """
    table, server = _shared(tables), server_id(next(_servers))
    rows: list[dict[str, Any] | None] = [None]
    for change, at in zip(history, read, strict=False):
        moved = replace(change, server_id=server)
        early, now = rows[-1 - min(at, len(rows) - 1)], rows[-1]
        verdict, expected = decide(early, moved, may_skip=False)
        if verdict.is_write and early != now:
            verdict, expected = decide_again(now, moved, may_skip=False)
        written = write(table, moved, stored=as_read(*([early] if early else [])))
        assert written.verdict is verdict
        assert written.row == expected
        rows.append(expected if verdict.is_write else now)
        assert table.read_rows([server]).rows.get(server) == rows[-1]


@pytest.mark.parametrize(
    "tables", ["memory", "http"], indirect=True
)  # moto's table is not safe between threads
def test_racing_writers_leave_the_newest(table: Table) -> None:
    """Sixteen threads, one server: the highest ticket stands, and
    every result names a winner at least its own.
    """
    tickets = list(range(1, 65))
    Random(5).shuffle(tickets)
    with ThreadPoolExecutor(16) as pool:
        results = list(
            pool.map(lambda it: write(table, present(it, at=it % 3), stored=as_read()), tickets)
        )
    assert row(table)["version"] == 64
    assert row(table)["ec2InstanceId"] == launch(64 % 3).ec2_instance_id
    assert all(it.row is not None and it.row["version"] >= it.change.version for it in results)


_servers = iter(range(1000, 10**9))
_tables: dict[int, Table] = {}


def _shared(tables: Tables) -> Table:
    return _tables.setdefault(id(tables), tables.fresh())
