"""The way in: the table first, then the mirror gets whatever the table says has won."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from cache.errors import InvalidRow, MirrorUnavailable
from cache.mirror import Fresh, Mirror, Published
from cache.protocol import Change, Row, Verdict
from cache.record import Record
from cache.table import Stored, Table, Written
from cache.values import PlaceLook

logger = logging.getLogger(__name__)


class Confirmation(NamedTuple):
    """What a complete look behind its fence says of every row that it
    finds true: its ticket, and when it listed.
    """

    ticket: int
    listed_at: str


@dataclass(slots=True)
class Recorded:
    """What became of a list of changes, and how many winners did not reach the mirror."""

    written: list[Written]
    unpublished: int = 0

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How many changes ended in each way."""
        return Counter(it.verdict for it in self.written)

    @property
    def failures(self) -> list[Written]:
        """The changes of which nobody knows what became."""
        return [it for it in self.written if it.verdict is Verdict.FAILED]


class Recorder:
    """Writes changes to the table and publishes the winners.

    A failed publish fails nothing: the table is the truth.
    """

    def __init__(self, table: Table, mirror: Mirror | None) -> None:
        self._table = table
        self._mirror = mirror

    def record(
        self, changes: Iterable[Change], stored: Stored, confirmation: Confirmation | None = None
    ) -> Recorded:
        """Write what one look saw, given the rows it read, and publish what the table now holds,
        part by part.

        Only a complete look behind its fence has a `confirmation`: rows that say the same already
        are then confirmed instead of written.
        """
        recorded = Recorded([])
        for part in self._table.write(changes, stored, may_skip=confirmation is not None):
            recorded.written += part
            recorded.unpublished += self._publish(
                (it.row, it.at, confirmation if it.verdict is Verdict.SAME else None)
                for it in part
                if it.row and not it.verdict.is_open
            )
        return recorded

    def confirm(self, stored: Stored, confirmation: Confirmation) -> int:
        """Publish rows that a complete look found true as they
        stand; how many did not reach the mirror.
        """
        return self._publish((row, stored.at, confirmation) for row in stored.rows.values())

    def republish(self, server_ids: Iterable[str]) -> int:
        """Publish what the table holds of these servers now; how many did not reach the mirror, or
        could not be read.

        For whoever hears that a row has changed: messages come twice, late and in any order, so
        nothing of one is believed but the id.
        """
        stored = self._table.read_rows(server_ids)
        unpublished = self._publish((row, stored.at, None) for row in stored.rows.values())
        return unpublished + len(stored.unread)

    def publish_place(self, place: str, look: PlaceLook) -> None:
        """Tell the mirror how the look at a place ended; a failure
        is logged and heals with the next look.
        """
        if self._mirror is None:
            return
        try:
            self._mirror.publish_place(place, look)
        except MirrorUnavailable as error:
            logger.warning("Could not publish the look at %s: %s", place, error)

    def _publish(self, rows: Iterable[tuple[Row, float, Confirmation | None]]) -> int:
        """How many of these rows did not reach the mirror. One that is no record has no entry."""
        if self._mirror is None:
            return 0
        fresh = []
        for row, at, confirmation in rows:
            try:
                fresh.append(Fresh(Record.from_row(row).entry(*(confirmation or ())), at))
            except InvalidRow as error:
                logger.error("Not published: %s", error)
        try:
            published = self._mirror.publish(fresh) if fresh else Published()
        except MirrorUnavailable as error:
            logger.warning("Could not publish %d entries: %s", len(fresh), error)
            return len(fresh)
        return published.failed + published.dropped
