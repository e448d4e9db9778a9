"""Crash everywhere: the sync process is killed with SIGKILL at every I/O step in turn; one clean
sync heals it.

    .venv/bin/python -m loadtests.crash             # writes docs/crash.md

Before each killed sync the world changes (instances vanish, appear, stop and are replaced), so that
there is something to write at every step. After the clean sync the world, the table and the mirror
must agree exactly, server by server.
"""

import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import redis
from rich.console import Console
from rich.progress import track

from cache.attributes import decode_item, encode
from cache.entry import decode
from cache.mirror import entry_key
from cache.record import Record
from cache.values import to_stamp
from local import functions, servers
from local.admin import StandInAdmin
from local.processes import Process, clean_environment
from local.seed import seed_aws, seed_tables
from local.world import World, make_world
from services.platform.tables import create_tables
from services.settings import Settings

REPORT = servers.REPOSITORY / "docs" / "crash.md"
TEXT = """# Crash everywhere

Measured {at} with `python -m loadtests.crash`: a full sync of a small world (14 servers in two regions of one account)
after every kind of change is killed with SIGKILL before and after each thing it sends to DynamoDB, Redis or AWS, then
one clean sync runs.

| what | how many |
| --- | ---: |
| steps of I/O in one sync | {steps} |
| syncs started to be killed (each step, before and after, in two directions of change) | {cases} |
| killed (the others sent less than that and had ended) | {killed} |
| that left world, table and mirror different from one another | {torn} |
| differences after one clean sync | {faults} |
"""
TABLE, STATUS = functions.TABLES["recovery-instances"], functions.TABLES["sync-status"]
WHEN = ("before", "after")


def other_day(world: World) -> World:
    """The same world later: two instances are gone, one runs under another id, one has stopped."""
    later = copy.deepcopy(world)
    first, second, replaced, stopped = list(world.alive)[:4]
    for server_id in (first, second):
        _edit(later, world.alive[server_id], lambda _: None)
        later.expected[server_id] = None
    old = world.alive[replaced]["ec2InstanceId"]
    fresh = old[:-4] + ("0000" if old[-4:] != "0000" else "1111")
    _edit(later, world.alive[replaced], lambda it: json.loads(json.dumps(it).replace(old, fresh)))
    later.alive[replaced].update(ec2InstanceId=fresh, recoveryInstanceId=fresh)
    _edit(later, world.alive[stopped], _stop)
    later.alive[stopped]["ec2InstanceState"] = "stopped"
    return later


def _stop(item: dict[str, Any]) -> dict[str, Any]:
    if "State" in item:
        item["State"] = {"Code": 80, "Name": "stopped"}
    else:
        item["ec2InstanceState"] = "STOPPED"
    return item


def _edit(
    world: World,
    instance: dict[str, Any],
    change: Callable[[dict[str, Any]], dict[str, Any] | None],
) -> None:
    """Change an instance's items in DRS and EC2, or take them out."""
    place = world.places[instance["accountId"], instance["region"]]
    for kind, key in (("recoveryInstances", "recoveryInstanceID"), ("instances", "InstanceId")):
        changed = (change(it) if it[key] == instance["ec2InstanceId"] else it for it in place[kind])
        place[kind] = [it for it in changed if it is not None]


@dataclass(frozen=True)
class Crash:
    """One killed sync: where, whether it got that far, the
    disagreements it left, and those the next sync left.
    """

    where: str
    killed: bool
    left: int
    faults: list[str]


