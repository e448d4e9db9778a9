"""Our DynamoDB client reads what botocore's reads, whatever the type of an attribute."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.processes import Process
from services.aws.dynamodb import dynamodb_client

KEYS = {
    "AWS_ACCESS_KEY_ID": "111111111111",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}
TYPES: dict[str, dict[str, Any]] = {
    "string": {"S": 'Ä🖥 with "B": in it'},
    "empty string": {"S": ""},
    "number": {"N": "-12345678901234567890.5"},
    "boolean": {"BOOL": False},
    "null": {"NULL": True},
    "binary": {"B": b"\x00\xff"},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "binaries": {"BS": [b"\x00", b"\x01"]},
    "list": {"L": [{"S": "a"}, {"N": "1"}, {"L": []}, {"M": {}}]},
    "map": {"M": {"B": {"S": "an attribute called B"}, "deep": {"M": {"x": {"NULL": True}}}}},
    "binary deep inside": {"M": {"a": {"L": [{"B": b"\x00\xff"}]}}},
}
TABLE = "every-type"


@pytest.fixture(scope="module")
def clients(dynamodb: Process) -> Iterator[tuple[Any, Any]]:
    """Ours and botocore's, on a table with one item for each type."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url}.items():
            patch.setenv(name, value)
        theirs = boto3.Session().client("dynamodb")
        theirs.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for kind, value in TYPES.items():
            theirs.put_item(TableName=TABLE, Item={"id": {"S": kind}, "it": value})
        yield dynamodb_client(1, 5, 1), theirs


def answers(client: Any, kind: str) -> list[Any]:
    """What every operation that returns items says of the item of this type."""
    key = {"id": {"S": kind}}
    found = [
        client.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="SET seen = :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )["Attributes"],
        client.get_item(TableName=TABLE, Key=key)["Item"],
        client.batch_get_item(RequestItems={TABLE: {"Keys": [key]}})["Responses"],
        client.query(
            TableName=TABLE,
            KeyConditionExpression="id = :id",
            ExpressionAttributeValues={":id": key["id"]},
        )["Items"],
    ]
    with pytest.raises(ClientError) as refused:
        client.put_item(
            TableName=TABLE,
            Item=key,
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    return [*found, refused.value.response.get("Item"), refused.value.response["Error"]]


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_read_as_botocore_reads_it(clients: tuple[Any, Any], kind: str) -> None:
    """From every operation that returns items, a refused write included."""
    ours, theirs = clients
    expected = answers(theirs, kind)
    assert expected[0]["it"] == TYPES[kind]
    assert answers(ours, kind) == expected


def test_pages_are_turned_alike(clients: tuple[Any, Any]) -> None:
    """A scan of many pages passes the last key on as it came."""
    ours, theirs = (
        [
            item
            for page in client.get_paginator("scan").paginate(
                TableName=TABLE, PaginationConfig={"PageSize": 5}
            )
            for item in page["Items"]
        ]
        for client in clients
    )
    assert len(ours) == len(TYPES)
    assert sorted(ours, key=str) == sorted(theirs, key=str)


def test_signing_is_botocores(clients: tuple[Any, Any]) -> None:
    """Each request carries a version 4 signature of the credentials in force."""
    seen: list[str] = []
    ours, _ = clients
    ours.meta.events.register(
        "before-send", lambda request, **_: seen.append(request.headers["Authorization"])
    )
    ours.describe_table(TableName=TABLE)
    assert ["AWS4-HMAC-SHA256 Credential=111111111111/" in str(it) for it in seen] == [True]
