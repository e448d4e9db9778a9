"""Loads a world into the AWS stand-in and the platform's tables."""

from collections.abc import Iterator
from typing import Any

from cache.attributes import encode_item
from local.admin import StandInAdmin
from local.world import World

BATCH = 25  # BatchWriteItem's limit


def seed_aws(standin: StandInAdmin, world: World) -> None:
    """Replaces what the stand-in holds. LocalStackError when it refuses an item."""
    standin.call("DELETE", "places")
    for account, body in world.accounts.items():
        standin.call("PUT", f"accounts/{account}", body)
    for (account, region), body in world.places.items():
        standin.call("PUT", f"places/{account}/{region}", body)
    standin.weather(world.weather)


def create_platform_tables(dynamodb: Any, history: str, groups: str) -> None:
    """The tables that are otherwise where the platform made them:
    groups, and a history with a sort key.
    """
    create_table(dynamodb, history, "executionId", "planId")
    create_table(dynamodb, groups, "groupId")


def create_table(dynamodb: Any, name: str, *keys: str) -> None:
    """A table with this partition key, and sort key."""
    dynamodb.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}
            for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )


def seed_tables(dynamodb: Any, names: dict[str, str], world: World) -> None:
    """Writes the platform's rows; what the product itself writes is left to it."""
    for short, rows in [
        ("target-accounts", world.target_accounts),
        ("recovery-plans", world.recovery_plans),
        ("execution-history", world.execution_history),
        ("protection-groups", world.protection_groups),
    ]:
        for batch in batches(rows):
            requests = {names[short]: [{"PutRequest": {"Item": encode_item(row)}} for row in batch]}
            while requests:
                requests = dynamodb.batch_write_item(RequestItems=requests)["UnprocessedItems"]


def batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in lots that one call takes."""
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]
