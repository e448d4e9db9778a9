"""The read layer: the table's copy in Redis. Keys, scripts and ages are all in this file.

`ri:v4:{f}:<sourceServerId>` is a hash, one server's entry (`cache.entry`), where f is the id's last
character; `ri:v4:places` a hash of `account/region` to
`ticket|completedAt|outcome|completedTicket|listedAt|inventoriedAt`;
`ri:v4:warming:<sourceServerId>` a short lock; `ri:v4:{plans}` a hash of plan ids to definitions,
opaque here. The braces make f the hash tag: in a cluster, servers of one f share a slot and so a
node, and one script reads them all. Every write of an entry goes through one script, so an older
version never replaces a newer one, whoever sends it and in whatever order.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha1
from itertools import batched, chain, groupby
from random import uniform
from time import monotonic
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from cache.entry import HEAD, SCHEMA, Entries, Entry
from cache.errors import MirrorUnavailable
from cache.exchange import Batch, Client, Command, Exchange, batch
from cache.values import PlaceLook

PREFIX = "ri:v4:"
PLACES = f"{PREFIX}places"
PLANS = f"{PREFIX}{{plans}}"  # in braces for the reader's rights, which end at the places
PAGE, MACHINE = "page", "server"  # the fields that are read of an entry
LIFE = 15 * 60.0  # seconds an entry may be served after the table was read or written
LIFE_JITTER = 0.1  # lives are up to this share shorter, so that what was filled at once stays
LOCK_LIFE_MS = 2_000  # longer than a table read, shorter than anyone's patience
PATIENCE = 1.0  # seconds for one exchange with Redis, retry included, however replies trickle
AWAY = 2.0  # seconds the breaker stays open; then one caller tries again
PAGES_KEPT = 16  # of which the commands are remembered, packed: 0.2 kB a server
LOOKS_KEPT = 1024  # parsed, of the places hash
COMMANDS_A_PIPELINE = 500  # of writes, so that one publish never holds the server for long

# KEYS: entries of one slot. ARGV 1: the field wanted of each. A reply for a slot, not for a server:
# taking in a thousand of them was half of what a page costs the client.
_READ = """
local call, found = redis.pcall, {}
for i, key in ipairs(KEYS) do
  local value = call('HGET', key, ARGV[1])
  found[i] = type(value) == 'string' and value
end
return found
"""
# KEYS 1: entry. ARGV 1: version, 2: the ticket that confirmed it, 3: life in ms, 4: head of a
# stored page that a reader found broken, or '', 5 and on: the hash. An entry whose (version,
# confirmed) is higher stays, unless its page is that broken one. (The head will do: if the page is
# undamaged, the reader asked the table after this version was written there.) What is no entry
# gives way.
_PUT = f"""
local stored = redis.pcall('HMGET', KEYS[1], 'schema', 'version', 'confirmed', 'page')
if not stored.err and stored[2] and stored[3] and stored[4] then
  local version, confirmed = string.match(stored[2] .. '|' .. stored[3], '^(%d+)|(%d+)$')
  local is_broken = string.sub(stored[4], 1, {HEAD}) == ARGV[4]
  if version and #version <= 15 and #confirmed <= 15 and not is_broken then
    local newer = tonumber(version) - tonumber(ARGV[1])
    if newer > 0 or (newer == 0 and tonumber(confirmed) > tonumber(ARGV[2])) then return 0 end
  end
end
if stored.err or (stored[1] and stored[1] ~= '{SCHEMA}') then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
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
    for script in (_READ, _PUT, _PUT_PLACE)
}
_SCRIPTS = {sha: script for script, sha in _SHA.items()}
_LOOK = re.compile(
    rb"([0-9]{1,15})\|([0-9]{1,14})\|([a-z_]{1,32})"
    rb"\|([0-9]{1,15})\|([0-9]{1,14})\|([0-9]{1,14})"
)


@dataclass(frozen=True, slots=True)
class MirrorRead:
    """Entries by server id; stored values that are no entry of the server asked for; and the looks
    at each place.

    `machines` are what is known of the protected machines of these entries, as JSON, where that was
    asked for.
    """

    entries: Entries
    broken: dict[str, bytes]
    places: dict[str, PlaceLook]
    machines: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fresh:
    """An entry just read from or written to the table, `at` monotonic
    seconds; `broken` is what it should replace.
    """

    entry: Entry
    at: float
    broken: bytes | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """How many entries were taken (or renewed), refused by a
    newer one, dropped as too old, and failed.
    """

    taken: int = 0
    refused: int = 0
    dropped: int = 0
    failed: int = 0


