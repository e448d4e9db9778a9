"""Replies that no model describes: members and enum values of
the future, and members of the wrong type.
"""

from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from standin.aws.weather import Conditions

UNKNOWN = "NOT_IN_THE_MODEL"
_KEPT = ("nextToken", "NextToken")


def distort(shape: Shape | None, value: Any, conditions: Conditions, name: str = "") -> Any:
    """A copy of a reply with the wrongness that the conditions ask for; page tokens stay usable."""
    if name and _asked(conditions.garbage, name, leaf=not isinstance(value, dict | list)):
        return {"garbage": True} if isinstance(value, str) else "garbage"
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        copy = {
            key: inner if key in _KEPT else distort(shape.members.get(key), inner, conditions, key)
            for key, inner in value.items()
        }
        return copy | (
            {"notInTheModel": {"nested": ["value"]}} if conditions.unknown_members and name else {}
        )
    if isinstance(shape, ListShape) and isinstance(value, list):
        # An element has no name of its own; naming it after its list lets it take unknown members.
        return [distort(shape.member, inner, conditions, f"{name}[]") for inner in value]
    if getattr(shape, "enum", None) and _asked(conditions.unknown_enums, name, leaf=True):
        return UNKNOWN
    return value


def _asked(wanted: list[str] | bool, name: str, leaf: bool) -> bool:
    return leaf and wanted if isinstance(wanted, bool) else name in wanted
