"""What the writes of a sync cost, without the rest of it: our transactions against plain boto3's
conditional updates.

Both write the same rows, which are there already. DynamoDB's stand-in is one process; where it
takes as much CPU as the client, it bounds what one client can reach here.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from time import perf_counter, process_time
from typing import Any, NamedTuple

import boto3
import psutil
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config

from cache.attributes import encode_item
from cache.protocol import Change
from cache.table import Table
from loadtests.fleet import change
from loadtests.verdict import Result
from services.aws.dynamodb import dynamodb_client

ROWS = 2_000
WRITES_IN_FLIGHT = 16


class Cost(NamedTuple):
    """Milliseconds for one row: on the clock, of our CPU, of DynamoDB's."""

    clock: float
    client: float
    dynamodb: float


def results(table: str, fences: str, pid: int) -> list[Result]:
    """2,000 writes into this table, fenced by that one, whose DynamoDB has this pid."""
    ours, plain = _ours(table, fences), _plain(table)
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


def _ours(name: str, fences: str) -> Callable[[int], None]:
    table = Table(dynamodb_client(2, 5, attempts=4), name, fences)

    def write(ticket: int) -> None:
        by_place: dict[str, list[Change]] = {}
        for number in range(ROWS):
            by_place.setdefault((it := change(number, ticket)).place, []).append(it)
        for changes in by_place.values():
            stored = table.read_rows(it.server_id for it in changes)
            for written in chain(*table.write(changes, stored)):
                if not written.verdict.is_write:
                    raise RuntimeError(f"{written.verdict}: {written.error}")

    return write


def _plain(name: str) -> Callable[[int], None]:
    client = boto3.client("dynamodb", config=Config(max_pool_connections=WRITES_IN_FLIGHT))
    deserialize = TypeDeserializer().deserialize

    def one(change: Change) -> dict[str, Any]:
        values = {f":{it}": value for it, value in encode_item(change.sets).items()}
        answer = client.update_item(
            TableName=name,
            Key={"sourceServerId": {"S": change.server_id}},
            ReturnValues="ALL_NEW",
            UpdateExpression="SET " + ", ".join(f"#{it} = :{it}" for it in change.sets),
            ConditionExpression="attribute_not_exists(#version) OR #version < :version",
            ExpressionAttributeNames={f"#{it}": it for it in change.sets},
            ExpressionAttributeValues=values,
        )
        return {attribute: deserialize(value) for attribute, value in answer["Attributes"].items()}

    def write(ticket: int) -> None:
        with ThreadPoolExecutor(WRITES_IN_FLIGHT) as pool:
            for _ in pool.map(one, [change(number, ticket) for number in range(ROWS)]):
                pass

    return write
