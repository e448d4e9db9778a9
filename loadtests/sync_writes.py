"""What one conditional write costs, without the rest of a sync: our table against plain boto3, the same requests.

Both write the same rows from as many threads, each over rows that are there already, and decode what comes back.
DynamoDB's stand-in is one process; where it takes as much CPU as the client, it bounds what one client can reach here.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time
from typing import Any, NamedTuple

import boto3
import psutil
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config

from cache.protocol import Change, Verdict
from cache.table import WRITES_IN_FLIGHT, Table
from cache.updates import update_arguments
from loadtests.fleet import change
from loadtests.verdict import Result
from services.aws.dynamodb import dynamodb_client

ROWS = 2_000


class Cost(NamedTuple):
    """Milliseconds for one row: on the clock, of our CPU, of DynamoDB's."""

    clock: float
    client: float
    dynamodb: float


def results(table: str, pid: int) -> list[Result]:
    """The writes of one place of 2,000 into this table, whose DynamoDB has this pid."""
    ours, plain = _ours(table), _plain(table)
    ours(1)  # the rows are there, and the connections
    plain(2)
    alike, cost = _measured(plain, 3, pid), _measured(ours, 4, pid)
    return [
        Result("writes alone: rows per second of the client's CPU", 1000 / cost.client, "/s"),
        Result(
            "writes alone: CPU of plain boto3 / ours",
            alike.client / cost.client,
            "×",
            1.1,
            at_least=True,
        ),
        Result("writes alone: client, a row", cost.client, "ms CPU"),
        Result("writes alone: DynamoDB's stand-in, a row", cost.dynamodb, "ms CPU"),
        Result("writes alone: on the clock, a row", cost.clock, "ms"),
    ]


def _measured(write: Callable[[int], None], ticket: int, pid: int) -> Cost:
    engine = psutil.Process(pid)
    before, own, began = engine.cpu_times(), process_time(), perf_counter()
    write(ticket)
    clock, client, after = perf_counter() - began, process_time() - own, engine.cpu_times()
    dynamodb = after.user + after.system - before.user - before.system
    return Cost(*(seconds * 1000 / ROWS for seconds in (clock, client, dynamodb)))


def _ours(name: str) -> Callable[[int], None]:
    table = Table(dynamodb_client(2, 5, attempts=4), name)
    rows: dict[str, Any] = {}

    def write(ticket: int) -> None:
        for written in table.write_all([change(number, ticket) for number in range(ROWS)], rows):
            if isinstance(written, Exception):
                raise written
            rows[written.change.server_id] = written.row

    return write


def _plain(name: str) -> Callable[[int], None]:
    client = boto3.client("dynamodb", config=Config(max_pool_connections=WRITES_IN_FLIGHT))
    deserialize = TypeDeserializer().deserialize

    def one(change: Change) -> dict[str, Any]:
        answer = client.update_item(
            TableName=name,
            Key={"sourceServerId": {"S": change.server_id}},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **update_arguments(change, Verdict.UPDATE),
        )
        return {attribute: deserialize(value) for attribute, value in answer["Attributes"].items()}

    def write(ticket: int) -> None:
        with ThreadPoolExecutor(WRITES_IN_FLIGHT) as pool:
            for _ in pool.map(one, [change(number, ticket) for number in range(ROWS)]):
                pass

    return write
