"""How botocore reads what EC2 and DRS send, without what we do not use of it.

All are botocore's own ways to be told otherwise: its loader and its parsers' factory are
components of a session, and parsers take a `timestamp_parser`. EC2's clients were most of a sync's
memory in 100 places, and dates a sixth of its CPU time.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from botocore.loaders import Loader, instance_cache
from botocore.parsers import ResponseParserFactory, RestJSONParser
from botocore.utils import parse_timestamp

# A client is a class with a method for every operation: 1.3 MiB and 7 ms of CPU for all of EC2's,
# 0.2 and 2 for two.
OPERATIONS = {"ec2": ("DescribeInstances", "DescribeRegions")}
# What is read of EC2's records. Its parser walks through all that a shape may have, 58 members, for
# each instance: with that, and DRS's records taken apart likewise, replies were half of an
# unchanged sync's CPU time.
MEMBERS = {
    "Reservation": {"Instances"},
    "Instance": {
        "InstanceId", "State", "Tags", "InstanceType", "LaunchTime", "PrivateIpAddress",
        "PublicIpAddress", "VpcId", "SubnetId", "SecurityGroups", "IamInstanceProfile",
    },
}  # fmt: skip


class ModelLoader(Loader):
    """Loads service models; of a service in OPERATIONS only those operations, the shapes they are
    made of, and of shapes in MEMBERS what is read.
    """

    @instance_cache
    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        """The model, as botocore asks for it."""
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name == "service-2" and service_name in OPERATIONS:
            _cut(model, OPERATIONS[service_name])
            _thin(model)
        return model


class PlainItems(RestJSONParser):
    """Leaves lists as DRS's JSON has them: its model has no moments and nothing binary."""

    def _parse_shape(self, shape: Any, node: Any) -> Any:
        if shape.type_name == "list":
            return node
        return super()._parse_shape(shape, node)  # type: ignore[misc]  # botocore-stubs do not know it


class ParserFactory(ResponseParserFactory):
    """Makes the parsers of a session's clients."""

    def create_parser(self, protocol_name: str) -> Any:
        """The parser of a protocol; of the services asked here, DRS alone speaks REST with JSON."""
        if protocol_name == "rest-json":
            return PlainItems(**self._defaults)  # type: ignore[attr-defined]
        return super().create_parser(protocol_name)


def timestamp(value: Any) -> datetime:
    """A moment as AWS writes it: `2026-03-01T10:00:00.000Z` by Python's own parser, any other form
    by botocore's.

    botocore's asks dateutil to guess the form, which is half the CPU time of reading an EC2 reply.
    """
    if isinstance(value, str) and value.endswith("Z") and "T" in value:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass  # dateutil may still make sense of it
    return parse_timestamp(value)


def _thin(model: dict[str, Any]) -> None:
    """Leaves out every other member of the shapes in MEMBERS, likewise."""
    for name, members in MEMBERS.items():
        shape = model["shapes"][name]
        shape["members"] = {it: shape["members"][it] for it in members}


def _cut(model: dict[str, Any], operations: Iterable[str]) -> None:
    """Leaves out every other operation. In place, because the loader keeps what it has loaded."""
    model["operations"] = {name: model["operations"][name] for name in operations}
    shapes: dict[str, Any] = {}
    wanted = [model["operations"]]
    while wanted:
        for name in set(_shapes_named_in(wanted.pop())) - shapes.keys():
            shapes[name] = model["shapes"][name]
            wanted.append(shapes[name])
    model["shapes"] = shapes


def _shapes_named_in(node: object) -> Iterable[str]:
    if isinstance(node, Mapping):
        if isinstance(name := node.get("shape"), str):
            yield name
        for value in node.values():
            yield from _shapes_named_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from _shapes_named_in(value)
