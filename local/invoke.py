"""The Lambda Invoke API, for callers that find it through AWS_ENDPOINT_URL_LAMBDA."""

import json
from urllib.parse import unquote

from local.http1 import Request, Response
from local.lambdas import Function

PREFIX = "/2015-03-31/functions/"
SUFFIX = "/invocations"


def is_invocation(request: Request) -> bool:
    """Whether the request is a call of the Invoke API."""
    return (
        request.method == "POST"
        and request.path.startswith(PREFIX)
        and request.path.endswith(SUFFIX)
    )


def fault(status: int, code: str, message: str) -> Response:
    """An error as the rest-json protocol sends it."""
    body = json.dumps({"Type": "User", "Message": message}).encode()
    return Response(
        status, body, [("content-type", "application/json"), ("x-amzn-errortype", code)]
    )


def function_name(path: str) -> str:
    """The bare name out of a name, a partial or a whole ARN, with or without a qualifier."""
    given = unquote(path[len(PREFIX) : -len(SUFFIX)])
    parts = given.split(":")
    return parts[parts.index("function") + 1] if "function" in parts else parts[0]


class InvokeApi:
    """Invokes functions by name, synchronously or as an event."""

    def __init__(self, functions: dict[str, Function]) -> None:
        """`functions` by their names."""
        self._functions = functions

    async def __call__(self, request: Request) -> Response:
        """Answers one call of the Invoke API."""
        name = function_name(request.path)
        function = self._functions.get(name)
        if function is None:
            return fault(404, "ResourceNotFoundException", f"Function not found: {name}")
        payload = request.body or b"{}"
        try:
            json.loads(payload)
        except ValueError:
            return fault(
                400, "InvalidRequestContentException", "Could not parse request body into json"
            )
        match request.header("x-amz-invocation-type", "RequestResponse"):
            case "Event":
                function.invoke_later(payload)
                return Response(202)
            case "DryRun":
                return Response(204)
        if function.throttled:
            return fault(429, "TooManyRequestsException", "Rate Exceeded.")
        answer = await function.invoke(payload)
        headers = [("content-type", "application/json"), ("x-amz-executed-version", "$LATEST")]
        if answer.failed:
            headers.append(("x-amz-function-error", "Unhandled"))
        return Response(200, answer.payload, headers)
