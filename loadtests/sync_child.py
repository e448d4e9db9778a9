"""Two syncs in a process of its own, so that CPU and memory are a sync's own; the second one's
figures as JSON.

    python -m loadtests.sync_child '{"DynamoDB": 123}'

The argument names the processes whose CPU time counts beside ours, by pid; the environment leads to
them.
"""

import json
import sys
from time import perf_counter, process_time
from typing import Any

from loadtests.child import peak_mebibytes
from loadtests.cpu import CpuMeter
from services.settings import Settings
from services.sync.run import sync_all_recovery_instances
from services.sync.wiring import SyncWiring


def figures(pids: dict[str, int]) -> dict[str, Any]:
    """Of the second of two syncs: rows, mirror and clients are
    there already, as in a warm function.
    """
    wiring = SyncWiring(Settings.from_env())
    began = perf_counter()
    sync_all_recovery_instances(wiring.sync_parts())
    first, meter = perf_counter() - began, CpuMeter(pids)
    others, own, began = meter.read(), process_time(), perf_counter()
    body = sync_all_recovery_instances(wiring.sync_parts()).body()
    seconds, cpu = perf_counter() - began, process_time() - own
    return {
        "first": first,
        "seconds": seconds,
        "cpu": cpu,
        "others": {name: used - others[name] for name, used in meter.read().items()},
        "mebibytes": peak_mebibytes(),
        "rows": body["instancesUpdated"],
        "calls": body["awsCalls"],
    }


if __name__ == "__main__":
    print(json.dumps(figures(json.loads(sys.argv[1]))))  # noqa: T201  its result
