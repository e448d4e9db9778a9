"""Entries: what goes in comes out, and nothing else is ever taken for an entry."""

import json
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.entry import ABSENT, Entry, decode
from cache.errors import InvalidInput
from cache.protocol import Change, Verdict, apply
from cache.readiness import Readiness
from cache.record import InstanceState
from cache.values import Place, is_server_id, to_millis, to_stamp
from tests.tiers.fuzz import ASKED, NUMBERS, OTHER, page, rubbish
from tests.tiers.samples import PROPERTY, changes, entry, entry_of, server_id


def _item(server: str, fields: dict[str, str | None]) -> bytes:
    item = {"sourceServerId": server} | {f"_{name}": value for name, value in fields.items()}
    return json.dumps(item, separators=(",", ":")).encode()


STATES = [state.value for state in InstanceState]
alive = st.builds(
    lambda server, item, *facts: Entry(server, *facts[:5], _item(server, item), *facts[5:]),
    st.integers(0, 10**6).map(server_id),
    st.dictionaries(st.text(), st.text() | st.none(), min_size=1),
    st.integers(0, 10**15 - 1),
    st.integers(0, 10**15 - 1),
    st.sampled_from(STATES),
    st.sampled_from([None, True, False]),
    st.sampled_from(["", "111111111111/us-east-1"]),
    st.integers(0, 10**15 - 1),
    st.sampled_from([*Readiness]),
)
entries = alive | alive.map(lambda it: it._replace(state=ABSENT, drill=None, fragment=b""))


@PROPERTY
@given(entries)
def test_an_entry_survives_its_encoding(stored: Entry) -> None:
    """What was published is what is read."""
    assert decode(stored.encode(), stored.server_id) == stored


@PROPERTY
@given(entries, st.integers(0, 10**6).map(server_id))
def test_an_entry_answers_for_its_own_server_only(stored: Entry, asked: str) -> None:
    """Under another server's key it is no entry."""
    assert (decode(stored.encode(), asked) is not None) == (asked == stored.server_id)


@PROPERTY
@given(st.binary(max_size=400) | st.text() | st.none() | st.integers() | st.lists(st.binary()))
def test_noise_is_no_entry(raw: object) -> None:
    """Bytes and replies of any other kind are a miss."""
    assert decode(raw, ASKED) is None


def test_no_rubbish_is_ever_anothers_data() -> None:
    """12,000 damaged, foreign and forged values: each is a miss, none raises."""
    taken = [raw for raw in rubbish(seed=11, amount=12_000) if decode(raw, ASKED) is not None]
    assert taken == []


@pytest.mark.parametrize("version", NUMBERS)
@pytest.mark.parametrize("seen", NUMBERS)
def test_numbers_out_of_range_are_no_entry(version: bytes, seen: bytes) -> None:
    """Negative, huge and oddly written versions and times are a miss."""
    raw = page(ASKED, version, seen)
    sound = {version, seen} <= {b"0", b"", b"9" * 15}  # an empty one is filled up with zeros
    assert (decode(raw, ASKED) is not None) == sound


def test_size_alone_is_no_fault_and_no_cost() -> None:
    """10 MB of noise is refused by its first bytes; 10 MB of another server's entry too."""
    assert decode(b"\x00" * 10_000_000, ASKED) is None
    assert decode(entry(1, 2, "x" * 10_000_000).encode(), ASKED) is None


@pytest.mark.parametrize(("state", "rest"), [(b"absent", b"}"), (b"running", b',"name":""}')])
def test_an_absence_has_an_id_alone_and_an_instance_more(state: bytes, rest: bytes) -> None:
    """A head and an item that contradict each other are no entry."""
    assert decode(page(ASKED, state=state, rest=rest), ASKED) is not None
    other = b"running" if state == b"absent" else b"absent"
    assert decode(page(ASKED, state=other, rest=rest), ASKED) is None


@PROPERTY
@given(changes())
def test_every_row_a_look_can_leave_makes_a_readable_entry(change: Change) -> None:
    """The entry of any written row is read back, absent exactly when the row is."""
    row = apply(None, change, Verdict.REPLACE)
    read = decode(entry_of(row).encode(), change.server_id)
    assert read is not None
    assert read.is_absent == change.is_absence
    assert read.is_absent or json.loads(read.fragment)["sourceServerId"] == change.server_id


@pytest.mark.parametrize(
    "text", ["", "s-", OTHER.upper(), OTHER + "\n", OTHER[:-1] + "é", "s-" + "٠" * 17, 7, None]
)
def test_look_alikes_are_no_server_ids(text: object) -> None:
    """Only `s-` and 17 ASCII letters or digits."""
    assert not is_server_id(text)
    assert is_server_id(OTHER)


def test_places_are_written_one_way() -> None:
    """`account/region`, and nothing that lacks either."""
    assert str(Place.parse("1/eu")) == "1/eu"
    for text in ("", "1", "/eu", "1/"):
        with pytest.raises(InvalidInput, match="place"):
            Place.parse(text)


@PROPERTY
@given(st.integers(0, 4 * 10**12))
def test_times_survive_to_the_second(millis: int) -> None:
    """The one stamp form loses the milliseconds alone."""
    assert to_millis(to_stamp(millis)) == millis - millis % 1000


def test_times_without_a_zone_are_refused() -> None:
    """A stamp that could mean any hour means none."""
    for stamp in chain(["2026-03-01T10:00:00", "10:00Z", ""]):
        with pytest.raises(ValueError, match=r"zone|format"):
            to_millis(stamp)
