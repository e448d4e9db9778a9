"""HTTP in, REST proxy events out: what API Gateway does between a browser and the handlers.

Event and answer shapes are those of a Lambda proxy integration of an API Gateway REST API.
"""

import asyncio
import base64
import gzip
import json
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl

from local.http1 import Request, Response
from local.lambdas import Function
from local.users import claims
from services.api.routes import OPERATIONS

COMPRESSED_FROM = 1024  # bytes, MinimumCompressionSize in the templates
INTEGRATION_TIMEOUT = 29.0  # seconds, API Gateway's own limit
JSON = [("content-type", "application/json")]

ROUTES = [(it.method, it.path, it.function) for it in OPERATIONS]


def match(resource: str, path: str) -> dict[str, str] | None:
    """The path parameters, as they were sent, when `path` is one of `resource`, else None."""
    wanted, given = resource.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    parameters = {}
    for name, value in zip(wanted, given, strict=True):
        if name.startswith("{") and value:
            parameters[name[1:-1]] = value  # percent-encoded, as REST APIs pass them on
        elif name != value:
            return None
    return parameters


def multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Every value of every name, in order."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def proxy_event(request: Request, resource: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The REST proxy event of a request."""
    query = parse_qsl(request.query, keep_blank_values=True)
    try:
        body, encoded = request.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(request.body).decode(), True
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": multi(request.headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": multi(query) or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "resourcePath": resource,
            "httpMethod": request.method,
            "path": request.path,
            "stage": "local",
            "protocol": "HTTP/1.1",
            "requestTimeEpoch": int(time.time() * 1000),
            "authorizer": {"claims": claims(request)},
            "identity": {"sourceIp": request.client, "userAgent": request.header("user-agent")},
        },
        "body": body or None,
        "isBase64Encoded": encoded,
    }


def http_response(payload: bytes) -> Response:
    """The handler's answer as HTTP. ValueError when it is not a proxy answer."""
    answer = json.loads(payload)
    if not isinstance(answer, dict) or not isinstance(answer.get("statusCode"), int):
        raise ValueError("no statusCode")
    body = (answer.get("body") or "").encode()
    several = {name: [str(value)] for name, value in (answer.get("headers") or {}).items()}
    several.update(answer.get("multiValueHeaders") or {})
    headers = [(name, str(value)) for name, values in several.items() for value in values]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers += JSON
    return Response(
        answer["statusCode"],
        base64.b64decode(body) if answer.get("isBase64Encoded") else body,
        headers,
    )


def refusal(status: int, message: str) -> Response:
    """An answer of the gateway itself, in API Gateway's form."""
    return Response(status, json.dumps({"message": message}).encode(), list(JSON))


def compressed(request: Request, response: Response) -> Response:
    """The answer as the client takes it: API Gateway
    compresses by itself, from a minimum size on.
    """
    if len(response.body) < COMPRESSED_FROM or "gzip" not in request.header("accept-encoding"):
        return response
    headers = [*response.headers, ("content-encoding", "gzip"), ("vary", "accept-encoding")]
    return Response(response.status, gzip.compress(response.body, compresslevel=1), headers)


class Gateway:
    """Sends each request to the function that serves its route."""

    def __init__(self, functions: dict[str, Function]) -> None:
        """`functions` by the role the route table names: query, data-management, execution."""
        self._functions = functions

    async def __call__(self, request: Request) -> Response | None:
        """The function's answer; None when no route has this path."""
        known_path = False
        for method, resource, role in ROUTES:
            parameters = match(resource, request.path)
            if parameters is None:
                continue
            known_path = True
            if method == request.method:
                event = proxy_event(request, resource, parameters)
                return compressed(request, await self._proxied(self._functions[role], event))
        return refusal(405, f"{request.method} is not allowed here") if known_path else None

    async def _proxied(self, function: Function, event: dict[str, Any]) -> Response:
        if function.throttled:
            return refusal(429, "Too Many Requests")
        try:
            async with asyncio.timeout(INTEGRATION_TIMEOUT):
                answer = await function.invoke(json.dumps(event, ensure_ascii=False).encode())
        except TimeoutError:
            return refusal(504, "Endpoint request timed out")
        if answer.failed:
            return refusal(502, "Internal server error")
        try:
            response = http_response(answer.payload)
        except ValueError:
            return refusal(502, "Internal server error")
        response.headers.append(("server-timing", f"handler;dur={answer.seconds * 1000:.1f}"))
        return response
