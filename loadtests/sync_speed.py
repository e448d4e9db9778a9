"""How long a sync takes, what it asks AWS, and what bounds it.

    .venv/bin/python -m loadtests.sync_speed [--quick] [--plots DIRECTORY]

DynamoDB and Redis speak their own protocols, and the AWS stand-in takes 50 ms for every DRS, EC2
and STS call. The sync runs in a process of its own, so that its CPU and memory are its own;
DynamoDB's stand-in, one process too, is told beside it, because on AWS only the sync's part is
ours. The peer asks one server at a time, as the original's loops do; it is measured on 60 servers
and its time is that of all by rule of three.
"""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import boto3
from redis import Redis
from rich.console import Console
from rich.table import Table

from loadtests import sync_writes
from loadtests.child import figures_of
from loadtests.plots import Axis, Points, lines
from loadtests.verdict import Result, show
from local import functions, servers
from local.admin import StandInAdmin
from local.seed import seed_aws, seed_tables
from local.servers import OWN_ACCOUNT
from local.world import World, make_world
from services.platform.tables import create_tables
from services.settings import Settings

LATENCY = {"latencyMs": 50}
PEER_SERVERS = 60
LIMIT = 900  # seconds for two syncs
SPREAD, SPREAD_INSTANCES = (4, 25, 100), 1_000
# What may grow with places is a bounded number of clients (13 MiB) and a session for each account
# (0.14 MiB), beside the 100 MiB of libraries and models that any sync loads. Clients of all of EC2
# kept for every place took it past 2.
SPREAD_LIMIT = 1.25


class Case(NamedTuple):
    """A fleet of so many instances in so many places, and the seconds a sync may take."""

    instances: int
    places: int
    target: float | None


CASES = (Case(1_000, 12, 5), Case(4_000, 1, 15), Case(20_000, 100, 120))
QUICK = (Case(300, 12, None), Case(600, 1, None))


@contextmanager
def cloud(case: Case) -> Iterator[tuple[World, dict[str, str], dict[str, int]]]:
    """Both tiers and the stand-in with this fleet in it, the
    environment that leads there, and their pids by name.
    """
    with TemporaryDirectory() as scratch:
        directory = Path(scratch)
        parts = [
            servers.valkey(directory),
            servers.dynamodb(directory),
            servers.aws_standin(directory),
        ]
        try:
            for part in parts:
                part.start()
            for part in parts:
                part.await_port()
            valkey, dynamodb, aws = parts
            endpoints = {"DYNAMODB": dynamodb.url} | dict.fromkeys(("DRS", "EC2", "STS"), aws.url)
            environment = functions.aws(endpoints)
            environment |= functions.settings(f"redis://127.0.0.1:{valkey.port}/0", "mirror")
            os.environ.update(environment)
            world = _world(case)
            standin = StandInAdmin(aws.url)
            seed_aws(standin, world)
            client = boto3.client("dynamodb")
            create_tables(client, Settings.from_env())
            seed_tables(client, functions.TABLES, world)
            standin.weather([*world.weather, LATENCY])
            yield (
                world,
                environment,
                {"Valkey": valkey.pid, "DynamoDB": dynamodb.pid, "AWS": aws.pid},
            )
        finally:
            for part in parts:
                part.stop()


