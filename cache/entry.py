"""What the page needs to know of one server, and its bytes in the mirror. Imports nothing heavy: the page read is here.

Bytes of an entry: `3|serverId|version|confirmed|observedAt|state|drill|place\\n<fragment>\\n<seal>`. The head has a fixed
width, so that a thousand entries are cut by C loops: version, confirmed (the ticket of the look that last confirmed this
version) and observedAt (epoch milliseconds) have 15 digits, state (13),
drill (`d`, `r` or none) and place (`account/region`, 48) are padded with spaces. The fragment is the JSON object the
page sends (empty when absent). The seal makes the CRC-32 of the whole 0, which is where a CRC-32 begins: so any number
of whole entries, joined, have the CRC-32 0 too, and one call checks them all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

ABSENT = "absent"
_FACTS = re.compile(
    rb"([0-9]{15})\|([0-9]{15})\|([0-9]{15})\|([a-z-]{1,13}) *\|([dr ])\|([0-9a-z/-]{0,48}) *\n(\n?)[{]?"
)
_SCHEMA = "3|"
HEAD = 135  # bytes of a head
SEAL = 4  # bytes
# One byte more than the facts, to see whether a fragment follows.
_ID_AT, _FACTS_AT, _FRAGMENT_AT = slice(0, 22), slice(22, HEAD + 1), slice(HEAD, -SEAL - 1)
_ID_OF, _FACTS_OF, _FRAGMENT_OF = (
    itemgetter(_ID_AT),
    itemgetter(_FACTS_AT),
    itemgetter(_FRAGMENT_AT),
)
_NEUTRAL = 0x6DD90A9D  # these four bytes, least significant first, have the CRC-32 0
HEADS_KEPT = (
    4096  # distinct heads, less the server's id; the entries that one look wrote mostly share one
)


class Entry(NamedTuple):
    """One server as the page sees it. `observed_at` is epoch ms; `fragment` is empty when the server is absent.

    `confirmed` is the ticket of the look that last found this very version to be true; 0 where no look has.
    """

    server_id: str
    version: int
    observed_at: int
    state: str
    drill: bool | None
    place: str
    fragment: bytes
    confirmed: int = 0

    @property
    def is_absent(self) -> bool:
        """Whether someone looked and there was no instance."""
        return self.state == ABSENT

    def encode(self) -> bytes:
        """The entry's bytes in the mirror."""
        drill = " " if self.drill is None else "d" if self.drill else "r"
        numbers = f"{self.version:015}|{self.confirmed:015}|{self.observed_at:015}"
        facts = f"{numbers}|{self.state:13}|{drill}|{self.place:48}\n"
        unsealed = f"{_SCHEMA}{self.server_id}|{facts}".encode() + self.fragment + b"\n"
        return unsealed + (crc32(unsealed) ^ _NEUTRAL).to_bytes(SEAL, "little")


class Facts(NamedTuple):
    """What an entry says beside its fragment. The entries that one look wrote mostly share it."""

    version: int
    observed_at: int
    state: str
    drill: bool | None
    place: str
    confirmed: int

    @property
    def is_absent(self) -> bool:
        """Whether someone looked and there was no instance."""
        return self.state == ABSENT


