"""What the inventory of one place costs: calls, time, CPU and writes, at first and with nothing
changed; and dollars a month.

    .venv/bin/python -m loadtests.inventory [--servers 4000] [--launched 400]

The stand-in takes 50 ms for each call of DRS, EC2 and STS. Prices are those of `loadtests.costs`.
"""

import argparse
import math
import time
from collections import Counter
from time import perf_counter, process_time

from rich.console import Console
from rich.table import Table

from loadtests.costs import HOURS, READ_UNITS, ROW_KB, SYNCS, WRITE_UNITS
from loadtests.sync_speed import LATENCY, Case, cloud
from local.admin import StandInAdmin
from local.servers import OWN_ACCOUNT
from services.settings import Settings
from services.sync.run import SyncParts, sync_all_recovery_instances
from services.sync.wiring import SyncWiring
from standin.drs.fleet import holdings

REGION = "us-east-1"
KINDS = (
    "DescribeRecoveryInstances",
    "DescribeSourceServers",
    "DescribeInstances",
    "GetLaunchConfiguration",
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--servers", type=int, default=4_000)
    parser.add_argument("--launched", type=int, default=400)
    wanted = parser.parse_args()
    out = Console(width=120)
    with cloud(Case(1, 1, None)) as (_, environment, _):
        standin = StandInAdmin(environment["AWS_ENDPOINT_URL_DRS"])
        standin.call("DELETE", "places")
        standin.call("PUT", f"accounts/{OWN_ACCOUNT}", {"roles": [], "disabledRegions": []})
        fleet = holdings(OWN_ACCOUNT, REGION, wanted.servers, wanted.launched, time.time())
        standin.call("PUT", f"places/{OWN_ACCOUNT}/{REGION}", fleet)
        standin.weather([LATENCY])
        parts = SyncWiring(Settings.from_env()).sync_parts()
        title = (
            f"One place of {wanted.servers:,} source servers, {wanted.launched:,} of them launched"
        )
        columns = {
            name: _look(parts, with_inventory=due)
            for name, due in (
                ("first inventory", True), ("again, unchanged", True), ("a look between two", False)
            )
        }  # fmt: skip
        grid = Table("", *columns, title=title)
        for figure in next(iter(columns.values())):
            grid.add_row(figure, *(column[figure] for column in columns.values()))
        out.print(grid)
    out.print(_monthly(wanted.servers))


def _look(parts: SyncParts, *, with_inventory: bool) -> dict[str, str]:
    """The figures of one look."""
    began, cpu = perf_counter(), process_time()
    report = sync_all_recovery_instances(parts, with_inventory=with_inventory)
    clock, spent = perf_counter() - began, process_time() - cpu
    calls: Counter[str] = Counter()
    for operation, count in report.aws_calls.items():
        calls[operation.rpartition(":")[2].rpartition(".")[2]] += count
    return {
        **{kind: str(calls[kind]) for kind in KINDS},
        "calls of AWS in all": str(calls.total()),
        "rows written": f"{sum(place.written for place in report.places):,}",
        "seconds": f"{clock:.1f}",
        "seconds of CPU": f"{spent:.1f}",
    }


def _monthly(servers: int) -> str:
    """What the rows of servers without an instance cost beside the sync
    of the launched: they are read, not written.
    """
    reads = servers * (SYNCS + HOURS) * READ_UNITS
    first = 2 * servers * math.ceil(ROW_KB) * WRITE_UNITS
    return (
        f"DynamoDB, list prices: ${first:.3f} once to write {servers:,} rows; ${reads:.2f} a "
        "month to read them in every look"
    )


if __name__ == "__main__":
    main()