def _world(case: Case) -> World:
    """A world in which so many servers have an instance."""
    servers_wanted = case.instances
    world = make_world(
        servers=servers_wanted, places=case.places, plans=max(3, case.instances // 40)
    )
    share = len(world.alive) / servers_wanted
    return make_world(
        servers=round(case.instances / share),
        places=case.places,
        plans=max(3, case.instances // 40),
    )


def measure(case: Case) -> dict[str, Any]:
    """The figures of a first and a second sync of this fleet, and of the peer."""
    with cloud(case) as (world, environment, pids):
        figures = synced(environment, pids)
        figures["peer"] = _one_by_one(world) * figures["rows"]
    return figures


def memory(places: int) -> float:
    """The most a process takes (MiB) to sync the same number of instances in so many places."""
    with cloud(Case(SPREAD_INSTANCES, places, None)) as (_, environment, pids):
        return float(synced(environment, pids)["mebibytes"])


def writes() -> list[Result]:
    """What the conditional writes cost without the rest of a sync."""
    with cloud(Case(1, 1, None)) as (_, _, pids):
        tables = functions.TABLES["recovery-instances"], functions.TABLES["sync-status"]
        return sync_writes.results(*tables, pids["DynamoDB"])


def synced(environment: dict[str, str], pids: dict[str, int]) -> dict[str, Any]:
    """The figures of the second of two syncs in one process, see `loadtests.sync_child`."""
    return figures_of(
        "loadtests.sync_child", json.dumps(pids), limit=LIMIT, environment=environment
    )


def _one_by_one(world: World) -> float:
    """Seconds for one server when every one is asked, enriched
    and put on its own, one after the other.
    """
    drs = {
        region: boto3.client("drs", region_name=region)
        for account, region in world.places
        if account == OWN_ACCOUNT
    }
    ec2 = {region: boto3.client("ec2", region_name=region) for region in drs}
    table, redis = boto3.client("dynamodb"), Redis.from_url(os.environ["REDIS_URL"])
    own = {
        item["sourceServerID"]: (region, item["ec2InstanceID"])
        for (account, region), body in world.places.items()
        for item in body.get("recoveryInstances", [])
        if account == OWN_ACCOUNT and item["sourceServerID"] in world.alive
    }
    chosen = list(own.items())[:PEER_SERVERS]
    began = perf_counter()
    for server, (region, instance) in chosen:
        drs[region].describe_recovery_instances(filters={"sourceServerIDs": [server]})
        drs[region].describe_source_servers(filters={"sourceServerIDs": [server]})
        ec2[region].describe_instances(Filters=[{"Name": "instance-id", "Values": [instance]}])
        table.put_item(
            TableName=functions.TABLES["sync-status"], Item={"id": {"S": f"{server}-peer"}}
        )
        redis.set(f"peer:{server}", "x")
    return (perf_counter() - began) / len(chosen)


def results_of(case: Case, figures: dict[str, Any]) -> list[Result]:
    """What is asked of this case, and what it told besides."""
    name = f"{case.instances:,} in {case.places} places"
    calls = sum(figures["calls"].values())
    return [
        Result(f"{name}: a sync", figures["seconds"], "s", case.target),
        Result(f"{name}: the first sync", figures["first"], "s"),
        Result(f"{name}: rows per second", figures["rows"] / figures["seconds"], "/s"),
        Result(
            f"{name}: rows per second of the sync's own CPU", figures["rows"] / figures["cpu"], "/s"
        ),
        Result(f"{name}: the sync's own CPU / clock", figures["cpu"] / figures["seconds"], ""),
        Result(
            f"{name}: CPU of DynamoDB's stand-in / clock",
            figures["others"]["DynamoDB"] / figures["seconds"],
            "",
        ),
        Result(f"{name}: AWS calls per instance", calls / figures["rows"], ""),
        Result(
            f"{name}: peer, one call per instance", figures["peer"] / figures["seconds"], "× slower"
        ),
        Result(f"{name}: memory", figures["mebibytes"], "MiB"),
    ]


def spread_results() -> list[Result]:
    """Memory of the same instances in few and in many places."""
    found = {places: memory(places) for places in SPREAD}
    few, *_, many = SPREAD
    name = f"{SPREAD_INSTANCES:,} instances"
    return [
        *(Result(f"{name}: memory in {places} places", it, "MiB") for places, it in found.items()),
        Result(
            f"{name}: memory in {many} places / in {few}",
            found[many] / found[few],
            "×",
            SPREAD_LIMIT,
        ),
    ]


def main() -> None:
    """Measures every case, prints, and plots where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--plots", type=Path)
    arguments = parser.parse_args()
    found = [(case, measure(case)) for case in (QUICK if arguments.quick else CASES)]
    operations = sorted({name for _, figures in found for name in figures["calls"]})
    grid = Table("AWS calls", *(f"{case.instances:,} in {case.places}" for case, _ in found))
    for name in operations:
        grid.add_row(name, *(str(figures["calls"].get(name, 0)) for _, figures in found))
    Console(width=140).print(grid)
    results = [it for case, figures in found for it in results_of(case, figures)]
    if not arguments.quick:
        results += spread_results()
    is_met = show("Sync, 50 ms per AWS call", [*results, *writes()])
    if arguments.plots:
        series: dict[str, Points] = {
            "sync": [(case.instances, figures["seconds"]) for case, figures in found],
            "one by one": [(case.instances, figures["peer"]) for case, figures in found],
        }
        plot = lines(
            "Sync, 50 ms per AWS call",
            Axis("instances", log=True),
            Axis("seconds", log=True),
            series,
        )
        (arguments.plots / "perf-sync.svg").write_text(plot)
    raise SystemExit(not is_met)


if __name__ == "__main__":
    main()
