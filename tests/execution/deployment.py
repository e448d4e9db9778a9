"""The product on the shared servers, as a test uses it."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from cache.attributes import encode_item
from cache.values import Place
from services.api import models
from services.api.dispatch import carry_out
from services.api.routing import answer
from services.execution.operations import direct_operations, executions_of
from services.execution.routes import ExecutionRoutes
from services.platform.execution import Execution
from services.platform.executions import Executions
from services.sync.run import sync_recovery_instances_for_account
from standin.drs.fleet import holdings
from tests.execution.product import REGIONS, Product

DRILL_SECONDS = 3_000  # longer than any job
POLLS = 30


class Deployment:
    """One test's plans and servers, and a hand to turn the clock of DRS."""

    def __init__(self, product: Product) -> None:
        self.wiring = product.wiring
        self.aws = product.aws
        self.accounts = product.accounts
        self._servers = product.servers
        self._name = uuid4().hex
        self.advance()
        self._began = self.aws.call("GET", "clock")["now"]
        self._first_call = len(self.aws.calls())

    def place(self, number: int) -> Place:
        """The places in turn: both accounts in the first region, then both in the next."""
        return Place(
            self.accounts[number % len(self.accounts)], REGIONS[number // len(self.accounts)]
        )

    def protect(self, place: Place, count: int) -> list[str]:
        """So many new source servers of this place, without instances; their ids."""
        new = self.fleet(place, count, launched=False)["sourceServers"]
        self.put(place, sourceServers=new)
        return [str(server["sourceServerID"]) for server in new]

    def fleet(self, place: Place, count: int, *, launched: bool) -> dict[str, list[Any]]:
        """What a place holds of so many new servers.

        No test gets a server of another: its tombstone would be found.
        """
        known = self._servers[place]
        self._servers[place] = total = known + count
        body = holdings(*place, total, total if launched else 0, time.time())
        new = {
            name: body[name][known:] for name in ("sourceServers", "recoveryInstances", "instances")
        }
        rows = self.wiring.table.read(
            str(server["sourceServerID"]) for server in new["sourceServers"]
        )
        assert (rows.records, rows.unread) == ({}, frozenset()), "servers of another test"
        return {**new, "jobs": body["jobs"]}

    def jobs(self, place: Place) -> list[dict[str, Any]]:
        """The place's jobs of this test, the oldest first."""
        jobs = [it for it in self.holds(place)["jobs"] if it["creationDateTime"] >= self._began]
        return sorted(jobs, key=lambda it: str(it["creationDateTime"]))

    def put(self, place: Place, **items: object) -> None:
        """Items of the stand-in's place body."""
        self.aws.call("PUT", f"places/{place.account_id}/{place.region}", items)

    def holds(self, place: Place) -> dict[str, Any]:
        """All that the stand-in has in a place."""
        found: dict[str, Any] = self.aws.call("GET", f"places/{place.account_id}/{place.region}")
        return found

    def alter(self, place: Place, server_id: str, **changes: object) -> None:
        """Change the DRS record of a server's instance."""
        (record,) = self.records(place, server_id)
        self.put(place, recoveryInstances=[record | changes])

    def records(self, place: Place, server_id: str) -> list[dict[str, Any]]:
        """The DRS records of a server's instances."""
        return [
            it for it in self.holds(place)["recoveryInstances"] if it["sourceServerID"] == server_id
        ]

    def row(self, table: str, row: dict[str, Any]) -> None:
        """Any row of any table."""
        self.wiring.dynamodb.put_item(TableName=table, Item=encode_item(row))

    def plan(self, *waves: tuple[Place, Sequence[str]], name: str = "plan") -> str:
        """A recovery plan of these waves; its id."""
        plan_id = f"{name}-{self._name}"
        rows = [
            {
                "waveNumber": number,
                "waveName": f"Wave {number}",
                "serverIds": [*ids],
                **place._asdict(),
            }
            for number, (place, ids) in enumerate(waves, 1)
        ]
        for row in rows:
            row["accountId"] = row.pop("account_id")
        plan = {"planId": plan_id, "planName": "A plan", "waves": rows}
        self.row(self.wiring.settings.recovery_plans_table, plan)
        return plan_id

    @property
    def executions(self) -> Executions:
        """The execution history."""
        return executions_of(self.wiring)

    def execution(self, execution_id: str) -> Execution:
        """An execution as it stands."""
        return self.executions.read(execution_id)

    def call(
        self, method: str, resource: str, body: dict[str, Any] | None = None, **path: str
    ) -> tuple[int, Any]:
        """One API call through the routes; status and body."""
        return call_routes(ExecutionRoutes(self.wiring).routes, method, resource, body, path)

    def operate(self, operation: str, **values: Any) -> dict[str, Any]:
        """One direct operation."""
        return carry_out({"operation": operation, **values}, direct_operations(self.wiring))

    def step(self, operation: str, execution_id: str, wave: int = 1) -> dict[str, Any]:
        """One step of the state machine."""
        return self.operate(operation, executionId=execution_id, waveNumber=wave)

    def drive(self, execution_id: str, wave: int = 1) -> Execution:
        """Do what the state machine does, with the clock turned until each job is over."""
        step = {"waveNumber": wave, "moreWaves": True}
        while step["moreWaves"]:
            step = self.step("start_wave", execution_id, step["waveNumber"])
            for _ in range(POLLS):
                if step["waveDone"]:
                    break
                self.advance()
                step = self.step("poll_wave", execution_id, step["waveNumber"])
            assert step["waveDone"], "the wave never ends"
            step = self.step("sync_wave", execution_id, step["waveNumber"])
        self.operate("finish", executionId=execution_id)
        return self.execution(execution_id)

    def drill(
        self, *waves: tuple[Place, Sequence[str]], kind: str = "DRILL", replace: bool = False
    ) -> str:
        """Run a plan of these waves from beginning to end; the execution's id."""
        execution_id = self.begin(*waves, kind=kind, replace=replace)
        self.drive(execution_id)
        return execution_id

    def begin(
        self, *waves: tuple[Place, Sequence[str]], kind: str = "DRILL", replace: bool = False
    ) -> str:
        """Start a plan through the API, with nothing to drive it; the execution's id."""
        body = {"planId": self.plan(*waves), "executionType": kind, "replaceExisting": replace}
        status, answer = self.call("POST", "/executions", body)
        assert status == 202, answer
        return str(answer["executionId"])

    def terminate(self, execution_id: str, **body: Any) -> dict[str, Any]:
        """Ask for the execution's instances to be terminated."""
        resource = "/executions/{executionId}/terminate-instances"
        status, answer = self.call("POST", resource, body, executionId=execution_id)
        assert status == (200 if body.get("dryRun") else 202), answer
        models.Termination.model_validate(answer)
        return dict(answer)

    def termination(self, execution_id: str) -> dict[str, Any]:
        """How that does."""
        resource = "/executions/{executionId}/termination-status"
        status, answer = self.call("GET", resource, executionId=execution_id)
        assert status == 200, answer
        models.TerminationStatus.model_validate(answer)
        return dict(answer)

    def advance(self, seconds: float = DRILL_SECONDS) -> None:
        """Turn the clock that jobs run by."""
        self.aws.call("POST", "clock", {"advanceSeconds": seconds})

    def keep_busy(self, place: Place, jobs: int) -> None:
        """So many jobs of somebody else's servers."""
        client = self.wiring.sync_parts().clients.get("drs", place)
        for server_id in self.protect(place, jobs):
            client.start_recovery(sourceServers=[{"sourceServerID": server_id}], isDrill=True)

    def sync(self, *places: Place) -> None:
        """Look at these places whole."""
        parts = self.wiring.sync_parts()
        for place in places:
            sync_recovery_instances_for_account(parts, *place)

    @contextmanager
    def held_before(
        self, operation: str, place: Place, work: Callable[[], object]
    ) -> Iterator[None]:
        """Run `work` beside, held before its first call of this
        DRS operation until the block ends.
        """
        reached, go_on = Event(), Event()
        hooks, name = (
            self.wiring.sync_parts().clients.get("drs", place).meta.events,
            f"before-call.drs.{operation}",
        )

        def hold(**_: object) -> None:
            reached.set()
            assert go_on.wait(30)

        hooks.register_first(name, hold, unique_id="held")
        thread = Thread(target=work)
        thread.start()
        try:
            assert reached.wait(30), f"the work never called {operation}"
            hooks.unregister(name, unique_id="held")
            yield
        finally:
            go_on.set()
            thread.join(30)

    def shown(self, server_ids: Sequence[str], place: Place) -> dict[str, str]:
        """What a page shows of these servers: their instances' states; fails for unknown ones."""
        answer = self.wiring.reader.read(dict.fromkeys(server_ids, place))
        assert answer.unknown == []
        return {it.server_id: it.state for it in answer.entries.values() if not it.is_absent}

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """The logged calls of an operation since the test began."""
        return [it for it in self.aws.calls(self._first_call) if it["operation"] == operation]


def call_routes(
    routes: Any, method: str, resource: str, body: dict[str, Any] | None, path: dict[str, str]
) -> tuple[int, Any]:
    """A proxy event through the routes; status and body."""
    event = {"httpMethod": method, "resource": resource, "pathParameters": path}
    if body is not None:
        event["body"] = json.dumps(body)
    got = answer(event, routes)
    return got["statusCode"], json.loads(got["body"])


def drilled(
    deployment: Deployment, count: int = 2, places: int = 1, **plan: Any
) -> tuple[str, dict[Place, list[str]]]:
    """An execution that has launched so many servers in each of so
    many places, on a page that knows them all.
    """
    waves = {
        deployment.place(it): deployment.protect(deployment.place(it), count)
        for it in range(places)
    }
    deployment.sync(*waves)
    return deployment.drill(*waves.items(), **plan), waves


def ids_of(items: list[dict[str, Any]]) -> list[str]:
    """The server ids of these items of an answer."""
    return [item["sourceServerId"] for item in items]
