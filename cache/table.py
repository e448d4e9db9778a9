"""The system of record: one DynamoDB row per source server, written only on condition that nothing newer is there.

`batch_writer` carries no conditions, so each server is one UpdateItem. A refused write brings the winner back (ALL_OLD)
and is judged again by `cache.protocol.judge`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from random import uniform
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cache.attributes import decode_item, encode
from cache.errors import InvalidRow, TableUnavailable
from cache.protocol import Change, Verdict, judge
from cache.record import Record
from cache.updates import update_arguments
from cache.values import Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BY_PLACE, BY_EXECUTION = "byPlace", "byExecution"
BATCH_KEYS = 100  # BatchGetItem's limit
BATCHES_IN_FLIGHT = 4
WRITES_IN_FLIGHT = 16
TRIES = 6  # of one batch, and of one write whose row changes under it
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.05, 0.4  # seconds, with full jitter
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change. `row` is the winner, ours or not; None when there is no row."""

    change: Change
    verdict: Verdict
    row: dict[str, Any] | None
    at: float
    """When the table said so, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Records by server id, the ids whose answer is not known, and when the table was asked (monotonic seconds)."""

    records: dict[str, Record]
    unread: frozenset[str]
    at: float


@contextmanager
def translated(what: str) -> Iterator[None]:
    """The border: whatever botocore raises becomes TableUnavailable, as does a reply that lacks what it must have."""
    try:
        yield
    except (BotoCoreError, ClientError, KeyError) as error:
        raise TableUnavailable(f"{what}: {error}") from error


