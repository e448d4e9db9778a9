"""The faults themselves: a fault that does nothing would prove nothing."""

from collections.abc import Iterator

import boto3
import pytest
import redis
from botocore.config import Config
from botocore.exceptions import ClientError

from local.processes import Process
from local.proxy import FaultProxy
from local.throttling import ThrottlingDynamoDB


@pytest.fixture
def proxy(valkey: Process) -> Iterator[FaultProxy]:
    """A proxy in front of Valkey."""
    proxy = FaultProxy(valkey.port)
    yield proxy
    proxy.close()


def client(port: int, timeout: float = 0.3) -> redis.Redis:
    """A client with little patience and no retries."""
    return redis.Redis(
        port=port, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None
    )


def test_refused_means_connections_end_and_no_new_ones_come(proxy: FaultProxy) -> None:
    """At once, and it is over when healed."""
    standing = client(proxy.port)
    assert standing.ping()
    proxy.refuse()
    for it in (standing, client(proxy.port)):
        with pytest.raises(redis.ConnectionError):
            it.ping()
    proxy.heal()
    assert client(proxy.port).ping()


def test_a_black_hole_swallows_standing_and_new_connections(proxy: FaultProxy) -> None:
    """Both time out, one waiting for its answer, the other for being let in."""
    standing = client(proxy.port)
    assert standing.ping()
    proxy.black_hole()
    for it in (standing, client(proxy.port)):
        with pytest.raises(redis.TimeoutError):
            it.ping()
    proxy.heal()
    assert client(proxy.port).ping()


def test_slow_and_elsewhere(proxy: FaultProxy, dynamodb: Process) -> None:
    """A slow network is slower than patience, and what is led
    elsewhere no longer speaks to Valkey.
    """
    proxy.slow(0.5)
    with pytest.raises(redis.TimeoutError):
        client(proxy.port).ping()
    assert client(proxy.port, timeout=5).ping()
    proxy.heal()
    proxy.lead_to(dynamodb.port)
    with pytest.raises(redis.RedisError):
        client(proxy.port).ping()


def test_throttling_speaks_as_dynamodb_does(dynamodb: Process) -> None:
    """boto3 sees the exception of that name, and keys held back
    come in the shape to ask again with.
    """
    between = ThrottlingDynamoDB(dynamodb.url, unprocessed=0.5)
    table = boto3.client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{between.port}",
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="local",  # noqa: S106  the local engine takes any
        config=Config(retries={"total_max_attempts": 1}),
    )
    table.create_table(
        TableName="held-back",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    keys = [{"id": {"S": str(number)}} for number in range(10)]
    answer = table.batch_get_item(
        RequestItems={"held-back": {"Keys": keys, "ConsistentRead": True}}
    )
    assert answer["UnprocessedKeys"] == {"held-back": {"Keys": keys[5:], "ConsistentRead": True}}
    between.refused = 1.0
    with pytest.raises(ClientError) as refusal:
        table.list_tables()
    assert refusal.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    between.close()
