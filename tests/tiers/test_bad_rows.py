"""Rows that a broken tool left in the table: never a crash, never
a false answer, never another server's data.
"""

import json
from random import Random
from typing import Any

from fakeredis import FakeRedis
from hypothesis import given
from hypothesis import strategies as st

from cache.answer import Answer
from cache.errors import InvalidRow
from cache.looks import LookLog
from cache.mirror import Mirror
from cache.protocol import Change, Verdict, apply
from cache.reader import Reader
from cache.record import Record
from cache.recorder import Recorder
from cache.values import PlaceLook
from local.memory_table import MemoryTable
from tests.tiers.conftest import Stack
from tests.tiers.samples import HERE, PROPERTY, absence, present, server_id

ONE = server_id(1)
ODD: list[Any] = [
    "", "x", "\n", "|", "a\n{}", "true", "9" * 400, "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-01", -1, 0, 10**37, True, False, None,
    [], ["x", 1],
    {"x": 1}, {}, "🖥\u202e", "</script>", "' OR 1=1 --", "absent", "present", "RUNNING",
    server_id(2),
]  # fmt: skip
NAMES = [*apply(None, present(5), Verdict.REPLACE), "surprise"]
NAMES.remove("sourceServerId")
GONE = object()

faults = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([*ODD, GONE]), min_size=1, max_size=4
)
changes = st.sampled_from(
    [present(50), present(50, at=2), present(50, details=None, origin=None), absence(50)]
)


class NoLooks(LookLog):
    """Every place was looked at whole: the strongest temptation to call a server absent."""

    def __init__(self) -> None:
        """It needs no table."""

    def places(self) -> dict[str, PlaceLook]:
        """One complete look."""
        return {str(HERE): PlaceLook(1, 1, "seen")}


def broken_row(faults: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """A sound row with these attributes put wrong."""
    row = apply(None, present(5, number), Verdict.REPLACE)
    return {name: value for name, value in (row | faults).items() if value is not GONE}


def check(answer: Answer, rows: dict[str, dict[str, Any]]) -> None:
    """Every server is unknown or told as its own row has it, in JSON that a page can send."""
    for server_id_, row in rows.items():
        if server_id_ in answer.unknown:
            continue
        found = answer.entries[server_id_]
        assert found.is_absent == (row["presence"] == "absent")
        if not found.is_absent:
            item = json.loads(found.fragment)
            assert item["sourceServerId"] == server_id_
            assert str(item["ec2InstanceId"]) == str(row["ec2InstanceId"])


@PROPERTY
@given(faults, changes)
def test_a_broken_row_is_unknown_or_told_as_it_is(faults: dict[str, Any], change: Change) -> None:
    """By table and by mirror, before and after the next look writes over it."""
    table, mirror = MemoryTable(), Mirror(FakeRedis)
    table.rows[ONE] = broken_row(faults)
    for _ in range(2):
        check(Reader(mirror, lambda: table, NoLooks).read({ONE: HERE}), table.rows)
    Recorder(table, mirror).record([change], table.read_rows([ONE]))
    check(Reader(mirror, lambda: table, NoLooks).read({ONE: HERE}), table.rows)


@PROPERTY
@given(faults, changes)
def test_the_next_look_heals_a_broken_row(faults: dict[str, Any], change: Change) -> None:
    """Also of what it says nothing of: else the server would stay unknown for ever."""
    table = MemoryTable()
    table.rows[ONE] = broken_row(faults)
    for part in table.write([change], table.read_rows([ONE])):
        for written in part:
            assert not written.verdict.is_write or _is_record(table.rows[ONE])


def test_a_table_full_of_broken_rows(stack: Stack) -> None:
    """200 rows in DynamoDB beside sound ones: nothing raises, and the sound ones are not hurt."""
    random = Random(17)
    rows = {}
    for number in range(200):
        wrong = {random.choice(NAMES): random.choice(ODD) for _ in range(number % 4)}
        wrong = {
            name: it
            for name, it in wrong.items()
            if name not in {"place", "presence", "sourceExecutionId"} or it
        }
        row = broken_row(wrong, number)
        row |= {
            name: str(row[name])
            for name in ("place", "presence", "sourceExecutionId")
            if name in row
        }
        rows[server_id(number)] = row
        stack.put(row)
    stack.looks.note(
        HERE, 1, {"outcome": "seen", "endedAt": "2026-03-01T10:00:00Z"}, completed=True
    )
    servers = dict.fromkeys(rows, HERE)
    reader = Reader(stack.mirror, lambda: stack.table, lambda: stack.looks)
    for _ in range(2):
        answer = reader.read(servers)
        check(answer, rows)
        assert {server_id(number) for number in range(0, 200, 4)} <= answer.entries.keys()
    recorded = stack.record(*(present(50, number) for number in range(200)))
    assert recorded.failures == []
    known = {it["sourceServerId"] for it in stack.table.scan() if _is_record(it)}
    assert known >= {server_id(number) for number in range(0, 200, 4)}


def _is_record(row: dict[str, Any]) -> bool:
    try:
        Record.from_row(row).entry().encode()
    except InvalidRow:
        return False
    return True
