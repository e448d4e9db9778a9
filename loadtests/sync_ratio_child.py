"""One side of `loadtests.sync_ratio`: run by a checkout's Python, it syncs with that one's code.

For each line on standard input (`unchanged` or `every row changed`) one sync, and its figures as a
line of JSON.
"""

import json
import sys
from time import perf_counter, process_time
from typing import Any

import boto3

from loadtests.sync_speed import Case, cloud
from services.settings import Settings
from services.sync.run import sync_all_recovery_instances

try:
    from services.sync.wiring import SyncWiring as Wiring
except ModuleNotFoundError:  # checkouts from before it
    from services.wiring import Wiring  # type: ignore[assignment]


def alter(name: str) -> None:
    """See that every present row of this table says something else than AWS does."""
    table = boto3.resource("dynamodb").Table(name)
    with table.batch_writer() as batch:
        for page in table.meta.client.get_paginator("scan").paginate(TableName=name):
            for row in page["Items"]:
                if row.get("presence") == "present":
                    batch.put_item(Item=row | {"instanceType": "altered"})


def synced(wiring: Any) -> dict[str, float]:
    """The figures of one sync."""
    began, cpu = perf_counter(), process_time()
    body = sync_all_recovery_instances(wiring.sync_parts()).body()
    figures = {"cpu": process_time() - cpu, "seconds": perf_counter() - began}
    return figures | {"written": body.get("rowsWritten", body["instancesUpdated"])}


def main() -> None:
    """Syncs until standard input ends."""
    instances, places = map(int, sys.argv[1].split("x"))
    with cloud(Case(instances, places, None)):
        settings = Settings.from_env()
        wiring = Wiring(settings)
        for line in sys.stdin:
            if line.strip() != "unchanged":
                alter(settings.recovery_instances_table)
            print(json.dumps(synced(wiring)), flush=True)  # noqa: T201  its result


if __name__ == "__main__":
    main()
