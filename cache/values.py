"""The small values everything speaks of: places, looks, server ids, times.

Imports nothing heavy.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from time import time
from typing import NamedTuple

from cache.errors import InvalidInput

SERVER_ID = re.compile(r"s-[0-9a-zA-Z]{17}", re.ASCII)  # botocore model of DRS, SourceServerID

KEY_BYTES = 2048  # DynamoDB's limit for a partition key
PLACE_FORM = re.compile(r"[0-9a-z-]{1,12}/[0-9a-z-]{1,35}")  # `account/region` as rows have it


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


class Outcome(StrEnum):
    """How the last look at a place ended."""

    SEEN = "seen"
    NOT_INITIALIZED = "not_initialized"
    DENIED = "denied"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    ERROR = "error"
    OVERTAKEN = "overtaken"
    NEVER_LOOKED = "never_looked"
    NOT_CONFIGURED = "not_configured"
    UNREADABLE = "unreadable"

    @property
    def is_complete(self) -> bool:
        """Whether the place was seen whole.

        A region where DRS was never set up is a complete, empty listing.
        """
        return self in {Outcome.SEEN, Outcome.NOT_INITIALIZED}

    @property
    def is_failure(self) -> bool:
        """Whether the place could not be seen whole.

        One that a newer look has seen meanwhile did not fail.
        """
        return not self.is_complete and self is not Outcome.OVERTAKEN


class PlaceLook(NamedTuple):
    """What is known of the looks at one place. Times are epoch ms, 0 when no look ever completed.

    `completed_ticket` is the ticket of the last complete look, `listed_at` when its listing began:
    a row of this place whose version is not above that ticket was as it is, as late as then.
    `inventoried_at` is when the last whole listing of the place's source servers began: what the
    rows say of their replication was so, as late as then.
    """

    ticket: int
    completed_at: int
    outcome: str
    completed_ticket: int = 0
    listed_at: int = 0
    inventoried_at: int = 0


def is_server_id(text: object) -> bool:
    """Whether this is a well-formed DRS source server id."""
    return isinstance(text, str) and SERVER_ID.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether a row can have this partition key. DynamoDB fails a request with another one, and all
    that was asked for in the same call with it (its quotas: 1 to 2,048 bytes).
    """
    return 1 <= len(text.encode(errors="replace")) <= KEY_BYTES


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
    return datetime.fromtimestamp(millis // 1000, UTC).isoformat().removesuffix("+00:00") + "Z"


def now() -> str:
    """The wall clock in our form; for people to read, never to decide which write wins."""
    return to_stamp(int(time() * 1000))
