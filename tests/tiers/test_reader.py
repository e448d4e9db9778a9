"""The way out, on DynamoDB over HTTP and Valkey: every answer is
found, absent or unknown, and never wrong.
"""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any, NoReturn

import pytest

from cache import reader as reader_module
from cache.looks import LookLog
from cache.mirror import LIFE, PLACES, Mirror, entry_key
from cache.protocol import Verdict, apply
from cache.reader import Reader
from cache.table import Table
from cache.values import Place, PlaceLook, to_stamp
from local.processes import Process, free_port
from tests.tiers.conftest import Stack, dynamodb_client, redis_client
from tests.tiers.faulty import Behaviour, Hang, babble, faulty, halves, refuse
from tests.tiers.fuzz import rubbish
from tests.tiers.reading import complete, keys_read, reader
from tests.tiers.samples import HERE, SEEN_AT, THERE, absence, entry, present, server_id

ONE, TWO, NEVER = server_id(1), server_id(2), server_id(9)
MIRRORED = ("warm", "cold", "away")
SEEN_MS = 1_772_359_200_000


def never(*_: object) -> NoReturn:
    """What a warm read must not build."""
    raise AssertionError("a warm read asked the table")


def test_a_warm_read_asks_the_mirror_alone(stack: Stack) -> None:
    """Present and absent entries, and when their places were
    looked at last, without a word to the table.
    """
    stack.record(present(1, 1), present(1, 2))
    stack.record(absence(2, 2))
    stack.recorder.publish_place(str(HERE), PlaceLook(5, SEEN_MS + 1000, "seen"))
    answer = Reader(stack.mirror, never, never).read({ONE: HERE, TWO: HERE})
    assert (answer.hits, answer.missed, answer.unknown) == (2, [], [])
    assert not answer.entries[ONE].is_absent
    assert answer.entries[TWO].is_absent
    assert answer.as_of == SEEN_MS


def test_an_absence_is_as_old_as_its_places_last_complete_look(stack: Stack) -> None:
    """Any later instance would have shown in that look."""
    stack.record(present(1))
    stack.record(absence(2))
    stack.recorder.publish_place(str(HERE), PlaceLook(5, SEEN_MS + 60_000, "seen"))
    assert Reader(stack.mirror, never, never).read({ONE: HERE}).as_of == SEEN_MS + 60_000


def test_a_mirrored_absence_is_no_younger_for_what_else_was_missed(stack: Stack) -> None:
    """A later look, whose publish failed, is in the table alone: it says
    nothing of what the mirror has answered.
    """
    stack.record(present(1, 2))
    stack.record(absence(2, 2))
    stack.recorder.publish_place(str(HERE), PlaceLook(4, SEEN_MS + 1000, "seen", 4, 0, SEEN_MS))
    later = {"outcome": "seen", "endedAt": to_stamp(SEEN_MS + 60_000)}
    stack.looks.note(HERE, 5, later, completed=True)
    stack.put(apply(None, present(5, 3), Verdict.REPLACE))  # the mirror never heard of it
    answer = reader(stack).read({TWO: HERE, server_id(3): HERE})
    assert (answer.hits, answer.unknown) == (1, [])
    assert answer.places[str(HERE)].ticket == 5, "what is said of the places is the newest"
    assert answer.as_of_facts(answer.entries.facts([TWO])) == SEEN_MS + 1000
    assert answer.dated_by[str(HERE)].inventoried_at == SEEN_MS


def test_a_miss_is_read_from_the_table_and_refilled(stack: Stack) -> None:
    """After a flush the first read answers from the table, the second from the mirror."""
    stack.record(present(1, 1), present(1, 2))
    stack.redis.flushall()
    first = reader(stack).read({ONE: HERE, TWO: HERE})
    assert (first.hits, sorted(first.entries)) == (0, [ONE, TWO])
    second = Reader(stack.mirror, never, never).read({ONE: HERE, TWO: HERE})
    assert second.entries == first.entries


