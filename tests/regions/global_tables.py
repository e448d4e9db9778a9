"""What DynamoDB's global tables do between two regions: every
change of an item arrives in the other one, later.
"""

from collections.abc import Iterable
from threading import Event, Thread
from typing import Any

type Rows = dict[str, dict[str, Any]]

PAUSE = 0.1  # seconds; AWS says "within a second, usually"


class GlobalTables:
    """Copies changes of these tables both ways until it is stopped.

    A change wins over no change; of two at once, the
    first region's. Each table's key is one attribute, named in `keys`."""

    def __init__(self, regions: tuple[Any, Any], keys: dict[str, str]) -> None:
        self._regions = regions
        self._keys = keys
        self._known: dict[str, Rows] = {table: {} for table in keys}
        self._stopped = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Copies what is there, and goes on with what changes."""
        self.copy()
        self._thread.start()

    def stop(self) -> None:
        """As when one of the regions is gone."""
        self._stopped.set()
        self._thread.join()

    def copy(self) -> None:
        """One round over all tables."""
        for table, key in self._keys.items():
            self._copy_table(table, key)

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE):
            self.copy()

    def _copy_table(self, table: str, key: str) -> None:
        seen = [rows(client, table, key) for client in self._regions]
        known = self._known[table]
        for item in {it for found in (*seen, known) for it in found}:
            before, here, there = (found.get(item) for found in (known, *seen))
            winner = here if here != before else there
            for client, has in zip(self._regions, (here, there), strict=True):
                if has != winner:
                    write(client, table, key, item, winner)
            if winner is None:
                known.pop(item, None)
            else:
                known[item] = winner


def rows(client: Any, table: str, key: str) -> Rows:
    """Every row by its key."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items: Iterable[dict[str, Any]] = (item for page in pages for item in page["Items"])
    return {item[key]["S"]: item for item in items}


def write(client: Any, table: str, key: str, item: str, row: dict[str, Any] | None) -> None:
    """The row as it is elsewhere; None: it is there no more."""
    if row is None:
        client.delete_item(TableName=table, Key={key: {"S": item}})
    else:
        client.put_item(TableName=table, Item=row)
