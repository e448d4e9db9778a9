"""Which servers the protection groups select by tags: worked out
after an inventory, kept for those who read plans.
"""

import logging
from collections.abc import Mapping
from itertools import starmap
from typing import TYPE_CHECKING

from cache.errors import TableUnavailable
from cache.values import Place
from services.aws.drs import Protected
from services.platform.groups import keep_selection, plain_tag, tagged_groups

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)


class TagSelection:
    """The groups of one deployment; `groups` and `status` are tables."""

    def __init__(self, client: "DynamoDBClient", groups: str, status: str) -> None:
        self._client = client
        self._groups = groups
        self._status = status

    def __call__(self, inventories: Mapping[Place, Mapping[str, Protected]]) -> None:
        """Select anew for the groups of these places, from their complete inventories: an index
        of the table would lag behind what these have just written.

        A failure is logged, and the selection stays what it was.
        """
        try:
            for group_id, group in tagged_groups(self._client, self._groups).items():
                if group.place and group.place in inventories:
                    servers = inventories[group.place]
                    selected = sorted(it for it, one in servers.items() if _has(one, group.tags))
                    keep_selection(self._client, self._status, group_id, group, selected)
        except TableUnavailable as error:
            logger.info("No servers were selected by tags: %s", error)


def _has(protected: Protected, wanted: Mapping[str, str]) -> bool:
    """Whether a source server has all of these tags."""
    return wanted.items() <= set(starmap(plain_tag, protected.server.source_tags.items()))
