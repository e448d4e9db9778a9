"""What the page needs to know of one server, and its form in the mirror. Imports nothing heavy.

An entry is a hash. `HGETALL` shows a person `schema`, `version`, `confirmed`, `observedAt`,
`state`,
`drill`, `readiness` and `place`, and as `server` what is known of the protected machine; the page
reads the one field `page`, in which the former stand once more:

    schema|version|confirmed|observedAt|state|drill|readiness|place
    <item>

The first line, the head, has a fixed width, so that a thousand entries are cut by C loops: version,
confirmed and observedAt (epoch milliseconds) have 15 digits, state (13), drill (`d`, `r` or none),
readiness (12) and place (`account/region`, 48) are padded with spaces. The item is the JSON object
that the page sends; it begins with the server's id, and of the absent has nothing else.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from cache.readiness import Readiness
from cache.values import to_stamp

ABSENT = "absent"
ITEM = (
    "sourceServerId", "recoveryInstanceId", "ec2InstanceId", "ec2InstanceState", "name",
    "privateIp", "publicIp", "instanceType", "launchTime", "region", "sourceExecutionId",
    "sourcePlanName", "sourceServerName", "accountId", "isDrill", "lastSyncTime",
)  # fmt: skip
"""The fields of an item in their order: twelve of the first contract, then four more."""
OLDER = "detailsSeenAt"
"""What an item has besides where its details are older than the look: when EC2 described the
instance last, or null for never."""
SERVER = (
    "sourceServerName", "replicationState", "replicationLagSeconds", "replicationError",
    "lastSeenByDrs", "lastLaunchResult", "replicationDirection", "sourceServerGone",
    "replicationObservedAt", "launchesInto", "hasLaunchTemplate", "launchSettingsObservedAt",
)  # fmt: skip
"""What is known of the protected machine, whether it has an instance or not."""
# The shapes are part of the schema: entries that lack a new field are misses, not answers.
SCHEMA = f"5.{crc32(','.join((*ITEM, OLDER, *SERVER)).encode()):08x}"
_HEAD = re.compile(
    re.escape(SCHEMA).encode()
    + rb"\|([0-9]{15})\|([0-9]{15})\|([0-9]{15})\|([a-z-]{1,13}) *\|([dr ])"
    + rb"\|([a-z_]{1,12}) *\|([0-9a-z/-]{0,48}) *\n"
)
HEAD = len(SCHEMA) + 1 + 3 * 16 + 14 + 2 + 13 + 49  # bytes of a head
_OWN = f'{{"{ITEM[0]}":"%s"'  # an item's beginning
_ITEM = HEAD + len(_OWN % "s-0123456789abcdef0")  # where an item says more, or ends
_head_of, _own_of = itemgetter(slice(HEAD)), itemgetter(slice(HEAD, _ITEM))
_next_of, _last_of = itemgetter(_ITEM), itemgetter(-1)
_END = ord("}")
PAGES_KEPT = 16  # whose beginnings are remembered: 40 bytes a server
HEADS_KEPT = 4096  # distinct heads; entries of one look mostly share one


class Entry(NamedTuple):
    """One server as the page sees it.

    `observed_at` is epoch ms; `fragment` is the item, empty when the server is absent.

    `confirmed` is the ticket of the look that last found this very version to be true; 0 where no
    look has. `server` is a JSON object of what is known of the protected machine; empty where
    nothing is, or where only the page was read.
    """

    server_id: str
    version: int
    observed_at: int
    state: str
    drill: bool | None
    place: str
    fragment: bytes
    confirmed: int = 0
    readiness: str = Readiness.UNKNOWN
    server: bytes = b""

    @property
    def is_absent(self) -> bool:
        """Whether someone looked and there was no instance."""
        return self.state == ABSENT

    def encode(self) -> bytes:
        """The entry as the page reads it: the field `page`."""
        drill = " " if self.drill is None else "d" if self.drill else "r"
        numbers = f"{self.version:015}|{self.confirmed:015}|{self.observed_at:015}"
        words = f"{self.state:13}|{drill}|{self.readiness:12}|{self.place:48}"
        head = f"{SCHEMA}|{numbers}|{words}\n"
        return head.encode() + (self.fragment or f"{_OWN % self.server_id}}}".encode())

    def fields(self) -> dict[str, str | bytes]:
        """The whole hash."""
        return {
            "schema": SCHEMA,
            "version": str(self.version),
            "confirmed": str(self.confirmed),
            "observedAt": to_stamp(self.observed_at),
            "state": self.state,
            "drill": "" if self.drill is None else str(self.drill).lower(),
            "readiness": self.readiness,
            "place": self.place,
            "server": self.server,
            "page": self.encode(),
        }


class Facts(NamedTuple):
    """What an entry says beside its fragment. The entries that one look wrote mostly share it."""

    version: int
    observed_at: int
    state: str
    drill: bool | None
    place: str
    confirmed: int
    readiness: str

    @property
    def is_absent(self) -> bool:
        """Whether someone looked and there was no instance."""
        return self.state == ABSENT


class Entries(Mapping[str, Entry]):
    """Entries by server id, kept as they are stored: a page of a thousand needs their fragments,
    not a thousand parts.

    An entry is made whole when somebody looks at it.
    """

    __slots__ = ("_kinds", "_stored")

    def __init__(self) -> None:
        self._stored: dict[str, bytes] = {}
        self._kinds: dict[bytes, Facts] = {}  # by head

    def __getitem__(self, server_id: str) -> Entry:
        raw = self._stored[server_id]
        facts = self._kinds[raw[:HEAD]]
        fragment = b"" if facts.is_absent else raw[HEAD:]
        return Entry(server_id, *facts[:5], fragment, facts.confirmed, facts.readiness)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, server_id: object) -> bool:
        return server_id in self._stored

    def decode(self, server_ids: Sequence[str], stored: Sequence[bytes]) -> dict[str, bytes]:
        """Take in the values stored for these servers; those that are no
        whole entry of that very server come back.
        """
        if self._take(server_ids, stored, _beginnings(tuple(server_ids))):
            return {}
        pairs = zip(server_ids, stored, strict=True)
        return {it: raw for it, raw in pairs if not self._take([it], [raw], _beginning(it))}

    def _take(self, server_ids: Sequence[str], stored: Sequence[bytes], own: bytes) -> bool:
        """Take in these values if all are whole entries of these servers.

        Their items begin with `own`, one after the other.
        """
        if not _are_whole(stored, own) or (kinds := _kinds(stored)) is None:
            return False
        self._stored.update(zip(server_ids, stored, strict=True))
        self._kinds |= kinds
        return True

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in entries."""
        for it in entries:
            raw = self._stored[it.server_id] = it.encode()
            self._kinds[raw[:HEAD]] = Facts(*it[1:6], it.confirmed, it.readiness)

    def take(self, others: "Entries") -> None:
        """Take in all of the others."""
        self._stored |= others._stored  # noqa: SLF001  its own kind
        self._kinds |= others._kinds  # noqa: SLF001

    def drop(self, server_ids: Iterable[str]) -> None:
        """Leave these out."""
        for server_id in server_ids:
            del self._stored[server_id]
        self._kinds = {it: self._kinds[it] for it in set(map(_head_of, self._stored.values()))}

    def those(self, are: Callable[[Facts], bool]) -> dict[str, Facts]:
        """The facts of the servers whose entries are of these kinds."""
        kinds = {head: facts for head, facts in self._kinds.items() if are(facts)}
        if not kinds:
            return {}
        heads = ((server_id, raw[:HEAD]) for server_id, raw in self._stored.items())
        return {server_id: kinds[head] for server_id, head in heads if head in kinds}

    def facts(self, server_ids: Iterable[str]) -> list[Facts]:
        """What there is of those of these servers that are here, in this order."""
        return [self._kinds[raw[:HEAD]] for raw in map(self._stored.get, server_ids) if raw]

    def distinct_facts(self) -> Iterable[Facts]:
        """What there is among all entries, each kind once."""
        return self._kinds.values()

    def fragments(self, server_ids: Iterable[str]) -> list[bytes]:
        """The fragments of those of these servers that have an instance, in this order."""
        stored = filter(None, map(self._stored.get, server_ids))
        return [raw[HEAD:] for raw in stored if len(raw) > _ITEM + 1]


