"""What the page needs to know of one server, and its bytes in the mirror. Imports nothing heavy: the page read is here.

Bytes of an entry: `1|crc|serverId|version|observedAt|state|drill|place\\n<fragment>` where crc is the CRC-32 (8 hex
digits) of all that follows it, observedAt is epoch milliseconds, drill is `d`, `r` or empty, place is
`account/region` or empty, and the fragment is the JSON object the page sends (empty when absent).
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple
from zlib import crc32

from cache.errors import InvalidInput

SERVER_ID = re.compile(r"s-[0-9a-zA-Z]{17}", re.ASCII)  # botocore model of DRS, SourceServerID
ABSENT = "absent"
_FACTS = re.compile(rb"([0-9]{1,15})\|([0-9]{1,14})\|([a-z-]{1,16})\|([dr]?)\|([0-9a-z/-]{0,64})")
_CRC_END, _ID_END = 11, 31  # len("1|crc32hex|"), and that with "serverId|"
_HEADER_END = 160  # no header is longer

type Facts = tuple[int, int, str, bool | None, str]


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


def decode(raw: object, server_id: str, known: dict[bytes, Facts] | None = None) -> Entry | None:
    """The entry of `server_id` in these bytes; None when they are not a whole, unharmed entry of that very server.

    `known` is a memory for one page: what one look saw differs in little but the fragment, so that most entries carry
    the same version, time, state and place, and a page of a thousand takes those apart a few times only.
    """
    if type(raw) is not bytes or (end := raw.find(b"\n", _ID_END, _HEADER_END)) < 0:
        return None
    tail = raw[_CRC_END:]
    if not raw.startswith(b"1|%08x|%b|" % (crc32(tail), server_id.encode())):
        return None
    said, fragment = raw[_ID_END:end], raw[end + 1 :]
    facts = known.get(said) if known is not None else None
    if facts is None:
        if (facts := _facts(said)) is None:
            return None
        if known is not None:
            known[said] = facts
    if (facts[2] == ABSENT) == bool(fragment):
        return None
    return _entry((server_id, *facts, fragment))


_entry = Entry._make


def _facts(said: bytes) -> Facts | None:
    """Version, observed-at, state, drill and place, as a header has them."""
    if (found := _FACTS.fullmatch(said)) is None:
        return None
    version, observed_at, state, drill, place = found.groups()
    return int(version), int(observed_at), state.decode(), None if not drill else drill == b"d", place.decode()


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
