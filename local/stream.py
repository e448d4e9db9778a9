"""What Lambda does between a table's stream and a function: an event source mapping.

Every record is handed over in order and at least once; a batch that fails is handed over again
until it succeeds or is too old, as AWS does with MaximumRecordAgeInSeconds. Batches are not halved
here.
"""

import asyncio
import json
import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.lambdas import Function

POLL_SECONDS = 0.25  # Lambda polls each shard four times a second (its guide to DynamoDB streams)
RETRY_SECONDS = 1.0
RECORDS_AT_ONCE = 100
OLDEST_SECONDS = 900  # infra/functions.yaml says the same

log = logging.getLogger(__name__)


class EventSourceMapping:
    """Hands all changes of a table to a function, from the first that the stream still has."""

    def __init__(self, url: str, table: str, function: Function) -> None:
        self._table = table
        self._function = function
        environment = function.spec.environment
        client = partial(
            boto3.client,
            endpoint_url=url,
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        self._dynamodb, self._streams = client("dynamodb"), client("dynamodbstreams")

    async def run(self) -> None:
        """Until it is cancelled. The table need not be there yet."""
        iterator: str | None = None
        while True:
            try:
                if iterator is None:
                    iterator = await asyncio.to_thread(self._begin)
                batch = await asyncio.to_thread(self._records, iterator)
            except (BotoCoreError, ClientError, KeyError) as error:
                log.debug("%s has no stream: %s", self._table, error)
                iterator = None
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if records := batch["Records"]:
                await self._hand_over(records)
            else:
                await asyncio.sleep(POLL_SECONDS)
            iterator = batch.get("NextShardIterator")

    def _begin(self) -> str:
        arn = self._dynamodb.describe_table(TableName=self._table)["Table"]["LatestStreamArn"]
        (shard,) = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        iterator = self._streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        return str(iterator["ShardIterator"])

    def _records(self, iterator: str) -> dict[str, Any]:
        found: dict[str, Any] = self._streams.get_records(
            ShardIterator=iterator, Limit=RECORDS_AT_ONCE
        )
        return found

    async def _hand_over(self, records: list[dict[str, Any]]) -> None:
        event = json.dumps({"Records": [as_event(it) for it in records]}).encode()
        written = records[0]["dynamodb"]["ApproximateCreationDateTime"]
        while (datetime.now(UTC) - written).total_seconds() < OLDEST_SECONDS:
            answer = await self._function.invoke(event)
            if not answer.failed:
                return
            await asyncio.sleep(RETRY_SECONDS)
        log.error("Given up %d records of %s", len(records), self._table)


def as_event(record: dict[str, Any]) -> dict[str, Any]:
    """A record as Lambda hands it over: its keys, its number, and when it was written."""
    data = record["dynamodb"]
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record["eventVersion"],
        "eventSource": record["eventSource"],
        "awsRegion": record["awsRegion"],
        "dynamodb": {
            "Keys": data["Keys"],
            "SequenceNumber": data["SequenceNumber"],
            "SizeBytes": data["SizeBytes"],
            "StreamViewType": data["StreamViewType"],
            "ApproximateCreationDateTime": data["ApproximateCreationDateTime"].timestamp(),
        },
    }
