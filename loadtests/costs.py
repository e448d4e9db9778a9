"""What a fleet costs a month on AWS: from stated prices and what the design does, not from
measurement.

On-demand list prices in us-east-1 as known in 2025; check them for your region and agreement before
you rely on them.
"""

import math

from rich.table import Table

WRITE_UNITS, READ_UNITS, STORED_GB = (
    0.625e-6,
    0.125e-6,
    0.25,
)  # DynamoDB on demand: $ a unit, $ a GB and month
LAMBDA_GB_SECOND, LAMBDA_REQUEST = 0.0000166667, 0.20e-6
CACHE_NODE = {
    0.5: 0.016,
    1.37: 0.032,
    3.09: 0.065,
    6.38: 0.156,
    13.07: 0.311,
}  # cache.t4g/m7g: GiB -> $ an hour
ROW_KB, ENTRY_KB = 0.95, 0.75  # of one server, from loadtests.growth
HOURS, SYNCS = 730, 12 * 730  # a month; a sync every five minutes
SYNC_MEMORY_GB, PAGE_MEMORY_GB = 1.0, 1.0
CHANGED = 0.01  # share of the rows that change from one sync to the next
SYNC_ROWS_A_SECOND = 400.0  # of one Lambda, cautiously: two crowded cores made 245 to 950
PAGES, PAGE_SECONDS = 500_000, 0.02  # page reads a month, and what one takes


def monthly(sizes: tuple[int, ...] = (1_000, 10_000, 100_000)) -> Table:
    """Dollars a month by size: two cache nodes, a sync every five
    minutes that writes what changed, and page reads.
    """
    grid = Table(
        "$ a month",
        *(f"{size:,}" for size in sizes),
        title="Cost by size, list prices",
        title_justify="left",
    )
    parts = {
        "DynamoDB writes": _writes,
        "DynamoDB reads by the sync": _reads,
        "DynamoDB storage": lambda servers: servers * ROW_KB / 1e6 * STORED_GB,
        "Lambda, sync": _sync,
        "Lambda, pages": lambda _: (
            PAGES * (PAGE_SECONDS * PAGE_MEMORY_GB * LAMBDA_GB_SECOND + LAMBDA_REQUEST)
        ),
        "ElastiCache, two nodes": _cache,
    }
    for name, cost in parts.items():
        grid.add_row(name, *(f"{cost(size):,.2f}" for size in sizes))
    grid.add_row(
        "together", *(f"{sum(cost(size) for cost in parts.values()):,.2f}" for size in sizes)
    )
    return grid


def _writes(servers: int) -> float:
    """Each row once an hour, and the share that changes in a sync, in transactions at twice the
    units; and the fences.

    A row past one KB is two units. Index keys do not change, so they cost nothing.
    """
    rows = servers * (HOURS + SYNCS * CHANGED)
    return 2 * rows * math.ceil(ROW_KB) * (1 + 1 / 99) * WRITE_UNITS


def _reads(servers: int) -> float:
    """Each row once in every sync (4 KB a unit, consistent), and its place in the index."""
    return SYNCS * servers * (1 + 0.02) * READ_UNITS


def _sync(servers: int) -> float:
    seconds = 2 + servers / SYNC_ROWS_A_SECOND
    return SYNCS * seconds * SYNC_MEMORY_GB * LAMBDA_GB_SECOND


def _cache(servers: int) -> float:
    """The smallest node that the entries fill by half at most, twice: one in each of two zones."""
    needed = 2 * servers * ENTRY_KB / 1024 / 1024 + 0.1
    return 2 * HOURS * next(price for size, price in CACHE_NODE.items() if size >= needed)
