"""The looks themselves, kept in `sync-status`: the counter tickets are drawn from, and one row per
place.

A ticket is drawn before the first call of a look and is the version of all that the look writes.
The counter starts at the wall clock's epoch milliseconds only once, when there is no counter; after
that no clock decides anything. A place's row holds its `fence`: the ticket of the newest complete
look that has listed it, checked by every write in the place.
"""

import time
from collections.abc import Iterable, Mapping
from random import uniform
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cache.attributes import decode_item, encode, encode_item
from cache.errors import TableUnavailable
from cache.table import PLACE, translated
from cache.values import Outcome, Place, PlaceLook, to_millis

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOT_LOOKED_AT = {
    Outcome.NEVER_LOOKED,
    Outcome.NOT_CONFIGURED,
    Outcome.UNREADABLE,
}  # such a place vouches for nothing
TRIES = 12
BACKOFF, LONGEST_BACKOFF = 0.02, 0.4  # seconds, with full jitter


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

    def raise_fence(self, place: Place, ticket: int) -> bool:
        """Close the place to older looks, once it has been listed under this ticket.

        False: a newer look has.

        Raises:
            TableUnavailable: when the row could not be written.
        """
        first = {
            "place": str(place),
            "ticket": 0,
            "outcome": Outcome.NEVER_LOOKED,
        }  # a new row is whole
        return self._update(place, "fence", {"fence": ticket}, first) is not None

    def note(
        self, place: Place, ticket: int, facts: Mapping[str, object], *, completed: bool
    ) -> PlaceLook | None:
        """Write how the look under this ticket ended; what is now known, or None when a newer look
        had the last word.

        `facts` are plain values for the place's row: `outcome`, `endedAt` (a stamp) and whatever
        people want to see. Only a completed look moves `completedAt`, `completedTicket` and
        `listedAt`, which is its `startedAt`.

        Raises:
            TableUnavailable: when the row could not be written.
        """
        sets = dict(facts) | {"ticket": ticket, "place": str(place)}
        if completed:
            sets |= {
                "completedAt": facts["endedAt"],
                "completedTicket": ticket,
                "listedAt": facts.get("startedAt"),
            }
        row = self._update(place, "ticket", sets)
        return None if row is None else place_look(row)

    def _update(
        self,
        place: Place,
        rising: str,
        sets: Mapping[str, object],
        defaults: Mapping[str, object] = MappingProxyType({}),
    ) -> dict[str, Any] | None:
        """The place's row after this update, or None when the number that is `rising` is already
        that high.

        A transaction that is just checking the fence refuses any write of the row: so again, a
        little later.
        """
        parts = [f"#{it} = :{it}" for it in sets]
        parts += [f"#{it} = if_not_exists(#{it}, :{it})" for it in defaults]
        said = {f":{name}": value for name, value in (*sets.items(), *defaults.items())}
        errors = self._client.exceptions
        with translated(f"note the look at {place}"):
            for tried in range(TRIES):
                try:
                    answer = self._client.update_item(
                        TableName=self._name,
                        Key={"id": encode(f"{PLACE}{place}")},
                        ReturnValues="ALL_NEW",
                        UpdateExpression="SET " + ", ".join(parts),
                        ConditionExpression=f"(NOT attribute_type(#{rising}, :isNumber)) "
                        f"OR #{rising} < :{rising}",
                        ExpressionAttributeNames={f"#{it}": it for it in (*sets, *defaults)},
                        ExpressionAttributeValues=encode_item(said | {":isNumber": "N"}),
                    )
                    return decode_item(answer["Attributes"])
                except errors.ConditionalCheckFailedException:
                    return None
                except errors.TransactionConflictException:
                    time.sleep(uniform(0, min(BACKOFF * 2**tried, LONGEST_BACKOFF)))
        raise TableUnavailable(f"note the look at {place}: in use {TRIES} times in turn")

    def rows(self) -> list[dict[str, Any]]:
        """One row per place ever looked at, with `place`, `ticket`, `outcome`, `completedAt` where
        there is one.

        Raises:
            TableUnavailable: when they could not be read to the end.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            ConsistentRead=True,
            FilterExpression="begins_with(#id, :place)",
            ExpressionAttributeNames={"#id": "id"},
            ExpressionAttributeValues={":place": encode(PLACE)},
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
        if look.outcome != Outcome.NOT_CONFIGURED:
            looks[str(row["id"]).removeprefix(PLACE)] = look
    return looks


def place_look(row: Mapping[str, Any]) -> PlaceLook:
    """The look in a place's row.

    A row that makes no sense stands for a place that nobody has looked at: it must not help to call
    a server absent. Nor must a place that is not looked at any more, whatever was seen there once.
    """
    try:
        ticket, outcome = int(row["ticket"]), Outcome(row["outcome"])
        if outcome in NOT_LOOKED_AT:
            return PlaceLook(ticket, 0, outcome)
        completed_at, listed_at = _millis(row, "completedAt"), _millis(row, "listedAt")
        completed_ticket = int(row.get("completedTicket") or 0)
        inventoried_at = _millis(row, "inventoriedAt")
        return PlaceLook(ticket, completed_at, outcome, completed_ticket, listed_at, inventoried_at)
    except (KeyError, TypeError, ValueError):
        return PlaceLook(0, 0, Outcome.UNREADABLE)


def _millis(row: Mapping[str, Any], name: str) -> int:
    return to_millis(row[name]) if row.get(name) else 0
