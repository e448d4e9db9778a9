"""DynamoDB's own ways of giving less than was asked for, in front of an engine that knows none of
them.

Error code and body are DynamoDB's (json 1.0 protocol); UnprocessedKeys are whole keys under the
table's name with the request's other settings, as BatchGetItem documents.
"""

import asyncio
import json
from random import Random
from threading import Thread
from typing import Any

import urllib3

from local.http1 import Request, Response, serve

REFUSED = {
    "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "message": "The level of configured provisioned throughput for the table was exceeded.",
}
JSON = [("content-type", "application/x-amz-json-1.0")]


class ThrottlingDynamoDB:
    """Refuses a share of all calls, and answers batch reads only in part.

    `engine` is the address of the real one.
    """

    def __init__(self, engine: str, *, refused: float = 0.0, unprocessed: float = 0.0) -> None:
        self.refused = refused
        self.unprocessed = unprocessed
        self._engine = engine
        self._dice = Random(5)
        self._pool = urllib3.PoolManager(maxsize=32, retries=False)
        self._loop = asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, name="throttling-dynamodb", daemon=True).start()
        _, self.port = asyncio.run_coroutine_threadsafe(serve(self._answer, 0), self._loop).result(
            10
        )

    def close(self) -> None:
        """Ends it."""
        asyncio.run_coroutine_threadsafe(_cancel_the_rest(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _answer(self, request: Request) -> Response:
        if self._dice.random() < self.refused:
            return Response(400, json.dumps(REFUSED).encode(), list(JSON))
        held: dict[str, Any] = {}
        if self.unprocessed and request.header("x-amz-target").endswith(".BatchGetItem"):
            request.body, held = self._held_back(json.loads(request.body))
        status, body = await asyncio.to_thread(self._forward, request)
        if held and status == 200:
            body = json.dumps(json.loads(body) | {"UnprocessedKeys": held}).encode()
        return Response(status, body, list(JSON))

    def _held_back(self, asked: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
        """The request without the keys held back, and those.

        At least one key passes, as with DynamoDB.
        """
        held: dict[str, Any] = {}
        for table, request in asked["RequestItems"].items():
            keys = request["Keys"]
            passed = max(1, round(len(keys) * (1 - self.unprocessed)))
            if keys[passed:]:
                held[table] = request | {"Keys": keys[passed:]}
            request["Keys"] = keys[:passed]
        return json.dumps(asked).encode(), held

    def _forward(self, request: Request) -> tuple[int, bytes]:
        headers = {
            name: value for name, value in request.headers if name not in {"host", "content-length"}
        }
        answer = self._pool.request(
            request.method, self._engine + request.path, body=request.body, headers=headers
        )
        return answer.status, answer.data


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
