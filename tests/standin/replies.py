"""A strict reader of the stand-in's replies: what botocore's own model does not describe fails."""

import json
from typing import Any
from xml.etree import ElementTree

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from standin.aws.models import CHECKERS


def check_reply(operation: OperationModel, reply: dict[str, Any]) -> None:
    """Fail with the path of the first thing in a reply (as botocore's
    parsers get it) that the model does not say.
    """
    service = operation.service_model.service_name
    if reply["status_code"] >= 300:
        problems = _error_problems(operation, reply)
    elif operation.output_shape is None or not reply["body"]:
        problems = [] if reply["body"] in (b"", b"{}") else ["should be an empty object"]
    else:
        value = _read(operation, reply["body"])
        problems = CHECKERS[service].problems(operation.output_shape, value)
        if reply["status_code"] != operation.http.get("responseCode", 200):
            problems = [*problems, f"status {reply['status_code']}"]
    assert not problems, f"{operation.name}: {'; '.join(map(str, problems))}"


def _error_problems(operation: OperationModel, reply: dict[str, Any]) -> list[Any]:
    if operation.service_model.service_name != "drs":
        return [] if b"<Code>" in reply["body"] else ["an error without a code"]
    code = reply["headers"]["x-amzn-ErrorType"]
    shape = operation.service_model.shape_for_error_code(code)
    if shape is None:
        return []
    status = shape.metadata["error"]["httpStatusCode"]
    members = json.loads(reply["body"])
    problems = (
        [f"{code} with status {reply['status_code']}"] if status != reply["status_code"] else []
    )
    return [*problems, *CHECKERS["drs"].problems(shape, members)]


def _read(operation: OperationModel, body: bytes) -> Any:
    if operation.service_model.service_name == "drs":
        return json.loads(body)
    root = ElementTree.fromstring(body)  # noqa: S314 - our own stand-in's
    if "resultWrapper" in operation.output_shape.serialization:
        root = next(
            element
            for element in root
            if _tag(element) == operation.output_shape.serialization["resultWrapper"]
        )
    value = _from_xml(operation.output_shape, root)
    value.pop("requestId", None)
    return value


def _from_xml(shape: Shape, element: ElementTree.Element) -> Any:
    """Strictly: an element that no member owns keeps its tag, and the checker finds it."""
    if isinstance(shape, StructureShape):
        members = {
            member.serialization.get("name", name): (name, member)
            for name, member in shape.members.items()
        }
        return {
            members[_tag(child)][0] if _tag(child) in members else _tag(child): _from_xml(
                members[_tag(child)][1], child
            )
            if _tag(child) in members
            else child.text
            for child in element
        }
    if isinstance(shape, ListShape):
        return [_from_xml(shape.member, child) for child in element]
    text = element.text or ""
    if shape.type_name in ("integer", "long"):
        return int(text)
    return {"true": True, "false": False}.get(text, text) if shape.type_name == "boolean" else text


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
