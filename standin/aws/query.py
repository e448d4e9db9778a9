"""The ec2 and query protocols, as EC2 and STS speak them: forms in, XML out."""

from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from standin.aws import models
from standin.aws.wire import Parsed, Reply, Request, WrongReply, request_id
from standin.drs.errors import Refusal
from standin.drs.state import Item

_STATUS = {
    "AccessDenied": 403, "AuthFailure": 401, "ExpiredToken": 403, "InternalError": 500,
    "InternalFailure": 500,
    "InvalidClientTokenId": 403, "RequestExpired": 403, "RequestLimitExceeded": 503,
    "SignatureDoesNotMatch": 403,
    "UnauthorizedOperation": 403,
}  # fmt: skip


class Query:
    """Requests in, replies out, for EC2 and STS."""

    def __init__(self, service: str) -> None:
        self.service = service

    def parse(self, request: Request) -> Parsed:
        """Operation and parameters. Raises Refusal for an unknown action."""
        form = dict(
            parse_qsl(
                request.body.decode(errors="replace") or request.query, keep_blank_values=True
            )
        )
        action = form.pop("Action", "")
        form.pop("Version", None)
        if action not in models.SERVICES[self.service].operation_names:
            raise Refusal("InvalidAction", f"The action {action!r} is not valid for {self.service}")
        shape = models.operation(self.service, action).input_shape
        return Parsed(action, self._structure(shape, form) if shape else {})

    def _structure(self, shape: StructureShape, form: dict[str, str]) -> dict[str, Any]:
        names = {self._form_name(name, member): name for name, member in shape.members.items()}
        value: dict[str, Any] = {}
        for head, below in _grouped(form).items():
            name = names.get(head, head)
            member = shape.members.get(name)
            value[name] = below if member is None else self._value(member, below)
        return value

    def _value(self, shape: Shape, form: dict[str, str]) -> Any:
        if isinstance(shape, StructureShape):
            return self._structure(shape, form)
        if isinstance(shape, ListShape):
            numbered = _grouped(form)
            if self.service != "ec2":
                numbered = _grouped(numbered.get("member", {}))
            if not all(number.isdigit() for number in numbered):
                return form
            return [
                self._value(shape.member, numbered[number]) for number in sorted(numbered, key=int)
            ]
        text = form.get("", "")
        if shape.type_name in ("integer", "long") and text.lstrip("-").isdigit():
            return int(text)
        if shape.type_name == "boolean" and text in ("true", "false"):
            return text == "true"
        return text

    def _form_name(self, name: str, member: Shape) -> str:
        if self.service != "ec2":
            return name
        if "queryName" in member.serialization:
            return str(member.serialization["queryName"])
        wire = str(member.serialization.get("name", name))
        return wire[0].upper() + wire[1:]

    def reply(
        self, operation: OperationModel, value: dict[str, Any], wrong_on_purpose: bool = False
    ) -> Reply:
        """The answer to an operation, checked unless weather made it wrong. Raises WrongReply."""
        shape = operation.output_shape
        content = "" if shape is None else self._members(shape, value, check=not wrong_on_purpose)
        namespace = models.SERVICES[self.service].metadata["xmlNamespace"]
        if self.service == "ec2":
            content = f"<requestId>{request_id()}</requestId>{content}"
        else:
            wrapper = f"{operation.name}Result"
            metadata = f"<ResponseMetadata><RequestId>{request_id()}</RequestId></ResponseMetadata>"
            content = f"<{wrapper}>{content}</{wrapper}>{metadata}"
        return _xml(
            200,
            f'<{operation.name}Response xmlns="{namespace}">{content}</{operation.name}Response>',
        )

    def _members(self, shape: StructureShape, value: dict[str, Any], check: bool) -> str:
        """XML of a structure. What holds items is checked here, the items in `_item`."""
        if check and type(value) is Item:
            return self._item(shape, value)
        if check:
            self._require_fit(
                shape, {name: inner for name, inner in value.items() if not _holds_items(inner)}
            )
        return "".join(self._element(shape, name, inner, check) for name, inner in value.items())

    def _item(self, shape: StructureShape, item: Item) -> str:
        """Checked and serialised once; the item keeps the result."""
        if item.wire is None:
            self._require_fit(shape, item)
            item.wire = self._members(shape, item, check=False)
        return item.wire

    def _require_fit(self, shape: StructureShape, value: dict[str, Any]) -> None:
        if problems := models.CHECKERS[self.service].problems(shape, value):
            raise WrongReply(shape.name, problems)

    def _element(self, parent: StructureShape, name: str, value: Any, check: bool) -> str:
        shape = parent.members.get(name)
        tag = str(shape.serialization.get("name", name)) if shape else name
        return f"<{tag}>{self._content(shape, value, check)}</{tag}>"

    def _content(self, shape: Shape | None, value: Any, check: bool) -> str:
        if isinstance(shape, StructureShape) and isinstance(value, dict):
            return self._members(shape, value, check)
        if isinstance(shape, ListShape) and isinstance(value, list):
            tag = str(shape.member.serialization.get("name", "member"))
            return "".join(
                f"<{tag}>{self._content(shape.member, element, check)}</{tag}>" for element in value
            )
        if isinstance(value, bool):
            return "true" if value else "false"
        return escape(str(value))

    def refuse(self, refusal: Refusal) -> Reply:
        """An error in the envelope of the service, with its status; 400 unless known otherwise."""
        status = _STATUS.get(refusal.code, 400)
        return self.fail(status, refusal.code, refusal.message)

    def fail(self, status: int, code: str, message: str) -> Reply:
        error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        if self.service == "ec2":
            errors = f"<Errors><Error>{error}</Error></Errors>"
            body = f"<Response>{errors}<RequestID>{request_id()}</RequestID></Response>"
            return _xml(status, body)
        party = "Sender" if status < 500 else "Receiver"
        namespace = models.SERVICES[self.service].metadata["xmlNamespace"]
        return _xml(
            status,
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>{party}</Type>{error}</Error>'
            f"<RequestId>{request_id()}</RequestId></ErrorResponse>",
        )


def _grouped(form: dict[str, str]) -> dict[str, dict[str, str]]:
    """`{"Filter.1.Name": x}` → `{"Filter": {"1.Name": x}}`; a
    value of its own stands under the empty name.
    """
    groups: dict[str, dict[str, str]] = {}
    for key, text in form.items():
        head, _, rest = key.partition(".")
        groups.setdefault(head, {})[rest] = text
    return groups


def _holds_items(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(element, dict) for element in value)


def _xml(status: int, body: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Reply(status, text.encode(), {"Content-Type": "text/xml;charset=UTF-8"})
