"""From a request to what answers it: by the resource API Gateway found, else by method and path.

A stage or a base path may stand in front of the path, a slash behind it; HEAD is a GET without its
body.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from cache.errors import MethodNotAllowed, NotFound
from services.api.access import OPEN, Access, Role, needed_role
from services.api.events import fitted, is_health_check, request_of
from services.api.http import (
    Request,
    Response,
    Route,
    Routes,
    error_response,
    proxy_response,
)

logger = logging.getLogger(__name__)
NOBODY = Request("", "", {}, {}, {}, "", "")
COLLECTIONS = frozenset(
    {"executions", "leftovers", "me", "plan-checks", "recovery-instances", "recovery-plans",
    "source-servers"}
)  # fmt: skip
_ALIKE = {"HEAD": "GET"}


def answer(
    event: Mapping[str, Any], routes: Routes, cors_origin: str = "", access: Access = OPEN
) -> dict[str, Any]:
    """The answer to an event that holds a request.

    Never raises: whatever goes wrong has a code and a message.
    """
    if is_health_check(event):
        return fitted(event, proxy_response(NOBODY, Response({"status": "ok"}), ""))
    request = NOBODY
    try:
        request = request_of(event)
        route, request = find_route(request, routes)
        if request.method != "OPTIONS":  # a preflight has no token
            request = replace(request, caller=access.caller(event))
            request.caller.check(needed_role(request.method, request.resource))
        response = route(request)
    # the last line: a fault of ours is a 500 that tells no more than that
    except Exception as error:  # noqa: BLE001
        response = error_response(error)
    if needed_role(request.method, request.resource) is not Role.VIEWER:
        _keep_who_did(request, response)
    return fitted(event, proxy_response(request, response, cors_origin))


def _keep_who_did(request: Request, response: Response) -> None:
    """One line of what was asked for, by whom, to what, and what came of it.

    No addresses, no tokens.
    """
    what = " ".join((request.method, request.resource, *request.path.values()))
    logger.info("%s asked for %s: %d", request.caller.name, what, response.status)


def find_route(request: Request, routes: Routes) -> tuple[Route, Request]:
    """What answers the request, and the request with its template and parameters.

    Raises:
        NotFound: when nothing of this function's has this path; which function serves it is said.
        MethodNotAllowed: when the path is this function's, but not with this method.
    """
    method = _ALIKE.get(request.method, request.method)
    route = routes.get((method, request.resource))
    if route and all(request.path.get(name) for name in _names(request.resource)):
        return route, request
    found = _match(request.url, {template for _, template in routes})
    for template, parameters in found.items():
        if route := routes.get((method, template)):
            return route, replace(request, resource=template, path=parameters)
    allowed = sorted(known for known, template in routes if template in found)
    if allowed and method == "OPTIONS":
        return lambda _: Response({}, 204, headers={"Allow": ", ".join(allowed)}), request
    if elsewhere := _served_elsewhere(request.url, method):
        raise NotFound(f"{method} {elsewhere}: send this to that function, not to this one")
    if allowed:
        raise MethodNotAllowed(request.method, allowed)
    raise NotFound(f"no route {request.method} {request.url:.200}")


def _served_elsewhere(url: str, method: str) -> str:
    """The route of any function that fits, and whose it is; empty where nobody's does."""
    # the models of all bodies: not for a page read
    from services.api.routes import OPERATIONS  # noqa: PLC0415

    served = {(it.method, it.path): it.function for it in OPERATIONS}
    fits = _match(url, {template for _, template in served})
    found = [(it, served[method, it]) for it in fits if (method, it) in served]
    return next((f"{template} is served by the {name} function" for template, name in found), "")


def _names(template: str) -> list[str]:
    return [part[1:-1] for part in template.split("/") if part.startswith("{")]


def _match(url: str, templates: Iterable[str]) -> Mapping[str, dict[str, str]]:
    """The templates that the end of the path fits, with their parameters; the longest end that fits
    any decides.

    No collection of ours may stand before that end: `/recovery-plans/x/executions` is nobody's.
    """
    segments = [it for it in url.partition("?")[0].split("/") if it]
    for start in range(len(segments)):
        if not COLLECTIONS.isdisjoint(segments[:start]):
            break
        fits = {it: found for it in templates if (found := _fits(it, segments[start:])) is not None}
        if fits:
            return fits
    return {}


def _fits(template: str, segments: list[str]) -> dict[str, str] | None:
    wanted = template.strip("/").split("/")
    if len(wanted) != len(segments):
        return None
    parameters = {}
    for name, value in zip(wanted, segments, strict=True):
        if name.startswith("{"):
            parameters[name[1:-1]] = unquote(value)
        elif name != unquote(value):
            return None
    return parameters