def _are_whole(stored: Sequence[bytes], own: bytes) -> bool:
    """Whether the items of these values begin with `own`, one after the other, and end as
    items do: all at once, in C.
    """
    # All are cut at one length, so no long beginning makes up for a short one.
    return b"".join(map(_own_of, stored)) == own and set(map(_last_of, stored)) <= {_END}


@lru_cache(PAGES_KEPT)
def _beginnings(server_ids: tuple[str, ...]) -> bytes:
    """How the items of these servers begin, one after the other. The same again for each plan."""
    return b"".join(map(_beginning, server_ids))


def _beginning(server_id: str) -> bytes:
    return (_OWN % server_id).encode()


def _kinds(stored: Sequence[bytes]) -> dict[bytes, Facts] | None:
    """What there is among the heads of these whole items; None where one is no head of its item."""
    kinds: dict[bytes, Facts] = {}
    for head, following in set(zip(map(_head_of, stored), map(_next_of, stored), strict=True)):
        facts = _facts(head)
        if facts is None or facts.is_absent != (following == _END):  # the absent end with their id
            return None
        kinds[head] = facts
    return kinds


@lru_cache(HEADS_KEPT)
def _facts(said: bytes) -> Facts | None:
    """What a head says; None when it is no head of ours. The same bytes give the same object."""
    if (head := _HEAD.fullmatch(said)) is None:
        return None
    version, confirmed, seen, state, drill, ready, place = (it.decode() for it in head.groups())
    is_drill = None if drill == " " else drill == "d"
    return Facts(int(version), int(seen), state, is_drill, place, int(confirmed), ready)


def decode(raw: object, server_id: str) -> Entry | None:
    """The entry of `server_id` in these bytes; None when they are
    not a whole entry of that very server.
    """
    entries = Entries()
    if isinstance(raw, bytes):
        entries.decode([server_id], [raw])
    return entries.get(server_id)
