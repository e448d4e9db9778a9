"""An hour of mixed faults and syncs under page load: memory, connections, and every error
explained.

    .venv/bin/python -m loadtests.endurance                 # an hour; writes docs/endurance.md
    .venv/bin/python -m loadtests.endurance --minutes 3  # as long as you have

Faults come in a seeded random order with quiet in between, and a sync starts with each and after
each. Exit code 1 when an answer broke a promise, memory grew by 5 % or more, connections piled up,
or an error came while nothing was wrong.
"""

import json
import os
import re
import statistics
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic, sleep, time

import click
import psutil
from rich.console import Console

from loadtests.faults import FULL, add_pages
from loadtests.faults_load import PageLoad, Tally
from loadtests.faults_rows import FAULTS, Fault, fire_sync
from loadtests.faults_stack import FaultyStack
from local.servers import REPOSITORY

REPORT = REPOSITORY / "docs" / "endurance.md"
LEFT_OUT = (
    "none",
    "Redis: failover",
    "STS down",
)  # the second changes the world, the third restarts what is measured
LASTS, QUIET = 10.0, 15.0  # seconds of each fault, and after it
# seconds after a fault in which errors are still its: a sync it cut short ends, retries run out
AFTERMATH = 45.0
# After every so many faults there is quiet for long enough to have errors that no fault explains,
# if there are any.
FAULTS_TO_CALM, CALM = 5, AFTERMATH + 30.0
# Share of the run before memory is compared: caches and pools fill. A sync's take some 25 runs: of
# 200 in a row it had 117 MB at the first, 140 at the 25th, 145 at the 100th, 146 at the 200th.
WARM_UP = 0.5
GROWTH = 0.05
# Of one process: 32 each in the pools for DynamoDB and Redis, and four calls at a time of DRS and of
# EC2 in each of eight places.
CONNECTIONS = 2 * 32 + 8 * 2 * 4

TEXT = """# Endurance

Measured {at} with `python -m loadtests.endurance` on {cores} cores.

**It ran {it.minutes:.0f} minutes**: {it.faults} faults of the [fault matrix](faults.md) in random order,
{it.syncs} syncs, {it.tally.requests:,} pages of 200 servers.

- pages: {it.tally.wrong} wrong, {it.tally.false_none} false “none”, {it.tally.late} over 3 s,
  {it.tally.refused} refused, slowest {it.tally.slowest:.2f} s
- connections of one process: at most {it.most_connections}
- errors logged in the {it.calm:.0f} minutes in which no fault was on, nor in the {aftermath:.0f} s after one:
  {it.unexplained_total}
"""


