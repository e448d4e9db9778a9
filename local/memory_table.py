"""A table in memory: `Table` with DynamoDB itself replaced by `cache.protocol.judge` and `apply`.

It passes the same contract suite as the engines; so the pure functions and the conditions DynamoDB is sent agree.
"""

from collections.abc import Iterator
from threading import Event, Lock
from time import monotonic
from typing import Any, cast

from cache.attributes import decode_item, encode_item
from cache.protocol import Change, Verdict, apply, judge
from cache.table import BY_EXECUTION, BY_PLACE, Table

_KEYS = {BY_PLACE: ("place", "presence"), BY_EXECUTION: ("sourceExecutionId", "sourceServerId")}


class MemoryTable(Table):
    """Rows by server id in `rows`; every method of `Table` works on them."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None), "memory")
        self.rows: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def scan(self) -> Iterator[dict[str, Any]]:
        """Every row as it stands."""
        with self._lock:
            rows = [dict(row) for row in self.rows.values()]
        yield from rows

    def _update(self, change: Change, verdict: Verdict) -> tuple[bool, dict[str, Any] | None]:
        with self._lock:
            row = self.rows.get(change.server_id)
            if judge(row, change) is not verdict:
                return False, dict(row) if row else None
            row = self.rows[change.server_id] = decode_item(
                encode_item(apply(row, change, verdict))
            )
            return True, dict(row)

    def _read_batch(
        self, batch: list[str], deadline: float, gave_up: Event
    ) -> tuple[dict[str, dict[str, Any]], set[str]]:
        if gave_up.is_set() or deadline <= monotonic():
            return {}, set(batch)
        with self._lock:
            return {it: dict(self.rows[it]) for it in batch if it in self.rows}, set()

    def _query(self, index: str, key: str, value: str) -> list[dict[str, Any]]:
        names = {"sourceServerId", *_KEYS[index]}
        return [
            {name: row[name] for name in names}
            for row in self.scan()
            if names <= row.keys() and row[key] == value
        ]
