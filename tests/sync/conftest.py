"""A deployment per test."""

from random import Random
from uuid import uuid4

import pytest
from redis import Redis

from local import functions
from local.admin import StandInAdmin
from local.processes import Process
from services.platform.tables import create_tables
from services.settings import Settings
from services.sync.wiring import SyncWiring
from tests.sync.platform import Platform


@pytest.fixture
def platform(
    valkey: Process, dynamodb: Process, standin: Process, monkeypatch: pytest.MonkeyPatch
) -> Platform:
    """A product whose tables, accounts and servers are this test's own; one configured place."""
    endpoints = {
        "DYNAMODB": dynamodb.url,
        "DRS": standin.url,
        "EC2": standin.url,
        "STS": standin.url,
    }
    for name, value in functions.aws(endpoints).items():
        monkeypatch.setenv(name, value)
    number = uuid4().int
    redis_url = f"redis://127.0.0.1:{valkey.port}/0"
    wiring = SyncWiring(
        Settings.from_env({"ENVIRONMENT": f"test-{number}", "REDIS_URL": redis_url})
    )
    create_tables(wiring.dynamodb, wiring.settings)
    aws = StandInAdmin(standin.url)
    aws.weather([])
    account = str(700_000_000_000 + number % 100_000_000_000)
    platform = Platform(wiring, aws, Redis.from_url(redis_url), account, Random(number))
    platform.configure("us-east-1")
    return platform
