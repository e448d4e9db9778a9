"""A running stand-in for all tests of this folder."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.standin.client import Aws


@pytest.fixture(scope="session")
def process() -> Iterator[Aws]:
    """A stand-in with a clock that stands still, for the whole run."""
    command = [sys.executable, "-m", "standin.drs", "--port", "0", "--speed", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield Aws(running.stdout.readline().split()[-1])
        running.terminate()


@pytest.fixture
def aws(process: Aws) -> Aws:
    """The stand-in, empty: no places, no weather, no calls."""
    process.admin("DELETE", "places")
    process.admin("DELETE", "calls")
    return process


@pytest.fixture
def refused() -> Callable[..., ClientError]:
    """Call something that must be refused with that code, and give the error."""

    def call(code: str, operation: Callable[..., Any], **params: Any) -> ClientError:
        with pytest.raises(ClientError) as caught:
            operation(**params)
        assert caught.value.response["Error"]["Code"] == code
        return caught.value

    return call
