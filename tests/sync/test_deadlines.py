"""Nothing waits for ever: a service that accepts and never answers
costs its own places, and for a bounded time.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from cache.values import Place
from local.proxy import FaultProxy
from services.api.http import GATEWAY_SECONDS
from services.aws.outcome import Outcome
from services.aws.session import AWS_CONFIG, QUICK_CONFIG
from services.execution import existing
from services.execution.existing import existing_instances
from services.execution.termination_plan import PLAN_SECONDS
from services.execution.termination_status import FOLLOW_SECONDS
from services.platform.sync_status import LEASE_SECONDS
from services.sync import run
from services.sync.places import in_time
from services.sync.run import sync_all_recovery_instances
from tests.sync.platform import HOME, Platform

SERVICES = Path(__file__).parents[2] / "services"
OWN = "111111111111"
BACKOFF_SECONDS = 3  # of botocore's standard mode between three tries: at most one and two


@pytest.fixture
def silent(standin: Any) -> Iterator[FaultProxy]:
    """A way to the stand-in on which nothing is answered."""
    proxy = FaultProxy(standin.port)
    proxy.black_hole()
    yield proxy
    proxy.close()


def longest_call(config: Any) -> float:
    """Seconds after which a call with this configuration has
    ended, whatever the other side does.
    """
    tries = config.retries["total_max_attempts"]
    return float(tries * max(config.connect_timeout, config.read_timeout) + BACKOFF_SECONDS)


def test_a_silent_sts_costs_only_the_accounts_behind_roles(
    platform: Platform, silent: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The own account is seen; each other place fails by its name,
    and STS is waited for once, not once a region.
    """
    platform.configure(HOME, "eu-west-1", "us-west-2")
    platform.put(Place(OWN, HOME), initialized=True)
    platform.target(accountId=OWN, regions=[HOME], status="active")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{silent.port}")
    parts = platform.wiring.sync_parts()
    report = sync_all_recovery_instances(parts)
    outcomes = {str(it.place): it.outcome for it in report.places}
    assert outcomes.pop(f"{OWN}/{HOME}") is Outcome.SEEN
    assert len(outcomes) == 3
    assert set(outcomes.values()) <= {Outcome.TIMEOUT, Outcome.UNREACHABLE}
    tries = QUICK_CONFIG.retries["total_max_attempts"]
    assert parts.clients.calls()["AssumeRole"] <= tries
    assert platform.wiring.status.read().running is None, "the lease is given back"


def test_a_start_says_unknown_of_a_region_that_is_silent(
    platform: Platform, silent: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within its time: API Gateway gives up after 29 seconds."""
    machine = platform.server()
    monkeypatch.setenv("AWS_ENDPOINT_URL_DRS", f"http://127.0.0.1:{silent.port}")
    monkeypatch.setattr(existing, "LOOK_SECONDS", 0.2)
    found = existing_instances(platform.wiring.sync_parts(), {machine.id: platform.place})
    assert (found.instances, found.unknown) == ([], [machine.id])


def test_what_comes_too_late_is_answered_for() -> None:
    """One place that hangs does not keep the others' answers."""
    release = Event()

    def work(name: str) -> str:
        return name if name == "quick" else str(release.wait(30))

    found = list(in_time(work, ["quick", "slow"], 0.5, late=lambda name: f"{name} is late"))
    release.set()
    assert found == ["quick", "slow is late"]


def test_no_look_outlives_the_lease_and_no_call_its_request() -> None:
    """Worked out from the settings: a call begun at a look's last moment still ends in time."""
    assert run.PLACE_SECONDS + longest_call(AWS_CONFIG) < LEASE_SECONDS
    assert longest_call(QUICK_CONFIG) < run.WAVE_SECONDS
    assert existing.LOOK_SECONDS + longest_call(QUICK_CONFIG) < GATEWAY_SECONDS
    assert FOLLOW_SECONDS + PLAN_SECONDS < GATEWAY_SECONDS


def test_every_client_has_our_timeouts() -> None:
    """botocore's own are a minute for a connection and a minute for an answer."""
    without = []
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                makes = node.func.attr in {"client", "create_client", "resource"}
                if makes and "config" not in {it.arg for it in node.keywords}:
                    without.append(f"{path.name}:{node.lineno}")
    assert without == []
