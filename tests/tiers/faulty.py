"""A DynamoDB endpoint in front of the real one, that may answer in its place."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from zlib import crc32

import urllib3

type Reply = tuple[int, bytes]
type Forward = Callable[[dict[str, Any]], dict[str, Any]]
type Behaviour = Callable[[str, dict[str, Any], Forward], Reply]


class Hang:
    """Takes the call and answers after more than anybody's patience."""

    has_answered = False

    def __call__(self, *_: object) -> Reply:
        """Wait, then fail."""
        Event().wait(10)
        self.has_answered = True
        return 500, b""


def refuse(*_: object) -> Reply:
    """Throttle every call."""
    return (
        400,
        (
            b'{"__type": "com.amazonaws.dynamodb#ProvisionedThroughputExceededException",'
            b' "message": "slow down"}'
        ),
    )


def babble(*_: object) -> Reply:
    """Answer 200 with something that is not DynamoDB's."""
    return 200, b"<html>Sign in to the hotel's network</html>"


def halves(operation: str, request: dict[str, Any], forward: Forward) -> Reply:
    """Serve half of each batch read and hand the rest back as unprocessed."""
    if operation != "BatchGetItem":
        return reply(forward(request))
    ((table, asked),) = request["RequestItems"].items()
    keys = asked["Keys"]
    half = (len(keys) + 1) // 2
    answer = forward({"RequestItems": {table: asked | {"Keys": keys[:half]}}})
    if left := keys[half:]:
        answer["UnprocessedKeys"] = {table: asked | {"Keys": left}}
    return reply(answer)


def reply(answer: dict[str, Any]) -> Reply:
    """A successful answer."""
    return 200, json.dumps(answer).encode()


@contextmanager
def faulty(url: str, behaviour: Behaviour) -> Iterator[str]:
    """The address of an endpoint that behaves so, with the engine at `url` behind it."""

    class Handler(BaseHTTPRequestHandler):
        """One call of the low-level JSON protocol."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = dict(self.headers.items())

            def forward(request: dict[str, Any]) -> dict[str, Any]:
                sent = {
                    name: it
                    for name, it in headers.items()
                    if name not in {"Content-Length", "Host"}
                }
                got = urllib3.request(
                    "POST", url, body=json.dumps(request).encode(), headers=sent, retries=False
                )
                answer: dict[str, Any] = json.loads(got.data)
                return answer

            status, content = behaviour(
                headers["X-Amz-Target"].rpartition(".")[2], json.loads(body), forward
            )
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("x-amz-crc32", str(crc32(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        """Waits for no thread that hangs."""

        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A client that gave up is what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
