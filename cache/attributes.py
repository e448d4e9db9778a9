"""DynamoDB's typed attribute values and plain Python values, for the few types our tables hold."""

from collections.abc import Mapping
from typing import Any

type AttributeValue = dict[str, Any]


def encode(value: object) -> AttributeValue:
    """The attribute value of a str, bool, number, bytes, None, list, tuple or mapping: of all that
    `decode` makes.

    Raises:
        TypeError: for any other type, so that nothing is stored in a form nobody reads.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool() | bytes():
            return {"BOOL" if isinstance(value, bool) else "B": value}
        case str():
            return {"S": str(value)}
        case int() | float():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [encode(item) for item in value]}
        case Mapping():
            return {"M": encode_item(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no place in our tables")


def decode(value: Mapping[str, Any]) -> Any:
    """The plain value.

    Numbers become int where they are whole, else float; sets become lists; NULL becomes None.
    """
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "NULL":
            return None
        case "L":
            return [decode(item) for item in content]
        case "M":
            return decode_item(content)
        case _:
            return content


def encode_item(item: Mapping[str, object]) -> dict[str, AttributeValue]:
    """A whole item of plain values as attribute values."""
    return {name: encode(value) for name, value in item.items()}


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A whole item of attribute values as plain values."""
    return {
        name: value["S"] if "S" in value else decode(value)  # most are text: spared a call each
        for name, value in item.items()
    }
