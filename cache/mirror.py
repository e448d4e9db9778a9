"""The read layer: the table's copy in Redis. Keys, layout, script and ages are all in this file.

`ri:v2:{f}:<sourceServerId>` holds an entry (`cache.entry`), where f is the id's last character; `ri:v2:places` is a
hash of `account/region` -> `ticket|completedAt|outcome|completedTicket|listedAt`; `ri:v2:warming:<sourceServerId>` a short lock. The braces make
f the hash tag: in a cluster, servers of one f share a slot, so that a page is one MGET for each f (ids are hexadecimal:
16 of them) instead of a command for each server, which takes a third longer. Every write of an entry goes through one
script, so an older version never replaces a newer one, whoever sends it and in whatever order.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from itertools import batched, chain
from random import uniform
from time import monotonic
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cache.entry import HEAD, Entries, Entry
from cache.errors import MirrorUnavailable
from cache.packed import Command, wire_over
from cache.values import PlaceLook

PREFIX = "ri:v2:"
PLACES = f"{PREFIX}places"
LIFE = 15 * 60.0  # seconds an entry may be served after the table was read or written
LIFE_JITTER = 0.1  # lives are shortened by up to this share, so that a mirror filled at once does not empty at once
LOCK_LIFE_MS = 2_000  # longer than a table read, shorter than anyone's patience
PATIENCE = 1.0  # seconds for one exchange with Redis, the retry included, however slowly the replies trickle
AWAY = 2.0  # seconds the breaker stays open; then one caller tries again
PAGES_KEPT = 16  # of which the keys are remembered: 0.1 kB a server
LOOKS_KEPT = 1024  # parsed, of the places hash
COMMANDS_A_PIPELINE = 500  # of writes, so that one publish never holds the server for long

# KEYS 1: entry. ARGV 1: value, 2: version, 3: server id, 4: life in ms, 5: head of a stored value that a reader found
# broken, or '', 6: the ticket that confirmed it. What is no entry of this server (a key of another type too), or that very value, gives way to any
# version. (The head will do: if it is undamaged, the reader asked the table after this version was written there.)
_PUT = f"""
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'string' then
  local id, version, confirmed = string.match(stored, '^3|(s%-%w+)|(%d+)|(%d+)|')
  if id == ARGV[3] and #version <= 15 and #confirmed <= 15 and string.sub(stored, 1, {HEAD}) ~= ARGV[5] then
    local newer = tonumber(version) - tonumber(ARGV[2])
    if newer > 0 or (newer == 0 and tonumber(confirmed) > tonumber(ARGV[6])) then return 0 end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
