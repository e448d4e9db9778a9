"""The system of record: one DynamoDB row per source server, written only on condition that nothing
newer is there.

Rows are written whole, up to 99 in a transaction that also checks the fence of their place (kept in
`sync-status`, see
`cache.looks`). A refused transaction names the rows that refused it and brings them (ALL_OLD); they
are judged again by
`cache.protocol`, the others go once more without them.
"""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from random import uniform
from threading import Event
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from cache.attributes import decode_item, encode, encode_item
from cache.errors import InvalidRow, TableUnavailable
from cache.protocol import Change, Row, Verdict, decide, decide_again
from cache.record import Record
from cache.values import Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)
BY_PLACE, BY_EXECUTION = "byPlace", "byExecution"
BATCH_KEYS = 100  # BatchGetItem's limit
BATCHES_IN_FLIGHT = 4
TRANSACTION = 100  # TransactWriteItems' limit, fences included
READS, WRITES = 6, 12  # tries of a batch that brings nothing, and of one transaction
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.05, 0.4  # seconds, with full jitter
FOREVER = float("inf")


PLACE = "place#"  # and the place: the id of its row in `sync-status`


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change.

    `row` is what stands now, ours or not; None when there is no row, or nobody knows.
    """

    change: Change
    verdict: Verdict
    row: dict[str, Any] | None
    at: float
    """When the table said so, on the monotonic clock."""
    error: str = ""


class Stored(NamedTuple):
    """Rows by server id as they stand, the ids that could not be read,
    and when the table was asked (monotonic s).
    """

    rows: dict[str, dict[str, Any]]
    unread: set[str]
    at: float


@dataclass(frozen=True, slots=True)
class Put:
    """A row on its way, on condition that the stored one is still the one it was made from."""

    change: Change
    verdict: Verdict
    stored: Row | None
    row: dict[str, Any]

    @property
    def places(self) -> set[str]:
        """The places whose fences it must pass: where it was seen, and where the row is."""
        place = (self.stored or {}).get("place")
        return {self.change.place, place} if isinstance(place, str) else {self.change.place}


class Reason(NamedTuple):
    """Why one action of a transaction was refused (or NONE), and the row that stood in its way."""

    code: str
    row: dict[str, Any] | None = None


NONE, CONDITION = "None", "ConditionalCheckFailed"
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Records by server id, the ids whose answer is not known, and
    when the table was asked (monotonic seconds).
    """

    records: dict[str, Record]
    unread: frozenset[str]
    at: float


@contextmanager
def translated(what: str) -> Iterator[None]:
    """The border: whatever botocore raises becomes TableUnavailable,
    as does a reply that lacks what it must have.
    """
    try:
        yield
    except (BotoCoreError, ClientError, KeyError) as error:
        raise TableUnavailable(f"{what}: {error}") from error


