"""Fleets of any size are sound, deterministic, and spread evenly."""

import re
import subprocess
import sys

import pytest

from standin.aws.fleet import build, places
from standin.aws.standin import StandIn
from standin.drs.fleet import holdings

COMMAND = [sys.executable, "-m", "standin.aws.fleet"]


def test_a_fleet_is_spread_evenly_and_loads_without_complaint() -> None:
    """Loading checks each item against the services' shapes; no id is given twice."""
    stand_in = StandIn(speed=0)
    build(stand_in, 1_000, 400, places(4, 4))
    filled = list(stand_in.state)
    assert {len(place.source_servers) for place in filled} == {62, 63}
    assert (
        {len(place.recovery_instances) for place in filled}
        == {len(place.instances) for place in filled}
        == {25}
    )
    assert len({server_id for place in filled for server_id in place.source_servers}) == 1_000
    assert len({instance_id for place in filled for instance_id in place.recovery_instances}) == 400


def test_the_same_fleet_is_built_each_time() -> None:
    """So that two measurements measure the same."""
    first, second = (holdings("222222222222", "us-west-2", 20, 10, 1.75e9) for _ in range(2))
    assert first == second


def test_the_measurement_prints_what_it_measured() -> None:
    """On a small fleet here; the figures in the documentation are of the big one."""
    sizes = ["--servers", "400", "--launched", "100", "--accounts", "2", "--regions", "2"]
    run = subprocess.run([*COMMAND, *sizes], capture_output=True, text=True, check=True, timeout=60)
    assert re.search(
        r"400 source servers, 100 recovery instances in 4 places: [\d.]+ s", run.stdout
    )
    assert re.search(r"describe_source_servers: 400 items in [\d.]+ s = \d+ items/s", run.stdout)
    assert re.search(r"describe_instances: 100 items", run.stdout)
    assert re.search(r"peak memory of the stand-in: \d+ MiB", run.stdout)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_hundred_thousand_servers_fit() -> None:
    """All of them are listed, and under 2 GB is enough; the command prints how long it took."""
    run = subprocess.run(COMMAND, capture_output=True, text=True, check=True, timeout=500)
    assert re.search(r"describe_source_servers: 100000 items ", run.stdout)
    memory = re.search(r"peak memory of the stand-in: (\d+) MiB", run.stdout)
    assert memory
    assert int(memory[1]) < 2048
