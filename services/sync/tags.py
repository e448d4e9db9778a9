"""Which servers the protection groups select by tags: worked out
after an inventory, kept for those who read plans.
"""

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from cache.errors import TableUnavailable
from cache.table import Table
from cache.values import Place
from services.platform.groups import Group, keep_selection, tagged_groups

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)


class TagSelection:
    """The groups of one deployment; `groups` and `status` are tables."""

    def __init__(self, client: "DynamoDBClient", groups: str, status: str, table: Table) -> None:
        self._client = client
        self._groups = groups
        self._status = status
        self._table = table

    def __call__(self, places: Collection[Place]) -> None:
        """Select anew for the groups of these places, whose inventories are complete.

        A failure is logged, and the
        selection stays what it was."""
        try:
            groups = tagged_groups(self._client, self._groups)
            for place in {it.place for it in groups.values()} & set(places):
                if place:
                    self._select(
                        place, {it: one for it, one in groups.items() if one.place == place}
                    )
        except TableUnavailable as error:
            logger.info("No servers were selected by tags: %s", error)

    def _select(self, place: Place, groups: dict[str, Group]) -> None:
        stored = self._table.read_rows(self._table.servers_in(place))
        if stored.unread:
            raise TableUnavailable(f"{len(stored.unread)} rows of {place} could not be read")
        rows = {it: row for it, row in stored.rows.items() if not row.get("sourceServerGone")}
        for group_id, group in groups.items():
            selected = sorted(it for it, row in rows.items() if _has(row, group))
            keep_selection(self._client, self._status, group_id, group, selected)


def _has(row: dict[str, Any], group: Group) -> bool:
    """Whether the server of this row has all tags of the group."""
    return group.tags.items() <= (row.get("sourceTags") or {}).items()
