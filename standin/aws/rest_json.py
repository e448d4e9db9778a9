"""The rest-json protocol, as DRS speaks it."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel, Shape, StructureShape

from standin.aws import models
from standin.aws.wire import Parsed, Reply, Request, WrongReply, request_id
from standin.drs.errors import Refusal
from standin.drs.state import Item

_STATUS_OF_UNMODELLED = 403
"""UnrecognizedClientException, ExpiredTokenException and their like
come before the service; its model lacks them.
"""


def _routes() -> list[tuple[str, re.Pattern[str], OperationModel]]:
    routes = []
    for name in models.DRS.operation_names:
        operation = models.operation("drs", name)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", str(operation.http["requestUri"]))
        routes.append((str(operation.http["method"]), re.compile(pattern), operation))
    return routes


_ROUTES = _routes()
_BY_NAME = {(method, f"/{operation.name}"): operation for method, _, operation in _ROUTES}


class RestJson:
    """Requests in, replies out, for DRS."""

    def parse(self, request: Request) -> Parsed:
        """Operation and parameters.

        Raises Refusal for an unknown route and for a body that is no JSON object.
        """
        operation, in_path = _route(request)
        try:
            params = json.loads(request.body) if request.body.strip() else {}
        except ValueError as exc:
            raise Refusal(
                "ValidationException", "The body is no JSON", reason="cannotParse"
            ) from exc
        if not isinstance(params, dict):
            raise Refusal("ValidationException", "The body is no JSON object", reason="cannotParse")
        shape = operation.input_shape
        in_query = dict(parse_qsl(request.query, keep_blank_values=True))
        for name, text in (in_query | in_path).items():
            member = shape.members.get(name) if shape else None
            params[name] = _typed(text, member)
        return Parsed(operation.name, params)

    def reply(
        self, operation: OperationModel, value: dict[str, Any], wrong_on_purpose: bool = False
    ) -> Reply:
        """The answer to an operation, checked unless weather made it wrong. Raises WrongReply."""
        status, headers = int(operation.http["responseCode"]), _headers()
        if operation.output_shape is None or status == 204:
            return Reply(status, b"" if status == 204 else b"{}", headers)
        text = json.dumps(value) if wrong_on_purpose else _encode(operation.output_shape, value)
        return Reply(status, text.encode(), headers)

    def refuse(self, refusal: Refusal) -> Reply:
        """An error with the status, the members and the headers
        that the service's model gives it.
        """
        shape = models.error_shape("drs", refusal.code)
        headers = _headers() | {"x-amzn-ErrorType": refusal.code}
        members = {"message": refusal.message} | refusal.members
        if shape is None:
            return Reply(
                _STATUS_OF_UNMODELLED, json.dumps({"message": refusal.message}).encode(), headers
            )
        if problems := models.CHECKERS["drs"].problems(shape, members):
            raise WrongReply(shape.name, problems)
        in_header = {
            name: str(member.serialization["name"])
            for name, member in shape.members.items()
            if member.serialization.get("location") == "header"
        }
        headers |= {
            header: str(members.pop(name)) for name, header in in_header.items() if name in members
        }
        return Reply(
            int(shape.metadata["error"]["httpStatusCode"]), json.dumps(members).encode(), headers
        )

    def fail(self, status: int, code: str, message: str) -> Reply:
        """A fault of the stand-in itself, by name."""
        headers = _headers() | {"x-amzn-ErrorType": code}
        return Reply(status, json.dumps({"message": message}).encode(), headers)


def _route(request: Request) -> tuple[OperationModel, dict[str, str]]:
    path = unquote(request.path)
    if operation := _BY_NAME.get((request.method, path)):
        return operation, {}
    for method, pattern, candidate in _ROUTES:
        if method == request.method and (match := pattern.fullmatch(path)):
            return candidate, match.groupdict()
    message = f"{request.method} {path} is no operation of DRS"
    raise Refusal("ValidationException", message, reason="unknownOperation")


def _typed(text: str, member: Shape | None) -> Any:
    if member is not None and member.type_name == "integer" and text.lstrip("-").isdigit():
        return int(text)
    return text


def _encode(shape: StructureShape, value: dict[str, Any]) -> str:
    """JSON of a structure; items of a listing are checked and
    serialised once and keep the result.
    """
    listings = {name: inner for name, inner in value.items() if _is_listing(inner)}
    plain = value | {name: [] for name in listings}
    if problems := models.CHECKERS["drs"].problems(shape, plain):
        raise WrongReply(shape.name, problems)
    members = [
        f"{json.dumps(name)}: {json.dumps(inner)}"
        for name, inner in plain.items()
        if name not in listings
    ]
    for name, items in listings.items():
        element = shape.members[name].member  # type: ignore[attr-defined] # a list of structures
        members.append(
            f"{json.dumps(name)}: [{', '.join(_encode_item(element, item) for item in items)}]"
        )
    return f"{{{', '.join(members)}}}"


def _is_listing(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is Item for item in value)


def _encode_item(shape: StructureShape, item: Item) -> str:
    if item.wire is None:
        if problems := models.CHECKERS["drs"].problems(shape, item):
            raise WrongReply(shape.name, problems)
        item.wire = json.dumps(item)
    return item.wire


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "x-amzn-RequestId": request_id()}
