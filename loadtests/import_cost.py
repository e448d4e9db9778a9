"""What importing the page-read function costs a cold start, beside what redis and Powertools cost
alone.

    .venv/bin/python -m loadtests.import_cost

CPU seconds of the imports in fresh processes with compiled modules, the least of many turns of
each.
"""

import subprocess
import sys

from loadtests.verdict import Result, show
from local.processes import clean_environment
from local.servers import REPOSITORY

TURNS = 15
BASE = "import redis; from aws_lambda_powertools import Logger, Metrics"
HANDLER = "import services.query.handler"
PYDANTIC = (
    "import boto3, pydantic, redis; from aws_lambda_powertools import Logger, Metrics, Tracer"
)


def cpu(imports: str) -> float:
    """CPU milliseconds of these imports in a fresh process."""
    program = (
        f"import time; began = time.process_time(); {imports}; print(time.process_time() - began)"
    )
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", program],
        env={**clean_environment(), "AWS_REGION": "us-east-1"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return float(done.stdout) * 1000


def main() -> None:
    """Measures in turn and prints."""
    least = {it: min(values) for it, values in _turns((BASE, HANDLER, PYDANTIC)).items()}
    is_met = show(
        "Cold start",
        [
            Result(
                "query handler / redis + Logger and Metrics", least[HANDLER] / least[BASE], "×", 1.3
            ),
            Result("redis + Logger and Metrics", least[BASE], "ms CPU"),
            Result("query handler", least[HANDLER], "ms CPU"),
            Result("with boto3, pydantic and Tracer besides", least[PYDANTIC], "ms CPU"),
        ],
    )
    raise SystemExit(not is_met)


def _turns(programs: tuple[str, ...]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {it: [] for it in programs}
    for _ in range(TURNS):
        for it in programs:
            found[it].append(cpu(it))
    return found


if __name__ == "__main__":
    main()
