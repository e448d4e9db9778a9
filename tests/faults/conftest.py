"""A stack of its own whose Valkey and DynamoDB stand behind a
network that can fail; the world is a small one.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.faults_stack import FaultyStack


@pytest.fixture(scope="session")
def shared_faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyStack]:
    """Started once and synced; use `faulty`."""
    directory: Path = tmp_path_factory.mktemp("faulty")
    faulty = FaultyStack(directory)
    try:
        faulty.start()
        yield faulty
    finally:
        faulty.stop()


@pytest.fixture
def faulty(shared_faulty: FaultyStack) -> Iterator[FaultyStack]:
    """The stack with everything well and synced; whatever a test breaks is mended after it."""
    shared_faulty.settle()
    try:
        yield shared_faulty
    finally:
        shared_faulty.mend()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the faulty stack run in one process, so that it is started once."""
    for item in items:
        if "faulty" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.xdist_group("faulty"))
