"""A small HTTP/1.1 server on asyncio: keep-alive, Content-Length bodies, one request at a time per
connection.

Written by hand because the front is load-tested on the two cores it shares with all it serves. A
request whose client has gone is cancelled, so that a Lambda runtime that died while polling is
never handed an invocation.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_HEAD = 64 * 1024
MAX_BODY = 10 * 1024 * 1024  # API Gateway's payload limit

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Request:
    """One request; header names are lower-case, the query is undecoded."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    client: str = "127.0.0.1"

    def header(self, name: str, default: str = "") -> str:
        """The last value of a header."""
        return next((value for key, value in reversed(self.headers) if key == name), default)


@dataclass(slots=True)
class Response:
    """One answer; Content-Length is added when it is written."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


Handler = Callable[[Request], Awaitable[Response]]


class MalformedRequest(Exception):
    """What arrived is not a request this server takes; `status` says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


def _parse_head(head: bytes) -> tuple[Request, int]:
    """The request without its body, and the length its body has."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise MalformedRequest(HTTPStatus.BAD_REQUEST)
    path, _, query = words[1].partition("?")
    pairs = [
        (name.strip().lower(), value.strip())
        for name, _, value in (line.partition(":") for line in lines)
    ]
    request = Request(words[0], path, query, pairs, b"")
    if request.header("transfer-encoding"):
        raise MalformedRequest(HTTPStatus.LENGTH_REQUIRED)
    length = request.header("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise MalformedRequest(HTTPStatus.BAD_REQUEST)
    if int(length) > MAX_BODY:
        raise MalformedRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return request, int(length)


class _Connection(asyncio.Protocol):
    """One client: requests are answered in the order in which they came."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = bytearray()
        self._pending: tuple[Request, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_server gives
        self._transport = transport

    # the protocol's signature
    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._serve_next()
        elif len(self._buffer) > MAX_BODY:
            self._transport.abort()  # a client that pipelines this much is not one of ours

    def _serve_next(self) -> None:
        try:
            request = self._take_request()
        except MalformedRequest as refused:
            self._write(Response(refused.status, refused.status.phrase.encode()), keep_alive=False)
            return
        if request:
            self._task = asyncio.get_running_loop().create_task(self._serve(request))

    def _take_request(self) -> Request | None:
        """The next whole request out of the buffer, None while it is incomplete."""
        if self._pending is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD:
                    raise MalformedRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return None
            self._pending = _parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if self._pending[0].header("expect").lower() == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request, length = self._pending
        if len(self._buffer) < length:
            return None
        request.body = bytes(self._buffer[:length])
        request.client = str((self._transport.get_extra_info("peername") or ("",))[0])
        del self._buffer[:length]
        self._pending = None
        return request

    async def _serve(self, request: Request) -> None:
        try:
            response = await self._handler(request)
        except (
            Exception
        ):  # whatever it is, this caller gets an answer, and the others keep their server
            log.exception("%s %s failed", request.method, request.path)
            response = Response(
                500, b'{"message": "Internal server error"}', [("content-type", "application/json")]
            )
        keep_alive = request.header("connection").lower() != "close"
        if request.method == "HEAD":
            response.headers.append(("content-length", str(len(response.body))))
            response.body = b""
        self._write(response, keep_alive=keep_alive)
        self._task = None
        if keep_alive:
            self._serve_next()

    def _write(self, response: Response, *, keep_alive: bool) -> None:
        status = HTTPStatus(response.status)
        headers = [*response.headers, ("connection", "keep-alive" if keep_alive else "close")]
        if not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("content-length", str(len(response.body))))
        lines = [
            f"HTTP/1.1 {status} {status.phrase}",
            *(f"{name}: {value}" for name, value in headers),
            "",
            "",
        ]
        self._transport.write("\r\n".join(lines).encode("latin-1", "replace") + response.body)
        if not keep_alive:
            self._transport.close()


async def serve(handler: Handler, port: int) -> tuple[asyncio.Server, int]:
    """Listens on loopback; port 0 takes a free one.

    The server and its port. OSError when the port is taken.
    """
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(handler), "127.0.0.1", port, backlog=512
    )
    return server, int(server.sockets[0].getsockname()[1])
