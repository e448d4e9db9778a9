"""The table `execution-history`: executions begun and changed by us, and which execution launched an instance.

A row is begun one start at a time, and changed only on condition that the row is still the one that was read.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from random import uniform
from threading import Lock
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cache.attributes import decode_item, encode, encode_item
from cache.errors import InvalidRow, NotFound, TableUnavailable
from cache.record import Attribution
from cache.table import translated
from services.platform.execution import Execution, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)
TURN = "executions"  # the row of `sync-status` that every start moves on
TRIES = 12
_BACKOFF = 0.05  # seconds, with full jitter


class Executions:
    """Reads and writes executions. Every call raises TableUnavailable when DynamoDB cannot be asked."""

    def __init__(self, client: "DynamoDBClient", table: str, turns: str) -> None:
        """`turns` is the table that keeps the turn of starts, `sync-status`."""
        self._client = client
        self._table = table
        self._turns = turns

    def row(self, execution_id: str) -> dict[str, Any]:
        """The row as it stands, in plain values.

        Raises:
            NotFound: when there is none.
        """
        return decode_item(self._item(execution_id))

    def read(self, execution_id: str) -> Execution:
        """The execution.

        Raises:
            NotFound: when there is none. InvalidRow: when the row is no execution.
        """
        return _execution(self.row(execution_id))

    def running(self) -> list[Execution]:
        """Every execution that is not over. A Scan: starts are rare, and an index would be kept for them alone."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="#status IN (:pending, :running)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":pending": encode(Status.PENDING),
                ":running": encode(Status.RUNNING),
            },
        )
        with translated("read the running executions"):
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        return [_as_far_as_readable(row) for row in rows]

    def begin(self, execution: Execution, refuse: Callable[[list[Execution]], None]) -> None:
        """Write a new execution, unless `refuse` raises because of those that are running.

        Starts take turns: each moves a number on together with its row, so of two at once one sees the other's row.

        Raises:
            Whatever `refuse` raises.
        """
        for _ in range(TRIES):
            turn = self._turn()
            running = self.running()
            if any(it.execution_id == execution.execution_id for it in running):
                return  # an earlier try arrived, only its answer did not
            refuse(running)
            if self._put_new(execution, turn):
                return
            time.sleep(uniform(0, _BACKOFF))
        raise TableUnavailable(f"{TRIES} other executions were started in the meantime")

    def change(self, execution_id: str, alter: Callable[[Execution], None]) -> Execution:
        """Alter the row as it stands and write it back, if altered; repeated when somebody else wrote in between.

        Raises:
            NotFound: when there is none. InvalidRow: when the row is no execution. Whatever `alter` raises.
        """
        for _ in range(TRIES):
            item = self._item(execution_id)
            execution = _execution(decode_item(item))
            before = execution.model_copy(deep=True)
            alter(execution)
            if execution == before or self._replace(item, execution):
                return execution
            time.sleep(uniform(0, _BACKOFF))
        raise TableUnavailable(f"execution {execution_id} changed under {TRIES} writes in turn")

    def _item(self, execution_id: str) -> dict[str, Any]:
        """By Query, so that a table with a sort key works too."""
        with translated(f"read execution {execution_id}"):
            items = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="#id = :id",
                ExpressionAttributeNames={"#id": "executionId"},
                ExpressionAttributeValues={":id": encode(execution_id)},
            )["Items"]
        if not items:
            raise NotFound(f"there is no execution {execution_id!r}")
        return items[0]

    def _turn(self) -> int:
        with translated("read the turn of starts"):
            item = self._client.get_item(
                TableName=self._turns, Key={"id": encode(TURN)}, ConsistentRead=True
            ).get("Item")  # fmt: skip
        return int(decode_item(item)["turn"]) if item else 0

    def _put_new(self, execution: Execution, turn: int) -> bool:
        """Whether it was written: not when another start took this turn."""
        row: Any = {
            "TableName": self._table,
            "Item": _encoded(execution),
            "ConditionExpression": "attribute_not_exists(executionId)",
        }
        move: Any = {
            "TableName": self._turns,
            "Item": encode_item({"id": TURN, "turn": turn + 1}),
            "ConditionExpression": "attribute_not_exists(id) OR turn = :turn",
            "ExpressionAttributeValues": {":turn": encode(turn)},
        }
        with translated("begin an execution"):
            try:
                self._client.transact_write_items(TransactItems=[{"Put": move}, {"Put": row}])
            except self._client.exceptions.TransactionCanceledException:
                return False
        return True

    def _replace(self, item: dict[str, Any], execution: Execution) -> bool:
        """Whether the row still was this item, and now is the execution. What others keep in it stays as it is."""
        old = item.get("revision")
        execution.revision += 1
        condition: Any = {"ConditionExpression": "attribute_not_exists(revision)"}
        if old:
            values = {":old": old}
            condition = {
                "ConditionExpression": "revision = :old",
                "ExpressionAttributeValues": values,
            }
        with translated(f"write execution {execution.execution_id}"):
            try:
                self._client.put_item(
                    TableName=self._table, Item=item | _encoded(execution), **condition
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


class ExecutionHistory:
    """Which execution launched an instance: read at most once for a sync, when first asked for.

    Joined by the wave's job id, not by launch time: EC2's LaunchTime moves at every start.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._reading = Lock()

    def attribution(self, job_id: str) -> Attribution | None:
        """The execution with a wave that started this job.

        Raises:
            TableUnavailable: when the history could not be read to its end.
        """
        with self._reading:
            return self._by_job.get(job_id)

    @cached_property
    def _by_job(self) -> dict[str, Attribution]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            ProjectionExpression="#e, #p, #w",
            ExpressionAttributeNames={"#e": "executionId", "#p": "planName", "#w": "waves"},
        )
        with translated("read the execution history"):
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        return {job: Attribution(source_execution_id=str(row["executionId"]), source_plan_name=row.get("planName"))
                for row in rows for job in _jobs(row)}  # fmt: skip


def _execution(row: Mapping[str, Any]) -> Execution:
    try:
        return Execution.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidRow(
            f"execution {row.get('executionId')!r}: {where}: {first['msg']}"
        ) from error


def _as_far_as_readable(row: Mapping[str, Any]) -> Execution:
    """An execution that runs; of a row that is none at least the plan, so that it is not started twice."""
    try:
        return _execution(row)
    except InvalidRow as error:
        logger.warning("Its servers are not known: %s", error)
        return Execution(execution_id=str(row.get("executionId")), plan_id=str(row.get("planId")))


def _encoded(execution: Execution) -> dict[str, Any]:
    return encode_item(execution.model_dump(by_alias=True, exclude_none=True))


def _jobs(row: Mapping[str, Any]) -> Iterator[str]:
    """The jobs of an execution's waves; a wave of more than 100 servers has several (`jobIds`)."""
    waves = row.get("waves")
    for wave in waves if isinstance(waves, list) else []:
        if isinstance(wave, dict):
            yield from (
                job
                for job in (wave.get("jobId"), *(wave.get("jobIds") or ()))
                if isinstance(job, str) and job
            )
