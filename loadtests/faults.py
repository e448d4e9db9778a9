"""The fault matrix: every fault on the running stack, with page load on all the while.

    .venv/bin/python -m loadtests.faults          # prints the table, writes docs/faults.md
    .venv/bin/python -m loadtests.faults --quick  # each fault for two seconds; writes nothing
    .venv/bin/python -m loadtests.faults --only "Step Functions"  # some of them; writes nothing

Exit code 1 when any answer was wrong, a false "none", late or refused, or a fault left the stack
ill.
"""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import click
import redis
from rich.console import Console
from rich.table import Table

from loadtests.faults_load import PageLoad, Tally
from loadtests.faults_rows import FAULTS, Ask, Fault, fire_sync
from loadtests.faults_stack import FaultyStack, Page
from local.servers import REPOSITORY
from local.world import WHOLE_ESTATE, World, make_world

REPORT = REPOSITORY / "docs" / "faults.md"
SERVERS_A_PAGE = 200
NORMAL_WITHIN = 90.0  # seconds; longer than a killed sync's lease
IDLE_WITHIN = 150.0
API_SECONDS = 29  # that API Gateway waits for an integration
COLUMNS = (
    "fault", "lasts", "pages", "wrong", "false “none”", "over 3 s", "refused", "with unknowns",
    "older state",
    "slowest", "normal after", "asked besides",
)  # fmt: skip
TEXT = """# Fault matrix

Measured {at} with `python -m loadtests.faults` on {machine}, Python {python}: the whole local stack, load generator
included, on one machine.

Pages of {servers} servers at {rate} a second, open loop: each page is due at its time whatever became of the others and
its seconds count from then. {processes} processes answer pages, as Lambda would start more where pages wait. Every
answer is compared with the seeded world, field for field. A sync is started as each fault strikes. Faults of DynamoDB
strike together with an empty mirror, because with a full one no page asks it.

- *wrong*: a field that is not so, or a server nobody asked for.
- *false “none”*: a server with an instance that is neither shown nor named as unknown.
- *refused*: any status but 200.
- *with unknowns*: pages that named servers they could not tell, as they must when neither tier can.
- *older state*: pages that showed what was true before the last sync, which the design allows after a failover to a
  lagging replica, until the next sync.
- *normal after*: from the end of the fault until pages were whole, right, within a second, and served by Redis again.
- *asked besides*: the answer to a request that the fault keeps from being met (*Sync now* without Lambda, a start without
  Step Functions): a 503, before API Gateway gives up at {patience} s.

"""


@dataclass(frozen=True)
class Size:
    """How big a run is: pages a second, seconds a fault lasts, and processes that answer pages."""

    rate: float
    seconds: float
    processes: int
    world: Callable[[], World]


FULL = Size(4.0, 10.0, 16, make_world)
QUICK = Size(2.0, 2.0, 8, lambda: make_world(servers=1_000, places=3, plans=12))


@dataclass(frozen=True)
class Row:
    """What came of one fault; `normal_after` None: not within NORMAL_WITHIN."""

    fault: str
    lasts: float
    tally: Tally
    normal_after: float | None
    asked: Page | None = None
    """What became of the request that the fault keeps from being met."""

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return (
            self.tally.is_good
            and self.normal_after is not None
            and (self.asked is None or self._is_refused_in_time(self.asked))
        )

    @staticmethod
    def _is_refused_in_time(asked: Page) -> bool:
        return asked.status == HTTPStatus.SERVICE_UNAVAILABLE and asked.seconds < API_SECONDS

    def cells(self) -> tuple[str, ...]:
        """The row in the order of COLUMNS."""
        it = self.tally
        counts = (it.requests, it.wrong, it.false_none, it.late, it.refused, it.unknown, it.old)
        after = "never" if self.normal_after is None else f"{self.normal_after:.1f} s"
        asked = f"{self.asked.status} in {self.asked.seconds:.1f} s" if self.asked else ""
        slowest = f"{it.slowest:.2f} s"
        return (self.fault, f"{self.lasts:.0f} s", *map(str, counts), slowest, after, asked)


def run(
    faults: Iterable[Fault], size: Size, directory: Path, tell: Callable[[Row], None]
) -> list[Row]:
    """These faults in turn."""
    world = size.world()
    plan_ids = add_pages(world)
    faulty = FaultyStack(directory, world, query_processes=size.processes)
    rows = []
    try:
        faulty.start()
        faulty.settle(plan_ids[0])
        load = PageLoad(faulty, plan_ids, size.rate)
        for fault in faults:
            rows.append(one(faulty, load, fault, size.seconds, plan_ids[0]))
            tell(rows[-1])
        load.stop()
    finally:
        faulty.stop()
    return rows


