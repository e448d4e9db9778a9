"""Which DynamoDB engine to run locally: what each can do, and how fast.

    .venv/bin/python -m loadtests.dynamodb_engines

Starts moto's server and ministack one after the other on loopback, tries what the product needs of
DynamoDB on each, and measures it with a small HTTP client, so that boto3's own CPU time is not in
the figures. Prints one table.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from local.processes import Process, free_port
from local.servers import dynamodb as ministack

NAME = "engine-trial"
REGION = "us-east-1"
SERVERS = 1_000
KEYS = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "local"}


@contextmanager
def running(engine: str) -> Iterator[tuple[Any, str, float]]:
    """A client of the started engine, its URL, and the seconds it took to answer."""
    with tempfile.TemporaryDirectory() as scratch:
        process = ministack(Path(scratch)) if engine == "ministack" else moto(Path(scratch))
        began = time.perf_counter()
        process.start()
        try:
            process.await_port()
            yield client(process.url), process.url, time.perf_counter() - began
        finally:
            process.stop()


def moto(directory: Path) -> Process:
    """moto's server."""
    port = free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return Process("moto", argv, directory / "moto.log", port)


def client(url: str) -> Any:
    """An unmodified boto3 client for the engine."""
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=REGION,
        **KEYS,  # type: ignore[arg-type]  # boto3-stubs sees a bool in every keyword
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=20),
    )


def item(n: int) -> dict[str, Any]:
    """A row of the size the product writes, about 0.8 KB."""
    texts = {
        f"attribute{i:02d}": {"S": f"value {i} of server {n}, made to be some forty characters"}
        for i in range(12)
    }
    place = f"11111111111{n % 3}/us-east-1"
    return {
        "sourceServerId": {"S": f"s-{n:017d}"},
        "place": {"S": place},
        "presence": {"S": "present"},
        "version": {"N": str(n)},
        "sourceSecurityGroupIds": {"L": [{"S": "sg-1"}, {"S": "sg-2"}]},
        **texts,
    }


