"""ministack's DynamoDB, less the one step of a write that grows with the table.

Run with `python -m`.

After each write it counts every item of the table, for nothing but DescribeTable's ItemCount (which
AWS brings up to date every six hours or so): at 20,000 rows that takes as long as the write itself.
Here the figure stays what it was.
"""

from ministack import app
from ministack.services import dynamodb

COUNT = "_update_counts"  # of the pinned version; tests/local holds the two together


def main() -> None:
    """Serves as `python -m ministack` would, told by the same environment."""
    if not hasattr(dynamodb, COUNT):
        raise SystemExit(
            f"this ministack has no {COUNT}: see what its writes cost now, and whether this is "
            "needed"
        )
    setattr(dynamodb, COUNT, lambda _table: None)
    app.main()


if __name__ == "__main__":
    main()
