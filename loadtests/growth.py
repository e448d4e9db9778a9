"""How time, memory and Redis bytes grow with the fleet, and what each size costs a month on AWS.

    .venv/bin/python -m loadtests.growth [--quick] [--plots DIRECTORY]

Every size runs in processes of its own: a fleet is recorded as a sync records it (conditional
writes, publish), in places of 200, and its page of all servers and of 200 is read; then a whole
sync looks at as large a fleet in places of 200, as loadtests.sync_speed has it. The slope is the
exponent between the two largest sizes: 1 is linear, 0 is flat.
"""

import argparse
import json
import math
import statistics
from itertools import batched
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from cache.mirror import PREFIX
from cache.reader import Reader
from loadtests.child import figures_of, peak_mebibytes
from loadtests.costs import monthly
from loadtests.fleet import PLACES, change, row, server_id, tiers
from loadtests.plots import Axis, Points, lines
from loadtests.sync_speed import Case, cloud, synced
from loadtests.verdict import Result, show
from services.reads.pages import existing_body

SIZES, QUICK = (1_000, 10_000, 100_000), (300, 1_000, 3_000)
BATCH, PAGE = 200, 200
LIMIT = 900  # seconds for one size


def child(servers: int) -> dict[str, float]:
    """The figures of one size."""
    with tiers() as of:
        of.store(range(servers))
        recorder, table = of.wiring.recorder, of.wiring.table
        wall, cpu = perf_counter(), process_time()
        for place in range(PLACES):
            for some in batched(range(place, servers, PLACES), BATCH):
                stored = table.read_rows(map(server_id, some))
                done = recorder.record(
                    [change(it, 1_780_000_000_000 + place) for it in some], stored
                )
                assert not done.failures  # noqa: S101
                assert not done.unpublished  # noqa: S101
        wall, cpu = perf_counter() - wall, process_time() - cpu
        after_sync = peak_mebibytes()
        reader = Reader(of.mirror, lambda: table, lambda: of.wiring.looks)
        step = max(1, servers // PAGE)
        keys = list(of.redis.scan_iter(f"{PREFIX}{{*", count=5_000))
        sample = keys[:: max(1, len(keys) // 500)]
        return {
            "servers": servers,
            "page of 200": _page(reader, [server_id(it) for it in range(0, step * PAGE, step)]),
            "page of 5,000": _page(reader, [server_id(it) for it in range(min(servers, 5_000))]),
            "record": wall,
            "record cpu": cpu,
            "memory": after_sync,
            "redis bytes": sum(of.redis.memory_usage(key) or 0 for key in sample)
            / len(sample)
            * len(keys),
            "redis used": float(of.redis.info("memory")["used_memory"]),
            "row bytes": statistics.mean(
                map(_row_bytes, range(0, servers, max(1, servers // 100)))
            ),
        }


def _row_bytes(number: int) -> int:
    """The size of a row as DynamoDB counts it: names and values in
    UTF-8, a byte for each list member and flag.
    """
    values = [
        it
        for value in row(number).values()
        for it in (value if isinstance(value, list) else [value])
    ]
    return sum(len(name) for name in row(number)) + sum(len(str(it).encode()) for it in values) + 10


def _page(reader: Reader, ids: list[str]) -> float:
    """Median milliseconds."""
    servers, times = dict.fromkeys(ids), []
    for _ in range(15):
        began = perf_counter()
        existing_body(reader.read(servers), servers)
        times.append((perf_counter() - began) * 1000)
    return statistics.median(times)


def measure(servers: int) -> dict[str, Any]:
    """The figures of one size, each part from a process of its own."""
    figures = figures_of("loadtests.growth", "--child", str(servers), limit=LIMIT)
    with cloud(Case(servers, max(1, servers // BATCH), None)) as (_, environment, pids):
        whole = synced(environment, pids)
    return figures | {
        "sync": whole["seconds"],
        "sync cpu": whole["cpu"],
        "sync memory": whole["mebibytes"],
    }


def slope(figures: list[dict[str, Any]], name: str) -> float:
    """The exponent of growth between the two largest sizes."""
    small, large = figures[-2:]
    return math.log(large[name] / small[name]) / math.log(large["servers"] / small["servers"])


def main() -> None:
    """Measures every size, prints, and plots where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--plots", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(arguments.child)))  # noqa: T201  its result
        return
    figures = [measure(size) for size in (QUICK if arguments.quick else SIZES)]
    names = [name for name in figures[0] if name != "servers"]
    grid = Table("", *(f"{it['servers']:,}" for it in figures), "slope")
    for name in names:
        grid.add_row(name, *(f"{it[name]:,.4g}" for it in figures), f"{slope(figures, name):.2f}")
    Console(width=120).print(grid, monthly())
    show("Growth", [Result(f"slope of {name}", slope(figures, name), "") for name in names])
    if arguments.plots:
        series: dict[str, Points] = {
            f"{name} ({unit}, slope {slope(figures, name):.2f})": [
                (it["servers"], it[name] / scale) for it in figures
            ]
            for name, unit, scale in (
                ("page of 200", "ms", 1),
                ("sync", "s", 1),
                ("sync memory", "MiB", 1),
                ("redis bytes", "MiB", 1 << 20),
            )
        }
        plot = lines("Growth with the fleet", Axis("servers", log=True), Axis("", log=True), series)
        (arguments.plots / "perf-growth.svg").write_text(plot)


if __name__ == "__main__":
    main()
