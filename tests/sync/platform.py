"""One deployment of the product for one test, on the shared
servers: own tables, own accounts, own servers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from threading import Event, Thread
from typing import Any

from redis import Redis

from cache.attributes import encode_item
from cache.entry import Entry, decode
from cache.mirror import entry_key
from cache.record import Attribution
from cache.values import Place
from local.admin import StandInAdmin
from local.world_items import (
    Instance,
    Machine,
    origin_instance,
    recovery_ec2_instance,
    recovery_instance,
    source_server,
)
from services.sync.place import PlaceReport
from services.sync.report import SyncReport
from services.sync.run import sync_all_recovery_instances, sync_recovery_instances_after_wave
from services.sync.wiring import SyncWiring

HOME, ORIGIN = "us-east-1", "us-west-1"


@dataclass
class Platform:
    """The parts of one process, and the world they look at."""

    wiring: SyncWiring
    aws: StandInAdmin
    redis: "Redis[bytes]"
    account: str
    dice: Random
    launched: datetime = datetime(2026, 11, 1, tzinfo=UTC)

    @property
    def place(self) -> Place:
        """Where servers recover unless a test says otherwise."""
        return Place(self.account, HOME)

    @property
    def role(self) -> dict[str, str]:
        """The role of the account, with its external id."""
        return {
            "roleArn": f"arn:aws:iam::{self.account}:role/recovery-sync",
            "externalId": f"external-{self.account}",
        }

    def configure(self, *regions: str, **fields: object) -> None:
        """Declare the account to AWS and to the platform."""
        self.aws.call(
            "PUT", f"accounts/{self.account}", {"roles": [self.role], "disabledRegions": []}
        )
        for region in regions:
            self.put(Place(self.account, region), initialized=True)
        self.target(
            accountId=self.account, regions=list(regions), status="active", **self.role | fields
        )

    def target(self, **row: object) -> None:
        """A row of target-accounts."""
        self.row(self.wiring.settings.target_accounts_table, row)

    def row(self, table: str, row: dict[str, Any]) -> None:
        """Any row of any table."""
        self.wiring.dynamodb.put_item(TableName=table, Item=encode_item(row))

    def put(self, place: Place, **items: object) -> None:
        """Items of the stand-in's place body."""
        self.aws.call("PUT", f"places/{place.account_id}/{place.region}", items)

    def server(self, place: Place | None = None, number: int = 1) -> Machine:
        """A source server; odd numbers protect a machine in EC2, whose account is the same."""
        place = place or self.place
        machine = Machine.roll(
            self.dice, number, place.account_id, place.region, (place.account_id, ORIGIN)
        )
        self.put(place, sourceServers=[source_server(machine)])
        if machine.origin:
            self.put(Place(*machine.origin), instances=[origin_instance(machine)])
        return machine

    def launch(self, machine: Machine, *, drill: bool = True, state: str = "running") -> Instance:
        """A new instance of the server under a new job; its earlier ones stay as they are."""
        self.launched += timedelta(hours=1)
        job_id = f"drsjob-{self.dice.getrandbits(68):017x}"
        instance = Instance.roll(
            self.dice, machine, job_id, self.launched, drill=drill, leftover=False
        )
        instance.state = state
        self.show(instance)
        return instance

    def show(self, instance: Instance) -> None:
        """Put the instance as it stands into DRS and EC2."""
        place = Place(instance.machine.account, instance.machine.region)
        known_to_ec2 = [] if instance.state == "not-found" else [recovery_ec2_instance(instance)]
        self.put(place, recoveryInstances=[recovery_instance(instance)], instances=known_to_ec2)

    def forget(self, instance: Instance) -> None:
        """Take the instance out of DRS and EC2."""
        for kind in ("recoveryInstances", "instances"):
            self.aws.call(
                "DELETE",
                f"places/{instance.machine.account}/{instance.machine.region}/{kind}/{instance.id}",
            )

    def executed(self, instance: Instance, execution_id: str = "exec-1") -> Attribution:
        """Write the execution that launched the instance into the history."""
        wave = {"waveNumber": 1, "jobId": instance.job_id, "serverIds": [instance.machine.id]}
        table = self.wiring.settings.execution_history_table
        self.row(table, {"executionId": execution_id, "planName": "A plan", "waves": [wave]})
        return Attribution(source_execution_id=execution_id, source_plan_name="A plan")

    def sync(self) -> SyncReport:
        """One full sync."""
        return sync_all_recovery_instances(self.wiring.sync_parts())

    def sync_wave(self, instance: Instance, known: Attribution) -> PlaceReport:
        """The sync after the wave that launched this instance."""
        place = Place(instance.machine.account, instance.machine.region)
        known_jobs = {instance.job_id: known}
        return sync_recovery_instances_after_wave(
            self.wiring.sync_parts(), place, [instance.machine.id], known_jobs, wave_number=1
        )

    def rows(self, *machines: Machine) -> dict[str, dict[str, Any]]:
        """Rows by server id as they stand."""
        return self.wiring.table.read_rows([machine.id for machine in machines])[0]

    def mirrored(self, machine: Machine) -> Entry | None:
        """The server's entry as Redis holds it."""
        return decode(self.redis.hget(entry_key(machine.id), "page"), machine.id)

    def shown(self, machine: Machine) -> str | None:
        """What a page shows: the instance's id, None for none; fails for unknown."""
        answer = self.wiring.reader.read({machine.id: Place(machine.account, machine.region)})
        assert answer.unknown == []
        row = self.rows(machine).get(machine.id, {})
        entry = answer.entries[machine.id]
        assert entry.is_absent == (row.get("presence", "absent") == "absent"), (
            "the page shows what the table says"
        )
        return None if entry.is_absent else row["ec2InstanceId"]

    @contextmanager
    def held_before(
        self,
        operation: str,
        work: Callable[[], object],
        nth: int = 1,
        place: Place | None = None,
    ) -> Iterator[None]:
        """Run `work` beside, held before its nth call of this DRS
        operation until the block ends; then wait for it.
        """
        reached, go_on, calls = Event(), Event(), count(1)
        events = self.wiring.sync_parts().clients.get("drs", place or self.place).meta.events

        def wait(**_: object) -> None:
            if next(calls) == nth:
                reached.set()
                assert go_on.wait(30)

        events.register_first(f"before-call.drs.{operation}", wait, unique_id="held")
        thread = Thread(target=work)
        thread.start()
        try:
            assert reached.wait(30), f"the work never called {operation}"
            events.unregister(f"before-call.drs.{operation}", unique_id="held")
            yield
        finally:
            go_on.set()
            thread.join(30)
            assert not thread.is_alive()