class Entries(Mapping[str, Entry]):
    """Entries by server id, kept as they are stored: a page of a thousand needs their fragments, not a thousand parts.

    An entry is made whole when somebody looks at it.
    """

    __slots__ = ("_kinds", "_stored")

    def __init__(self) -> None:
        self._stored: dict[str, bytes] = {}
        self._kinds: dict[bytes, Facts] = {}  # what there is among the heads, less the ids

    def __getitem__(self, server_id: str) -> Entry:
        raw = self._stored[server_id]
        facts = self._kinds[raw[_FACTS_AT]]
        return Entry(server_id, *facts[:-1], raw[_FRAGMENT_AT], facts.confirmed)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, server_id: object) -> bool:
        return server_id in self._stored

    def decode(self, server_ids: Sequence[str], stored: Sequence[bytes]) -> dict[str, bytes]:
        """Take in the values stored for these servers; those that are no whole entry of that very server come back."""
        if _are_own_and_whole(server_ids, stored) and (kinds := _kinds(stored)) is not None:
            self._stored.update(zip(server_ids, stored, strict=True))
            self._kinds |= kinds
            return {}
        pairs = list(zip(server_ids, stored, strict=True))
        if len(pairs) == 1:
            return dict(pairs)
        return {
            it: broken
            for server_id, raw in pairs
            for it, broken in self.decode([server_id], [raw]).items()
        }

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in entries."""
        for it in entries:
            raw = self._stored[it.server_id] = it.encode()
            self._kinds[raw[_FACTS_AT]] = Facts(*it[1:-2], it.confirmed)

    def take(self, others: "Entries") -> None:
        """Take in all of the others."""
        self._stored |= others._stored  # noqa: SLF001  its own kind
        self._kinds |= others._kinds  # noqa: SLF001

    def drop(self, server_ids: Iterable[str]) -> None:
        """Leave these out."""
        for server_id in server_ids:
            del self._stored[server_id]
        self._kinds = {it: self._kinds[it] for it in set(map(_FACTS_OF, self._stored.values()))}

    def rowless(self) -> dict[str, Facts]:
        """The facts of servers whose entry stands for a row that never was: version 0."""
        kinds = {head: facts for head, facts in self._kinds.items() if not facts.version}
        if not kinds:
            return {}
        heads = ((server_id, raw[_FACTS_AT]) for server_id, raw in self._stored.items())
        return {server_id: kinds[head] for server_id, head in heads if head in kinds}

    def facts(self, server_ids: Iterable[str]) -> list[Facts]:
        """What there is of those of these servers that are here, in this order."""
        return [self._kinds[raw[_FACTS_AT]] for raw in map(self._stored.get, server_ids) if raw]

    def distinct_facts(self) -> Iterable[Facts]:
        """What there is among all entries, each kind once."""
        return self._kinds.values()

    def fragments(self, server_ids: Iterable[str]) -> list[bytes]:
        """The fragments of those of these servers that have an instance, in this order."""
        return list(
            filter(None, map(_FRAGMENT_OF, filter(None, map(self._stored.get, server_ids))))
        )


def _are_own_and_whole(server_ids: Sequence[str], stored: Sequence[bytes]) -> bool:
    """Whether each value is of this schema, of its own server, and under a seal that fits: all at once, in C."""
    if crc32(b"".join(stored)):
        return False
    own = _SCHEMA + f"|{_SCHEMA}".join(server_ids) + "|" if server_ids else ""
    return (
        b"".join(map(_ID_OF, stored)) == own.encode()
    )  # one that is too short cannot be made up for by another


def _kinds(stored: Iterable[bytes]) -> dict[bytes, Facts] | None:
    """What there is among the heads of these values; None where one is no head of an entry."""
    try:
        return {head: _facts(head) for head in set(map(_FACTS_OF, stored))}
    except ValueError:
        return None


@lru_cache(HEADS_KEPT)
def _facts(said: bytes) -> Facts:
    """What a head says beside the server's id. The same bytes give the same object.

    Raises:
        ValueError: when it is no head of ours.
    """
    head = _FACTS.fullmatch(said)
    if head is None or (head[4] == ABSENT.encode()) != (
        head[7] == b"\n"
    ):  # the absent alone have no fragment
        raise ValueError(f"no head of an entry: {said!r}")
    version, confirmed, observed_at, state, drill, place = (it.decode() for it in head.groups()[:6])
    is_drill = None if drill == " " else drill == "d"
    return Facts(int(version), int(observed_at), state, is_drill, place, int(confirmed))


def decode(raw: object, server_id: str) -> Entry | None:
    """The entry of `server_id` in these bytes; None when they are not a whole, unharmed entry of that very server."""
    entries = Entries()
    if isinstance(raw, bytes):
        entries.decode([server_id], [raw])
    return entries.get(server_id)
