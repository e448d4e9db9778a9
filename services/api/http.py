"""A request and its answer, whoever sent it. Light: the page read goes through here.

Compression is API Gateway's (`MinimumCompressionSize`), so no handler spends CPU on it.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any
from zlib import adler32, crc32

from cache.errors import (
    Conflict,
    Failing,
    Forbidden,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    TierUnavailable,
)
from services.api.access import NOBODY_TOLD_APART, Caller

logger = logging.getLogger(__name__)
CORRELATION_ID = "x-correlation-id"
GATEWAY_SECONDS = 29
CORS_HEADERS = "authorization,content-type,if-none-match,x-correlation-id"
BODY_BYTES = 1_000_000  # 5,000 ids are 110 kB


@dataclass(frozen=True, slots=True)
class Request:
    """One API call.

    `resource` is the template that fits, `path` and `query` are its parameters, decoded; `url` is
    the
    percent-encoded path as it was sent; `headers` has lower-case names."""

    method: str
    resource: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    request_id: str
    url: str = ""
    caller: Caller = NOBODY_TOLD_APART
    began: float = field(default_factory=monotonic)
    """When it came in (monotonic seconds): the time it waited for a
    function to start or to be free is gone already.
    """

    def object_if_any(self) -> dict[str, Any]:
        """The body of a request that needs none; clients that were given none may send `null`.

        Raises:
            InvalidInput: when it is something else than a JSON object.
        """
        return {} if self.body.strip() in {"", "null"} else self.object()

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
    """One answer.

    `body` is a JSON object, or its ready-made bytes. `is_page`: may be kept and revalidated.
    """

    body: bytes | Mapping[str, object]
    status: int = 200
    is_page: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else dumps(self.body)


def began_at(sent_at: object) -> float:
    """When a request of this epoch millisecond began; now, when that
    cannot be true: API Gateway would have given up.
    """
    waited = time() - sent_at / 1000 if isinstance(sent_at, int) else 0.0
    return monotonic() - waited if 0 < waited < GATEWAY_SECONDS else monotonic()


type Route = Callable[[Request], Response]
type Routes = Mapping[tuple[str, str], Route]


def dumps(value: object) -> bytes:
    """Compact JSON as we send it."""
    return _to_json(value).encode()


_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


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
        case Forbidden():
            return Response(_error("FORBIDDEN", str(error)), 403)
        case MethodNotAllowed():
            allow = {"Allow": ", ".join(error.allowed)}
            return Response(_error("METHOD_NOT_ALLOWED", str(error)), 405, headers=allow)
        case TierUnavailable():
            logger.error("Could not be asked: %s", error)
            code = error.code if isinstance(error, Failing) else "UNAVAILABLE"
            message = "What this needs cannot be reached at the moment; try again"
            return Response(_error(code, message), 503)
        case _:
            logger.error("Unexpected", exc_info=error)
            message = "Something went wrong on our side; the log has it under this request id"
            return Response(_error("INTERNAL", message), 500)


def _error(code: str, message: str) -> dict[str, object]:
    return {"error": code, "message": message}


def proxy_response(request: Request, response: Response, cors_origin: str) -> dict[str, Any]:
    """The response in the members that a proxy integration, a
    function URL and a load balancer read.
    """
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
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
            headers["Access-Control-Allow-Headers"] = CORS_HEADERS
    status = response.status
    if response.is_page and status == 200:
        etag = f'"{crc32(content):08x}{adler32(content):08x}{len(content):x}"'
        headers |= {"ETag": etag, "Cache-Control": "private, no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            status = 304
    if request.method == "HEAD" or status in {204, 304}:
        content = b""
    return {
        "statusCode": status,
        "headers": headers,
        "body": content.decode(),
        "isBase64Encoded": False,
    }