class Table:
    """Reads and writes records through DynamoDB's low-level client. Safe from several threads."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._readers = ThreadPoolExecutor(BATCHES_IN_FLIGHT, "table-read")
        self._writers = ThreadPoolExecutor(WRITES_IN_FLIGHT, "table-write")

    def write(self, change: Change, stored: Mapping[str, Any] | None = None) -> Written:
        """Apply one change if nothing newer is there. `stored` is a hint that saves a round trip when it is right.

        Raises:
            TableUnavailable: when DynamoDB could not be asked; whether the write arrived is then unknown.
        """
        verdict = judge(stored, change)
        if not verdict.is_write:  # a hint refuses nothing: only the table does
            verdict = Verdict.UPDATE if change.is_absence else Verdict.REPLACE
        for _ in range(TRIES):
            written, row = self._update(change, verdict)
            if written:
                return Written(change, verdict, row, monotonic())
            verdict = judge(row, change)
            if not verdict.is_write:
                return Written(change, verdict, row, monotonic())
        raise TableUnavailable(f"row {change.server_id} changed under {TRIES} writes in turn")

    def write_all(
        self, changes: Sequence[Change], stored: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Written | TableUnavailable]:
        """Write many changes side by side, in any order; one that fails costs the others nothing."""

        def one(change: Change) -> Written | TableUnavailable:
            try:
                return self.write(change, stored.get(change.server_id))
            except TableUnavailable as error:
                return error

        return self._writers.map(one, changes)

    def read(self, server_ids: Iterable[str], deadline: float = FOREVER) -> Rows:
        """The records of these servers, as far as they came by the deadline (monotonic seconds). Never raises."""
        at = monotonic()
        rows, unread = self.read_rows(server_ids, deadline)
        records: dict[str, Record] = {}
        for server_id, row in rows.items():
            try:
                records[server_id] = Record.from_row(row)
            except InvalidRow:
                unread.add(server_id)
        return Rows(records, frozenset(unread), at)

    def read_rows(
        self, server_ids: Iterable[str], deadline: float = FOREVER
    ) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """The rows of these servers as they stand, and the ids that could not be asked by the deadline."""
        ids = list(dict.fromkeys(server_ids))
        gave_up = Event()
        batches: dict[Future[tuple[dict[str, dict[str, Any]], set[str]]], list[str]] = {}
        for at in range(0, len(ids), BATCH_KEYS):
            batch = ids[at : at + BATCH_KEYS]
            batches[self._readers.submit(self._read_batch, batch, deadline, gave_up)] = batch
        done, late = wait_for(
            batches, None if deadline == FOREVER else max(0.0, deadline - monotonic())
        )
        gave_up.set()
        rows: dict[str, dict[str, Any]] = {}
        unread: set[str] = set()
        for future in done:
            found, left = future.result()
            rows |= found
            unread |= left
        for future in late:
            future.cancel()
            unread.update(batches[future])
        return rows, unread

    def servers_in(self, place: Place) -> dict[str, str]:
        """Servers whose row is in this place, each with its presence (`present` or `absent`).

        Raises:
            TableUnavailable: when the index could not be read to its end.
        """
        return {
            item["sourceServerId"]: item["presence"]
            for item in self._query(BY_PLACE, "place", str(place))
        }

    def servers_of(self, execution_id: str) -> list[str]:
        """Servers whose present instance this execution launched.

        Raises:
            TableUnavailable: when the index could not be read to its end.
        """
        return [
            item["sourceServerId"]
            for item in self._query(BY_EXECUTION, "sourceExecutionId", execution_id)
        ]

    def scan(self) -> Iterator[dict[str, Any]]:
        """Every row as it stands, page by page.

        Raises:
            TableUnavailable: when a page could not be read.
        """
        with translated("scan"):
            for page in self._client.get_paginator("scan").paginate(
                TableName=self._name, ConsistentRead=True
            ):
                yield from map(decode_item, page["Items"])

    def _update(self, change: Change, verdict: Verdict) -> tuple[bool, dict[str, Any] | None]:
        """Whether the write was let through, and the row that stands now."""
        key = {"sourceServerId": encode(change.server_id)}
        arguments = update_arguments(change, verdict)
        with translated(f"write {change.server_id}"):
            try:
                answer = self._client.update_item(
                    TableName=self._name,
                    Key=key,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
                return True, decode_item(answer["Attributes"])
            except self._client.exceptions.ConditionalCheckFailedException as refusal:
                item: Any = refusal.response.get("Item")
            if not item:  # no row, or an engine that does not return it
                item = self._client.get_item(
                    TableName=self._name, Key=key, ConsistentRead=True
                ).get("Item")
        return False, decode_item(item) if item else None

    def _read_batch(
        self, batch: list[str], deadline: float, gave_up: Event
    ) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """Rows of at most 100 ids, and the ids still unread when time ran out, or TRIES in turn brought nothing."""
        rows: dict[str, dict[str, Any]] = {}
        left, backoff, tries = batch, _FIRST_BACKOFF, TRIES
        while tries and monotonic() < deadline:
            tries -= 1
            try:
                keys = [{"sourceServerId": encode(server_id)} for server_id in left]
                answer = self._client.batch_get_item(
                    RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
                )
                items: list[Any] = answer["Responses"].get(self._name, [])
                unprocessed: Any = answer["UnprocessedKeys"].get(self._name, {})
            except (BotoCoreError, ClientError, KeyError):
                pass  # throttled, away, or a reply that is none of DynamoDB's: the same ids are still left
            else:
                rows |= {row["sourceServerId"]: row for row in map(decode_item, items)}
                still_left = [key["sourceServerId"]["S"] for key in unprocessed.get("Keys", ())]
                if len(still_left) < len(left):
                    backoff, tries = _FIRST_BACKOFF, TRIES
                left = still_left
            if not left or gave_up.wait(uniform(0, backoff)):
                break
            backoff = min(backoff * 2, _LONGEST_BACKOFF)
        return rows, set(left)

    def _query(self, index: str, key: str, value: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName=index,
            KeyConditionExpression="#key = :value",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues={":value": encode(value)},
        )
        with translated(f"query {index}"):
            return [decode_item(item) for page in pages for item in page["Items"]]