class Mirror:
    """Reads and publishes entries.

    `connect` makes a client with short timeouts and without retries.

    `when_slow` is called, once each, while an exchange takes long enough to prepare for its
    failure.
    """

    def __init__(
        self, connect: Callable[[], Client], when_slow: Callable[[], None] = lambda: None
    ) -> None:
        self._exchange = Exchange(connect, when_slow)
        self._away_until = 0.0

    def read(self, server_ids: Sequence[str], *, with_machines: bool = False) -> MirrorRead:
        """The entries of these servers and the looks at the places: one pipeline, one round trip
        per node.

        Raises:
            MirrorUnavailable: when Redis could not be asked.
        """
        pages = page_of(tuple(server_ids))
        machines = page_of(tuple(server_ids), MACHINE) if with_machines else _NO_PAGE
        (looks,), *told = self._scripted([_READ_PLACES, *pages.reads, *machines.reads])
        slots = len(pages.reads)
        stored = pages.values(told[:slots])
        entries = Entries()
        broken = entries.decode(tuple(stored), [*stored.values()])
        return MirrorRead(entries, broken, _looks(looks), machines.values(told[slots:]))

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
            entry, broken = it.entry, (it.broken or b"")[:HEAD]
            ages = (entry.version, entry.confirmed, int(life * 1000) or 1)
            fields = chain.from_iterable(entry.fields().items())
            calls.append((entry_key(entry.server_id), *ages, broken, *fields))
        answers = self._run(_PUT, calls)
        taken, refused = answers.count(1), answers.count(0)
        return Published(taken, refused, dropped, len(answers) - taken - refused)

    def publish_place(self, place: str, look: PlaceLook) -> None:
        """Say how the last look at a place ended, unless a newer look has been told already.

        Raises:
            MirrorUnavailable: when it could not be said.
        """
        value = "|".join(map(str, (look.ticket, look.completed_at, look.outcome, *look[3:])))
        (answer,) = self._run(_PUT_PLACE, [(PLACES, place, value, look.ticket, int(LIFE * 1000))])
        if isinstance(answer, Exception):
            raise MirrorUnavailable(f"publish {place}: {answer}") from answer

    def plans(self, *plan_ids: str) -> dict[str, bytes]:
        """The definitions published under these ids, or all of them.

        Raises:
            MirrorUnavailable: when Redis could not be asked.
        """
        if not plan_ids:
            ((stored,),) = self._ask([batch(PLANS, [("HGETALL", PLANS)])])
            found = _pairs(stored)
            return {name.decode(errors="replace"): value for name, value in found.items()}
        ((stored,),) = self._ask([batch(PLANS, [("HMGET", PLANS, *plan_ids)])])
        values = stored if isinstance(stored, list) else [None] * len(plan_ids)
        return {it: value for it, value in zip(plan_ids, values, strict=True) if value is not None}

    def publish_plans(self, definitions: Mapping[str, bytes], *, all_of_them: bool) -> None:
        """Put these definitions there, in the place of all others if they are all there are.

        Not fenced: whoever reads one sees from its date whether the table has to be asked.

        Raises:
            MirrorUnavailable: when Redis could not be asked.
        """
        commands: list[Command] = [("DEL", PLANS)] if all_of_them else []
        if definitions:
            pairs = [word for pair in definitions.items() for word in pair]
            commands.append(("HSET", PLANS, *pairs))
            commands.append(("PEXPIRE", PLANS, int(LIFE * 1000)))
        self._ask([batch(PLANS, commands)])

    def claim(self, server_ids: Sequence[str]) -> set[str]:
        """The servers that this caller alone should now read from the table; others are being read
        by someone.

        Raises:
            MirrorUnavailable: when Redis could not be asked.
        """
        answers = self._each(
            [("SET", lock_key(it), "1", "NX", "PX", LOCK_LIFE_MS) for it in server_ids]
        )
        return {it for it, answer in zip(server_ids, answers, strict=True) if answer}

    def release(self, server_ids: Sequence[str]) -> None:
        """Let others claim these servers: nothing was found that could be published.

        Raises:
            MirrorUnavailable: when Redis could not be asked; the claims then run out by themselves.
        """
        self._each([("DEL", lock_key(it)) for it in server_ids])

    def _run(self, script: str, calls: Sequence[Command]) -> list[Any]:
        """One answer per call of the script; an answer is an
        exception where Redis refused that call.
        """
        answers: list[Any] = []
        for part in batched(calls, COMMANDS_A_PIPELINE):
            sent = [batch(str(call[0]), [("EVALSHA", _SHA[script], 1, *call)]) for call in part]
            answers += [answer for (answer,) in self._scripted(sent)]
        return answers

    def _scripted(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """The replies to batches of one command each. A server that
        lost its scripts is sent their text, this once.
        """
        replies = self._ask(batches)
        lost = [at for at, (reply,) in enumerate(replies) if isinstance(reply, NoScriptError)]
        if lost:
            again = self._ask([_with_text(batches[at]) for at in lost])
            for at, reply in zip(lost, again, strict=True):
                replies[at] = reply
        return replies

    def _each(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands of whatever keys, in order."""
        replies = self._ask([batch(str(command[1]), [command]) for command in commands])
        return [reply for (reply,) in replies]

    def _ask(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """The replies to each batch. When Redis could not be asked, the breaker opens."""
        now = monotonic()
        if now < self._away_until:
            raise MirrorUnavailable("the breaker is open")
        if self._away_until:  # half open: this caller tries, the others wait for its result
            self._away_until = now + AWAY
        try:
            replies = self._exchange.ask(batches, now + PATIENCE)
        except (RedisError, RedisClusterException, OSError) as error:  # the second is no RedisError
            self._away_until = monotonic() + AWAY
            raise MirrorUnavailable(str(error)) from error
        self._away_until = 0.0
        return replies


def entry_key(server_id: str) -> str:
    """Where the entry of a server is."""
    return f"{PREFIX}{{{server_id[-1:]}}}:{server_id}"


class Page(NamedTuple):
    """The reads of one field of some servers: a slot's servers, and the command for them."""

    shares: Sequence[tuple[str, ...]]
    reads: Sequence[Batch]

    def values(self, told: Sequence[list[Any]]) -> dict[str, bytes]:
        """What there is, by server, given the reply to each read; nothing in a slot on its way."""
        said = zip(self.shares, told, strict=True)
        found = [zip(ids, it, strict=True) for ids, (it,) in said if isinstance(it, list)]
        values = dict(chain.from_iterable(found))
        if set(map(type, values.values())) == {bytes}:
            return values
        return {server_id: raw for server_id, raw in values.items() if type(raw) is bytes}


@lru_cache(PAGES_KEPT)
def page_of(server_ids: tuple[str, ...], wanted: str = PAGE) -> Page:
    """How this field of these servers is read. The same again for each plan."""
    shares = [tuple(share) for _, share in groupby(sorted(server_ids, key=_tag), _tag)]
    return Page(shares, [_read(list(map(entry_key, share)), wanted) for share in shares])


def _read(keys: Sequence[str], wanted: str) -> Batch:
    return batch(keys[0], [("EVALSHA", _SHA[_READ], len(keys), *keys, wanted)])


def _with_text(scripted: Batch) -> Batch:
    """The same, with the script's text in the place of its name."""
    ((_, sha, *rest),) = scripted.commands
    return batch(scripted.key, [("EVAL", _SCRIPTS[str(sha)], *rest)])


def _tag(server_id: str) -> str:
    return server_id[-1:]


def lock_key(server_id: str) -> str:
    """The lock of whoever reads this server from the table."""
    return f"{PREFIX}warming:{server_id}"


_NO_PAGE = Page((), ())
_READ_PLACES = batch(PLACES, [("HGETALL", PLACES)])


def _looks(stored: object) -> dict[str, PlaceLook]:
    """The looks in the places hash, as far as they can be read."""
    pairs = _pairs(stored).items()
    found = ((place, _look(value)) for place, value in pairs)
    return {place.decode(errors="replace"): look for place, look in found if look is not None}


def _pairs(stored: object) -> Mapping[bytes, bytes]:
    """A whole hash; nothing where there is another kind of key."""
    if isinstance(stored, list):  # a flat list in version 2 of the protocol
        return dict(batched(stored, 2))
    return stored if isinstance(stored, Mapping) else {}


@lru_cache(LOOKS_KEPT)
def _look(value: bytes) -> PlaceLook | None:
    if (look := _LOOK.fullmatch(value)) is None:
        return None
    ticket, completed_at, outcome, *more = look.groups()
    return PlaceLook(int(ticket), int(completed_at), outcome.decode(), *map(int, more))
