"""Capacity sign-off: 100 operators on the Recovery Plans page, in every weather, against stated
targets.

    ./run.sh signoff                         the local stack, about six minutes
    ./run.sh signoff --host https://…        a deployed page: think time, closed loop and ramp

Exit code 1 when a target is missed. The report (HTML, JSON, plots) goes to .local/signoff.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import urllib3
from redis import Redis
from rich.console import Console

from loadtests.counting import KeyCounter
from loadtests.load import ONE_PLAN, Run, Shape, Site, percentile, run
from loadtests.report import write_report
from loadtests.verdict import Result, calibration, show
from local.stack import Stack
from local.world import World, make_world

USERS, SERVERS, PLAN_SERVERS, PLANS = 100, 1_200, 200, 12
PAGE_LIMIT, HANDLER_LIMIT = 3.0, 0.1  # seconds
FLUSH_EVERY = 5.0
AWS_LATENCY = {"latencyMs": 50, "jitterMs": 20}
QUERY_PROCESSES = 4
SETTLE_SECONDS = 60.0
WARM_UP = 5.0  # seconds; a function's own cold start is measured apart, by loadtests.cold_start
console = Console()


def sign_off(host: str | None, directory: Path, scale: float) -> bool:
    """Runs every shape, prints and writes the verdict; whether all targets are met.

    `scale` stretches the durations.
    """
    directory.mkdir(parents=True, exist_ok=True)
    machine = calibration()  # before the load, which would slow it down
    runs = _deployed(host, directory, scale) if host else _local(directory, scale)
    results = [machine, *(result for it in runs for result in verdict(it))]
    is_met = show("Capacity sign-off", results)
    console.print(f"Report: {write_report(directory, runs, results)}")
    return is_met


def verdict(it: Run) -> list[Result]:
    """The targets of one shape, and the figures that have none."""
    name, times = it.shape.name, it.times()
    told = [
        Result(f"{name}: pages", len(it.times(ONE_PLAN)) / it.shape.seconds, "/s"),
        Result(f"{name}: p50 of all requests", percentile(times, 0.5), "s"),
        Result(f"{name}: p99 of all requests", percentile(times, 0.99), "s"),
    ]
    if it.shape.steps:
        return [*told, Result(f"{name}: users at the breaking point", breaking_point(it), "")]
    if name == "live":
        return told
    results = [
        Result(f"{name}: slowest page", times[-1] if times else float("inf"), "s", PAGE_LIMIT),
        Result(f"{name}: failed requests", it.failed, "", 0),
    ]
    if "beyond" in name:
        told.append(
            Result(f"{name}: answers with unknowns", it.degraded / max(1, len(times)), "of all")
        )
    else:
        results.append(Result(f"{name}: answers with unknowns", it.degraded, "", 0))
    if name == "think time" and (handler := it.handler_times(ONE_PLAN)):
        what = f"{name}: p99 in the handler, {PLAN_SERVERS} servers"
        results.append(Result(what, percentile(handler, 0.99), "s", HANDLER_LIMIT))
    if name == "cold":
        results.append(
            Result(f"{name}: table reads per flush", it.notes["reads per flush"], "tables", 3)
        )
    told += [
        Result(f"{name}: {what}", value, "") for what, value in it.notes.items() if name != "cold"
    ]
    return results + told


def breaking_point(it: Run) -> float:
    """The fewest users at which a page took too long or
    failed; the most there were when none did.
    """
    bad = [
        sample.users for sample in it.samples if not sample.is_whole or sample.seconds > PAGE_LIMIT
    ]
    return min(bad) if bad else max(sample.users for sample in it.samples)


def _local(directory: Path, scale: float) -> list[Run]:
    runs: list[Run] = []
    with _stack(directory / "stack") as (stack, plans):
        site = Site(stack.url, plans, directory, pids=_pids(stack))
        runs.append(_run(site, Shape("think time", 40 * scale)))
        runs.append(_run(site, Shape("closed loop", 20 * scale, think=None)))
        with _repeatedly(stack.sync, 0.5) as syncs:
            runs.append(_run(site, Shape("sync running", 40 * scale)))
        runs[-1].notes["syncs meanwhile"] = len(syncs)
        steps = tuple(
            (6 * scale * number, users)
            for number, users in enumerate((50, 100, 200, 400, 800, 1600), 1)
        )
        runs.append(_run(site, Shape("ramp", steps[-1][0], think=None, steps=steps)))
        _settle(stack.url)
        stack.valkey.stop()
        runs.append(_run(site, Shape("Redis gone", 30 * scale, all_plans=False)))
        runs.append(_run(site, Shape("Redis gone, beyond capacity", 20 * scale, think=None)))
    runs.append(_cold(directory, scale))
    with _stack(directory / "live", read_from="live") as (stack, plans):
        stack.standin.weather([*stack.world.weather, AWS_LATENCY])
        site = Site(stack.url, plans, directory, pids=_pids(stack))
        runs.append(_run(site, Shape("live", 20 * scale, users=2, think=None, all_plans=False)))
    return runs


def _cold(directory: Path, scale: float) -> Run:
    counters: list[KeyCounter] = []

    def reach(server: str, port: int) -> int:
        if server != "DynamoDB":
            return port
        if not counters:
            counters.append(KeyCounter(port))
        return counters[0].port

    with _stack(directory / "cold", reach=reach) as (stack, plans):
        redis = Redis(port=stack.valkey.port)
        counters[0].keys = 0
        with _repeatedly(redis.flushall, FLUSH_EVERY * scale) as flushes:
            cold = _run(
                Site(stack.url, plans, directory, pids=_pids(stack)), Shape("cold", 40 * scale)
            )
        cold.notes["reads per flush"] = (
            counters[0].keys / max(1, len(flushes)) / len(stack.world.expected)
        )
    counters[0].close()
    return cold


def _deployed(host: str, directory: Path, scale: float) -> list[Run]:
    headers = (
        {"Authorization": os.environ["SIGNOFF_TOKEN"]} if "SIGNOFF_TOKEN" in os.environ else {}
    )
    answer = urllib3.request(
        "GET", f"{host.rstrip('/')}/recovery-plans?limit=500", headers=headers, timeout=30
    )
    sizes: dict[str, int] = {it["planId"]: it["counts"]["servers"] for it in answer.json()["plans"]}
    plans = sorted(sizes, key=lambda it: abs(sizes[it] - PLAN_SERVERS))[:PLANS]
    console.print("Plans opened: " + ", ".join(f"{it} ({sizes[it]} servers)" for it in plans))
    site = Site(host, plans, directory, headers)
    steps = tuple(
        (10 * scale * number, users) for number, users in enumerate((50, 100, 200, 400), 1)
    )
    return [
        _run(site, Shape("think time", 60 * scale)),
        _run(site, Shape("closed loop", 30 * scale, think=None)),
        _run(site, Shape("ramp", steps[-1][0], think=None, steps=steps)),
    ]


def _run(site: Site, shape: Shape) -> Run:
    console.print(f"[dim]{shape.name}: {shape.seconds:.0f} s …[/]")
    return run(site, shape)


def _settle(url: str) -> None:
    """Waits until no process says any more what it could not read in the crowd of the ramp.

    Raises:
        TimeoutError: when that takes longer than SETTLE_SECONDS.
    """

    def is_degraded(_: int) -> bool:
        return bool(urllib3.request("GET", f"{url}/recovery-plans").json()["degraded"])

    deadline = monotonic() + SETTLE_SECONDS
    with ThreadPoolExecutor(QUERY_PROCESSES) as pool:
        while any(pool.map(is_degraded, range(2 * QUERY_PROCESSES))):
            if monotonic() > deadline:
                raise TimeoutError("pages stay degraded after the ramp")


@contextmanager
def _stack(directory: Path, **options: Any) -> Iterator[tuple[Stack, list[str]]]:
    """A synced stack and the plans of 200 servers in it."""
    world = make_world(servers=SERVERS)
    plans = _add_plans(world)
    stack = Stack(
        directory, world=world, schedule_seconds=0, query_processes=QUERY_PROCESSES, **options
    )
    stack.start()
    try:
        stack.sync()
        warm_up = Shape("warm-up", WARM_UP, users=8, think=None)
        run(Site(stack.url, plans, directory.parent), warm_up)
        yield stack, plans
    finally:
        stack.stop()


def _add_plans(world: World) -> list[str]:
    """Plans of exactly 200 servers each, over all places."""
    homes = {
        server["sourceServerID"]: place
        for place, body in world.places.items()
        for server in body.get("sourceServers", [])
    }
    servers = sorted(homes)
    names = [f"signoff-{number:02d}" for number in range(PLANS)]
    for number, name in enumerate(names):
        chosen = [servers[(number * 97 + n) % len(servers)] for n in range(PLAN_SERVERS)]
        waves = [
            {
                "waveNumber": at,
                "waveName": f"Wave {at}",
                "accountId": account,
                "region": region,
                "serverIds": ids,
            }
            for at, ((account, region), ids) in enumerate(_by_place(chosen, homes).items(), 1)
        ]
        world.recovery_plans.append({"planId": name, "planName": name, "waves": waves})
    return names


def _by_place(
    servers: list[str], homes: dict[str, tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for server in servers:
        found.setdefault(homes[server], []).append(server)
    return found


def _pids(stack: Stack) -> dict[str, int]:
    return {process.name: process.pid for process in stack.processes}


@contextmanager
def _repeatedly(action: Callable[[], object], pause: float) -> Iterator[list[float]]:
    """Does it in the background, again and again, until the block ends; when each was done."""
    stopped, done = Event(), list[float]()

    def go_on() -> None:
        while not stopped.wait(pause):
            action()
            done.append(monotonic())

    thread = Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield done
    finally:
        stopped.set()
        thread.join()