return 1
"""
# KEYS 1: places. ARGV 1: account/region, 2: value, 3: ticket, 4: life in ms.
_PUT_PLACE = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'hash' then redis.call('DEL', KEYS[1]) end
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local ticket = stored and string.match(stored, '^(%d+)|%d+|')
if ticket and #ticket <= 15 and tonumber(ticket) > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
_SHA = {
    script: sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (_PUT, _PUT_PLACE)
}
_LOOK = re.compile(rb"([0-9]{1,15})\|([0-9]{1,14})\|([a-z_]{1,32})\|([0-9]{1,15})\|([0-9]{1,14})")


@dataclass(frozen=True, slots=True)
class MirrorRead:
    """Entries by server id; stored values that are no entry of the server asked for; and the looks at each place."""

    entries: Entries
    broken: dict[str, bytes]
    places: dict[str, PlaceLook]


@dataclass(frozen=True, slots=True)
class Fresh:
    """An entry just read from or written to the table, `at` monotonic seconds; `broken` is what it should replace."""

    entry: Entry
    at: float
    broken: bytes | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """How many entries were taken (or renewed), refused by a newer one, dropped as too old, and failed."""

    taken: int = 0
    refused: int = 0
    dropped: int = 0
    failed: int = 0


class Mirror:
    """Reads and publishes entries. Give it a client with short timeouts and no retries of its own."""

    def __init__(self, client: Any) -> None:
        self._wire = wire_over(client)
        self._away_until = 0.0

    def read(self, server_ids: Sequence[str]) -> MirrorRead:
        """The entries of these servers and the looks at the places: one pipeline, one round trip per node.

        Raises:
            MirrorUnavailable: when Redis could not be asked.
        """
        shares = shares_of(tuple(server_ids))
        commands: list[Command] = [("HGETALL", PLACES), *(("MGET", *keys) for keys in shares)]
        looks, *told = self._ask(commands)
        for at, share in enumerate(shares.values()):
            if isinstance(told[at], Exception):  # a slot on its way to another node: misses
                told[at] = [None] * len(share)
        ids, values = [*chain.from_iterable(shares.values())], [*chain.from_iterable(told)]
        if None in values:
            found = {it: value for it, value in zip(ids, values, strict=True) if value is not None}
            ids, values = [*found], [*found.values()]
        entries = Entries()
        return MirrorRead(entries, entries.decode(ids, values), _looks(looks))

    def publish(self, fresh: Iterable[Fresh]) -> Published:
        """Put entries in, unless newer ones are there. An entry whose life is over is dropped.

        Raises:
            MirrorUnavailable: when Redis could not be asked; what was sent before may have arrived.
        """
        calls: list[Command] = []
        dropped = 0
        for it in fresh:
            life = LIFE * (1 - uniform(0, LIFE_JITTER)) - (monotonic() - it.at)
            if life <= 0:
                dropped += 1
                continue
            key = entry_key(it.entry.server_id)
            broken = (it.broken or b"")[:HEAD]
            calls.append(
                (
                    key,
                    it.entry.encode(),
                    it.entry.version,
                    it.entry.server_id,
                    int(life * 1000) or 1,
                    broken,
                    it.entry.confirmed,
                )
            )
        answers = self._run(_PUT, calls)
        taken, refused = answers.count(1), answers.count(0)
        return Published(taken, refused, dropped, len(answers) - taken - refused)

    def publish_place(self, place: str, look: PlaceLook) -> None:
        """Say how the last look at a place ended, unless a newer look has been told already.

        Raises:
            MirrorUnavailable: when it could not be said.
        """
        value = f"{look.ticket}|{look.completed_at}|{look.outcome}|{look.completed_ticket}|{look.listed_at}"
        (answer,) = self._run(_PUT_PLACE, [(PLACES, place, value, look.ticket, int(LIFE * 1000))])
        if isinstance(answer, Exception):
            raise MirrorUnavailable(f"publish {place}: {answer}") from answer

    def claim(self, server_ids: Sequence[str]) -> set[str]:
        """The servers that this caller alone should now read from the table; others are being read by someone.

        Raises:
            MirrorUnavailable: when Redis could not be asked.
        """
        answers = self._ask(
            [("SET", lock_key(it), "1", "NX", "PX", LOCK_LIFE_MS) for it in server_ids]
        )
        return {it for it, answer in zip(server_ids, answers, strict=True) if answer}

    def release(self, server_ids: Sequence[str]) -> None:
        """Let others claim these servers: nothing was found that could be published.

        Raises:
            MirrorUnavailable: when Redis could not be asked; the claims then run out by themselves.
        """
        self._ask(
            [("DEL", lock_key(it)) for it in server_ids]
        )  # a key each: a cluster spreads them

    def _run(self, script: str, calls: Sequence[Command]) -> list[Any]:
        """One answer per call of the script; an answer is an exception where Redis refused that call."""
        answers: list[Any] = []
        for at in range(0, len(calls), COMMANDS_A_PIPELINE):
            part = calls[at : at + COMMANDS_A_PIPELINE]
            got = self._ask([("EVALSHA", _SHA[script], 1, *call) for call in part])
            unknown = [
                index for index, answer in enumerate(got) if isinstance(answer, NoScriptError)
            ]
            if unknown:  # the server lost its scripts: this once, send the text
                again = self._ask([("EVAL", script, 1, *part[index]) for index in unknown])
                for index, answer in zip(unknown, again, strict=True):
                    got[index] = answer
            answers += got
        return answers

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to these commands, in order; one retry on a new connection, then the breaker opens.

        A failover or restart breaks pooled connections that look healthy, hence the retry.
        """
        now = monotonic()
        if now < self._away_until:
            raise MirrorUnavailable("the breaker is open")
        if self._away_until:  # half open: this caller tries, the others wait for its result
            self._away_until = now + AWAY
        try:
            try:
                replies = self._wire.ask(commands, now + PATIENCE)
            except (RedisConnectionError, RedisTimeoutError):
                self._wire.renew()
                replies = self._wire.ask(commands, now + PATIENCE)
        except (RedisError, RedisClusterException, OSError) as error:  # the second is no RedisError
            self._away_until = monotonic() + AWAY
            raise MirrorUnavailable(str(error)) from error
        self._away_until = 0.0
        return replies


def entry_key(server_id: str) -> str:
    """Where the entry of a server is."""
    return f"{PREFIX}{{{server_id[-1:]}}}:{server_id}"


@lru_cache(PAGES_KEPT)
def shares_of(server_ids: tuple[str, ...]) -> Mapping[tuple[str, ...], list[str]]:
    """Servers by slot, under the keys of their entries. A tenth of a read's time, and always the same for a plan."""
    shares = defaultdict[str, list[str]](list)
    for server_id in server_ids:
        shares[server_id[-1:]].append(server_id)
    heads = {tag: entry_key(tag)[: -len(tag)] for tag in shares}
    return {tuple([heads[tag] + it for it in share]): share for tag, share in shares.items()}


def lock_key(server_id: str) -> str:
    """The lock of whoever reads this server from the table."""
    return f"{PREFIX}warming:{server_id}"


def _looks(stored: object) -> dict[str, PlaceLook]:
    """The looks in the places hash, as far as they can be read."""
    if isinstance(stored, list):  # a hash is a flat list in version 2 of the protocol
        stored = dict(batched(stored, 2))
    pairs = stored.items() if isinstance(stored, Mapping) else ()
    found = ((place, _look(value)) for place, value in pairs)
    return {place.decode(errors="replace"): look for place, look in found if look is not None}


@lru_cache(LOOKS_KEPT)
def _look(value: bytes) -> PlaceLook | None:
    if (look := _LOOK.fullmatch(value)) is None:
        return None
    return PlaceLook(int(look[1]), int(look[2]), look[3].decode(), int(look[4]), int(look[5]))
