"""What `sync-status` keeps of runs: the lease that stops full syncs from overlapping, and how the
last one ended.

Rows: `lease` (held while a full sync runs, renewed as places finish), `run` (the last finished
one); the tickets and the places are `cache.looks`'s.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cache.attributes import decode_item, encode, encode_item
from cache.errors import AlreadyRunning
from cache.table import translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# longer than any one place may take, so a living run never loses it; a killed one blocks no longer
LEASE_SECONDS = 100
LEASE, RUN = "lease", "run"


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The running full sync and the last finished one, as they
    are sent; None where there is none.
    """

    running: dict[str, Any] | None
    last_run: dict[str, Any] | None


class SyncStatus:
    """Runs, in the `sync-status` table.

    Every call raises TableUnavailable when the table cannot be asked.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def begin(self, run_id: str, started_at: str, places: int) -> None:
        """Take the lease.

        Raises:
            AlreadyRunning: when a living run holds it.
        """
        item = {
            "id": LEASE, "runId": run_id, "startedAt": started_at, "placesDone": 0,
            "placesTotal": places,
            "expiresAt": _in_seconds(LEASE_SECONDS),
        }  # fmt: skip
        with translated("take the lease"):
            try:
                self._client.put_item(
                    TableName=self._name,
                    Item=encode_item(item),
                    ConditionExpression="attribute_not_exists(id) OR expiresAt < :now OR "
                    "(NOT attribute_type(expiresAt, :isNumber)) OR runId = :run",
                    ExpressionAttributeValues={
                        ":isNumber": encode("N"),
                        ":now": encode(_in_seconds(0)),
                        ":run": encode(run_id),
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                raise AlreadyRunning((self._row(LEASE) or {}).get("runId", "unknown")) from None

    def place_done(self, run_id: str) -> None:
        """Count one more place and renew the lease; nothing happens
        if the lease has gone to another run.
        """
        with translated("renew the lease"):
            try:
                self._client.update_item(
                    TableName=self._name,
                    Key={"id": encode(LEASE)},
                    UpdateExpression="SET expiresAt = :then ADD placesDone :one",
                    ConditionExpression="runId = :run",
                    ExpressionAttributeValues={
                        ":then": encode(_in_seconds(LEASE_SECONDS)), ":one": encode(1),
                        ":run": encode(run_id),
                    },
                )  # fmt: skip
            except self._client.exceptions.ConditionalCheckFailedException:
                return

    def end(self, run_id: str, result: Mapping[str, object]) -> None:
        """Keep the result and give the lease back."""
        with translated("end the run"):
            self._client.put_item(TableName=self._name, Item=encode_item({"id": RUN, **result}))
            self._give_back(run_id)

    def _give_back(self, run_id: str) -> None:
        try:
            self._client.delete_item(
                TableName=self._name,
                Key={"id": encode(LEASE)},
                ConditionExpression="runId = :run",
                ExpressionAttributeValues={":run": encode(run_id)},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def read(self) -> RunStatus:
        """What runs now and what ran last."""
        lease, run = self._row(LEASE), self._row(RUN)
        if lease and not _is_held(lease):
            lease = None
        return RunStatus(_without(lease, "id", "expiresAt"), _without(run, "id"))

    def _row(self, row_id: str) -> dict[str, Any] | None:
        with translated(f"read {row_id}"):
            item = self._client.get_item(
                TableName=self._name, Key={"id": encode(row_id)}, ConsistentRead=True
            ).get("Item")
        return decode_item(item) if item else None


def _is_held(lease: Mapping[str, Any]) -> bool:
    """One that does not say how long is nobody's: it would never end."""
    until = lease.get("expiresAt")
    return isinstance(until, int | float) and until >= _in_seconds(0)


def _without(row: dict[str, Any] | None, *names: str) -> dict[str, Any] | None:
    return (
        {name: value for name, value in row.items() if name not in names}
        if row is not None
        else None
    )


def _in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds
