"""The mirror's contract, kept by fakeredis, Valkey 9, a Valkey
cluster and, where installed, Redis 7 alike.
"""

import json
from collections.abc import Callable
from itertools import permutations
from time import monotonic
from typing import Any

import pytest

from cache.entry import SCHEMA, Entry
from cache.mirror import LIFE, LIFE_JITTER, PLACES, Fresh, Mirror, entry_key, lock_key
from cache.values import PlaceLook
from tests.tiers.fuzz import ASKED, rubbish
from tests.tiers.samples import entry, server_id

NOBODY = server_id(99)
KEY = entry_key(ASKED)


def put(
    mirror: Mirror, *entries: Entry, age: float = 0, broken: bytes | None = None
) -> tuple[int, int, int, int]:
    """Publish; how many were taken, refused, dropped and failed."""
    done = mirror.publish(Fresh(it, monotonic() - age, broken) for it in entries)
    return done.taken, done.refused, done.dropped, done.failed


def test_what_is_published_is_read(mirror: Mirror) -> None:
    """Present and absent entries come back; a server never published is a miss."""
    gone = entry(3, 2)._replace(state="absent", drill=None, fragment=b"")
    assert put(mirror, entry(7), gone) == (2, 0, 0, 0)
    found = mirror.read([server_id(1), server_id(2), server_id(3)])
    assert found.entries == {server_id(1): entry(7), server_id(2): gone}
    assert found.broken == {}


def test_an_older_entry_never_replaces_a_newer_one(mirror: Mirror) -> None:
    """In whatever order three versions arrive, the newest stands."""
    for number, order in enumerate(permutations([1, 2, 10])):
        for version in order:
            put(mirror, entry(version, number, f"v{version}"))
        assert mirror.read([server_id(number)]).entries == {
            server_id(number): entry(10, number, "v10")
        }


def test_versions_are_compared_as_numbers(mirror: Mirror) -> None:
    """Ten beats nine, and the largest version of all is still exact."""
    put(mirror, entry(10))
    assert put(mirror, entry(9)) == (0, 1, 0, 0)
    put(mirror, entry(10**15 - 1))
    assert put(mirror, entry(10**15 - 2)) == (0, 1, 0, 0)


def test_an_equal_version_renews_the_life(mirror: Mirror, redis: Any) -> None:
    """Publishing again keeps what is confirmed from expiring."""
    put(mirror, entry(7), age=LIFE * 0.5)
    before = redis.pttl(KEY)
    assert put(mirror, entry(7)) == (1, 0, 0, 0)
    assert redis.pttl(KEY) > before + LIFE * 100


def test_of_one_version_the_later_confirmation_stands(mirror: Mirror) -> None:
    """A look that changed nothing confirms the row; a reader's
    refill, later or not, takes nothing back.
    """
    seen = entry(7)._replace(confirmed=7)
    again = seen._replace(confirmed=9, observed_at=seen.observed_at + 60_000)
    assert put(mirror, seen) == (1, 0, 0, 0)
    assert put(mirror, again) == (1, 0, 0, 0)
    assert put(mirror, seen) == (0, 1, 0, 0)
    assert put(mirror, again) == (1, 0, 0, 0)
    assert mirror.read([ASKED]).entries == {ASKED: again}
    assert put(mirror, entry(8)._replace(confirmed=8)) == (1, 0, 0, 0)


def test_a_person_can_read_an_entry(mirror: Mirror, redis: Any) -> None:
    """HGETALL names what is known, and the page's field ends with the JSON that the page sends."""
    told = entry(7)._replace(
        confirmed=9, readiness="lagging", server=b'{"replicationState":"BACKLOG"}'
    )
    put(mirror, told)
    fields = {name.decode(): value.decode() for name, value in redis.hgetall(KEY).items()}
    page = fields.pop("page")
    assert fields == {
        "schema": SCHEMA,
        "version": "7",
        "confirmed": "9",
        "observedAt": "2026-03-01T10:00:00Z",
        "state": "running",
        "drill": "true",
        "readiness": "lagging",
        "place": "111111111111/us-east-1",
        "server": '{"replicationState":"BACKLOG"}',
    }
    assert json.loads(page.split("\n")[1]) == {"sourceServerId": ASKED, "name": "web"}


