"""The DynamoDB stand-in keeps the rules that the product's conditional writes stand on."""

from typing import Any

import pytest

from local.processes import Process
from tests.tiers.conftest import dynamodb_client

KEY = {"id": {"S": "one"}}


@pytest.fixture
def table(dynamodb: Process) -> Any:
    """A client, and a table of one row."""
    client = dynamodb_client(dynamodb.url)
    client.create_table(
        TableName="conditions", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    yield client
    client.delete_table(TableName="conditions")


@pytest.mark.parametrize(
    ("stored", "same", "other"),
    [
        ([1, "a"], [1, "a"], ["a", 1]),
        ([], [], [None]),
        ({"a": [1]}, {"a": [1]}, {"a": [2]}),
        ({"a": 1}, {"a": 1}, {"a": 1, "b": 1}),
        ({"x", "y"}, {"y", "x"}, {"x"}),
        ([1], [1], {"a": 1}),
    ],
)
def test_a_condition_tells_lists_maps_and_sets_apart(
    table: Any, stored: Any, same: Any, other: Any
) -> None:
    """By what is in them, and nothing else; numbers by their value."""
    table.put_item(TableName="conditions", Item={**KEY, "it": encoded(stored)})

    def write(expected: Any) -> None:
        table.update_item(
            TableName="conditions", Key=KEY, UpdateExpression="SET seen = :now",
            ConditionExpression="it = :now",
            ExpressionAttributeValues={":now": encoded(expected)},
        )  # fmt: skip

    write(same)
    with pytest.raises(table.exceptions.ConditionalCheckFailedException):
        write(other)


def encoded(value: Any) -> dict[str, Any]:
    """A value as DynamoDB is sent it."""
    if isinstance(value, set):
        return {"SS": sorted(value)}
    if isinstance(value, list):
        return {"L": [encoded(it) for it in value]}
    if isinstance(value, dict):
        return {"M": {name: encoded(it) for name, it in value.items()}}
    if value is None:
        return {"NULL": True}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}
