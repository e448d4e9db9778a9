"""Runs Locust for one shape of load and reads what each request saw."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from loadtests.cpu import CpuMeter
from local.processes import clean_environment
from local.servers import REPOSITORY

ALL_PLANS, ONE_PLAN = "all plans", "a plan of 200 servers"
GRACE = 60  # seconds for Locust to start, and to let requests end


class Sample(NamedTuple):
    """One request: when it began (epoch seconds), what, seconds it
    took, seconds in the handler, and how it ended.
    """

    at: float
    name: str
    seconds: float
    handler: float | None
    is_whole: bool
    is_degraded: bool
    users: int


@dataclass(frozen=True)
class Shape:
    """One load.

    `think`: seconds between pages, from and to; None: none. `steps`: [until second, users].
    """

    name: str
    seconds: float
    users: int = 100
    think: tuple[float, float] | None = (1.0, 5.0)
    all_plans: bool = True
    steps: tuple[tuple[float, int], ...] = ()


@dataclass
class Run:
    """What came of a shape. `cpu`: CPU seconds by process. `notes`: figures of the shape's own."""

    shape: Shape
    samples: list[Sample]
    cpu: dict[str, float]
    seconds: float
    notes: dict[str, float] = field(default_factory=dict)

    def times(self, name: str | None = None) -> list[float]:
        """Sorted seconds of the requests of this name, or of all."""
        return sorted(it.seconds for it in self.samples if name in (None, it.name))

    def handler_times(self, name: str) -> list[float]:
        """Sorted seconds in the handler, where the front tells them."""
        return sorted(
            it.handler for it in self.samples if it.name == name and it.handler is not None
        )

    @property
    def failed(self) -> int:
        """Requests without a whole answer."""
        return sum(not it.is_whole for it in self.samples)

    @property
    def degraded(self) -> int:
        """Answers with something unknown in them."""
        return sum(it.is_degraded for it in self.samples)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values
    lies; not a number when there are none.
    """
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


@dataclass(frozen=True)
class Site:
    """Where the load goes, which plans are opened there, where
    results go, and what CPU is counted.
    """

    host: str
    plans: Iterable[str]
    directory: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    pids: Mapping[str, int] = field(default_factory=dict)


def run(site: Site, shape: Shape) -> Run:
    """Puts the load on the site; Locust's own report and log stay in the directory."""
    stem = str(site.directory / shape.name.replace(" ", "-").replace(",", ""))
    samples = Path(f"{stem}.samples.json")
    config = {
        "plans": list(site.plans), "think": shape.think, "steps": shape.steps,
        "allPlans": shape.all_plans,
        "headers": dict(site.headers), "samples": str(samples),
    }  # fmt: skip
    argv = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        "loadtests/users.py",
        "--headless",
        "--host",
        site.host,
    ]
    argv += ["--only-summary", "--html", f"{stem}.locust.html", "--stop-timeout", "10"]
    if not shape.steps:
        argv += ["-u", str(shape.users), "-r", "100", "-t", f"{shape.seconds:.0f}s"]
    meter = CpuMeter(site.pids)
    began = monotonic()
    before = meter.read()
    with Path(f"{stem}.locust.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  our own command line
            argv,
            env={**clean_environment(), "SIGNOFF": json.dumps(config)},
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
        )
        try:
            with meter.also("Locust", process.pid):
                process.wait(shape.seconds + GRACE)
        finally:
            process.kill()
    spent = {name: seconds - before.get(name, 0.0) for name, seconds in meter.read().items()}
    read = [Sample(*it) for it in json.loads(samples.read_text())]
    samples.unlink()
    return Run(shape, read, spent, monotonic() - began)
