"""Random histories of looks, crashes, reads and faults on the real
servers, against a plain model of what must be.
"""

from dataclasses import dataclass
from itertools import chain, count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from cache.looks import LookLog, place_looks
from cache.mirror import PLACES, Fresh, Mirror, entry_key, lock_key
from cache.protocol import Change, Observation, Verdict, change_of, decide, may_pass, may_raise
from cache.reader import Reader
from cache.record import Record
from cache.recorder import Confirmation, Recorder
from cache.table import Stored, Table
from cache.values import Place, PlaceLook, to_stamp
from local.memory_table import MemoryTable
from tests.tiers.conftest import Tables, table_of
from tests.tiers.fuzz import rubbish
from tests.tiers.samples import PROPERTY, details, launch, server_id

SERVERS = 2
BEGAN_AT = 1_772_359_200_000
ORIGINAL_KEYS = (
    "sourceServerId", "recoveryInstanceId", "ec2InstanceId", "ec2InstanceState", "name",
    "privateIp", "publicIp",
    "instanceType", "launchTime", "region", "sourceExecutionId", "sourcePlanName",
)  # fmt: skip
REQUIRED = {
    "sourceServerId",
    "recoveryInstanceId",
    "ec2InstanceId",
    "ec2InstanceState",
    "name",
    "instanceType",
}
_machines = count(1)

SPOILS = ("flush", "entry", "scripts", "places", "type")
servers, places = st.integers(0, SERVERS - 1), st.integers(0, 1)


@dataclass
class Look:
    """What a sync of one place saw and has not recorded yet."""

    ticket: int
    place: Place
    seen_at: str
    seen: dict[str, int]

    @property
    def confirmation(self) -> Confirmation:
        """What it says of the rows that it finds true."""
        return Confirmation(self.ticket, self.seen_at)


@dataclass
class Tiers:
    """What the machine runs on."""

    table: Table
    looks: LookLog
    redis: Redis


