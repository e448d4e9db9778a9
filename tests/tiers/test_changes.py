"""The version protocol's algebra, on the pure functions."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cache.protocol import Change, Verdict, apply, judge, supersedes
from cache.record import InstanceState, current
from tests.tiers.samples import PROPERTY, changes, entry_of, histories, launch

TERMINATED = launch(3, ec2_instance_state=InstanceState.TERMINATED)
OF_THE_INSTANCE = {"name", "privateIp", "instanceType", "launchTime", "ec2ObservedAt"}


def after(history: Iterable[Change], row: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The row once these writes have arrived in this order."""
    for change in history:
        verdict = judge(row, change)
        row = apply(row, change, verdict) if verdict.is_write else row
    return row


@PROPERTY
@given(histories())
def test_a_write_that_arrives_again_changes_nothing(history: list[Change]) -> None:
    """Retries are free: each change twice in a row, and all presences once more at the end."""
    once = after(history)
    assert after(it for change in history for it in (change, change)) == once
    assert after((it for it in history if not it.is_absence), once) == once


@PROPERTY
@given(st.lists(changes(tickets=st.just(1)), min_size=2, max_size=4))
def test_in_any_order_the_newest_sight_wins(seen: list[Change]) -> None:
    """Whatever the order of arrival: the newest confirmed presence or
    absence stands, with its instance and version.
    """
    seen = [
        Change(*(getattr(it, name) for name in Change.__slots__))
        for it in seen
        if not it.is_absence
    ]
    numbered = [_at(change, 10 + number) for number, change in enumerate(seen)]
    for order in permutations(numbered):
        row = after(order)
        if numbered:
            newest = numbered[-1]
            assert row is not None
            assert row["version"] == newest.version
            assert newest.sets.items() <= row.items()
            assert row["place"] == newest.place


@PROPERTY
@given(histories())
def test_details_never_belong_to_another_instance(history: list[Change]) -> None:
    """Every detail in the row came with a look at the row's own launch."""
    row = after(history)
    if row is None or row["presence"] == "absent":
        assert row is None or OF_THE_INSTANCE.isdisjoint(row)
        return
    own = [it for it in history if it.launch and it.launch.ec2_instance_id == row["ec2InstanceId"]]
    for name in OF_THE_INSTANCE & row.keys():
        assert any(row[name] in (it.sets.get(name), it.defaults.get(name)) for it in own)


@PROPERTY
@given(histories())
def test_an_execution_once_known_for_a_launch_is_never_lost(history: list[Change]) -> None:
    """It goes only with its launch: to another instance or job, or to nothing."""
    row: dict[str, Any] | None = None
    for change in history:
        before, verdict = row, judge(row, change)
        row = after([change], row)
        if (
            before
            and "sourceExecutionId" in before
            and verdict is Verdict.UPDATE
            and not change.is_absence
        ):
            assert row is not None
            assert "sourceExecutionId" in row


@PROPERTY
@given(histories())
def test_versions_only_grow(history: list[Change]) -> None:
    """No arrival makes the row, or the entry made from it, older."""
    row: dict[str, Any] | None = None
    for change in history:
        before, row = row, after([change], row)
        if before is not None:
            assert row is not None
            pairs = [(it.version, it.confirmed) for it in (entry_of(row), entry_of(before))]
            assert supersedes(*pairs)


@PROPERTY
@given(
    st.permutations(
        [
            launch(1),
            launch(2, point_in_time=None),
            launch(3, ec2_instance_state=InstanceState.TERMINATED),
        ]
    )
)
def test_the_current_instance_does_not_depend_on_order(records: list[Any]) -> None:
    """A leftover that is gone never hides a living instance, in whatever order DRS lists them."""
    assert current(records) == launch(1)
    assert current([it for it in records if not it.ec2_instance_state.is_alive]) is not None
    assert current([]) is None


def _at(change: Change, ticket: int) -> Change:
    """The same sight under another ticket."""
    sets = change.sets | {"version": ticket}
    return Change(
        change.server_id, ticket, change.place, change.launch, sets, change.removes, change.defaults
    )