def add_pages(world: World) -> list[str]:
    """Plans of 200 servers each, cut out of the one over the whole estate; their ids."""
    (estate,) = (it for it in world.recovery_plans if it["planId"] == WHOLE_ESTATE)
    per_page, ids = SERVERS_A_PAGE // 100, []
    waves = [wave for wave in estate["waves"] if len(wave["serverIds"]) == 100]
    for number in range(0, len(waves) - per_page + 1, per_page):
        ids.append(f"page-{number // per_page}")
        part = waves[number : number + per_page]
        world.recovery_plans.append(
            {"planId": ids[-1], "planName": f"Page {number // per_page}", "waves": part}
        )
    return ids


def one(faulty: FaultyStack, load: PageLoad, fault: Fault, seconds: float, plan_id: str) -> Row:
    """Let a fault strike, last, and end; then wait until everything
    is as before, seen by the pages of a plan.
    """
    await_idle(faulty)
    lasts = seconds if fault.seconds is None or seconds < FULL.seconds else fault.seconds
    struck = monotonic()
    with fault.strike(faulty):
        if fault.syncs:
            fire_sync(faulty)
        asked = ask(faulty, fault.asks) if fault.asks else None
        sleep(max(0.0, struck + lasts - monotonic()))
        ended = monotonic()
    normal_after = load.await_normal(ended, NORMAL_WITHIN, RedisUse(faulty))
    tally = Tally.of(load.between(struck, monotonic()))
    faulty.mend()
    if normal_after is None:  # what a fault broke for good may not count against the next
        fire_sync(faulty)
        await_idle(faulty)
    faulty.settle(plan_id)
    faulty.before = {}
    return Row(fault.name, ended - struck, tally, normal_after, asked)


def ask(faulty: FaultyStack, request: Ask) -> Page:
    """The answer to this request."""
    return faulty.request(request.method, request.path, json.dumps(request.body))


def await_idle(faulty: FaultyStack) -> None:
    """Returns once no sync runs; one that died keeps its lease for a minute and a half.

    Raises:
        TimeoutError: when that takes too long.
    """
    deadline = monotonic() + IDLE_WITHIN
    while faulty.get("/drs/recovery-instance-sync/status").body.get("running", True):
        if monotonic() > deadline:
            raise TimeoutError("a sync runs on and on")
        sleep(0.5)


class RedisUse:
    """Says whether pages come from Redis: whether it was asked
    for a page's worth of keys, and had them.
    """

    def __init__(self, faulty: FaultyStack) -> None:
        self._faulty = faulty
        self._hits: int | None = None

    def __call__(self) -> bool:
        try:
            stats: Any = self._faulty.valkey(socket_timeout=0.5).info("stats")
        except redis.RedisError:
            return False
        hits, before = int(stats["keyspace_hits"]), self._hits
        self._hits = hits
        return before is not None and hits - before >= SERVERS_A_PAGE // 2


def markdown(rows: list[Row], size: Size, load_average: float) -> str:
    """The report."""
    text = TEXT.format(
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=f"{os.cpu_count()} cores ({platform.machine()}, load average before the run "
        f"{load_average:.1f})",
        python=platform.python_version(),
        servers=SERVERS_A_PAGE,
        rate=f"{size.rate:.0f}",
        processes=size.processes,
        patience=API_SECONDS,
    )
    lines = ["| " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return text + "\n".join(lines) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Two seconds a fault; writes nothing.")
@click.option(
    "--only", default="", help="The faults with these words in their name; writes nothing."
)
def main(*, quick: bool, only: str) -> None:
    """Runs the matrix."""
    faults = [it for it in FAULTS if only in it.name]
    if not faults:
        raise click.BadParameter(f"no fault is called {only!r}", param_hint="--only")
    console, size = Console(width=200), QUICK if quick else FULL
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        rows = run(faults, size, Path(scratch), lambda row: console.print(" | ".join(row.cells())))
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row.cells(), style=None if row.is_good else "red")
    console.print(table)
    if not (quick or only):
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(markdown(rows, size, load_average))
    sys.exit(not all(row.is_good for row in rows))


if __name__ == "__main__":
    main()