class Histories(RuleBasedStateMachine):
    """DRS as a dict, looks that end in any order or not at all,
    readers, and a mirror that is spoiled.
    """

    tiers: ClassVar[Tiers]

    def __init__(self) -> None:
        super().__init__()
        self.table, self.redis, self.looks = self.tiers.table, self.tiers.redis, self.tiers.looks
        self.mirror = Mirror(lambda: self.redis)
        self.recorder = Recorder(self.table, self.mirror)
        number = next(_machines)
        self.ids = [server_id(number * 100 + it) for it in range(SERVERS)]
        self.places = [Place(f"{number:012}", region) for region in ("us-east-1", "eu-west-1")]
        self.world: dict[str, tuple[Place, int]] = {}
        self.oracle: dict[str, dict[str, Any]] = {}
        self.running: list[Look] = []
        self.fences: dict[str, int] = {}
        self.mirrored: dict[str, tuple[int, int]] = {}
        self.unsent: list[list[Fresh]] = []
        self.instances = count(1)
        self.clock = BEGAN_AT
        self.tickets = count(1)

    @initialize()
    def empty(self) -> None:
        """Every history begins with an empty mirror."""
        self.redis.flushall()

    @rule(server=servers, place=places, synced=st.sampled_from([None, False, True]))
    def launches(self, server: int, place: int, *, synced: bool | None) -> None:
        """A launch destroys the instance before it, wherever that was.

        A wave may sync at once, with details or not.
        """
        self.world[self.ids[server]] = self.places[place], next(self.instances)
        if synced is not None:
            self._sync(self.places[place], with_details=synced)

    @rule(server=servers)
    def goes(self, server: int) -> None:
        """An instance is terminated."""
        self.world.pop(self.ids[server], None)

    @rule(place=places)
    def begins(self, place: int) -> None:
        """A sync draws its ticket and looks."""
        self.running.append(self._look(self.places[place]))

    @rule(place=places, with_details=st.booleans())
    def syncs(self, place: int, *, with_details: bool) -> None:
        """A sync from its ticket to its publish, between the steps of all that are slower."""
        self._sync(self.places[place], with_details=with_details)

    @rule(which=st.integers(0, 9), with_details=st.booleans())
    def writes(self, which: int, *, with_details: bool) -> None:
        """Whichever look writes what it saw to the table.

        Killed or slow, it publishes later or never.
        """
        if self.running:
            look = self.running.pop(which % len(self.running))
            if not self._raises(look):
                return
            fresh = []
            changes, stored = self._changes(look, with_details=with_details)
            for written in chain(*self.table.write(changes, stored, may_skip=True)):
                if written.row and not written.verdict.is_open:
                    said = look.confirmation if written.verdict is Verdict.SAME else ()
                    fresh.append(Fresh(Record.from_row(written.row).entry(*said), written.at))
            self.unsent.append(fresh)

    @rule()
    def is_read_slowly(self) -> None:
        """A reader has read the table, and refills later or never."""
        rows = self.table.read(self.ids)
        self.unsent.append([Fresh(record.entry(), rows.at) for record in rows.records.values()])

    @rule(which=st.integers(0, 9))
    def publishes(self, which: int) -> None:
        """Whatever was held back reaches the mirror, in any order."""
        if self.unsent:
            self.mirror.publish(self.unsent.pop(which % len(self.unsent)))

    @rule(
        spoil=st.sampled_from(["flush", "entry", "scripts", "places", "type"]),
        server=servers,
        seed=st.integers(0, 99),
    )
    def spoils(self, spoil: str, server: int, seed: int) -> None:
        """The mirror forgets, or holds rubbish."""
        key = entry_key(self.ids[server])
        match spoil:
            case "flush":
                self.redis.flushall()
            case "entry":
                self.redis.delete(key)
                self.redis.hset(key, "page", next(rubbish(seed, 1)))
            case "scripts":
                self.redis.script_flush()
            case "places":
                self.redis.set(PLACES, "x")
            case _:
                self.redis.delete(key)
                self.redis.rpush(key, "x")

    @rule(planned=st.none() | places)
    def reads(self, planned: int | None) -> None:
        """Whatever a page is told, some row said so, and what the table has is never withheld."""
        place = None if planned is None else self.places[planned]
        self.redis.delete(*(lock_key(it) for it in self.ids))  # earlier claims have run out
        answer = self._reader().read(dict.fromkeys(self.ids, place))
        for server in self.ids:
            row, entry = self.oracle.get(server), answer.entries.get(server)
            assert entry is None or entry.version <= (row["version"] if row else 0)
            assert entry is not None or row is None, "what the table knows is never unknown"
            if row is None and entry is not None:
                looked = self.looks.places()
                assert entry.is_absent
                assert all(looked[str(it)].completed_at for it in ([place] if place else []))

    @invariant()
    def agrees(self) -> None:
        """The table is the fold of the pure functions; the mirror is
        never ahead and never tells one version twice.
        """
        rows, unread, _ = self.table.read_rows(self.ids)
        assert not unread
        assert rows == self.oracle
        for said in rows.values():
            if "privateIp" in said:
                assert (
                    said["privateIp"] == details(int(said["ec2InstanceId"][2:], 16)).private_ip
                ), "another's details"
        mirrored = self.mirror.read(self.ids).entries
        for server, entry in mirrored.items():
            row = rows.get(server)
            assert entry.version <= (row["version"] if row else 0)
            pair = entry.version, entry.confirmed
            assert pair >= self.mirrored.get(server, (0, 0)), "the mirror went back"
            if row is not None and entry.version == row["version"]:
                said = entry.confirmed, to_stamp(entry.observed_at)
                assert entry.encode() == Record.from_row(row).entry(*said).encode()
        self.mirrored = {it: (entry.version, entry.confirmed) for it, entry in mirrored.items()}

    def teardown(self) -> None:
        """One clean sync heals everything; a second one changes nothing but when it was."""
        for place in self.places:
            self._sync(place)
        healed = {server: dict(row) for server, row in self.oracle.items()}
        while self.unsent:
            self.publishes(0)
        self._agrees_with_the_world()
        for place in self.places:
            self._sync(place)
        self._agrees_with_the_world()
        for server, row in self.oracle.items():
            moved = {name for name in row if name.endswith("ObservedAt")} | {
                "version",
                "lastSyncTime",
            }
            assert {n: it for n, it in row.items() if n not in moved} == {
                n: it for n, it in healed[server].items() if n not in moved
            }
        looked = self.looks.places()
        assert all(looked[str(it)].outcome == "seen" for it in self.places), (
            "every place is looked at or named"
        )

    def _agrees_with_the_world(self) -> None:
        answer = self._reader().read(dict.fromkeys(self.ids))
        mirrored = self.mirror.read(self.ids).entries
        for server in self.ids:
            entry, there = answer.entries[server], self.world.get(server)
            assert entry.is_absent == (there is None)
            assert mirrored[server] == entry
            if there is None:
                continue
            item = Record.from_row(self.oracle[server]).page_item()
            assert tuple(item)[:12] == ORIGINAL_KEYS
            assert all(item[name] for name in REQUIRED)
            assert (item["accountId"], item["region"]) == there[0]
            assert item["ec2InstanceId"] == launch(there[1]).ec2_instance_id
            assert item["privateIp"] == details(there[1]).private_ip

    def _look(self, place: Place) -> Look:
        self.clock += 1000
        seen = {server: number for server, (where, number) in self.world.items() if where == place}
        return Look(next(self.tickets), place, to_stamp(self.clock), seen)

    def _raises(self, look: Look) -> bool:
        """Whether the look is the newest to have listed its place; the oracle knows too."""
        place = str(look.place)
        rises = may_raise(self.fences.get(place), look.ticket)
        assert self.looks.raise_fence(look.place, look.ticket) is rises
        if rises:
            self.fences[place] = look.ticket
        return rises

    def _changes(self, look: Look, *, with_details: bool) -> tuple[list[Change], Stored]:
        """What was seen, and what the index of the place has and
        the look lacks; the oracle takes note.
        """
        stored = self.table.read_rows(self.ids)
        seen = {
            it: self._observation(look, it, number, with_details=with_details)
            for it, number in look.seen.items()
        }
        here = self.table.servers_in(look.place).items()
        gone = {it for it, presence in here if presence == "present"} - seen.keys()
        seen |= {it: self._observation(look, it, None, with_details=False) for it in gone}
        changes = [change_of(it, look.ticket) for it in seen.values()]
        before = dict(self.oracle)
        for change in changes:
            self._fold(change)
        for server, row in before.items():
            assert self.oracle[server]["lastSyncTime"] >= row["lastSyncTime"], (
                "lastSyncTime never goes back"
            )
        return changes, stored

    def _sync(self, place: Place, *, with_details: bool = True) -> None:
        look = self._look(place)
        assert self._raises(look)
        changes, stored = self._changes(look, with_details=with_details)
        self.recorder.record(changes, stored, look.confirmation)
        gone = {
            it: row
            for it, row in stored.rows.items()
            if (row["place"], row["presence"]) == (str(place), "absent") and it not in look.seen
        }
        self.recorder.confirm(stored._replace(rows=gone), look.confirmation)
        facts = {"outcome": "seen", "startedAt": look.seen_at, "endedAt": look.seen_at}
        if known := self.looks.note(look.place, look.ticket, facts, completed=True):
            self.recorder.publish_place(str(look.place), known)

    def _fold(self, change: Change) -> None:
        row = self.oracle.get(change.server_id)
        verdict, after = decide(row, change, may_skip=True)
        places = {change.place, row["place"] if row else change.place}
        passes = all(may_pass(self.fences.get(it), change.version) for it in places)
        if verdict.is_write and passes and after is not None:
            self.oracle[change.server_id] = after

    @staticmethod
    def _observation(
        look: Look, server: str, number: int | None, *, with_details: bool
    ) -> Observation:
        return Observation(
            server_id=server,
            place=look.place,
            observed_at=look.seen_at,
            launch=None if number is None else launch(number),
            details=details(number) if with_details and number is not None else None,
        )

    def _reader(self) -> Reader:
        return Reader(self.mirror, lambda: self.table, lambda: self.looks)


