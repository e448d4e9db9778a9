"""The looks themselves, kept in `sync-status`: the counter tickets are drawn from, and one row per place.

A ticket is drawn before the first call of a look and is the version of all that the look writes. The counter starts at
the wall clock's epoch milliseconds only once, when there is no counter; after that no clock decides anything.
"""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cache.attributes import decode_item, encode, encode_item
from cache.table import translated
from cache.values import NOT_CONFIGURED, Place, PlaceLook, to_millis

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PLACE = "place#"
UNREADABLE = "unreadable"


class LookLog:
    """Tickets and the looks at each place."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def draw_ticket(self) -> int:
        """The next ticket.

        Raises:
            TableUnavailable: when the counter could not be moved; no look may begin then.
        """
        with translated("draw a ticket"):
            answer = self._client.update_item(
                TableName=self._name,
                Key={"id": encode("ticket")},
                UpdateExpression="SET #n = if_not_exists(#n, :start) + :one",
                ExpressionAttributeNames={"#n": "n"},
                ExpressionAttributeValues={
                    ":start": encode(int(time.time() * 1000)),
                    ":one": encode(1),
                },
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["n"]["N"])

    def note(
        self, place: Place, ticket: int, facts: Mapping[str, object], *, completed: bool
    ) -> PlaceLook | None:
        """Write how the look under this ticket ended; what is now known, or None when a newer look had the last word.

        `facts` are plain values for the place's row: `outcome`, `endedAt` (a stamp) and whatever people want to see.
        Only a completed look moves `completedAt`.

        Raises:
            TableUnavailable: when the row could not be written.
        """
        sets = dict(facts) | {"ticket": ticket, "place": str(place)}
        if completed:
            sets["completedAt"] = facts["endedAt"]
        with translated(f"note the look at {place}"):
            try:
                answer = self._client.update_item(
                    TableName=self._name,
                    Key={"id": encode(f"{_PLACE}{place}")},
                    ReturnValues="ALL_NEW",
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in sets),
                    ConditionExpression="(NOT attribute_type(#ticket, :isNumber)) OR #ticket < :ticket",
                    ExpressionAttributeNames={f"#{name}": name for name in sets},
                    ExpressionAttributeValues={
                        ":isNumber": encode("N"),
                        **{f":{name}": it for name, it in encode_item(sets).items()},
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return place_look(decode_item(answer["Attributes"]))

    def rows(self) -> list[dict[str, Any]]:
        """One row per place ever looked at, with `place`, `ticket`, `outcome`, `completedAt` where there is one.

        Raises:
            TableUnavailable: when they could not be read to the end.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            ConsistentRead=True,
            FilterExpression="begins_with(#id, :place)",
            ExpressionAttributeNames={"#id": "id"},
            ExpressionAttributeValues={":place": encode(_PLACE)},
        )
        with translated("read the looks"):
            return [decode_item(item) for page in pages for item in page["Items"]]

    def places(self) -> dict[str, PlaceLook]:
        """What is known of the looks at each configured place.

        Raises:
            TableUnavailable: when it could not be read to the end.
        """
        return place_looks(self.rows())


def place_looks(rows: Iterable[Mapping[str, Any]]) -> dict[str, PlaceLook]:
    """The looks in these rows, without places that are no longer configured."""
    looks: dict[str, PlaceLook] = {}
    for row in rows:
        look = place_look(row)
        if look.outcome != NOT_CONFIGURED:
            looks[str(row["id"]).removeprefix(_PLACE)] = look
    return looks


def place_look(row: Mapping[str, Any]) -> PlaceLook:
    """The look in a place's row.

    A row that makes no sense stands for a place that nobody has looked at: it must not help to call a server absent.
    """
    try:
        completed_at = to_millis(row["completedAt"]) if row.get("completedAt") else 0
        return PlaceLook(int(row["ticket"]), completed_at, str(row["outcome"]))
    except (KeyError, TypeError, ValueError):
        return PlaceLook(0, 0, UNREADABLE)