class Table:
    """Reads and writes records through DynamoDB's low-level client. Safe from several threads.

    `fences` is the name of the table that holds the places' fences.
    """

    def __init__(self, client: "DynamoDBClient", name: str, fences: str) -> None:
        self._client = client
        self._name = name
        self._fences = fences
        self._readers = ThreadPoolExecutor(BATCHES_IN_FLIGHT, "table-read")

    def write(
        self, changes: Iterable[Change], stored: Stored, *, may_skip: bool = False
    ) -> Iterator[list[Written]]:
        """Write what one look (one place, one ticket) saw, given the rows it read; results come as
        they are known.

        With `may_skip` (for a complete look behind its fence) a row that says the same already is
        not written. All transactions of a look share its fence, so one is in flight at a time.
        """
        settled: list[Written] = []
        puts: list[Put] = []
        for change in changes:
            before = stored.rows.get(change.server_id)
            if change.server_id in stored.unread:
                settled.append(_failed(change, "the row could not be read"))
                continue
            verdict, row = decide(before, change, may_skip=may_skip)
            if row is not None and verdict.is_write:
                puts.append(Put(change, verdict, before, row))
            else:
                settled.append(Written(change, verdict, row, stored.at))
        yield settled
        for batch in _transactions(puts):
            yield self._settle(batch, may_skip=may_skip)

    def _settle(self, puts: list[Put], *, may_skip: bool) -> list[Written]:
        """Send one transaction until each of its rows is written or known to be refused."""
        settled: list[Written] = []
        for tried in range(WRITES):
            fences = sorted(set().union(*(put.places for put in puts)))
            try:
                reasons = self._transact(fences, puts)
            except TableUnavailable as error:
                return settled + self._halves(puts, error, may_skip=may_skip)
            if not reasons:
                now = monotonic()
                return settled + [Written(it.change, it.verdict, it.row, now) for it in puts]
            puts, refused = _judge_again(fences, puts, reasons, may_skip=may_skip)
            settled += refused
            if not puts:
                return settled
            if any(it.code in _PASSING for it in reasons):
                sleep(uniform(0, min(_FIRST_BACKOFF * 2**tried, _LONGEST_BACKOFF)))
        return settled + [_failed(it.change, f"refused {WRITES} times in turn") for it in puts]

    def _halves(self, puts: list[Put], error: TableUnavailable, *, may_skip: bool) -> list[Written]:
        """A request that is refused whole, for the sake of a row nobody
        names, is sent in halves: that row fails alone.
        """
        if len(puts) == 1 or not _is_for_one_row(error.__cause__):
            return [_failed(it.change, str(error)) for it in puts]
        half = len(puts) // 2
        return [
            *self._settle(puts[:half], may_skip=may_skip),
            *self._settle(puts[half:], may_skip=may_skip),
        ]

    def _transact(self, fences: list[str], puts: list[Put]) -> list[Reason]:
        """One transaction; none when it was let through, else a reason for each fence and each row.

        Raises:
            TableUnavailable: when DynamoDB could not be asked, or refused the request as a whole.
        """
        ticket = puts[0].change.version
        try:
            actions = [self._fence_check(place, ticket) for place in fences]
            actions += [{"Put": self._put(it)} for it in puts]
        except TypeError as error:
            raise TableUnavailable(f"write {len(puts)} rows: {error}") from error
        with translated(f"write {len(puts)} rows"):
            try:
                self._client.transact_write_items(TransactItems=actions)
            except self._client.exceptions.TransactionCanceledException as refusal:
                reasons: Any = refusal.response["CancellationReasons"]
                return [
                    Reason(it["Code"], decode_item(it["Item"]) if it.get("Item") else None)
                    for it in reasons
                ]
        return []

    def _fence_check(self, place: str, ticket: int) -> Any:
        return {
            "ConditionCheck": {
                "TableName": self._fences,
                "Key": {"id": encode(PLACE + place)},
                "ConditionExpression": "(NOT attribute_type(#fence, :number)) OR #fence <= :ticket",
                "ExpressionAttributeNames": {"#fence": "fence"},
                "ExpressionAttributeValues": {":ticket": encode(ticket), ":number": encode("N")},
            }
        }

    def _put(self, put: Put) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "Item": encode_item(put.row),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **_unchanged(put.stored),
        }

    def read(self, server_ids: Iterable[str], deadline: float = FOREVER) -> Rows:
        """The records of these servers, as far as they came by the deadline (monotonic seconds).

        Never raises.
        """
        rows, unread, at = self.read_rows(server_ids, deadline)
        records: dict[str, Record] = {}
        for server_id, row in rows.items():
            try:
                records[server_id] = Record.from_row(row)
            except InvalidRow:
                unread.add(server_id)
        return Rows(records, frozenset(unread), at)

    def read_rows(self, server_ids: Iterable[str], deadline: float = FOREVER) -> Stored:
        """The rows of these servers as they stand, and the ids
        that could not be asked by the deadline.
        """
        at = monotonic()
        ids = list(dict.fromkeys(server_ids))
        gave_up, errors = Event(), list[str]()
        batches: dict[Future[tuple[dict[str, dict[str, Any]], set[str]]], list[str]] = {}
        for batch in map(list, batched(ids, BATCH_KEYS)):
            batches[self._readers.submit(self._read_batch, batch, deadline, gave_up, errors)] = (
                batch
            )
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
        if unread:
            why = errors[-1] if errors else "no answer in time"
            logger.warning("%d of %d rows could not be read: %s", len(unread), len(ids), why)
        return Stored(rows, unread, at)

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

    def _read_batch(
        self, batch: list[str], deadline: float, gave_up: Event, errors: list[str]
    ) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """Rows of at most 100 ids, and the ids still unread when time ran out, or READS in turn
        brought nothing.

        What went wrong meanwhile goes into `errors`.
        """
        rows: dict[str, dict[str, Any]] = {}
        left, backoff, tries = batch, _FIRST_BACKOFF, READS
        while tries and monotonic() < deadline:
            tries -= 1
            try:
                keys = [{"sourceServerId": encode(server_id)} for server_id in left]
                answer = self._client.batch_get_item(
                    RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
                )
                items: list[Any] = answer["Responses"].get(self._name, [])
                unprocessed: Any = answer["UnprocessedKeys"].get(self._name, {})
            except (BotoCoreError, ClientError, KeyError) as error:
                errors.append(
                    repr(error)
                )  # throttled, away, or no reply of DynamoDB's: all are left
            else:
                rows |= {row["sourceServerId"]: row for row in map(decode_item, items)}
                still_left = [key["sourceServerId"]["S"] for key in unprocessed.get("Keys", ())]
                if len(still_left) < len(left):
                    backoff, tries = _FIRST_BACKOFF, READS
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


