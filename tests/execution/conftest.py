"""A deployment per test, whose state machine is a name only: the tests do the steps by hand."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from services.local import functions
from services.local.admin import StandInAdmin
from services.local.processes import Process
from services.settings import Settings
from services.tables import create_tables
from services.wiring import Wiring
from tests.execution.deployment import Deployment
from tests.execution.machines import Machines, serving


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """Step Functions as far as taking an execution goes."""
    with serving() as machines:
        yield machines


@pytest.fixture
def deployment(
    valkey: Process, dynamodb: Process, standin: Process, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """A product whose tables, accounts and servers are this test's own; two places in each of two accounts."""
    endpoints = dict.fromkeys(("DRS", "EC2", "STS"), standin.url)
    endpoints |= {"DYNAMODB": dynamodb.url, "SFN": machines.url}
    for name, value in functions.aws(endpoints).items():
        monkeypatch.setenv(name, value)
    number = uuid4().int
    variables = {
        "ENVIRONMENT": f"test-{number}",
        "REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:111111111111:stateMachine:waves",
    }
    wiring = Wiring(Settings.from_env(variables))
    create_tables(wiring.dynamodb, wiring.settings)
    aws = StandInAdmin(standin.url)
    accounts = [str(200_000_000_000 + (number + it) % 500_000_000_000) for it in range(2)]
    deployment = Deployment(wiring, aws, accounts)
    deployment.configure()
    yield deployment
    aws.weather([])
    aws.call("PUT", "behaviour", {"launch_failures": {}, "relaunch": "neither", "participants_kept": 60})
