"""Writers and readers race over both tiers; an oracle kept from the table's own answers judges
every read.

    python -m loadtests.race_soak --writes 1000000  # table in memory, a real Valkey
    python -m loadtests.race_soak --table dynamodb --writes 50000  # both over the network

Writers look at places, hold what they saw for a while, write it in any order, and are now and then
killed before they publish; the mirror is flushed, loses entries and scripts. Exit code 1 when a
read was wrong or an entry stayed stale.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import batched, chain, count
from random import Random
from threading import Event, Lock, Thread
from typing import Any, Literal

import click
from redis import Redis

from cache.entry import Entry
from cache.errors import MirrorUnavailable
from cache.mirror import Fresh, Mirror, entry_key
from cache.protocol import Change, Observation, Verdict, change_of
from cache.reader import Reader
from cache.record import InstanceState, Launch, Record
from cache.recorder import Confirmation
from cache.table import Table
from cache.values import Place, to_stamp
from loadtests.race_oracle import Oracle, nines
from loadtests.race_tiers import tiers

PLACE_SERVERS, PAGE_SERVERS = 200, 50
HELD = 0.2  # share of looks and publishes that others overtake
KILLED, FAULT = (
    0.02,
    0.05,
)  # share of looks that die before they publish, and that a fault of the mirror follows
FAULTS = (
    "answers that no row ever gave",
    "answers that went back",
    "stale for no reason",
    "stale after one clean sync",
)
WITHIN = (0.0, 1.0, 10.0, 60.0)  # seconds


@dataclass
class World:
    """What DRS has: the instance of each server, which anyone may relaunch or end at any time."""

    places: dict[Place, list[str]]
    alive: dict[str, int] = field(default_factory=dict)
    instances: Iterator[int] = field(default_factory=lambda: count(1))

    def stir(self, place: Place, random: Random) -> None:
        """A tenth of the place's instances go or are launched anew."""
        for server_id in random.sample(self.places[place], PLACE_SERVERS // 10):
            if random.random() < 0.3:
                self.alive.pop(server_id, None)
            else:
                self.alive[server_id] = next(self.instances)


@dataclass
class Soak:
    """One race. `looks` gives tickets and knows which places were looked at."""

    table: Table
    looks: Any
    redis: "Redis"
    world: World
    writes: int
    seed: int
    oracle: Oracle = field(default_factory=Oracle)
    upsets: int = 0  # faults that began, and that ended
    excused: set[str] = field(default_factory=set)
    unsent: list[list[list[Fresh]]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    done: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def run(self, writers: int, readers: int) -> None:
        """Race until all writes are made, then let one clean sync of each place pass."""
        racing = [
            Thread(target=self._write, args=(Random(self.seed + it),)) for it in range(writers)
        ]
        reading = [
            Thread(target=self._read, args=(Random(-self.seed - it),)) for it in range(readers)
        ]
        for thread in racing + reading:
            thread.start()
        for thread in racing:
            thread.join()
        self.done.set()
        for thread in reading:
            thread.join()
        stale = self._stale()
        self.counts["stale by a kill or a fault"] = len(stale & self.excused)
        self.counts["stale for no reason"] = len(stale - self.excused)
        for place in self.world.places:
            self._publish(self._record(*self._look(place)))
        self.counts["stale after one clean sync"] = len(self._stale())
        self.oracle.judge()
        self.counts["answers that no row ever gave"] = len(self.oracle.wrong)

    def _write(self, random: Random) -> None:
        """Looks and publishes are held back and let go in any order,
        so that older ones keep arriving late.
        """
        looks: list[tuple[Place, int, dict[str, int]]] = []
        unsent: list[list[Fresh]] = []
        self.unsent.append(unsent)
        while self._goes_on():
            place = random.choice(list(self.world.places))
            self.world.stir(place, random)
            looks.append(self._look(place))
            if len(looks) > 3 or random.random() > HELD:
                unsent.append(self._record(*looks.pop(random.randrange(len(looks)))))
                if random.random() < KILLED:
                    self._excuse([unsent.pop()])
                    self.counts["killed before publishing"] += 1
            if len(unsent) > 3 or (unsent and random.random() > HELD):
                fresh = random.choice(unsent)
                self._publish(fresh)
                unsent.remove(fresh)
            if random.random() < FAULT:
                self._fault(random)
        for fresh in unsent:
            self._publish(fresh)

    def _goes_on(self) -> bool:
        writes = self.counts["writes"]
        is_race = self.counts["table: older"] > 0
        return writes < self.writes or (not is_race and writes < 10 * self.writes)

    def _excuse(self, unsent: list[list[Fresh]]) -> None:
        """These may be older in the mirror than in the table until the
        next sync: nothing is said of them before.
        """
        with self.lock:
            self.excused |= {it.entry.server_id for fresh in unsent for it in fresh}

    def _publish(self, fresh: list[Fresh]) -> None:
        try:
            published = Mirror(lambda: self.redis).publish(fresh)
        except MirrorUnavailable:  # as in a sync: it fails nothing, and the next look heals it
            self._excuse([fresh])
            self.counts["publishes that failed"] += 1
            return
        with self.lock:
            self.counts["published"] += published.taken
            self.counts["publishes refused as older"] += published.refused

    def _look(self, place: Place) -> tuple[Place, int, dict[str, int]]:
        ticket = self.looks.draw_ticket()
        found = ((it, self.world.alive.get(it)) for it in self.world.places[place])
        return place, ticket, {it: number for it, number in found if number is not None}

    def _record(self, place: Place, ticket: int, seen: dict[str, int]) -> list[Fresh]:
        """As a sync does: behind its fence what differs, and what the index has and the look lacks.

        What to publish.

        A look that another has overtaken asks for its servers by id, under a new ticket, and writes
        all of them.
        """
        confirmation = Confirmation(ticket, _seen_at(ticket))
        is_complete = self.looks.raise_fence(place, ticket)
        stored = self.table.read_rows(self.world.places[place])
        if not is_complete:
            place, ticket, seen = self._look(place)
            self.counts["looks overtaken"] += 1
        present = {it for it, row in stored.rows.items() if row["presence"] == "present"}
        changes = [_change(it, place, number, ticket) for it, number in seen.items()]
        changes += [_change(it, place, None, ticket) for it in present - seen.keys()]
        fresh = []
        for it in chain(*self.table.write(changes, stored, may_skip=is_complete)):
            if it.verdict.is_write and it.row:
                said = it.row["version"], it.at, it.row.get("ec2InstanceId", "")
                self.oracle.history[it.change.server_id].append(said)
            if it.row and not it.verdict.is_open:
                confirmed = confirmation if it.verdict is Verdict.SAME else ()
                fresh.append(Fresh(Record.from_row(it.row).entry(*confirmed), it.at))
            self.counts[f"table: {it.verdict.name.lower()}"] += 1
        with self.lock:
            self.counts["writes"] += len(changes)
        if is_complete:
            gone = stored.rows.keys() - present - seen.keys()
            fresh += [
                Fresh(Record.from_row(stored.rows[it]).entry(*confirmation), stored.at)
                for it in gone
            ]
        return fresh

    def _fault(self, random: Random) -> None:
        with self.lock:
            self.counts["faults of the mirror"] += 1
            self.upsets += 1
        for unsent in self.unsent:
            self._excuse(list(unsent))  # an older publish may arrive where a newer one was lost
        match random.randrange(3):
            case 0:
                self.redis.flushall()
            case 1:
                self.redis.script_flush()
            case _:
                self.redis.delete(
                    *(entry_key(it) for it in random.sample(list(self.oracle.history), 20))
                )
        with self.lock:
            self.upsets += 1

    def _read(self, random: Random) -> None:
        reader = Reader(Mirror(lambda: self.redis), lambda: self.table, lambda: self.looks)
        everyone = {it: place for place, ids in self.world.places.items() for it in ids}
        seen: dict[str, int] = {}
        upsets = 0
        while not self.done.is_set():
            page = random.sample(list(everyone), PAGE_SERVERS)
            asked_at = time.monotonic()
            answer = reader.read({it: everyone[it] for it in page})
            self.oracle.reads += [(it, entry, asked_at) for it, entry in answer.entries.items()]
            hits = {
                it: entry.version for it, entry in answer.entries.items() if it not in answer.missed
            }
            if upsets != (upsets := self.upsets):
                seen.clear()  # a mirror that forgot may come back older, until the next sync
            else:
                self.counts["answers that went back"] += sum(
                    version < seen.get(it, 0) for it, version in hits.items()
                )
                seen |= hits
            with self.lock:
                self.counts["pages read"] += 1
                self.counts["answers unknown"] += len(answer.unknown)

    def _stale(self) -> set[str]:
        """The servers whose entry differs from their row."""
        mirror, ids = Mirror(lambda: self.redis), list(self.oracle.history)
        mirrored = {
            it: entry
            for part in batched(ids, PLACE_SERVERS)
            for it, entry in mirror.read(part).entries.items()
        }
        rows = {row["sourceServerId"]: row for row in self.table.scan()}
        return {
            it
            for it, entry in mirrored.items()
            if it in rows and entry.encode() != _entry_of(rows[it], entry).encode()
        }


def _entry_of(row: dict[str, Any], entry: Entry) -> Entry:
    """What the mirror should hold of the row; when a look
    confirmed it last is the entry's own word.
    """
    return Record.from_row(row).entry(entry.confirmed, to_stamp(entry.observed_at))


def _seen_at(ticket: int) -> str:
    return to_stamp(1_772_359_200_000 + ticket % 10**9)


def _change(server_id: str, place: Place, number: int | None, ticket: int) -> Change:
    ec2_id = f"i-{number:017x}" if number is not None else ""
    launch = Launch(
        recovery_instance_id=ec2_id,
        ec2_instance_id=ec2_id,
        ec2_instance_state=InstanceState.RUNNING,
    )
    seen = Observation(
        server_id=server_id,
        place=place,
        observed_at=_seen_at(ticket),
        launch=launch if number is not None else None,
    )
    return change_of(seen, ticket)


def soak(kind: Literal["memory", "dynamodb"], writes: int, servers_: int, seed: int = 7) -> Soak:
    """Race 4 writers and 4 readers for so many writes, and on until a row was overtaken (a race in
    which none was proves nothing), but for no more than ten times as many; what came of it.
    """
    places = [Place(f"{it:012}", "us-east-1") for it in range(max(1, servers_ // PLACE_SERVERS))]
    ids = {
        place: [f"s-{number * PLACE_SERVERS + it:017x}" for it in range(PLACE_SERVERS)]
        for number, place in enumerate(places)
    }
    with tiers(kind, places) as (table, looks, redis):
        race = Soak(table, looks, redis, World(ids), writes, seed)
        race.run(writers=4, readers=4)
    return race


@click.command(help=__doc__)
@click.option(
    "--table",
    "kind",
    type=click.Choice(["memory", "dynamodb"]),
    default="memory",
    show_default=True,
)
@click.option(
    "--writes", default=20_000, show_default=True, help="fenced writes of the table, at least"
)
@click.option("--servers", "servers_", default=3_000, show_default=True)
@click.option("--seed", default=7, show_default=True)
def main(kind: Literal["memory", "dynamodb"], writes: int, servers_: int, seed: int) -> None:
    """Race, print what the oracle says, and fail when it found a wrong answer."""
    began = time.monotonic()
    race = soak(kind, writes, servers_, seed)
    click.echo(
        f"4 writers, 4 readers, {servers_:,} servers, {kind} table, "
        f"{time.monotonic() - began:.0f} s, seed {seed}"
    )
    for what, number in sorted(race.counts.items()):
        click.echo(f"  {what:32} {number:>12,}")
    for within in WITHIN:
        late = sum(lag > within for lag in race.oracle.lags)
        click.echo(
            f"  {f'reads as the table within {within:.0f} s':32} "
            f"{nines(late, len(race.oracle.lags))}"
        )
    sys.exit(int(any(race.counts[fault] for fault in FAULTS)))


if __name__ == "__main__":
    main()
