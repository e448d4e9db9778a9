"""One read fetches for all: who asks the table when the mirror lacks entries, and who waits for
them.

A server is fetched by the read that claims it in the mirror (a short lock). The others poll the
mirror for a while and then go to the table themselves. For a server that will stay unknown nobody
waits.
"""

import time
from collections.abc import Collection, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from cache.errors import MirrorUnavailable

if TYPE_CHECKING:
    from cache.answer import Read
    from cache.mirror import Mirror

WAIT_FOR_WARMER = 1.5  # seconds after the read began that others poll the mirror
POLL_EVERY = 0.05


class Source(Protocol):
    """What a read takes its answers from."""

    def usable(self, read: "Read") -> "Mirror | None":
        """The mirror, if there is one and it has not failed during this read."""

    def hopeful(self, server_ids: Iterable[str], read: "Read") -> list[str]:
        """Those of these servers that the table may have an answer for."""

    def from_mirror(self, server_ids: Collection[str], read: "Read") -> None:
        """Take what the mirror holds of these servers."""

    def from_table(self, server_ids: Collection[str], read: "Read") -> None:
        """Take the table's answer for these servers, and give it to the mirror."""


def fetch(server_ids: Collection[str], read: "Read", source: Source) -> None:
    """From the table, or from the mirror where another read is fetching already."""
    others = _claimed_by_others(server_ids, read, source)
    source.from_table([it for it in server_ids if it not in others], read)
    while others and source.usable(read) and monotonic() < read.began + WAIT_FOR_WARMER:
        time.sleep(POLL_EVERY)
        source.from_mirror(others, read)
        left = read.missing(others)
        others = _claimed_by_others(left, read, source)
        source.from_table([it for it in left if it not in others], read)
    source.from_table(others, read)


def _claimed_by_others(server_ids: Iterable[str], read: "Read", source: Source) -> set[str]:
    """Those of these servers that another read is fetching already; the rest are ours."""
    hopeful = source.hopeful(server_ids, read)
    if hopeful and (mirror := source.usable(read)) is not None:
        try:
            return set(hopeful) - mirror.claim(hopeful)
        except MirrorUnavailable as error:
            read.answer.lose_mirror(error)
    return set()
