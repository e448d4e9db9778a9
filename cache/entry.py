"""What the page needs to know of one server, and its bytes in the mirror. Imports nothing heavy: the page read is here.

Bytes of an entry: `1|crc|serverId|version|observedAt|state|drill|place\\n<fragment>` where crc is the CRC-32 (8 hex
digits) of all that follows it, observedAt is epoch milliseconds, drill is `d`, `r` or empty, place is
`account/region` or empty, and the fragment is the JSON object the page sends (empty when absent).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple
from zlib import crc32

from cache.errors import InvalidInput

SERVER_ID = re.compile(r"s-[0-9a-zA-Z]{17}", re.ASCII)  # botocore model of DRS, SourceServerID
ABSENT = "absent"
_FACTS = re.compile(rb"([0-9]{1,15})\|([0-9]{1,14})\|([a-z-]{1,16})\|([dr]?)\|([0-9a-z/-]{0,64})")
_CRC_END, _ID_END = 11, 31  # len("1|crc32hex|"), and that with "serverId|"


class Place(NamedTuple):
    """One (account, region) that a sync looks at."""

    account_id: str
    region: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The place written as `account/region`.

        Raises:
            InvalidInput: when it is not of that form.
        """
        account_id, _, region = text.partition("/")
        if not (account_id and region):
            raise InvalidInput("place", f"{text!r} is not account/region")
        return cls(account_id, region)


class PlaceLook(NamedTuple):
    """What is known of the looks at one place. `completed_at` is epoch ms, 0 when no look ever completed."""

    ticket: int
    completed_at: int
    outcome: str


class Entry(NamedTuple):
    """One server as the page sees it. `observed_at` is epoch ms; `fragment` is empty when the server is absent."""

    server_id: str
    version: int
    observed_at: int
    state: str
    drill: bool | None
    place: str
    fragment: bytes

    @property
    def is_absent(self) -> bool:
        """Whether someone looked and there was no instance."""
        return self.state == ABSENT

    def encode(self) -> bytes:
        """The entry's bytes in the mirror."""
        drill = "" if self.drill is None else "d" if self.drill else "r"
        head = f"{self.server_id}|{self.version}|{self.observed_at}|{self.state}|{drill}|{self.place}\n"
        tail = head.encode() + self.fragment
        return b"1|%08x|%b" % (crc32(tail), tail)


class Facts(NamedTuple):
    """What an entry says beside its fragment. The entries that one look wrote mostly share it."""

    version: int
    observed_at: int
    state: str
    drill: bool | None
    place: str

    @property
    def is_absent(self) -> bool:
        """Whether someone looked and there was no instance."""
        return self.state == ABSENT


class Entries(Mapping[str, Entry]):
    """Entries by server id, kept as they were stored: a page of a thousand needs their fragments, not a thousand parts.

    An entry is made whole when somebody looks at it.
    """

    __slots__ = ("_facts", "_fragments", "_known")

    def __init__(self) -> None:
        self._facts: dict[str, Facts] = {}
        self._fragments: dict[str, bytes] = {}  # apart from the facts: a pair for each would busy the garbage collector
        self._known: dict[bytes, Facts] = {}

    def __getitem__(self, server_id: str) -> Entry:
        return Entry(server_id, *self._facts[server_id], self._fragments[server_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __contains__(self, server_id: object) -> bool:
        return server_id in self._facts

    def decode(self, server_ids: Sequence[str], stored: Sequence[bytes]) -> dict[str, bytes]:
        """Take in the values stored for these servers; those that are no whole entry of that very server come back."""
        all_facts, fragments, known, broken = self._facts, self._fragments, self._known, {}
        are_sealed = _are_sealed(server_ids, stored)
        for server_id, raw in zip(server_ids, stored, strict=True):
            head, _, fragment = raw.partition(b"\n")
            if are_sealed or _are_sealed((server_id,), (raw,)):
                facts = known.get(head[_ID_END:]) or self._learn(head[_ID_END:])
                if facts and (facts.state == ABSENT) != bool(fragment):
                    all_facts[server_id], fragments[server_id] = facts, fragment
                    continue
            broken[server_id] = raw
        return broken

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in entries."""
        for it in entries:
            self._facts[it.server_id], self._fragments[it.server_id] = Facts(*it[1:-1]), it.fragment

    def take(self, others: "Entries") -> None:
        """Take in all of the others."""
        self._facts |= others._facts  # noqa: SLF001  its own kind
        self._fragments |= others._fragments  # noqa: SLF001

    def drop(self, server_id: str) -> None:
        """Leave this one out."""
        del self._facts[server_id], self._fragments[server_id]

    def rowless(self) -> list[str]:
        """Servers whose entry stands for a row that never was: version 0."""
        return [server_id for server_id, facts in self._facts.items() if not facts.version]

    def facts(self, server_ids: Iterable[str]) -> list[Facts]:
        """What there is of those of these servers that are here, in this order."""
        return list(filter(None, map(self._facts.get, server_ids)))

    def distinct_facts(self) -> Iterable[Facts]:
        """What there is among all entries, each kind once or a few times."""
        return {id(facts): facts for facts in self._facts.values()}.values()

    def fragments(self, server_ids: Iterable[str]) -> list[bytes]:
        """The fragments of those of these servers that have an instance, in this order."""
        return list(filter(None, map(self._fragments.get, server_ids)))

    def _learn(self, said: bytes) -> Facts | None:
        if (header := _FACTS.fullmatch(said)) is None:
            return None
        version, observed_at, state, drill, place = header.groups()
        is_drill = None if not drill else drill == b"d"
        facts = self._known[said] = Facts(int(version), int(observed_at), state.decode(), is_drill, place.decode())
        return facts


def _are_sealed(server_ids: Sequence[str], stored: Sequence[bytes]) -> bool:
    """Whether each value is of this schema, of its own server, and under a checksum that fits: all at once, in C."""
    heads = b"".join([raw[:_ID_END] for raw in stored])  # one that is too short cannot be made up for by another
    sums = (crc32(raw[_CRC_END:]) for raw in stored)
    said = chain.from_iterable(zip(sums, map(str.encode, server_ids), strict=True))
    return heads == b"1|%08x|%b|" * len(stored) % tuple(said)


def decode(raw: object, server_id: str) -> Entry | None:
    """The entry of `server_id` in these bytes; None when they are not a whole, unharmed entry of that very server."""
    entries = Entries()
    if isinstance(raw, bytes):
        entries.decode([server_id], [raw])
    return entries.get(server_id)


def is_server_id(text: object) -> bool:
    """Whether this is a well-formed DRS source server id."""
    return isinstance(text, str) and SERVER_ID.fullmatch(text) is not None


def to_millis(stamp: str) -> int:
    """Epoch milliseconds of an ISO-8601 time with a zone.

    Raises:
        ValueError: when it is no such time.
    """
    moment = datetime.fromisoformat(stamp)
    if moment.tzinfo is None:
        raise ValueError(f"{stamp!r} has no time zone")
    return int(moment.timestamp() * 1000)


def to_stamp(millis: int) -> str:
    """The one form of time we store and send: `YYYY-MM-DDThh:mm:ssZ`."""
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
