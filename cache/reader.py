"""The way out: the mirror, behind it the table, and an honest "unknown" for what neither could say.

A warm page is `read` and `_from_mirror`. What the mirror lacks is fetched (`cache.warming` settles
which of several reads goes to the table), while `cache.known_looks` asks what the looks at the
places vouch for.

A server without a row is absent only by a look that was known to be complete *before* its row was
asked for: all rows of a look are written before it completes, so an instance that look saw would
have been in the answer. Looks that were still being read meanwhile vouch for nothing; once they are
known, the rows that are missing are asked for again, and that second answer counts. By the same
rule a row is dated by a look (`_dated`) only if that look was known first.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING

from cache.answer import Answer, Read, Servers
from cache.entry import Entry
from cache.errors import MirrorUnavailable
from cache.known_looks import KnownLooks, Looks
from cache.mirror import Fresh, Mirror
from cache.values import Place
from cache.warming import fetch

if TYPE_CHECKING:
    from cache.looks import LookLog
    from cache.record import Record
    from cache.table import Table

REFILL_UNTIL = (
    2.0  # seconds after the read began; what was read is too old to be worth a write later
)
TABLE_TAKES = 0.1  # seconds; begun with less left, a read of the table brings nothing
ROWS_TAKE = 0.5  # seconds kept for rows while plans are asked where servers are
LOOKS_FIRST = 0.1  # seconds that the looks may take before the rows are asked for beside them
PLACES_TAKE = 1.0  # seconds an answer without the mirror waits for them: they name lost places


def no_plans(_server_ids: Iterable[str]) -> Mapping[str, Place]:
    """Where no plan says in which place a server is."""
    return {}


class Reader:
    """Answers for servers.

    The table and the look log come as callables: a warm read never builds them.

    `planned` says, of servers asked for by id alone, in which place a plan has them, as far as
    known.
    """

    def __init__(
        self,
        mirror: Mirror | None,
        table: "Callable[[], Table]",
        looks: "Callable[[], LookLog]",
        planned: Callable[[Iterable[str]], Mapping[str, Place]] = no_plans,
    ) -> None:
        self._mirror = mirror
        self._table = table
        self._looks = KnownLooks(looks)
        self._planned = planned
        self._threads = ThreadPoolExecutor(4, "planned")

    def read(
        self, servers: Servers, began: float | None = None, *, with_machines: bool = False
    ) -> Answer:
        """What is known of each server, within ANSWER_WITHIN seconds whatever is down.

        Never raises, never asks DRS.

        `servers` maps well-formed ids to the place they are planned in, or to None when that is not
        known. `began` (monotonic seconds, default now) is when the request came in, if time has
        gone into something else since.
        `with_machines` brings what is known of the protected machines, in the same round trip.
        """
        read = Read(servers, monotonic() if began is None else began, with_machines)
        answer = read.answer
        self.from_mirror(servers, read)
        answer.hits = len(answer.entries)
        if answer.hits < len(servers):
            missing = read.missing(servers)
            if self._mirror is not None:
                answer.missed = missing
            self._fetch(missing, read)
            answer.unknown = read.missing(servers)
        return answer

    def expect_misses(self) -> None:
        """Begin to ask for the looks: whoever has to wait for something
        else first need not wait for them after.
        """
        self._looks.ask()

    def from_mirror(self, server_ids: Collection[str], read: Read) -> None:
        """Take what the mirror holds into the answer, and note
        the broken values found on the way.
        """
        answer = read.answer
        if (mirror := self.usable(read)) is None:
            return
        try:
            found = mirror.read(list(server_ids), with_machines=read.with_machines)
        except MirrorUnavailable as error:
            answer.lose_mirror(error)
            return
        answer.places = answer.places or found.places
        looks = Looks(answer.places, answer.places)
        doubtful = found.entries.those(looks.may_not_hold).items()
        if gone := [it for it, facts in doubtful if not looks.vouch_for(facts, read.servers[it])]:
            found.entries.drop(gone)
        if found.entries and answer.mirrored_places is None:
            answer.mirrored_places = found.places
        if answer.entries:
            answer.entries.take(found.entries)
        else:
            answer.entries = found.entries
        answer.machines |= found.machines
        read.broken |= found.broken

    def _fetch(self, missing: list[str], read: Read) -> None:
        """The misses, unless it is too late to ask for them."""
        self._looks.ask()
        if bare := [it for it in missing if read.servers[it] is None]:
            read.servers = {**read.servers, **self._places_of(bare, read)}
        if monotonic() < read.deadline - TABLE_TAKES:
            fetch(missing, read, self)
        left = 0.0 if read.answer.places else min(PLACES_TAKE, read.deadline - monotonic())
        read.answer.places = self._looks.known(left, read.answer.places).places

    def _places_of(self, server_ids: list[str], read: Read) -> Mapping[str, Place]:
        """Where plans have these servers, if that can be said
        while there is time to read their rows.
        """
        planned = self._threads.submit(self._planned, server_ids)
        try:
            return planned.result(max(0.0, read.deadline - ROWS_TAKE - monotonic()))
        except TimeoutError:
            return {}

    def hopeful(self, server_ids: Iterable[str], read: Read) -> list[str]:
        """Those that the table should have an answer for, as far as the looks are known yet."""
        looks = self._looks.known(0, read.answer.places)
        if not self._looks.is_known:
            return list(server_ids)
        return [it for it in server_ids if looks.absence(it, read.servers[it])]

    def usable(self, read: Read) -> Mirror | None:
        """The mirror, if there is one and it has not failed during this read."""
        return None if read.answer.mirror_away else self._mirror

    def from_table(self, server_ids: Collection[str], read: Read) -> None:
        """Take the table's answer, and give it to the mirror."""
        if not server_ids:
            return
        looks = self._looks.known(LOOKS_FIRST, read.answer.places)
        rowless = self._rows(server_ids, looks, read)
        if late := [it for it in rowless if not looks.absence(it, read.servers[it])]:
            looks = self._looks.known(read.deadline - TABLE_TAKES - monotonic(), read.answer.places)
            if hopeful := [it for it in late if looks.absence(it, read.servers[it])]:
                self._rows(hopeful, looks, read)
        self._release(read.missing(server_ids), read)

    def _rows(self, server_ids: Collection[str], looks: Looks, read: Read) -> list[str]:
        """Take the rows, and the absences that looks known before
        vouch for; the servers without a row.
        """
        rows = self._table().read(server_ids, read.deadline)
        dated = {server_id: _dated(record, looks) for server_id, record in rows.records.items()}
        found = {it: row for it, row in dated.items() if not looks.may_not_hold(row)}
        rowless = [it for it in server_ids if it not in found and it not in rows.unread]
        for server_id in rowless:
            if absence := looks.absence(server_id, read.servers[server_id]):
                found[server_id] = absence
        read.answer.entries.add(found.values())
        if read.with_machines:
            read.answer.machines |= {server_id: it.server for server_id, it in found.items()}
        self._refill(
            [Fresh(it, rows.at, read.broken.get(it.server_id)) for it in found.values()], read
        )
        return rowless

    def _refill(self, fresh: list[Fresh], read: Read) -> None:
        """Put what was found into the mirror."""
        mirror = self.usable(read)
        if mirror is None or monotonic() > read.began + REFILL_UNTIL:
            return
        try:
            mirror.publish(fresh)
        except MirrorUnavailable as error:
            read.answer.lose_mirror(error)

    def _release(self, given_up: list[str], read: Read) -> None:
        """Release the claims on what was not found."""
        if given_up and (mirror := self.usable(read)) is not None:
            try:
                mirror.release(given_up)
            except MirrorUnavailable as error:
                read.answer.lose_mirror(error)


def _dated(record: "Record", looks: Looks) -> Entry:
    """The record's entry, as of the last look that is known to have found it so."""
    from cache.protocol import observed_at  # noqa: PLC0415  a warm read loads none of this

    return record.entry(observed_at=observed_at(record, looks.places.get(record.place)))
