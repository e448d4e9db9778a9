"""What a sync costs beside the one of another checkout, sync by sync in turn on one machine.

    .venv/bin/python -m loadtests.sync_ratio OTHER_CHECKOUT [--rounds 5] [--case 1000x12 ...]

Each side has its own tiers and stand-in, 50 ms per AWS call, and the Python of its own `.venv`. A
round is a sync in which nothing has changed, then one before which every row of the table was
altered, on either side. CPU is the sync's own process's (user and system), so that a machine busy
with other things counts little; the ratio is of medians.
"""

import argparse
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from loadtests.verdict import Result, show
from local.processes import clean_environment
from local.servers import REPOSITORY

CASES = ("1000x12", "4000x1")
TARGETS = {"unchanged": 0.25, "every row changed": 0.5}


class Side(NamedTuple):
    """One checkout's syncs."""

    process: "subprocess.Popen[str]"

    def sync(self, kind: str) -> dict[str, float]:
        """The figures of the next sync of this kind."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("no pipes")
        print(kind, file=self.process.stdin, flush=True)
        figures: dict[str, float] = json.loads(self.process.stdout.readline())
        return figures


@contextmanager
def side(checkout: Path, case: str) -> Iterator[Side]:
    """The program that syncs in this checkout, with its own cloud around it."""
    with subprocess.Popen(  # noqa: S603  our own program
        [checkout / ".venv/bin/python", Path(__file__).with_name("sync_ratio_child.py"), case],
        env=clean_environment() | {"PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Side(process)
        finally:
            if process.stdin:
                process.stdin.close()


def measure(other: Path, case: str, rounds: int) -> list[Result]:
    """The figures of so many rounds."""
    found: defaultdict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    with ExitStack() as stack:
        sides = {
            "other": stack.enter_context(side(other, case)),
            "ours": stack.enter_context(side(REPOSITORY, case)),
        }
        for name, it in sides.items():
            found[name, "first"].append(it.sync("unchanged"))
        for _ in range(rounds):
            for kind in TARGETS:
                for name, it in sides.items():
                    found[name, kind].append(it.sync(kind))
    return [it for kind in ("first", *TARGETS) for it in _results(case, kind, found)]


def _results(case: str, kind: str, found: dict[tuple[str, str], Any]) -> Iterator[Result]:
    title = f"{case}, {kind}"
    for what, unit in (("cpu", "s CPU"), ("seconds", "s"), ("written", "rows written")):
        other, ours = (_median(found[name, kind], what) for name in ("other", "ours"))
        yield Result(f"{title}: other", other, unit)
        yield Result(f"{title}: ours", ours, unit)
        if other and what != "written":
            target = TARGETS.get(kind) if what == "cpu" else None
            yield Result(f"{title}: ours / other, {unit}", ours / other, "×", target)


def _median(figures: Sequence[dict[str, float]], what: str) -> float:
    return median(it[what] for it in figures)


def main() -> None:
    """Measures, prints, and says by its exit code whether the targets are met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, help="a checkout with its own .venv")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", nargs="+", default=CASES, help="instances x places: 1000x12")
    arguments = parser.parse_args()
    other = arguments.other.resolve()
    results = [it for case in arguments.case for it in measure(other, case, arguments.rounds)]
    raise SystemExit(not show("A sync beside another checkout's", results))


if __name__ == "__main__":
    main()
