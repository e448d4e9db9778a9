"""Deployments whose state machine is a name only: the tests do the steps by hand."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from local import functions
from local.admin import StandInAdmin
from local.processes import Process
from services.platform.tables import create_tables
from services.settings import Settings
from services.sync.wiring import SyncWiring
from tests.execution.deployment import Deployment
from tests.execution.machines import Machines, serving
from tests.execution.people import People
from tests.execution.product import Product


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """Step Functions as far as taking an execution goes."""
    with serving() as machines:
        yield machines


@pytest.fixture(scope="session")
def endpoints(dynamodb: Process, standin: Process, machines: Machines) -> dict[str, str]:
    """AWS's own settings for the shared servers."""
    urls = dict.fromkeys(("DRS", "EC2", "STS"), standin.url)
    return functions.aws(urls | {"DYNAMODB": dynamodb.url, "SFN": machines.url})


@pytest.fixture(scope="session")
def product(valkey: Process, standin: Process, endpoints: dict[str, str]) -> Product:
    """Tables and accounts for all tests of a process: making clients
    of an account is what costs the time here.
    """
    number = uuid4().int
    variables = {
        "ENVIRONMENT": f"test-{number}",
        "REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:111111111111:stateMachine:waves",
    }
    accounts = [str(200_000_000_000 + (number + it) % 500_000_000_000) for it in range(2)]
    product = Product(SyncWiring(Settings.from_env(variables)), StandInAdmin(standin.url), accounts)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in endpoints.items():
            environment.setenv(name, value)
        create_history(product.wiring)
        create_tables(product.wiring.dynamodb, product.wiring.settings)
        product.configure()
    return product


def create_history(wiring: SyncWiring) -> None:
    """The history as the platform has it, with a sort key; one made by our templates has none."""
    keys = (("executionId", "HASH"), ("planId", "RANGE"))
    wiring.dynamodb.create_table(
        TableName=wiring.settings.execution_history_table,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],  # type: ignore[typeddict-item, misc]
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def deployment(
    product: Product, endpoints: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """Plans and servers of this test alone; no job of an earlier one still runs."""
    for name, value in endpoints.items():
        monkeypatch.setenv(name, value)
    deployment = Deployment(product)
    yield deployment
    product.aws.weather([])
    product.aws.call("PUT", "behaviour", {"launch_failures": {}})


@pytest.fixture
def people(deployment: Deployment) -> People:
    """Jane and John."""
    return People(deployment)