def test_what_is_known_of_the_machines_comes_in_the_same_round_trip(mirror: Mirror) -> None:
    """Where asked for; an entry without any has none."""
    known = entry(7)._replace(server=b'{"replicationState":"BACKLOG"}')
    put(mirror, known, entry(7, 2))
    found = mirror.read([known.server_id, entry(7, 2).server_id, NOBODY], with_machines=True)
    assert set(found.entries) == {known.server_id, entry(7, 2).server_id}
    assert found.machines == {known.server_id: known.server, entry(7, 2).server_id: b""}
    assert mirror.read([known.server_id]).machines == {}


def test_an_entry_of_another_schema_is_a_miss_and_gives_way(mirror: Mirror, redis: Any) -> None:
    """As after a release that adds a field to the item: no field of the old shape stays."""
    other = SCHEMA[:-1] + ("0" if SCHEMA[-1] != "0" else "1")
    put(mirror, entry(9))
    page = redis.hget(KEY, "page").replace(SCHEMA.encode(), other.encode())
    redis.hset(KEY, mapping={"schema": other, "page": page, "more": "x"})
    found = mirror.read([ASKED])
    assert found.entries == {}
    assert put(mirror, entry(9), broken=found.broken[ASKED]) == (1, 0, 0, 0)
    assert mirror.read([ASKED]).entries == {ASKED: entry(9)}
    assert not redis.hexists(KEY, "more")


def test_lives_are_limited_and_spread(mirror: Mirror, redis: Any) -> None:
    """15 minutes less up to a tenth, counted from when the table
    was asked; what is past that is not stored.
    """
    put(mirror, *(entry(1, number) for number in range(50)), age=60)
    lives = {redis.pttl(entry_key(server_id(number))) / 1000 for number in range(50)}
    assert all(LIFE * (1 - LIFE_JITTER) - 61 < life <= LIFE - 60 for life in lives)
    assert len(lives) > 10
    assert put(mirror, entry(1, 99), age=LIFE) == (0, 0, 1, 0)
    assert mirror.read([server_id(99)]).entries == {}


def test_more_than_a_pipeline_is_published_whole(mirror: Mirror) -> None:
    """1,201 entries in one go."""
    many = [entry(1, number) for number in range(1201)]
    assert put(mirror, *many) == (1201, 0, 0, 0)
    assert len(mirror.read([it.server_id for it in many]).entries) == 1201


@pytest.mark.parametrize(
    "raw", [*rubbish(3, 24), entry(10**15 - 1).encode()[:-1], b"\x00" * 10_000_000]
)
def test_rubbish_is_a_miss_and_gives_way(mirror: Mirror, redis: Any, raw: bytes) -> None:
    """A broken value is handed to the reader, whose refill
    replaces it whatever version it claims.
    """
    redis.hset(KEY, "page", raw)
    found = mirror.read([ASKED])
    assert found.entries == {}
    assert found.broken == {ASKED: raw}
    assert put(mirror, entry(0), broken=raw) == (1, 0, 0, 0)
    assert mirror.read([ASKED]).entries == {ASKED: entry(0)}
    assert redis.pttl(KEY) > 0


