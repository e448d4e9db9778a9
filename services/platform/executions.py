"""The table `execution-history`: executions begun and changed by us, and which execution launched
an instance.

A row is begun one start at a time, and changed only on condition that the row is still the one that
was read.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from random import uniform
from threading import Lock
from typing import TYPE_CHECKING, Any

from cache.attributes import decode_item, encode, encode_item
from cache.errors import NotFound, TableUnavailable
from cache.record import Attribution
from cache.table import translated
from cache.values import is_key
from services.platform.execution import OVER, Execution
from services.platform.execution_row import changed_members, is_lock, new_row, read_execution

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)
TURN = "executions"  # the row of `sync-status` that every start moves on
TRIES = 12
NOT_RUNNING = {f":{word.lower()}": encode(word) for word in sorted([*OVER, "LOCK"])}
"""The platform keeps locks among the executions; any other word is one that runs."""
_BACKOFF = 0.05  # seconds, with full jitter


class Executions:
    """Reads and writes executions.

    Every call raises TableUnavailable when DynamoDB cannot be asked.
    """

    def __init__(self, client: "DynamoDBClient", table: str, turns: str) -> None:
        """`turns` is the table that keeps the turn of starts, `sync-status`."""
        self._client = client
        self._table = table
        self._turns = turns
        self._has_sort_key = False

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
        return read_execution(self.row(execution_id))

    def running(self) -> list[Execution]:
        """Every execution that is not over.

        A Scan: starts are rare, and an index would be kept for them alone.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression=f"NOT (#status IN ({', '.join(NOT_RUNNING)}))",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=NOT_RUNNING,
        )
        with translated("read the running executions"):
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        executions = map(read_execution, rows)  # over also where the word is spelt otherwise
        return [it for it in executions if not it.is_over]

    def begin(self, execution: Execution, refuse: Callable[[list[Execution]], None]) -> None:
        """Write a new execution, unless `refuse` raises because of those that are running.

        Starts take turns: each moves a number on together with its row, so of two at once one sees
        the other's row.

        Raises:
            Whatever `refuse` raises.
        """
        for _ in range(TRIES):
            turn, before = self._turn()
            running = self.running()
            if any(it.execution_id == execution.execution_id for it in running):
                return  # an earlier try arrived, only its answer did not
            refuse(running)
            # Of this region: another one's executions are in a table that we share with it, and are
            # its to drive.
            ours = [it.execution_id for it in running if it.execution_id in before]
            if self._put_new(execution, turn, [*ours, execution.execution_id]):
                return
            time.sleep(uniform(0, _BACKOFF))
        raise TableUnavailable(f"{TRIES} other executions were started in the meantime")

    def change(self, execution_id: str, alter: Callable[[Execution], None]) -> Execution:
        """Alter the row as it stands and write it back, if altered; repeated when somebody else
        wrote in between.

        Raises:
            NotFound: when there is none. InvalidRow: when the row is no execution. Whatever `alter`
            raises.
        """
        for _ in range(TRIES):
            item = self._item(execution_id)
            execution = read_execution(decode_item(item))
            before = execution.model_copy(deep=True)
            alter(execution)
            if execution == before or self._update(item, before, execution):
                return execution
            time.sleep(uniform(0, _BACKOFF))
        raise TableUnavailable(f"execution {execution_id} changed under {TRIES} writes in turn")

    def _item(self, execution_id: str) -> dict[str, Any]:
        """By Query, so that a table with a sort key works too.

        Of several rows the one that still runs counts: what is under way may not be missed.
        """
        if not is_key(execution_id):
            raise NotFound(f"there is no execution {execution_id!r:.60}")
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="#id = :id",
            ExpressionAttributeNames={"#id": "executionId"},
            ExpressionAttributeValues={":id": encode(execution_id)},
        )
        with translated(f"read execution {execution_id}"):
            items = [item for page in pages for item in page["Items"]]
        items = [it for it in items if not is_lock(decode_item(it))]
        if not items:
            raise NotFound(f"there is no execution {execution_id!r}")
        return min(items, key=lambda it: read_execution(decode_item(it)).is_over)

    def open(self) -> list[str]:
        """Ours that ran when the last one began, and that one:
        every one of ours that runs is among them.
        """
        return list(self._turn()[1])

    def _turn(self) -> tuple[int, Sequence[str]]:
        """The number of the next start, and the executions of ours that were open at the last."""
        with translated("read the turn of starts"):
            item = self._client.get_item(
                TableName=self._turns, Key={"id": encode(TURN)}, ConsistentRead=True
            ).get("Item")  # fmt: skip
        row = decode_item(item or {})
        turn, ours = row.get("turn"), row.get("open")
        number = int(turn) if isinstance(turn, int | float) else 0
        return number, ours if isinstance(ours, list) else ()

    def _put_new(self, execution: Execution, turn: int, ours: Sequence[str]) -> bool:
        """Whether it was written: not when another start took this turn."""
        row: Any = {
            "TableName": self._table,
            "Item": new_row(execution),
            "ConditionExpression": "attribute_not_exists(executionId)",
        }
        move: Any = {
            "TableName": self._turns,
            "Item": encode_item({"id": TURN, "turn": turn + 1, "open": ours}),
            "ConditionExpression": "attribute_not_exists(id) OR turn = :turn OR "
            "(NOT attribute_type(turn, :isNumber))",
            "ExpressionAttributeValues": {":turn": encode(turn), ":isNumber": encode("N")},
        }
        with translated("begin an execution"):
            try:
                self._client.transact_write_items(TransactItems=[{"Put": move}, {"Put": row}])
            except self._client.exceptions.TransactionCanceledException:
                return False
        return True

    def _update(self, item: dict[str, Any], before: Execution, after: Execution) -> bool:
        """Whether what we changed still was as it was read, and now is as it should be.

        Only those members are written: the platform's functions change others of the same row, and
        know no lock of ours. `revision` is in our own rows alone.
        """
        if before.revision is not None:
            after.revision = before.revision + 1
        changes = changed_members(item, before, after)
        if not changes:
            return True
        sets, removes, conditions, values = [], [], [], {}
        for number, (name, value) in enumerate(changes.items()):
            if value is None:
                removes.append(f"#n{number}")
            else:
                sets.append(f"#n{number} = :new{number}")
                values[f":new{number}"] = value
            if name in item:
                conditions.append(f"#n{number} = :old{number}")
                values[f":old{number}"] = item[name]
            else:
                conditions.append(f"attribute_not_exists(#n{number})")
        parts = [
            f"{verb} {', '.join(what)}"
            for verb, what in (("SET", sets), ("REMOVE", removes))
            if what
        ]
        names = {f"#n{number}": name for number, name in enumerate(changes)}
        with translated(f"write execution {after.execution_id}"):
            try:
                self._update_item(
                    item,
                    UpdateExpression=" ".join(parts),
                    ConditionExpression=" AND ".join(
                        ["attribute_exists(executionId)", *conditions]
                    ),
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _update_item(self, item: dict[str, Any], **update: Any) -> None:
        """With the key of the table as it is: the platform's has
        `planId` as its sort key, one made here has none.
        """
        keys = [{"executionId": item["executionId"]}]
        if "planId" in item:
            keys.append(keys[0] | {"planId": item["planId"]})
        if self._has_sort_key:
            keys.reverse()
        for number, key in enumerate(keys, 1):
            try:
                self._client.update_item(TableName=self._table, Key=key, **update)
            except self._client.exceptions.ClientError as error:
                is_wrong_key = error.response["Error"]["Code"] == "ValidationException"
                if not is_wrong_key or number == len(keys):
                    raise
            else:
                self._has_sort_key = "planId" in key
                return


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
            ProjectionExpression="#e, #p, #w, #s",
            ExpressionAttributeNames={
                "#e": "executionId",
                "#p": "planName",
                "#w": "waves",
                "#s": "status",
            },
        )
        with translated("read the execution history"):
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        executions = [read_execution(row) for row in rows if not is_lock(row)]
        return {job: it.attribution for it in executions for wave in it.waves for job in wave.jobs}
