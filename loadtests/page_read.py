"""The page read against its floor and against what a user would pick instead, side by side.

    .venv/bin/python -m loadtests.page_read [--quick] [--plots DIRECTORY]

Every contender reads the same servers, round after round, so that a busy moment hits all of
them. What counts is the least wall time, and the least CPU time of this process: what remains when
nothing else wanted the two cores. Exit code 1 when a target is missed.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from loadtests import peers
from loadtests.fleet import Tiers, server_id, tiers
from loadtests.plots import Axis, Points, lines
from loadtests.verdict import Result, show

SIZES = (10, 100, 200, 1_000, 5_000)
FLOOR, OURS = "floor", "ours"
CACHES = ("cashews get_many", "aiocache multi_get", "dogpile get_multi")
CONTENDERS: dict[str, Callable[[Tiers], peers.Page]] = {
    FLOOR: peers.floor,
    OURS: peers.ours,
    "raw socket, HGET each": peers.raw_hgets,
    "redis-py pipeline, HGET each": peers.plain_pipeline,
    "redis-py connection, HGET each, packed once": peers.hget_each,
    "strings, MGET, raw socket": peers.strings,
    CACHES[0]: peers.cashews,
    CACHES[1]: peers.aiocache,
    CACHES[2]: peers.dogpile,
    "hash per server, HGETALL": peers.hgetall,
    "boto3 BatchGetItem": peers.batch_get_item,
    "boto3 GetItem each": peers.get_items,
}
SLOW = {"boto3 BatchGetItem", "boto3 GetItem each"}
DICE = Random(12)
ROUNDS, BIG_ROUNDS, SLOW_ROUNDS = 200, 40, 1  # big: more than 1,000 servers


class Cost(NamedTuple):
    """Least milliseconds of one page."""

    wall: float
    cpu: float


def measure(pages: dict[str, peers.Page], ids: Sequence[str], rounds: int) -> dict[str, Cost]:
    """What each contender takes for this page. The order changes from round to round: whoever
    follows a big one finds the caches of both processors cold.
    """
    walls: dict[str, list[float]] = {name: [] for name in pages}
    cpus: dict[str, list[float]] = {name: [] for name in pages}
    for number in range(-1, rounds):
        for name, page in DICE.sample(list(pages.items()), len(pages)):
            if name in SLOW and number >= SLOW_ROUNDS:
                continue
            cpu, wall = process_time(), perf_counter()
            page(ids)
            wall, cpu = perf_counter() - wall, process_time() - cpu
            if number >= 0:  # the first round only warms up
                walls[name].append(wall * 1000)
                cpus[name].append(cpu * 1000)
    return {name: Cost(min(walls[name]), min(cpus[name])) for name in pages}


def fallback(of: Tiers) -> list[Result]:
    """What a page of 1,000 costs the table's client, against plain boto3 for the same keys."""
    ids = [server_id(number) for number in range(1000)]
    table = of.wiring.table

    def plain() -> None:
        for at in range(0, len(ids), 100):
            keys = [{"sourceServerId": {"S": it}} for it in ids[at : at + 100]]
            of.dynamodb.batch_get_item(
                RequestItems={of.table: {"Keys": keys, "ConsistentRead": True}}
            )

    pages = {"plain": lambda _: plain() or b"", "ours": lambda _: table.read_rows(ids) and b""}
    found = measure(pages, ids, 8)
    times = found["plain"].cpu / found["ours"].cpu
    return [
        Result(
            "table fallback of 1,000: CPU of plain boto3 / ours, rows decoded",
            times,
            "×",
            2,
            at_least=True,
        ),
        Result("table fallback of 1,000: CPU", found["ours"].cpu, "ms"),
    ]


def targets(costs: dict[int, dict[str, Cost]]) -> list[Result]:
    """The issue's targets."""
    results = [
        Result(f"{size:,} servers: time / floor", of[OURS].wall / of[FLOOR].wall, "×", 1.6)
        for size, of in costs.items()
        if size >= 1_000
    ]
    above = costs[200][OURS].wall - costs[200][FLOOR].wall
    thousand = costs[1_000]
    best = min(thousand[name].wall for name in CACHES)
    pipelined = thousand["hash per server, HGETALL"].wall
    return [
        *results,
        Result("200 servers: time above the floor", above, "ms", 1),
        Result(
            "1,000 servers: best Python cache / ours",
            best / thousand[OURS].wall,
            "×",
            3,
            at_least=True,
        ),
        Result(
            "1,000 servers: pipelined HGETALL / ours",
            pipelined / thousand[OURS].wall,
            "×",
            8,
            at_least=True,
        ),
    ]


def print_costs(costs: dict[int, dict[str, Cost]]) -> None:
    """Time and CPU by contender and size."""
    grid = Table("wall / CPU, ms (× floor)", *(f"{size:,}" for size in costs), title="Page read")
    for name in CONTENDERS:
        cells = []
        for of in costs.values():
            if name not in of:
                cells.append("")
                continue
            cost = of[name]
            cells.append(f"{cost.wall:.2f} / {cost.cpu:.2f} ({cost.wall / of[FLOOR].wall:.1f}×)")
        grid.add_row(name, *cells)
    Console(width=150).print(grid)


def main() -> None:
    """Measures, prints, and plots where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds and no page of 5,000")
    parser.add_argument("--plots", type=Path)
    arguments = parser.parse_args()
    sizes = SIZES[:-1] if arguments.quick else SIZES
    peers.install_caches()
    costs: dict[int, dict[str, Cost]] = {}
    with tiers() as of:
        peers.fill(of, max(sizes))
        of.store(range(max(sizes)))
        pages = {name: contender(of) for name, contender in CONTENDERS.items()}
        for size in sizes:
            fit = {
                name: page
                for name, page in pages.items()
                if size <= 200 or name != "boto3 GetItem each"
            }
            ids = [server_id(number) for number in range(size)]
            rounds = ROUNDS if size <= 1_000 else BIG_ROUNDS
            costs[size] = measure(fit, ids, 8 if arguments.quick else rounds)
        results = targets(costs) + fallback(of)
    print_costs(costs)
    is_met = show("Page read", results)
    if arguments.plots:
        series: dict[str, Points] = {
            name: [(size, of[name].wall) for size, of in costs.items() if name in of]
            for name in CONTENDERS
        }
        plot = lines("Page read", Axis("servers", log=True), Axis("milliseconds", log=True), series)
        (arguments.plots / "perf-page-read.svg").write_text(plot)
    raise SystemExit(not is_met)


if __name__ == "__main__":
    main()