def test_rubbish_hurts_none_of_its_neighbours(mirror: Mirror, redis: Any) -> None:
    """Sound, missing, damaged and foreign values, and a key of
    another type, in one read: each is told as it is.
    """
    numbers = range(1000, 1160)
    ids = [server_id(number) for number in numbers]
    put(mirror, *(entry(7, number) for number in numbers))
    values = rubbish(seed=23, amount=len(numbers) // 4)
    spoiled = {
        own: raw.replace(ASKED.encode(), own.encode())
        for own, raw in zip(ids[::4], values, strict=True)
    }
    for own, value in spoiled.items():
        redis.hset(entry_key(own), "page", value)
    redis.delete(entry_key(ids[1]))
    redis.delete(entry_key(ids[2]))
    redis.rpush(entry_key(ids[2]), "x")
    found = mirror.read(ids)
    assert found.broken == spoiled
    assert found.entries == {
        own: entry(7, number)
        for number, own in zip(numbers, ids, strict=True)
        if own not in spoiled and own not in ids[1:3]
    }


def test_a_refill_replaces_only_the_value_it_saw_broken(mirror: Mirror) -> None:
    """Where a sync was quicker, its newer entry stays."""
    put(mirror, entry(9))
    assert put(mirror, entry(1), broken=b"2|what was there before") == (0, 1, 0, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda redis, key: redis.set(key, "x"),
        lambda redis, key: redis.rpush(key, "x"),
        lambda redis, key: redis.sadd(key, "x"),
        lambda redis, key: redis.zadd(key, {"x": 1}),
        lambda redis, key: redis.xadd(key, {"x": 1}),
    ],
    ids=["string", "list", "set", "zset", "stream"],
)
def test_keys_of_another_type_are_misses_and_give_way(
    mirror: Mirror, redis: Any, spoil: Callable[[Any, str], object]
) -> None:
    """Under an entry and under the places; the other servers of the same read are not hurt."""
    put(mirror, entry(1, 2))
    spoil(redis, KEY)
    spoil(redis, PLACES)
    found = mirror.read([ASKED, server_id(2)])
    assert set(found.entries) == {server_id(2)}
    assert found.places == {}
    assert put(mirror, entry(5)) == (1, 0, 0, 0)
    mirror.publish_place("1/eu", PlaceLook(3, 5, "seen"))
    healed = mirror.read([ASKED])
    assert healed.entries == {ASKED: entry(5)}
    assert healed.places == {"1/eu": PlaceLook(3, 5, "seen")}


def test_lost_scripts_cost_one_more_round_trip(mirror: Mirror, redis: Any) -> None:
    """A server that forgot its scripts gets them again within the same publish."""
    for version in (1, 2):
        redis.script_flush()
        assert put(mirror, *(entry(version, number) for number in range(3))) == (3, 0, 0, 0)


def test_only_one_claims(mirror: Mirror, redis: Any) -> None:
    """A server is claimed by one caller until the claim runs out."""
    both = [server_id(1), server_id(2)]
    assert mirror.claim([server_id(1)]) == {server_id(1)}
    assert mirror.claim(both) == {server_id(2)}
    lives = [redis.pttl(lock_key(it)) for it in both]
    assert all(0 < life <= 2000 for life in lives)


def test_places_are_fenced_like_entries(mirror: Mirror) -> None:
    """A slower, older look never replaces a newer one; places do not disturb each other."""
    mirror.publish_place("1/eu", PlaceLook(10, 500, "seen"))
    mirror.publish_place("1/eu", PlaceLook(9, 900, "denied"))
    mirror.publish_place("2/us", PlaceLook(1, 0, "denied"))
    assert mirror.read([]).places == {
        "1/eu": PlaceLook(10, 500, "seen"),
        "2/us": PlaceLook(1, 0, "denied"),
    }


@pytest.mark.parametrize(
    "value", [b"", b"x", b"-1|5|seen", b"1|5|" + b"x" * 40, b"9" * 16 + b"|5|seen", b"1|\xff|seen"]
)
def test_unreadable_looks_are_left_out_and_give_way(
    mirror: Mirror, redis: Any, value: bytes
) -> None:
    """A broken field, or one whose name is no text, hides no
    other place and does not stop the next look.
    """
    mirror.publish_place("2/us", PlaceLook(1, 2, "seen"))
    redis.hset(PLACES, "1/eu", value)
    redis.hset(PLACES, b"\xff\xfe", b"1|5|seen")
    assert mirror.read([]).places.get("2/us") == PlaceLook(1, 2, "seen")
    assert "1/eu" not in mirror.read([]).places
    mirror.publish_place("1/eu", PlaceLook(1, 2, "seen"))
    assert mirror.read([]).places["1/eu"] == PlaceLook(1, 2, "seen")