@pytest.mark.parametrize(
    "spoil",
    [
        lambda redis: redis.set(
            entry_key(ONE), entry(999_999, 1)._replace(fragment=b"{").encode()[:-1] + b"X"
        ),
        lambda redis: redis.set(entry_key(ONE), entry(1, 2).encode()),
        lambda redis: redis.delete(entry_key(ONE)) and redis.rpush(entry_key(ONE), "x"),
        lambda redis: redis.delete(entry_key(ONE)) and redis.script_flush(),
        lambda redis: redis.delete(entry_key(ONE)) and redis.set(PLACES, "x"),
    ],
    ids=["damaged", "another-servers", "wrong-type", "scripts-lost", "places-lost"],
)
def test_what_is_broken_is_answered_from_the_table_and_replaced(
    stack: Stack, spoil: Callable[[Any], object]
) -> None:
    """Whatever lies under the key, the answer is the row's, and the next read is a hit."""
    stack.record(present(7))
    spoil(stack.redis)
    answer = reader(stack).read({ONE: HERE})
    assert answer.missed == [ONE]
    assert answer.entries[ONE].version == 7
    assert Reader(stack.mirror, never, never).read({ONE: HERE}).entries == answer.entries


@pytest.mark.parametrize(
    ("looked_at", "planned", "is_known"),
    [
        ([], HERE, False),
        ([], None, False),
        ([THERE], HERE, False),
        ([HERE], HERE, True),
        ([HERE], None, False),
        ([HERE, THERE], None, True),
    ],
)
def test_a_server_without_a_row_is_absent_once_looked_for(
    stack: Stack, looked_at: list[Place], planned: Place | None, is_known: bool
) -> None:
    """In its planned place, or, not knowing that, in every place; until then it is unknown."""
    for place in (HERE, THERE):
        stack.looks.note(place, 1, {"outcome": "denied", "endedAt": SEEN_AT}, completed=False)
    complete(stack, *looked_at)
    for _ in range(2):  # from the table, then from wherever it is now
        answer = reader(stack).read({NEVER: planned})
        assert (answer.unknown == []) is is_known
        assert not is_known or answer.entries[NEVER].is_absent
        assert answer.as_of == (SEEN_MS if is_known else None)


def test_a_tombstone_is_absent_only_by_a_look_that_is_known(stack: Stack) -> None:
    """Nobody may look at its place any more: without any look it is an old word, not a "none"."""
    stack.record(present(1))
    stack.record(absence(2))
    stack.redis.flushall()
    assert reader(stack).read({ONE: HERE}).unknown == [ONE]
    complete(stack, HERE)
    assert reader(stack).read({ONE: HERE}).entries[ONE].is_absent


def test_an_absence_in_one_place_says_nothing_of_another(stack: Stack) -> None:
    """Where two plans disagree on a server's place, the one whose
    place was never looked at says unknown.
    """
    complete(stack, HERE)
    assert reader(stack).read({NEVER: HERE}).entries[NEVER].is_absent
    assert reader(stack).read({NEVER: THERE}).unknown == [NEVER]
    assert Reader(stack.mirror, never, never).read({NEVER: HERE}).entries[NEVER].is_absent


def test_looks_are_read_before_rows(stack: Stack) -> None:
    """A row written while the looks were read is found: the
    other way round it would be a false "none".
    """

    class Slow(LookLog):
        """Looks during whose reading a wave launches the server and records it."""

        def places(self) -> dict[str, PlaceLook]:
            places = super().places()
            stack.record(present(9, 9))
            return places

    complete(stack, HERE)
    slow = Slow(stack.looks._client, stack.looks._name)  # noqa: SLF001  the same log
    answer = Reader(None, lambda: stack.table, lambda: slow).read({NEVER: HERE})
    assert not answer.entries[NEVER].is_absent


