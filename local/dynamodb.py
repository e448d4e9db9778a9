"""ministack's DynamoDB, less the one step of a write that grows with the table, and with lists and
objects that differ told apart.

Run with `python -m`.

After each write it counts every item of the table, for nothing but DescribeTable's ItemCount (which
AWS brings up to date every six hours or so): at 20,000 rows that takes as long as the write itself.
Here the figure stays what it was.

In a condition it takes any two lists, and any two objects, for equal, so that a write on condition
of what was read would always be let through. DynamoDB compares them member by member.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.services import dynamodb

# of the pinned version; tests/local holds them together
COUNT, COMPARABLE = "_update_counts", "_ddb_comparable"

type Comparable = tuple[str, Any]


def main() -> None:
    """Serves as `python -m ministack` would, told by the same environment."""
    if missing := [name for name in (COUNT, COMPARABLE) if not hasattr(dynamodb, name)]:
        raise SystemExit(
            f"this ministack has no {' and no '.join(missing)}: see what its writes cost and its "
            "conditions compare now, and whether this is needed"
        )
    setattr(dynamodb, COUNT, lambda _table: None)
    setattr(dynamodb, COMPARABLE, comparing_within(getattr(dynamodb, COMPARABLE)))
    app.main()


def comparing_within(plain: Callable[[Any], Comparable]) -> Callable[[Any], Comparable]:
    """What gives the type of an attribute's value and what of it is compared: of lists and objects
    what is in them, of anything else what `plain` says.
    """

    def comparable(value: Any) -> Comparable:
        if isinstance(value, Mapping) and "L" in value:
            return "L", [comparable(it) for it in value["L"]]
        if isinstance(value, Mapping) and "M" in value:
            return "M", {name: comparable(it) for name, it in value["M"].items()}
        return plain(value)

    return comparable


if __name__ == "__main__":
    main()