def fill(dynamodb: Any) -> None:
    """Creates the trial table with its index and writes `SERVERS` rows."""
    dynamodb.create_table(
        TableName=NAME,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("sourceServerId", "place", "presence")
        ],
        KeySchema=[{"AttributeName": "sourceServerId", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "byPlace",
                "KeySchema": [
                    {"AttributeName": "place", "KeyType": "HASH"},
                    {"AttributeName": "presence", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for start in range(0, SERVERS, 25):
        rows = [{"PutRequest": {"Item": item(n)}} for n in range(start, start + 25)]
        dynamodb.batch_write_item(RequestItems={NAME: rows})


def newer(version: int, server: int = 7) -> dict[str, Any]:
    """The product's kind of write: only over an older version, and tell the winner when refused."""
    return {
        "TableName": NAME,
        "Key": {"sourceServerId": {"S": f"s-{server:017d}"}},
        "UpdateExpression": "SET version = :v, attribute00 = :a REMOVE attribute01",
        "ConditionExpression": "attribute_not_exists(version) OR version < :v",
        "ExpressionAttributeValues": {":v": {"N": str(version)}, ":a": {"S": "seen again"}},
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def all_new(dynamodb: Any) -> bool:
    answer = dynamodb.update_item(**newer(90_000))["Attributes"]
    return (
        answer["version"]["N"] == "90000"
        and "attribute01" not in answer
        and "attribute02" in answer
    )


def all_old_on_refusal(dynamodb: Any) -> bool:
    try:
        dynamodb.update_item(**newer(3))
    except dynamodb.exceptions.ConditionalCheckFailedException as refused:
        return bool(refused.response.get("Item", {}).get("version") == {"N": "90000"})
    return False


def keys_only_index_in_pages(dynamodb: Any) -> bool:
    seen: list[dict[str, Any]] = []
    pages = dynamodb.get_paginator("query").paginate(
        TableName=NAME,
        IndexName="byPlace",
        KeyConditionExpression="place = :p AND presence = :here",
        ExpressionAttributeValues={
            ":p": {"S": "111111111110/us-east-1"},
            ":here": {"S": "present"},
        },
        PaginationConfig={"PageSize": 100},
    )
    for page in pages:
        seen += page["Items"]
    keys = {"sourceServerId", "place", "presence"}
    return len({row["sourceServerId"]["S"] for row in seen}) == len(seen) == 334 and all(
        set(r) == keys for r in seen
    )


def consistent_batch_get(dynamodb: Any) -> bool:
    keys = [{"sourceServerId": {"S": f"s-{n:017d}"}} for n in range(100)]
    answer = dynamodb.batch_get_item(RequestItems={NAME: {"Keys": keys, "ConsistentRead": True}})
    return len(answer["Responses"][NAME]) == 100


def null_index_key_refused(dynamodb: Any) -> bool:
    try:
        dynamodb.put_item(
            TableName=NAME, Item={"sourceServerId": {"S": "s-null"}, "place": {"NULL": True}}
        )
    except ClientError as refused:
        return refused.response["Error"]["Code"] == "ValidationException"
    return False


def transactions(dynamodb: Any) -> bool:
    check = {"TableName": NAME, "Key": {"sourceServerId": {"S": "s-none"}}}
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "ConditionCheck": {
                        **check,
                        "ConditionExpression": "attribute_exists(sourceServerId)",
                    }
                },
                {"Put": {"TableName": NAME, "Item": {"sourceServerId": {"S": "s-transacted"}}}},
            ]
        )
    except dynamodb.exceptions.TransactionCanceledException:
        return "Item" not in dynamodb.get_item(
            TableName=NAME, Key={"sourceServerId": {"S": "s-transacted"}}
        )
    return False


def one_megabyte_pages(dynamodb: Any) -> bool:
    for n in range(8):
        row = {"sourceServerId": {"S": f"s-big{n}"}, "attribute00": {"S": "x" * 300_000}}
        dynamodb.put_item(TableName=NAME, Item=row)
    return "LastEvaluatedKey" in dynamodb.scan(TableName=NAME)


CHECKS: list[Callable[[Any], bool]] = [
    all_new,
    all_old_on_refusal,
    keys_only_index_in_pages,
    consistent_batch_get,
    null_index_key_refused,
    transactions,
    one_megabyte_pages,
]


def holds(check: Callable[[Any], bool], dynamodb: Any) -> bool:
    """Whether the engine does it; any error it answers counts as no."""
    try:
        return check(dynamodb)
    except (ClientError, AssertionError, KeyError):
        return False


def poster(url: str, operation: str) -> Callable[[dict[str, Any]], None]:
    """A function that sends one operation without boto3 in the way."""
    pool = urllib3.PoolManager(maxsize=32)
    scope = f"111111111111/20260101/{REGION}/dynamodb/aws4_request"
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, "
        "Signature=local",
    }

    def post(body: dict[str, Any]) -> None:
        answer = pool.request("POST", url, body=json.dumps(body), headers=headers, timeout=60)
        if answer.status != 200:
            raise RuntimeError(answer.data)

    return post


def milliseconds(
    post: Callable[[dict[str, Any]], None], bodies: list[dict[str, Any]], threads: int
) -> float:
    """Median milliseconds of one call when `threads` send at once."""

    def timed(body: dict[str, Any]) -> float:
        began = time.perf_counter()
        post(body)
        return (time.perf_counter() - began) * 1000

    with ThreadPoolExecutor(threads) as pool:
        return statistics.median(pool.map(timed, bodies))


def measure(engine: str) -> list[str]:
    """One column of the table: can it, and how fast."""
    with running(engine) as (dynamodb, url, started):
        fill(dynamodb)
        ids = [[f"s-{(b * 100 + i) % SERVERS:017d}" for i in range(100)] for b in range(40)]
        reads = [
            {
                "RequestItems": {
                    NAME: {
                        "ConsistentRead": True,
                        "Keys": [{"sourceServerId": {"S": i}} for i in batch],
                    }
                }
            }
            for batch in ids
        ]
        get, update = poster(url, "BatchGetItem"), poster(url, "UpdateItem")
        few = reads if engine == "ministack" else reads[:10]
        figures = [
            f"{started:.1f} s",
            f"{milliseconds(get, few, 1):.1f} ms",
            f"{milliseconds(get, few * 2, 20):.0f} ms",
            f"{milliseconds(update, [newer(60_000 + n, n) for n in range(200)], 1):.1f} ms",
            f"{milliseconds(update, [newer(70_000 + n, n) for n in range(400)], 16):.0f} ms",
        ]
        return figures + ["yes" if holds(check, dynamodb) else "no" for check in CHECKS]


def main() -> None:
    """Prints the comparison."""
    names = [
        "start",
        "BatchGetItem of 100, 1 thread",
        "… 20 threads",
        "UpdateItem, 1 thread",
        "… 16 threads",
    ]
    names += [check.__name__.replace("_", " ") for check in CHECKS]
    engines = ["moto", "ministack"]
    table = Table("", *engines)
    for row in zip(names, *[measure(engine) for engine in engines], strict=True):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
