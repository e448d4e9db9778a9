"""The way in: the table first, then the mirror gets whatever the table says has won."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cache.errors import InvalidRow, MirrorUnavailable, TableUnavailable
from cache.mirror import Fresh, Mirror, Published
from cache.protocol import Change, Verdict
from cache.record import Record
from cache.table import Table, Written
from cache.values import PlaceLook

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a list of changes. `published` is None when the mirror could not be asked."""

    written: tuple[Written, ...]
    failures: tuple[TableUnavailable, ...]
    published: Published | None

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How many changes ended in each way."""
        return Counter(it.verdict for it in self.written)

    @property
    def is_whole(self) -> bool:
        """Whether the table took or outdated every change."""
        return not self.failures

    @property
    def unpublished(self) -> int:
        """How many winners did not reach the mirror."""
        return (
            len(self.written)
            if self.published is None
            else self.published.failed + self.published.dropped
        )

    @property
    def is_mirrored(self) -> bool:
        """Whether the mirror now equals the table for every change."""
        return self.is_whole and not self.unpublished


class Recorder:
    """Writes changes to the table and publishes the winners. A failed publish fails nothing: the table is the truth."""

    def __init__(self, table: Table, mirror: Mirror | None) -> None:
        self._table = table
        self._mirror = mirror

    def record(
        self, changes: Sequence[Change], stored: Mapping[str, Mapping[str, Any]]
    ) -> Recorded:
        """Write, then publish what `ALL_NEW` or `ALL_OLD` returned, never what was sent. `stored` rows are hints."""
        written: list[Written] = []
        failures: list[TableUnavailable] = []
        for result in self._table.write_all(changes, stored):
            if isinstance(result, Written):
                written.append(result)
            else:
                failures.append(result)
        return Recorded(
            tuple(written),
            tuple(failures),
            self._publish((it.row, it.at) for it in written if it.row),
        )

    def republish(self, server_ids: Iterable[str]) -> bool:
        """Publish rows as they stand, tombstones above all: no look writes those again. Whether all of it arrived."""
        rows = self._table.read(server_ids)
        published = self._publish((record, rows.at) for record in rows.records.values())
        return not rows.unread and published is not None and not published.failed

    def publish_place(self, place: str, look: PlaceLook) -> None:
        """Tell the mirror how the look at a place ended; a failure is logged and heals with the next look."""
        if self._mirror is None:
            return
        try:
            self._mirror.publish_place(place, look)
        except MirrorUnavailable as error:
            logger.warning("Could not publish the look at %s: %s", place, error)

    def _publish(
        self, rows: Iterable[tuple[Mapping[str, Any] | Record, float]]
    ) -> Published | None:
        if self._mirror is None:
            return Published()
        fresh = []
        for row, at in rows:
            try:
                record = row if isinstance(row, Record) else Record.from_row(row)
            except InvalidRow as error:
                logger.error("Not published: %s", error)
                continue
            fresh.append(Fresh(record.entry(), at))
        try:
            return self._mirror.publish(fresh)
        except MirrorUnavailable as error:
            logger.warning("Could not publish %d entries: %s", len(fresh), error)
            return None
