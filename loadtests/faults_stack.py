"""The local stack with a network that can fail between the product
and its two tiers, and the oracle for its pages.
"""

import json
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any

import redis
import urllib3

from cache.mirror import entry_key
from local.functions import TABLES
from local.proxy import FaultProxy
from local.servers import valkey
from local.stack import Stack
from local.world import World, make_world

SHOWN = (
    "sourceServerId", "recoveryInstanceId", "ec2InstanceId", "ec2InstanceState", "name",
    "privateIp", "publicIp",
    "instanceType", "launchTime", "region", "sourceExecutionId", "sourcePlanName",
    "sourceServerName", "accountId", "isDrill",
)  # fmt: skip
SETTLE_SECONDS = 45.0


@dataclass(frozen=True)
class Page:
    """One answered page: HTTP status (0: no answer), seconds it took, and the body."""

    status: int
    seconds: float
    body: dict[str, Any]


@dataclass
class FaultyStack:
    """A stack in `directory`, without a schedule, behind fault proxies named after the servers."""

    directory: Path
    world: World = field(default_factory=lambda: make_world(servers=300, places=3, plans=8))
    before: dict[str, Any] = field(default_factory=dict)
    """What was true of some servers until lately, where an answer may still be of then."""
    undo: list[Callable[[], None]] = field(default_factory=list)
    """What a fault left to be done once everything was measured."""
    query_processes: int = 4
    proxies: dict[str, FaultProxy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stack = Stack(
            self.directory,
            world=self.world,
            schedule_seconds=0,
            query_processes=self.query_processes,
            reach=self._reach,
        )
        self._http = urllib3.PoolManager(maxsize=64, retries=False, timeout=30)

    def start(self) -> None:
        """Starts it and syncs once."""
        self.stack.start()
        self.stack.sync()

    def stop(self) -> None:
        """Ends the stack and its proxies."""
        self.stack.stop()
        for proxy in self.proxies.values():
            proxy.close()

    @property
    def to_redis(self) -> FaultProxy:
        """The network in front of Valkey."""
        return self.proxies["Valkey"]

    @property
    def to_dynamodb(self) -> FaultProxy:
        """The network in front of DynamoDB."""
        return self.proxies["DynamoDB"]

    @property
    def to_lambda(self) -> FaultProxy:
        """The network in front of Lambda, for functions that invoke others."""
        return self.proxies["Lambda"]

    @property
    def to_machines(self) -> FaultProxy:
        """The network in front of Step Functions."""
        return self.proxies["Step Functions"]

    def valkey(self, **options: Any) -> redis.Redis:
        """A client of Valkey itself, past the proxy."""
        return redis.Redis(**{"port": self.stack.valkey.port} | options)

    def versions(self) -> tuple[dict[str, int], dict[str, int]]:
        """The version of each server's row, and of its entry where there is one."""
        scan = self.stack.client("dynamodb").get_paginator("scan")
        pages = scan.paginate(TableName=TABLES["recovery-instances"])
        items = [it for page in pages for it in page["Items"]]
        rows = {it["sourceServerId"]["S"]: int(it["version"]["N"]) for it in items}
        valkey = self.valkey()
        found = {it: valkey.hget(entry_key(it), "version") for it in rows}
        return rows, {it: int(version) for it, version in found.items() if version is not None}

    def restart_valkey(self) -> None:
        """Valkey is killed and comes back empty on the same port."""
        self.stack.valkey.signal(signal.SIGKILL)
        self.stack.valkey.stop()
        fresh = valkey(self.directory, port=self.stack.valkey.port)
        self.stack.processes[self.stack.processes.index(self.stack.valkey)] = fresh
        self.stack.valkey = fresh
        fresh.start()
        fresh.await_port()

    def mend(self) -> None:
        """Everything is as it was, but for what the tiers hold."""
        while self.undo:
            self.undo.pop()()
        for proxy in self.proxies.values():
            proxy.heal()
        self.to_redis.lead_to(self.stack.valkey.port)
        self.to_dynamodb.lead_to(self.stack.dynamodb.port)
        self.stack.standin.weather(self.world.weather)

    def settle(self, plan_id: str | None = None) -> None:
        """Waits until a plan's pages are whole, right and in time, whichever process answers them.

        Raises:
            AssertionError: when that takes longer than SETTLE_SECONDS.
        """
        self.lists()
        deadline = monotonic() + SETTLE_SECONDS
        while True:
            pages = self.side_by_side(lambda: self.plan_page(plan_id), 2 * self.query_processes)
            faults = [
                fault
                for page in pages
                for fault in self.faults_of(page, self.servers_of(plan_id or self.largest))
            ]
            if not faults:
                return
            assert monotonic() < deadline, faults  # noqa: S101
            sleep(0.2)

    def lists(self) -> list[Page]:
        """The list of plans from every process, as far as one can tell from outside;
        after it the plans are in the memory of each.
        """
        return self.side_by_side(lambda: self.get("/recovery-plans"), 2 * self.query_processes)

    def side_by_side(self, ask: Callable[[], Page], times: int) -> list[Page]:
        """The answers to one request made so often, as many at once
        as there are processes to answer them.
        """
        with ThreadPoolExecutor(self.query_processes) as callers:
            return list(callers.map(lambda _: ask(), range(times)))

    def get(self, path: str) -> Page:
        """One GET of the API."""
        return self.request("GET", path)

    def plan_page(self, plan_id: str | None = None) -> Page:
        """The page of a plan, by default of the largest one."""
        return self.get(f"/recovery-plans/{plan_id or self.largest}/check-existing-instances")

    def query(self, server_ids: list[str]) -> Page:
        """The page query for these servers."""
        return self.request(
            "POST", "/recovery-instances/query", json.dumps({"sourceServerIds": server_ids})
        )

    def request(self, method: str, path: str, body: str | bytes | None = None) -> Page:
        """One call of the API, however it ends."""
        began = monotonic()
        try:
            reply = self._http.request(method, self.stack.url + path, body=body)
        except urllib3.exceptions.HTTPError as error:
            return Page(0, monotonic() - began, {"error": repr(error)})
        is_json = reply.headers.get("content-type") == "application/json"
        return Page(
            reply.status,
            monotonic() - began,
            reply.json() if is_json else {"message": reply.data.decode()},
        )

    @property
    def largest(self) -> str:
        """The plan with the most servers."""
        return str(
            max(self.world.recovery_plans, key=lambda plan: len(self.servers_of(plan["planId"])))[
                "planId"
            ]
        )

    def servers_of(self, plan_id: str) -> list[str]:
        """A plan's servers."""
        (plan,) = (it for it in self.world.recovery_plans if it["planId"] == plan_id)
        return [server_id for wave in plan["waves"] for server_id in wave["serverIds"]]

    def faults_of(self, page: Page, server_ids: list[str] | None = None) -> list[str]:
        """What is wrong or missing in a page of these servers (default:
        the largest plan's), an unknown included.
        """
        if page.status != 200:
            return [f"status {page.status}: {page.body}"]
        return wrong(
            page.body, server_ids or self.servers_of(self.largest), self.world.expected
        ) + [f"{it} is unknown" for it in page.body["unknownServerIds"]]

    def _reach(self, server: str, port: int) -> int:
        if server not in self.proxies:
            self.proxies[server] = FaultProxy(port)
        return self.proxies[server].port


type Truths = Mapping[str, Mapping[str, Any] | None]


def wrong(
    body: dict[str, Any],
    server_ids: list[str],
    expected: Truths,
    before: Truths = MappingProxyType({}),
) -> list[str]:
    """What a page says that is not so: a wrong field, an instance that is not there, and every
    false "none".

    `before` are earlier truths that are no fault either.
    """
    faults: list[str] = []
    items = {item["sourceServerId"]: item for item in body["existingInstances"]}
    unknown = set(body["unknownServerIds"])
    if body["hasExistingInstances"] != (True if items else None if unknown else False):
        faults.append(f"hasExistingInstances is {body['hasExistingInstances']}")
    if body["degraded"] is False and unknown:
        faults.append("degraded is false while servers are unknown")
    faults += [f"{it} was not asked for" for it in (items.keys() | unknown) - set(server_ids)]
    for server_id in server_ids:
        item = items.get(server_id)
        truths = [truth[server_id] for truth in (expected, before) if server_id in truth] or [None]
        if item is None and server_id not in unknown and None not in truths:
            faults.append(f"false none: {server_id}")
        if item is not None and not any(
            it and all(item[name] == it[name] for name in SHOWN) for it in truths
        ):
            faults.append(f"wrong: {server_id} shown as {item}")
    return faults