class MemoryLooks(LookLog):
    """Looks in memory, for machines without DynamoDB."""

    def __init__(self, table: MemoryTable) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._table = table

    def raise_fence(self, place: Place, ticket: int) -> bool:
        """As the log in DynamoDB."""
        return self._table.raise_fence(place, ticket)

    def note(self, place: Place, ticket: int, facts: Any, *, completed: bool) -> PlaceLook | None:
        """As the log in DynamoDB."""
        row = self._rows.setdefault(str(place), {"id": f"place#{place}", "ticket": 0})
        if row["ticket"] >= ticket:
            return None
        row |= (
            dict(facts)
            | {"ticket": ticket}
            | ({"completedAt": facts["endedAt"], "completedTicket": ticket} if completed else {})
            | ({"listedAt": facts["startedAt"]} if completed else {})
        )
        return self.places()[str(place)]

    def places(self) -> dict[str, PlaceLook]:
        """As the log in DynamoDB."""
        return place_looks(self._rows.values())


def run(tiers: Tiers, steps: int) -> None:
    """100 histories on these tiers."""
    machine = type("Histories", (Histories,), {"tiers": tiers})
    run_state_machine_as_test(
        machine,
        settings=settings(
            PROPERTY, stateful_step_count=steps, suppress_health_check=[HealthCheck.too_slow]
        ),
    )


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("server", ["valkey9", "redis7"])
def test_any_history_keeps_the_invariants(server: str, request: pytest.FixtureRequest) -> None:
    """On each real server, with the table in memory."""
    table = MemoryTable()
    run(Tiers(table, MemoryLooks(table), request.getfixturevalue(server)), steps=20)


@pytest.mark.usefixtures("patient")
def test_any_history_keeps_the_invariants_in_dynamodb_too(
    http_tables: Tables, valkey9: Redis
) -> None:
    """On the real servers of both tiers."""
    deployment = http_tables.settings()
    table = table_of(http_tables.client, deployment)
    run(Tiers(table, LookLog(http_tables.client, deployment.sync_status_table), valkey9), steps=6)
