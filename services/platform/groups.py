"""The table `protection-groups`: servers by name or by tags, which waves of plans refer to.

Optional; the platform's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import TYPE_CHECKING, Any

from cache.errors import TableUnavailable
from cache.values import Place, is_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_A_CALL = 100  # BatchGetItem's limit
SELECTION = "group#"  # what begins the key of a selection in `sync-status`
OF_AWS = "aws:"  # begins tags that no inventory keeps: by them, nobody can say "none match"
TRIES = 3  # of what DynamoDB leaves unprocessed


@dataclass(frozen=True, slots=True)
class Group:
    """One group.

    `server_ids` is None where the row does not say, or tags select servers that no inventory has
    found yet. `tags` are as `plain_tag` makes them.
    """

    account_id: str | None
    region: str | None
    server_ids: tuple[Any, ...] | None
    tags: Mapping[str, str]

    @property
    def place(self) -> Place | None:
        """Where its servers are, if the row says so."""
        return Place(self.account_id, self.region) if self.account_id and self.region else None


def read_groups(
    client: "DynamoDBClient", table: str, status: str, group_ids: Iterable[str]
) -> dict[str, Group]:
    """Those of these groups that there are; of groups by tags with the servers that the last
    inventory selected.

    Raises:
        TableUnavailable: when the groups cannot be read, or their table is not there.
    """
    rows = _batch_get(client, table, "groupId", sorted(set(group_ids)))
    groups = {str(row["groupId"]): read_group(row) for row in rows}
    tagged = [f"{SELECTION}{it}" for it, group in groups.items() if group.tags]
    for row in _batch_get(client, status, "id", tagged):
        group_id = str(row["id"]).removeprefix(SELECTION)
        group = groups[group_id]
        groups[group_id] = replace(group, server_ids=selected_servers(group, row))
    return groups


def selected_servers(group: Group, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What a selection's row says of this group; None where it is of other tags or another place,
    or says nothing.
    """
    is_of_it = row.get("tags") == group.tags and row.get("place") == str(group.place)
    servers = row.get("serverIds")
    if not is_of_it or not isinstance(servers, list):
        return None
    return None if any(it.startswith(OF_AWS) for it in group.tags) else tuple(servers)


def tagged_groups(client: "DynamoDBClient", table: str) -> dict[str, Group]:
    """Every group that selects its servers by tags, if its selection can be kept.

    Raises:
        TableUnavailable: when the groups cannot be read to the end, or their table is not there.
    """
    from cache.attributes import decode_item  # noqa: PLC0415 - as in _batch_get
    from cache.table import translated  # noqa: PLC0415

    with translated("read the protection groups"):
        pages = client.get_paginator("scan").paginate(TableName=table)
        rows = [decode_item(item) for page in pages for item in page["Items"]]
    groups = {str(row["groupId"]): read_group(row) for row in rows}
    return {name: it for name, it in groups.items() if it.tags and is_key(f"{SELECTION}{name}")}


def keep_selection(
    client: "DynamoDBClient", status: str, group_id: str, group: Group, server_ids: Sequence[str]
) -> None:
    """Note which servers a group's tags select, for those who read plans; `status` is the table
    `sync-status`.

    Raises:
        TableUnavailable: when the row cannot be written.
    """
    from cache.attributes import encode_item  # noqa: PLC0415 - as in _batch_get
    from cache.table import translated  # noqa: PLC0415

    row = {"id": f"{SELECTION}{group_id}", "tags": group.tags, "place": str(group.place)}
    with translated(f"keep the servers of protection group {group_id}"):
        client.put_item(TableName=status, Item=encode_item(row | {"serverIds": [*server_ids]}))


def _batch_get(
    client: "DynamoDBClient", table: str, key: str, values: Iterable[str]
) -> list[dict[str, Any]]:
    # a page of plans without groups needs neither
    from cache.attributes import decode_item, encode  # noqa: PLC0415
    from cache.table import translated  # noqa: PLC0415

    rows: list[dict[str, Any]] = []
    for ids in batched(filter(is_key, values), KEYS_A_CALL):
        left: Any = {table: {"Keys": [{key: encode(it)} for it in ids]}}
        for _ in range(TRIES):
            with translated("read the protection groups"):
                answer = client.batch_get_item(RequestItems=left)
            rows += map(decode_item, answer["Responses"].get(table, ()))
            left = answer.get("UnprocessedKeys")
            if not left:
                break
        else:
            raise TableUnavailable("read the protection groups: DynamoDB is too busy")
    return rows


def read_group(row: Mapping[str, Any]) -> Group:
    """The group in a row of plain values.

    Tags win over names. Tags of another type, one of which the value is no text or number, two that
    the platform takes for one, an empty list beside what may choose servers too: of such a group
    nobody knows the servers.
    """
    tags, names = row.get("serverSelectionTags"), row.get("sourceServerIds")
    is_said = isinstance(names, list) and not tags and (names or not may_choose(row))
    given = tags if isinstance(tags, Mapping) else {}
    by_tags = dict(plain_tag(*it) for it in given.items() if isinstance(it[1], str | int | float))
    return Group(
        text_of(row.get("accountId")),
        text_of(row.get("region")),
        tuple(names) if isinstance(names, list) and is_said else None,
        by_tags if len(by_tags) == len(given) else {},
    )


def may_choose(row: Mapping[str, Any], *words: str) -> list[str]:
    """The members of a row that names no servers which may be what chooses them after all."""
    choosing = ("server", "tag", "select", "filter", *words)
    return sorted(
        it for it, said in row.items() if said and any(w in it.casefold() for w in choosing)
    )


def plain_tag(name: str, value: object) -> tuple[str, str]:
    """A tag as the platform compares it: by its words, whatever their case and the space around."""
    return name.strip().casefold(), str(value).strip().casefold()


def text_of(value: object) -> str | None:
    """Text that says something; of an account id that was stored as a number, its twelve digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:012d}"
    return value if isinstance(value, str) and value else None
