"""A table in memory: `Table` with DynamoDB's transactions replaced by plain code and
`cache.protocol.may_pass`.

It passes the same contract suite as the engines; so the pure functions and the conditions DynamoDB
is sent agree.
"""

from collections.abc import Iterator
from threading import Event, Lock
from time import monotonic
from typing import Any, cast

from cache.attributes import decode_item, encode_item
from cache.protocol import may_pass, may_raise
from cache.table import BY_EXECUTION, BY_PLACE, CONDITION, NONE, Put, Reason, Table
from cache.values import Place

_KEYS = {BY_PLACE: ("place", "presence"), BY_EXECUTION: ("sourceExecutionId", "sourceServerId")}


class MemoryTable(Table):
    """Rows by server id in `rows`; every method of `Table` works on them."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None), "memory", "fences")
        self.rows: dict[str, dict[str, Any]] = {}
        self.fences: dict[str, int] = {}
        self._lock = Lock()

    def raise_fence(self, place: Place, ticket: int) -> bool:
        """As `cache.looks` does in DynamoDB."""
        with self._lock:
            if rises := may_raise(self.fences.get(str(place)), ticket):
                self.fences[str(place)] = ticket
            return rises

    def scan(self) -> Iterator[dict[str, Any]]:
        """Every row as it stands."""
        with self._lock:
            rows = [dict(row) for row in self.rows.values()]
        yield from rows

    def _transact(self, fences: list[str], puts: list[Put]) -> list[Reason]:
        with self._lock:
            reasons = [
                Reason(NONE if may_pass(self.fences.get(it), puts[0].change.version) else CONDITION)
                for it in fences
            ]
            for put in puts:
                row = self.rows.get(put.change.server_id)
                reasons.append(Reason(NONE if row == put.stored else CONDITION, row and dict(row)))
            if any(it.code == CONDITION for it in reasons):
                return reasons
            for put in puts:
                self.rows[put.change.server_id] = decode_item(encode_item(put.row))
            return []

    def _read_batch(
        self, batch: list[str], deadline: float, gave_up: Event, _errors: list[str]
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
