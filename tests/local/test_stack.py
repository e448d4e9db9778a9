"""The whole stack, from the seeded world to the page's answers."""

import json
from typing import Any

import pytest
import urllib3

from cache.attributes import decode_item, encode, encode_item
from local.functions import TABLES
from local.stack import Stack

SHOWN = (
    "sourceServerId", "recoveryInstanceId", "ec2InstanceId", "ec2InstanceState", "name",
    "privateIp", "publicIp",
    "instanceType", "launchTime", "region", "sourceExecutionId", "sourcePlanName",
    "sourceServerName", "accountId", "isDrill",
)  # fmt: skip


def answer(stack: Stack, method: str, path: str, body: object = None) -> Any:
    """The JSON of one successful call of the API."""
    content = None if body is None else json.dumps(body)
    reply = urllib3.request(method, stack.url + path, body=content, retries=False, timeout=30)
    assert reply.status == 200, reply.data[:500]
    return reply.json()


def test_every_plans_page_equals_the_world(stack: Stack) -> None:
    """Field for field, for every server of every plan, and nothing else."""
    for plan in stack.world.recovery_plans:
        page = answer(stack, "GET", f"/recovery-plans/{plan['planId']}/check-existing-instances")
        alive = [
            it for wave in plan["waves"] for it in wave["serverIds"] if stack.world.expected[it]
        ]
        assert (page["unknownServerIds"], page["degraded"]) == ([], False)
        assert page["hasExistingInstances"] is bool(alive)
        assert [item["sourceServerId"] for item in page["existingInstances"]] == alive
        for item in page["existingInstances"]:
            assert item.pop("lastSyncTime").endswith("Z")
            expected = stack.world.alive[item["sourceServerId"]]
            assert item == {name: expected[name] for name in SHOWN}


def test_the_table_holds_what_the_page_does_not_show(stack: Stack) -> None:
    """Source network, staging account and job of every instance,
    and no present row for anything else.
    """
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=TABLES["recovery-instances"])
    )
    rows = {
        row["sourceServerId"]: row
        for row in (decode_item(item) for page in pages for item in page["Items"])
    }
    assert {
        server_id for server_id, row in rows.items() if row["presence"] == "present"
    } == stack.world.alive.keys()
    for server_id, expected in stack.world.alive.items():
        there = {name: value for name, value in expected.items() if value not in (None, [])}
        assert {name: rows[server_id].get(name) for name in there} == there
        assert rows[server_id].keys().isdisjoint(expected.keys() - there.keys()), (
            "what is not there is left out"
        )


def test_a_second_terminal_can_use_the_environment(stack: Stack) -> None:
    """It names every table, the mirror and each AWS endpoint, and
    no one of them is outside of this machine.
    """
    environment = stack.environment
    assert {f"{short.replace('-', '_').upper()}_TABLE" for short in TABLES} <= environment.keys()
    addresses = [value for name, value in environment.items() if "URL" in name]
    services = {"DYNAMODB", "DRS", "EC2", "STS", "LAMBDA"}
    assert {
        "REDIS_URL",
        *(f"AWS_ENDPOINT_URL_{service}" for service in services),
    } <= environment.keys()
    assert all("//127.0.0.1:" in address for address in addresses)


def test_a_write_does_not_count_the_table(stack: Stack) -> None:
    """ministack's own way; with it, the cost of a write would
    grow with the fleet, as it does not on AWS.
    """
    table = stack.client("dynamodb").describe_table(TableName=TABLES["recovery-instances"])["Table"]
    assert table["ItemCount"] == 0


@pytest.mark.parametrize("value", [["a", {"b": 1}], {"a": ["b"]}])
def test_a_condition_compares_lists_and_objects_by_what_is_in_them(
    stack: Stack, value: object
) -> None:
    """As DynamoDB does; ministack takes any two for equal."""
    client, table = stack.client("dynamodb"), TABLES["sync-status"]
    put: Any = {"TableName": table, "ConditionExpression": "#m = :m"}
    put |= {"Item": encode_item({"id": "compared", "m": value})}
    put |= {"ExpressionAttributeNames": {"#m": "m"}}
    client.put_item(TableName=table, Item=put["Item"])
    client.put_item(**put, ExpressionAttributeValues={":m": encode(value)})
    other = json.loads(json.dumps(value).replace("b", "c"))
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(**put, ExpressionAttributeValues={":m": encode(other)})
    client.delete_item(TableName=table, Key=encode_item({"id": "compared"}))