@dataclass
class Scene:
    """The servers, two states of the world, and the process whose children are killed."""

    aws: StandInAdmin
    dynamodb: Any
    mirror: "redis.Redis"
    worlds: tuple[World, World]
    child: "subprocess.Popen[str]"

    def sync(self, step: int = 0, when: str = "before") -> str:
        """One sync, killed at a step or (0) never: `killed`, `failed`,
        or `done` and how often it sent something.
        """
        assert self.child.stdin  # noqa: S101
        assert self.child.stdout  # noqa: S101
        self.child.stdin.write(f"{step} {when}\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def end_lease(self) -> None:
        """A minute and a half passes: the killed run's lease is over."""
        self.dynamodb.update_item(
            TableName=STATUS,
            Key={"id": encode("lease")},
            UpdateExpression="SET expiresAt = :past",
            ExpressionAttributeValues={":past": encode(0)},
        )

    def crash(self, number: int, step: int, when: str) -> Crash:
        """Let the world change, kill a sync at a step, then sync cleanly."""
        world = self.worlds[number % 2]
        seed_aws(self.aws, world)
        killed = self.sync(step, when) == "killed"
        left = self.disagreements(world)
        self.end_lease()
        ended = self.sync()
        healed = [] if ended.startswith("done") else [f"clean sync {ended}"]
        return Crash(f"{when} step {step}", killed, len(left), healed + self.disagreements(world))

    def count_steps(self) -> int:
        """How often a clean sync after a change of the world sends something."""
        seed_aws(self.aws, self.worlds[1])
        return int(self.sync().removeprefix("done "))

    def disagreements(self, world: World) -> list[str]:
        """Where table, mirror and world are not the same."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
        rows = {
            it["sourceServerId"]: it
            for it in (decode_item(item) for page in pages for item in page["Items"])
        }
        faults = [f"{it}: no row" for it in world.alive.keys() - rows.keys()]
        for server_id, row in rows.items():
            truth = world.expected.get(server_id)
            if (row["presence"] == "present") != (truth is not None):
                faults.append(f"{server_id}: table says {row['presence']}")
            for name, value in (truth or {}).items():
                if (row.get(name) or None) != (value or None) and not (
                    value is False and row.get(name) is False
                ):
                    faults.append(f"{server_id}: table has {name} {row.get(name)!r}, not {value!r}")
            entry = decode(self.mirror.hget(entry_key(server_id), "page"), server_id)
            said = (entry.confirmed, to_stamp(entry.observed_at)) if entry else ()
            if entry is None or entry.encode() != Record.from_row(row).entry(*said).encode():
                faults.append(f"{server_id}: mirror differs from table")
        return faults


@contextmanager
def scene(directory: Path, places: int = 2, servers_in_all: int = 14) -> Iterator[Scene]:
    """Everything started, and synced once."""
    valkey, dynamodb, aws = (
        servers.valkey(directory),
        servers.dynamodb(directory),
        servers.aws_standin(directory, 0),
    )
    world = make_world(servers=servers_in_all, places=places, plans=3)
    started: list[Process] = []
    child = None
    try:
        for process in (valkey, dynamodb, aws):
            process.start()
            started.append(process)
        for process in started:
            process.await_port()
        endpoints = {"DYNAMODB": dynamodb.url, **dict.fromkeys(("DRS", "EC2", "STS"), aws.url)}
        environment = functions.settings(
            f"redis://127.0.0.1:{valkey.port}/0", "mirror"
        ) | functions.aws(endpoints)
        keys: dict[str, Any] = {
            "aws_access_key_id": servers.OWN_ACCOUNT,
            "aws_secret_access_key": "local",
        }
        client = boto3.client(
            "dynamodb", endpoint_url=dynamodb.url, region_name=servers.REGION, **keys
        )
        create_tables(client, Settings.from_env(environment))
        seed_tables(client, functions.TABLES, world)
        seed_aws(StandInAdmin(aws.url), world)
        child = subprocess.Popen(
            [sys.executable, "-m", "loadtests.crash_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(directory / "child.log").open("ab"),
            text=True,
            cwd=servers.REPOSITORY,
            env=clean_environment() | environment,
        )
        mirror = redis.Redis(port=valkey.port)
        it = Scene(StandInAdmin(aws.url), client, mirror, (world, other_day(world)), child)
        it.sync()
        yield it
    finally:
        if child:
            child.kill()
            child.wait()
        for process in started:
            process.stop()


def main() -> None:
    """Kills at every step, before and after; prints and writes
    what was tried, and every disagreement.
    """
    console = Console()
    with tempfile.TemporaryDirectory() as scratch, scene(Path(scratch)) as it:
        steps = it.count_steps()
        cases = [(step, when) for step in range(1, steps + 1) for when in WHEN for _ in it.worlds]
        crashes = [
            it.crash(number, *case)
            for number, case in enumerate(track(cases, "Killing", console=console))
        ]
    killed, torn = sum(crash.killed for crash in crashes), sum(crash.left > 0 for crash in crashes)
    faults = [f"{crash.where}: {fault}" for crash in crashes for fault in crash.faults]
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    text = TEXT.format(
        at=at, steps=steps, cases=len(cases), killed=killed, torn=torn, faults=len(faults)
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text)
    console.print(text)
    for fault in faults:
        console.print(f"  {fault}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
