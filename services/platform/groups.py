"""The table `protection-groups`: servers by name or by tags, which waves of plans refer to. Optional; the platform's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from cache.errors import TableUnavailable
from cache.values import Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_A_CALL = 100  # BatchGetItem's limit
TRIES = 3  # of what DynamoDB leaves unprocessed


@dataclass(frozen=True, slots=True)
class Group:
    """One group. `server_ids` is None where tags select the servers, or where the row does not say."""

    account_id: str | None
    region: str | None
    server_ids: tuple[Any, ...] | None
    tags: Mapping[str, str]

    @property
    def place(self) -> Place | None:
        """Where its servers are, if the row says so."""
        return Place(self.account_id, self.region) if self.account_id and self.region else None


def read_groups(client: "DynamoDBClient", table: str, group_ids: Iterable[str]) -> dict[str, Group]:
    """Those of these groups that there are.

    Raises:
        TableUnavailable: when the table cannot be read, or is not there.
    """
    from cache.attributes import decode_item, encode  # noqa: PLC0415 - a page of plans without groups needs neither
    from cache.table import translated  # noqa: PLC0415

    rows: list[dict[str, Any]] = []
    for ids in batched(sorted(set(group_ids)), KEYS_A_CALL):
        left: Any = {table: {"Keys": [{"groupId": encode(it)} for it in ids]}}
        for _ in range(TRIES):
            with translated("read the protection groups"):
                answer = client.batch_get_item(RequestItems=left)
            rows += map(decode_item, answer["Responses"].get(table, ()))
            left = answer.get("UnprocessedKeys")
            if not left:
                break
        else:
            raise TableUnavailable("read the protection groups: DynamoDB is too busy")
    return {str(row["groupId"]): read_group(row) for row in rows}


def read_group(row: Mapping[str, Any]) -> Group:
    """The group in a row of plain values. Tags win over names; tags of another type select nothing that we know."""
    tags, names = row.get("serverSelectionTags"), row.get("sourceServerIds")
    by_tags = tags if isinstance(tags, Mapping) else {}
    return Group(
        text_of(row.get("accountId")),
        text_of(row.get("region")),
        tuple(names) if isinstance(names, list) and not tags else None,
        {str(name): str(value) for name, value in by_tags.items()},
    )


def text_of(value: object) -> str | None:
    """Text that says something; of an account id that was stored as a number, its twelve digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:012d}"
    return value if isinstance(value, str) and value else None
