"""The front with echoing functions behind it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from local.front import FrontConfig
from local.lambdas import FunctionSpec
from local.processes import Process, free_port
from local.servers import REPOSITORY

HERE = Path(__file__).parent


@dataclass
class EchoFront:
    """A running front whose handlers only echo."""

    url: str
    process: Process

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """One HTTP call without retries."""
        return urllib3.request(method, self.url + path, retries=False, timeout=10, **options)

    @cached_property
    def invoker(self) -> Any:
        """An unmodified boto3 Lambda client."""
        keys = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "local"}
        return boto3.client("lambda", endpoint_url=self.url, region_name="us-east-1", **keys)


def spec(role: str, processes: int, **options: Any) -> FunctionSpec:
    """A function that echoes."""
    environment = {
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": str(HERE),
        "AWS_LAMBDA_FUNCTION_NAME": role,
    }
    return FunctionSpec(
        role, "echo_functions.echo", processes, options.pop("timeout", 10), environment, **options
    )


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoFront]:
    """A front with one `query` function of two processes, one that
    times out after a second, one that cannot start.
    """
    with running_front(tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest.fixture
def doomed_front(tmp_path: Path) -> Iterator[EchoFront]:
    """A front that a test may kill."""
    with running_front(tmp_path) as front:
        yield front


@pytest.fixture
def ticking_front(tmp_path: Path) -> Iterator[EchoFront]:
    """A front whose schedule runs ten times a second into a
    function that records its events in `record`.
    """
    with running_front(tmp_path, schedule_seconds=0.1) as front:
        yield front


@contextmanager
def running_front(directory: Path, schedule_seconds: float = 0) -> Iterator[EchoFront]:
    """A front with its page and logs in `directory`."""
    port = free_port()
    (directory / "page").mkdir()
    (directory / "page" / "index.html").write_text("<h1>Grüße</h1>")
    (directory / "page" / "csp.txt").write_text("default-src 'self'\n")
    (directory / "secret.txt").write_text("not for you")
    functions = {
        "query": spec("query", 2),
        "data-management": spec("hasty", 1, timeout=1),
        "execution": FunctionSpec(
            "broken", "no_such_module.handler", 1, 10, spec("broken", 1).environment
        ),
        "recovery-instance-sync": spec("alone", 1, reserved=True),
    }
    if schedule_seconds:
        alone = functions["recovery-instance-sync"]
        recorded = alone.environment | {"RECORD": str(directory / "record")}
        functions["recovery-instance-sync"] = replace(
            alone, handler="echo_functions.record", environment=recorded
        )
    config = FrontConfig(
        port, str(directory / "page"), str(directory), schedule_seconds, False, functions
    )
    (directory / "front.json").write_text(config.to_json())
    argv = [sys.executable, "-m", "local.front", directory / "front.json"]
    process = Process("front", argv, directory / "front.log", port, cwd=REPOSITORY)
    process.start()
    try:
        process.await_port()
        yield EchoFront(f"http://127.0.0.1:{port}", process)
    finally:
        process.stop()
