"""What API Gateway's REST proxy events mean to us, and how we answer. Light: the page read goes through here.

Routing is a look-up by method and resource template, both of which API Gateway has worked out already.
Compression is API Gateway's (`MinimumCompressionSize`), so no handler spends CPU on it.
"""

import json
import logging
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any
from zlib import adler32, crc32

from cache.errors import Conflict, InvalidInput, NotFound, TierUnavailable

logger = logging.getLogger(__name__)
CORRELATION_ID = "x-correlation-id"
GATEWAY_SECONDS = 29
BODY_BYTES = 1_000_000  # 5,000 ids are 110 kB


@dataclass(frozen=True, slots=True)
class Request:
    """One API call. `path` and `query` are its parameters; `headers` has lower-case names."""

    method: str
    resource: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    request_id: str
    began: float = field(default_factory=monotonic)
    """When it came in (monotonic seconds): the time it waited for a function to start or to be free is gone already."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """The request in a REST proxy event (payload format 1.0).

        Raises:
            KeyError, TypeError, AttributeError, ValueError: when it is none.
        """
        headers = {name.lower(): value for name, value in _texts(event.get("headers")).items()}
        method, resource = event["httpMethod"], event.get("resource") or event.get("path") or ""
        body = event.get("body") or ""
        if not all(isinstance(it, str) for it in (method, resource, body)):
            raise TypeError("method, resource and body are text")
        if event.get(
            "isBase64Encoded"
        ):  # what is no text comes like this; replaced characters make it no JSON
            body = b64decode(body).decode(errors="replace")
        context = event.get("requestContext") or {}
        return cls(
            method=method,
            resource=resource,
            path=_texts(event.get("pathParameters")),
            query=_texts(event.get("queryStringParameters")),
            headers=headers,
            body=body,
            request_id=headers.get(CORRELATION_ID) or context.get("requestId") or "",
            began=monotonic() - _waited(context.get("requestTimeEpoch")),
        )

    def object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            InvalidInput: when it is missing, too large, no JSON, or no object.
        """
        if not self.body:
            raise InvalidInput("body", "is missing; a JSON object is needed")
        if len(self.body) > BODY_BYTES:
            raise InvalidInput("body", f"is larger than {BODY_BYTES} bytes")
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise InvalidInput("body", "is not JSON") from None
        if not isinstance(value, dict):
            raise InvalidInput("body", "must be a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `body` is a JSON object, or its ready-made bytes. `is_page`: may be kept and revalidated."""

    body: bytes | Mapping[str, object]
    status: int = 200
    is_page: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else dumps(self.body)


def _waited(since: object) -> float:
    """Seconds since this epoch millisecond; 0 when it cannot be true, as API Gateway would have given up."""
    seconds = time() - since / 1000 if isinstance(since, int) else 0.0
    return seconds if 0 < seconds < GATEWAY_SECONDS else 0.0


type Route = Callable[[Request], Response]
type Routes = Mapping[tuple[str, str], Route]


def dumps(value: object) -> bytes:
    """Compact JSON as we send it."""
    return _to_json(value).encode()


_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def answer(event: Mapping[str, Any], routes: Routes, cors_origin: str = "") -> dict[str, Any]:
    """The proxy response to a proxy event. Never raises: whatever goes wrong is an answer with a code and a message."""
    try:
        request = Request.from_event(event)
    except (KeyError, TypeError, AttributeError, ValueError):
        request = Request("", "", {}, {}, {}, "", "")
    try:
        response = _route(request, routes)(request)
    except Exception as error:  # noqa: BLE001 - the last line: a fault of ours is a 500 that tells no more than that
        response = error_response(error)
    return _proxy_response(request, response, cors_origin)


def _texts(part: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in (part or {}).items()}


def refusal(error: InvalidInput | NotFound | Conflict) -> tuple[int, dict[str, object]]:
    """Status and body for a request that is refused."""
    match error:
        case InvalidInput():
            return 400, _error("INVALID_INPUT", str(error))
        case NotFound():
            return 404, _error("NOT_FOUND", str(error))
        case Conflict():
            return 409, _error(error.code, str(error)) | error.details


def error_response(error: Exception) -> Response:
    """The one table of errors and statuses."""
    match error:
        case InvalidInput() | NotFound() | Conflict():
            status, body = refusal(error)
            return Response(body, status)
        case TierUnavailable():
            logger.error("Could not be asked: %s", error)
            message = "What this needs cannot be reached at the moment; try again"
            return Response(_error("UNAVAILABLE", message), 503)
        case _:
            logger.error("Unexpected", exc_info=error)
            message = "Something went wrong on our side; the log has it under this request id"
            return Response(_error("INTERNAL", message), 500)


def _error(code: str, message: str) -> dict[str, object]:
    return {"error": code, "message": message}


def _route(request: Request, routes: Routes) -> Route:
    try:
        return routes[request.method, request.resource]
    except KeyError:
        raise NotFound(f"no route {request.method} {request.resource}") from None


def _proxy_response(request: Request, response: Response, cors_origin: str) -> dict[str, Any]:
    content = response.content()
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        CORRELATION_ID: request.request_id,
        **response.headers,
    }
    if cors_origin:
        headers["Access-Control-Allow-Origin"] = cors_origin
        headers["Access-Control-Expose-Headers"] = f"ETag, {CORRELATION_ID}"
    status = response.status
    if response.is_page and status == 200:
        etag = f'"{crc32(content):08x}{adler32(content):08x}{len(content):x}"'
        headers |= {"ETag": etag, "Cache-Control": "private, no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            status, content = 304, b""
    return {
        "statusCode": status,
        "headers": headers,
        "body": content.decode(),
        "isBase64Encoded": False,
    }
