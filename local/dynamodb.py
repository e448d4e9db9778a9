"""ministack's DynamoDB, with two things mended.

Run with `python -m`.

It takes any two lists, maps or sets for equal, so a condition on what was read never fails.

After each write it counts every item of the table, for nothing but DescribeTable's ItemCount (which
AWS brings up to date every six hours or so): at 20,000 rows that takes as long as the write itself.
Here the figure stays what it was.
"""

from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.services import dynamodb

COUNT, COMPARABLE = "_update_counts", "_ddb_comparable"  # of the pinned version
plain: Callable[[Any], Any] = getattr(dynamodb, COMPARABLE)


def comparable(value: Any) -> Any:
    """A value's type, and what two equal ones have in common: of a list its order, of a set not."""
    if isinstance(value, dict) and len(value) == 1:
        ((kind, held),) = value.items()
        if kind == "L":
            return kind, [comparable(it) for it in held]
        if kind == "M":
            return kind, {name: comparable(it) for name, it in held.items()}
        if kind in {"SS", "NS", "BS"}:
            return kind, {comparable({kind[0]: it}) for it in held}
    return plain(value)


def main() -> None:
    """Serves as `python -m ministack` would, told by the same environment."""
    if not hasattr(dynamodb, COUNT):
        raise SystemExit(
            f"this ministack has no {COUNT}: see what its writes cost now, and whether this is "
            "needed"
        )
    setattr(dynamodb, COUNT, lambda _table: None)
    setattr(dynamodb, COMPARABLE, comparable)
    app.main()


if __name__ == "__main__":
    main()