def test_a_slow_read_is_not_worth_a_refill(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read too long ago answers this page but does not go to the mirror."""
    monkeypatch.setattr(reader_module, "REFILL_UNTIL", 0)
    stack.record(present(3))
    stack.redis.flushall()
    assert reader(stack).read({ONE: HERE}).entries[ONE].version == 3
    assert stack.redis.exists(entry_key(ONE)) == 0


@pytest.mark.parametrize(("waited", "asked"), [(1.5, [ONE]), (2.45, [])])
def test_a_read_that_comes_too_late_asks_no_table(
    stack: Stack, waited: float, asked: list[str]
) -> None:
    """A request that waited for a free function until little time
    was left is answered at once, honestly.
    """
    stack.record(present(3))
    stack.redis.flushall()
    keys = keys_read(stack)
    answer = reader(stack).read({ONE: HERE}, monotonic() - waited)
    assert keys == asked
    assert answer.unknown == ([] if asked else [ONE])
    assert asked or stack.mirror.claim([ONE]) == {ONE}, "nor does it keep others waiting"


def test_an_answer_of_the_table_alone_names_the_places(stack: Stack) -> None:
    """However much later than the rows the looks come: without them
    nobody would be told of a place that could not be looked at.
    """
    rows_are_there = Event()

    class Late(LookLog):
        """Looks that come after the rows."""

        def places(self) -> dict[str, PlaceLook]:
            rows_are_there.wait(10)
            return super().places()

    def note(**_: object) -> None:
        rows_are_there.set()

    complete(stack, HERE)
    stack.record(present(1))
    stack.table._client.meta.events.register("after-call.dynamodb.BatchGetItem", note)  # noqa: SLF001  the table's own client
    late = Late(stack.looks._client, stack.looks._name)  # noqa: SLF001  the same log
    answer = Reader(None, lambda: stack.table, lambda: late).read({ONE: HERE})
    assert answer.places[str(HERE)].outcome == "seen"


def behaving(stack: Stack, url: str, mirror: Mirror | None) -> Reader:
    """A reader with a page's patience whose DynamoDB is at this address."""
    client = dynamodb_client(url, read_timeout=1.2)
    name, status = stack.table._name, stack.looks._name  # noqa: SLF001  the same tables
    table, looks = Table(client, name, status), LookLog(client, status)
    return Reader(mirror, lambda: table, lambda: looks)


@pytest.mark.parametrize(
    ("behaviour", "mirrored"),
    [
        (Hang(), "warm"),
        (Hang(), "away"),
        *((it, mirrored) for it in (refuse, babble) for mirrored in ("warm", "cold", "away")),
    ],
)
def test_whatever_is_down_the_answer_is_honest_and_in_time(
    stack: Stack, dynamodb: Process, behaviour: Behaviour, mirrored: str
) -> None:
    """What the mirror holds is served; all else is unknown, never absent.

    A call that hangs is not waited for.
    """
    complete(stack, HERE)
    stack.record(present(1))
    if mirrored == "cold":
        stack.redis.flushall()
    mirror = Mirror(lambda: redis_client(free_port())) if mirrored == "away" else stack.mirror
    with faulty(dynamodb.url, behaviour) as url:
        answer = behaving(stack, url, mirror).read({ONE: HERE, NEVER: HERE})
        assert not isinstance(behaviour, Hang) or not behaviour.has_answered, "it was waited for"
    assert answer.mirror_away is (mirrored == "away")
    assert sorted(answer.entries) == ([ONE] if mirrored == "warm" else [])
    assert answer.unknown == ([NEVER] if mirrored == "warm" else [ONE, NEVER])


def test_unprocessed_keys_are_asked_for_again(stack: Stack, dynamodb: Process) -> None:
    """DynamoDB serving half of each batch costs time, not answers."""
    stack.record(*(present(1, number) for number in range(30)))
    complete(stack, HERE)
    servers = {server_id(number): HERE for number in range(32)}
    with faulty(dynamodb.url, halves) as url:
        answer = behaving(stack, url, None).read(servers)
    assert answer.unknown == []
    assert [it for it, found in answer.entries.items() if found.is_absent] == [
        server_id(30),
        server_id(31),
    ]


def test_a_mirror_full_of_rubbish_is_answered_from_the_table(stack: Stack) -> None:
    """Hundreds of damaged and foreign values at once: every answer is the row's."""
    values = list(rubbish(seed=5, amount=300))
    numbers = range(1000, 1300)
    stack.record(*(present(4, number) for number in numbers))
    for number, value in zip(numbers, values, strict=True):
        own = value.replace(ONE.encode(), server_id(number).encode())
        stack.redis.hset(entry_key(server_id(number)), "page", own)
    servers = {server_id(number): HERE for number in numbers}
    for _ in range(2):
        answer = reader(stack).read(servers)
        assert {it: found.version for it, found in answer.entries.items()} == dict.fromkeys(
            servers, 4
        )
    assert 0 < stack.redis.pttl(entry_key(server_id(1000))) <= LIFE * 1000