@dataclass
class Samples:
    """Resident bytes and open connections of every function
    process, by role and process id, over time.
    """

    memory: dict[tuple[str, int], list[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    most_connections: int = 0

    def take(self, faulty: FaultyStack) -> None:
        """One sample."""
        for process in psutil.Process(faulty.stack.front.pid).children():
            try:
                role = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
                self.memory[role, process.pid].append((monotonic(), process.memory_info().rss))
                self.most_connections = max(self.most_connections, len(process.net_connections()))
            except psutil.NoSuchProcess:
                continue

    def growth(self, since: float) -> dict[str, tuple[float, float]]:
        """By role: mean megabytes of its processes in the first and
        the last fifth of what was sampled since.
        """
        roles: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for (role, _), samples in self.memory.items():
            values = [value / 1e6 for at, value in samples if at >= since]
            if samples[0][0] < since and len(values) >= 5:
                fifth = len(values) // 5
                roles[role].append(
                    (statistics.mean(values[:fifth]), statistics.mean(values[-fifth:]))
                )
        return {
            role: (
                statistics.mean(first for first, _ in pairs),
                statistics.mean(last for _, last in pairs),
            )
            for role, pairs in roles.items()
        }


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    minutes: float
    calm: float
    """Minutes in which no fault explains an error."""
    faults: int
    syncs: int
    tally: Tally
    growth: dict[str, tuple[float, float]]
    most_connections: int
    errors: Counter[str]
    unexplained: Counter[str]

    @property
    def unexplained_total(self) -> int:
        """How many errors no fault explains."""
        return self.unexplained.total()

    @property
    def faults_found(self) -> list[str]:
        """Every promise that was broken."""
        broken = [] if self.tally.is_good else [f"answers: {self.tally}"]
        broken += [f"{role} grew from {first:.1f} to {last:.1f} MB" for role, (first,
        last) in self.growth.items()
                   if last > first * (1 + GROWTH)]  # fmt: skip
        broken += (
            [f"{self.most_connections} connections"] if self.most_connections > CONNECTIONS else []
        )
        return broken + [
            f"unexplained: {message} ({times})" for message, times in self.unexplained.items()
        ]


def run(minutes: float, directory: Path, console: Console) -> Result:
    """Faults, syncs and pages for that long."""
    world, dice = FULL.world(), Random(7)
    plan_ids = add_pages(world)
    faulty = FaultyStack(directory, world, query_processes=8)
    chosen = [fault for fault in FAULTS if not fault.name.startswith(LEFT_OUT)]
    samples, spans, syncs = Samples(), list[tuple[float, float]](), 0
    try:
        faulty.start()
        faulty.settle(plan_ids[0])
        load = PageLoad(faulty, plan_ids, FULL.rate / 2)
        began = monotonic()
        while monotonic() < began + minutes * 60:
            fault, struck = dice.choice(chosen), time()
            console.print(f"{(monotonic() - began) / 60:5.1f} min  {fault.name}")
            endure(faulty, fault, samples)
            spans.append((struck, time() + AFTERMATH))
            fire_sync(faulty)
            rest(faulty, QUIET if len(spans) % FAULTS_TO_CALM else CALM, samples)
            syncs += 1 + fault.syncs
        ended = monotonic()
        load.stop()
    finally:
        faulty.stop()
    refused = {str(it.get("region")) for it in world.weather if it.get("deny")}
    every, unexplained = errors(directory, spans, refused)
    explained = sum(until - since for since, until in merged(spans))
    return Result(
        (ended - began) / 60, (ended - began - explained) / 60, len(spans), syncs,
        Tally.of(load.answers),
        samples.growth(began + WARM_UP * (ended - began)), samples.most_connections, every,
        unexplained,
    )  # fmt: skip


def merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same stretches of time, in order, none overlapping another."""
    whole: list[tuple[float, float]] = []
    for since, until in sorted(spans):
        if whole and since <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(until, whole[-1][1]))
        else:
            whole.append((since, until))
    return whole


def endure(faulty: FaultyStack, fault: Fault, samples: Samples) -> None:
    """One fault, with a sync in it."""
    with fault.strike(faulty):
        if fault.syncs:
            fire_sync(faulty)
        rest(faulty, LASTS, samples)
    faulty.mend()


def rest(faulty: FaultyStack, seconds: float, samples: Samples) -> None:
    """Let time pass, sampling every second."""
    until = monotonic() + seconds
    while monotonic() < until:
        samples.take(faulty)
        sleep(1.0)


def errors(
    directory: Path, spans: list[tuple[float, float]], refused: set[str]
) -> tuple[Counter[str], Counter[str]]:
    """Every error in the functions' logs by its wording, and those that nothing explains: neither
    a fault nor that AWS denies the `refused` regions in this world, of which each sync must tell.
    """
    every, unexplained = Counter[str](), Counter[str]()
    for at, message in logged_errors(directory):
        wording = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|s-[0-9a-f]{17}|\d+", "N", message)[:110]
        every[wording] += 1
        is_refusal = " denied: " in message and any(f"region {it} " in message for it in refused)
        if not is_refusal and not any(since <= at <= until for since, until in spans):
            unexplained[wording] += 1
    return every, unexplained


def logged_errors(directory: Path) -> Iterator[tuple[float, str]]:
    """Time and message of every line of level ERROR or worse; the
    runtime's own have the time of our next line.
    """
    for path in directory.glob("hrp-*.log"):
        at = path.stat().st_mtime
        for line in reversed(path.read_text().splitlines()):
            if line.startswith("[ERROR]"):
                yield at, line
            elif line.startswith('{"level"'):
                entry = json.loads(line)
                at = datetime.strptime(entry["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").timestamp()
                if entry["level"] in {"ERROR", "CRITICAL"}:
                    yield at, f"{entry['message']} {entry.get('exception_name', '')}".strip()


def markdown(result: Result) -> str:
    """The report."""
    text = TEXT.format(
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        cores=os.cpu_count(),
        aftermath=AFTERMATH,
        it=result,
    )
    memory = [
        f"| {role} | {first:.1f} | {last:.1f} | {last / first - 1:+.1%} |"
        for role, (first, last) in sorted(result.growth.items())
    ]
    wordings = [
        f"| {message.replace('|', '/')} | {times} |"
        for message, times in result.errors.most_common(25)
    ]
    lines = [
        text,
        "| function | MB after warm-up | MB at the end | growth |",
        "| --- | ---: | ---: | ---: |",
        *memory,
    ]
    return "\n".join(
        [*lines, "", "| errors logged, all in all | times |", "| --- | ---: |", *wordings, ""]
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", default=60.0, show_default=True)
def main(minutes: float) -> None:
    """Runs it and writes the report."""
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        result = run(minutes, Path(scratch), console)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(markdown(result))
    console.print(markdown(result))
    for fault in result.faults_found:
        console.print(f"[red]![/] {fault}")
    sys.exit(bool(result.faults_found))


if __name__ == "__main__":
    main()
