"""Measuring in a process of its own, so that CPU and memory are those of what is measured."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.processes import clean_environment
from local.servers import REPOSITORY


def figures_of(
    module: str, *arguments: str, limit: float, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The JSON object that this module prints, run with these arguments; it has `limit` seconds."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", module, *arguments],
        env={**clean_environment(), **(environment or {})},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=limit,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def peak_mebibytes() -> float:
    """The most memory this program has taken.

    `ru_maxrss` would not do: it starts with the parent's.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
