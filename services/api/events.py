"""What senders of HTTP requests put into a Lambda event, and what each expects back.

API Gateway's REST APIs, its HTTP APIs (payload formats 1.0 and 2.0), function URLs, load balancers,
the consoles' test buttons. REST APIs, function URLs and load balancers hand the path on as it was
sent, HTTP APIs decode it; load balancers do not decode the query either.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from cache.errors import InvalidInput
from services.api.http import CORRELATION_ID, Request, began_at

_GREEDY = re.compile(r"\{[^{}]+\+\}")
_API_MEMBERS = frozenset({"httpMethod", "rawPath", "routeKey"})
_PINGS = frozenset({"warmer", "warmup", "ping", "keepWarm"})
_PING_SOURCES = frozenset({"serverless-plugin-warmup", "warmup", "warmer", "ping"})

type Event = Mapping[str, Any]


def is_api(event: Event) -> bool:
    """Whether this is an HTTP request, or means to be one."""
    return not _API_MEMBERS.isdisjoint(event) or _part(event, "requestContext").keys() >= {"http"}


def is_ping(event: Event) -> bool:
    """Whether somebody only keeps the function warm."""
    return not is_api(event) and "operation" not in event and (
        event.get("source") in _PING_SOURCES or any(event.get(name) is True for name in _PINGS)
    )  # fmt: skip


def is_notification(event: Event) -> bool:
    """Whether some AWS service tells of something and says nothing of
    what to do: a schedule without its input, say.
    """
    return "operation" not in event and not {"detail-type", "Records"}.isdisjoint(event)


def is_load_balancer(event: Event) -> bool:
    """Whether an Application Load Balancer sent this."""
    return "elb" in _part(event, "requestContext")


def is_health_check(event: Event) -> bool:
    """Whether a load balancer asks if there is anybody."""
    agent = _headers(event).get("user-agent", "")
    return is_load_balancer(event) and agent.startswith("ELB-HealthChecker/")


def request_of(event: Event) -> Request:
    """The request in an event.

    Raises:
        InvalidInput: when there is no method, or the body is not what it is said to be.
    """
    context = _part(event, "requestContext")
    headers = _headers(event)
    return Request(
        method=_method(event),
        resource=_resource(event),
        path=_parameters(event),
        url=_url(event),
        query=_query(event),
        headers=headers,
        body=_body(event),
        request_id=headers.get(CORRELATION_ID) or str(context.get("requestId") or ""),
        began=began_at(context.get("requestTimeEpoch") or context.get("timeEpoch")),
    )


def fitted(event: Event, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer as this sender reads it: a load balancer wants the status in words, and
    many-valued headers where
    that is how its target group is set."""
    if not is_load_balancer(event):
        return answer
    status = HTTPStatus(answer["statusCode"])
    described = answer | {"statusDescription": f"{status.value} {status.phrase}"}
    if "multiValueHeaders" in event and "headers" not in event:
        headers = described.pop("headers")
        described["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    return described


def _part(event: Event, name: str) -> Mapping[str, Any]:
    value = event.get(name)
    return value if isinstance(value, Mapping) else {}


def _texts(part: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in part.items() if value is not None}


def _last_texts(part: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(values[-1]) for name, values in part.items()
            if isinstance(values, list) and values}  # fmt: skip


def _headers(event: Event) -> dict[str, str]:
    given = _texts(_part(event, "headers")) or _last_texts(_part(event, "multiValueHeaders"))
    return {name.lower(): value for name, value in given.items()}


def _query(event: Event) -> dict[str, str]:
    query = _texts(_part(event, "queryStringParameters"))
    query = query or _last_texts(_part(event, "multiValueQueryStringParameters"))
    if is_load_balancer(event):
        return {unquote_plus(name): unquote_plus(value) for name, value in query.items()}
    return query


def _method(event: Event) -> str:
    method = event.get("httpMethod") or _part(_part(event, "requestContext"), "http").get("method")
    if not isinstance(method, str):
        raise InvalidInput("event", "an HTTP request needs its method as text")
    return method.upper()


def _is_decoded(event: Event) -> bool:
    """Whether the path and its parameters were decoded on the way: HTTP APIs do."""
    if event.get("version") == "2.0":
        return ".lambda-url." not in str(_part(event, "requestContext").get("domainName"))
    return event.get("version") == "1.0"


def _resource(event: Event) -> str:
    """The template of the resource that API Gateway found; empty where there is none."""
    return str(event.get("resource") or str(event.get("routeKey") or "").partition(" ")[2])


def _parameters(event: Event) -> dict[str, str]:
    given = _texts(_part(event, "pathParameters"))
    return given if _is_decoded(event) else {name: unquote(it) for name, it in given.items()}


def _url(event: Event) -> str:
    """The path, percent-encoded; of a greedy resource what stands
    in its place, so without any base path.
    """
    path = str(event.get("path") or event.get("rawPath") or event.get("resource") or "")
    resource = _resource(event)
    greedy = _GREEDY.search(resource)
    if greedy and (rest := _part(event, "pathParameters").get(greedy[0][1:-2])):
        path = resource.replace(greedy[0], str(rest))
    return quote(path) if _is_decoded(event) else path


def _body(event: Event) -> str:
    body = event.get("body") or ""
    if not isinstance(body, str):
        raise InvalidInput("body", "must be text")
    if not event.get("isBase64Encoded"):
        return body
    try:  # what is no text comes like this; replaced characters make it no JSON
        return b64decode(body, validate=True).decode(errors="replace")
    except ValueError:
        raise InvalidInput("body", "is not base64, though isBase64Encoded says so") from None