def _transactions(puts: Iterable[Put]) -> Iterator[list[Put]]:
    """Parts that fit into one transaction each, with the fences that they must pass."""
    batch: list[Put] = []
    fences: set[str] = set()
    for put in puts:
        if len(batch) + 1 + len(fences | put.places) > TRANSACTION:
            yield batch
            batch, fences = [], set()
        batch.append(put)
        fences |= put.places
    if batch:
        yield batch


def _unchanged(stored: Row | None) -> dict[str, Any]:
    """The condition that the row is still the one that was read: every write moves its version."""
    if stored is None:
        return {"ConditionExpression": "attribute_not_exists(sourceServerId)"}
    version = stored.get("version")
    if isinstance(version, int | float) and not isinstance(version, bool):
        condition, value = "#version = :version", encode(version)
    else:  # no record; and no write of ours since
        condition, value = "NOT attribute_type(#version, :version)", encode("N")
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": value},
    }


def _judge_again(
    fences: list[str], puts: list[Put], reasons: list[Reason], *, may_skip: bool
) -> tuple[list[Put], list[Written]]:
    """What is to be sent again, and what is settled, now that these
    are the reasons a transaction was refused for.
    """
    now, again, settled = monotonic(), list[Put](), list[Written]()
    closed = {place for place, it in zip(fences, reasons, strict=False) if it.code == CONDITION}
    for put, reason in zip(puts, reasons[len(fences) :], strict=True):
        change = put.change
        if closed & put.places:
            row = dict(put.stored) if put.stored is not None else None
            settled.append(Written(change, Verdict.FENCED, row, now))
        elif reason.code == CONDITION:
            verdict, row = decide_again(reason.row, change, may_skip=may_skip)
            if row is not None and verdict.is_write:
                again.append(Put(change, verdict, reason.row, row))
            else:
                settled.append(Written(change, verdict, row, now))
        elif reason.code == NONE or reason.code in _PASSING:
            again.append(put)
        else:
            settled.append(_failed(change, reason.code))
    return again, settled


def _is_for_one_row(cause: BaseException | None) -> bool:
    """Whether a request was refused for what it says, not for who asks or when."""
    if isinstance(cause, ClientError):
        return cause.response["Error"]["Code"] in {"ValidationException", "SerializationException"}
    return isinstance(cause, TypeError)


def _failed(change: Change, why: str) -> Written:
    return Written(change, Verdict.FAILED, None, monotonic(), f"row {change.server_id}: {why}")
