"""The way out: the mirror, behind it the table, and an honest "unknown" for whatever neither could say in time."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from cache.entry import ABSENT, Entries, Entry, Facts
from cache.errors import MirrorUnavailable, TableUnavailable
from cache.mirror import Fresh, Mirror
from cache.values import Place, PlaceLook

if TYPE_CHECKING:
    from cache.looks import LookLog
    from cache.table import Table

logger = logging.getLogger(__name__)
ANSWER_WITHIN = 2.5  # seconds for the whole read, so that a page stays under 3 s
REFILL_UNTIL = (
    2.0  # seconds after the read began; later, what was read is too old to be worth a write
)
WAIT_FOR_WARMER = (
    1.5  # seconds after the read began that others poll the mirror while one reads the table
)
POLL_EVERY = 0.05
LOOKS_KEPT = 5.0  # seconds, a failure too; an older look only makes an absence older, never wrong
LOOKS_TAKE = 1.5  # seconds at most
TABLE_TAKES = (
    0.4  # seconds; begun with less left, a read of the table brings little and keeps others waiting
)

type Servers = Mapping[str, Place | None]


@dataclass(slots=True)
class Answer:
    """What is known of the servers asked for. Every id is in exactly one of `entries` and `unknown`."""

    entries: Entries = field(default_factory=Entries)
    unknown: list[str] = field(default_factory=list)
    places: dict[str, PlaceLook] = field(default_factory=dict)
    hits: int = 0
    missed: list[str] = field(default_factory=list)
    mirror_away: bool = False

    @property
    def as_of(self) -> int | None:
        """Epoch ms of the oldest look behind the answer; None when nothing is known."""
        return self.as_of_facts(self.entries.distinct_facts())

    def as_of_facts(self, facts: Iterable[Facts]) -> int | None:
        """The same for some of the entries.

        An absent server is as old as the last complete look at its place: any later instance would have shown in it.
        """
        return min(
            [self._looked_at(it) if it.is_absent else it.observed_at for it in facts], default=None
        )

    def _looked_at(self, absence: Facts) -> int:
        look = self.places.get(absence.place)
        return max(absence.observed_at, look.completed_at) if look else absence.observed_at


@dataclass(slots=True)
class _Read:
    """One read on its way. `absences` stand in for servers without a row; None where such a server is unknown."""

    servers: Servers
    began: float
    answer: Answer = field(default_factory=Answer)
    broken: dict[str, bytes] = field(default_factory=dict)
    absences: dict[str, Entry | None] = field(default_factory=dict)

    def missing(self, server_ids: Iterable[str]) -> list[str]:
        """Those of these servers that have no entry yet."""
        return [it for it in server_ids if it not in self.answer.entries]


class Reader:
    """Answers for servers. The table and the look log come as callables: a warm read never builds them.

    Their clients must give up on one call within LOOKS_TAKE: the read's own deadline does not reach into the look log.
    """

    def __init__(
        self, mirror: Mirror | None, table: "Callable[[], Table]", looks: "Callable[[], LookLog]"
    ) -> None:
        self._mirror = mirror
        self._table = table
        self._looks = looks
        self._known_looks: dict[str, PlaceLook] = {}
        self._looks_until = 0.0

    def read(self, servers: Servers, began: float | None = None) -> Answer:
        """What is known of each server, within ANSWER_WITHIN seconds whatever is down. Never raises, never asks DRS.

        `servers` maps well-formed ids to the place they are planned in, or to None when that is not known. `began`
        (monotonic seconds, default now) is when the request came in, if time has gone into something else since.
        """
        read = _Read(servers, monotonic() if began is None else began)
        answer = read.answer
        read.broken = self._from_mirror(servers, answer)
        answer.hits = len(answer.entries)
        if answer.hits < len(servers):
            answer.missed = read.missing(servers)
            self._fetch(read)
            answer.unknown = read.missing(servers)
        return answer

    def _fetch(self, read: _Read) -> None:
        """The misses, unless it is too late to ask for them."""
        # The looks come first: rows of a look are all written before it counts as complete. The other way round,
        # a row written in between would make its server a false "none".
        looks = self._places(read.began)
        read.absences = {it: _never_seen(it, read.servers[it], looks) for it in read.answer.missed}
        if monotonic() < read.began + ANSWER_WITHIN - TABLE_TAKES:
            self._from_either(read)
        read.answer.places |= looks

    def _from_either(self, read: _Read) -> None:
        """The misses: from the table, or from the mirror where another read is fetching them already."""
        others = self._claimed_by_others(read.answer.missed, read)
        self._from_table([it for it in read.answer.missed if it not in others], read)
        while others and self._usable(read.answer) and monotonic() < read.began + WAIT_FOR_WARMER:
            time.sleep(POLL_EVERY)
            self._from_mirror({it: read.servers[it] for it in others}, read.answer)
            left = read.missing(others)
            others = self._claimed_by_others(left, read)
            self._from_table([it for it in left if it not in others], read)
        self._from_table(others, read)

    def _usable(self, answer: Answer) -> Mirror | None:
        """The mirror, if there is one and it has not failed during this read."""
        return None if answer.mirror_away else self._mirror

    def _from_mirror(self, servers: Servers, answer: Answer) -> dict[str, bytes]:
        """Take what the mirror holds into the answer; the broken values found on the way."""
        if (mirror := self._usable(answer)) is None:
            return {}
        try:
            found = mirror.read(list(servers))
        except MirrorUnavailable as error:
            _lose(answer, error)
            return {}
        answer.places = answer.places or found.places
        rowless = found.entries.rowless()
        if others := [
            it
            for it, facts in rowless.items()
            if not _answers_for(facts, servers[it], answer.places)
        ]:
            found.entries.drop(others)
        if answer.entries:
            answer.entries.take(found.entries)
        else:
            answer.entries = found.entries
        return found.broken

    def _claimed_by_others(self, server_ids: Iterable[str], read: _Read) -> set[str]:
        """Those of these servers that another read is fetching already; the rest are ours.

        Only servers the table should have an answer for are claimed: for one that stays unknown nobody should wait.
        """
        sure = [it for it in server_ids if read.absences[it]]
        if sure and (mirror := self._usable(read.answer)) is not None:
            try:
                return set(sure) - mirror.claim(sure)
            except MirrorUnavailable as error:
                _lose(read.answer, error)
        return set()

    def _from_table(self, server_ids: Collection[str], read: _Read) -> None:
        """Take the table's answer, and give it to the mirror."""
        if not server_ids:
            return
        rows = self._table().read(server_ids, read.began + ANSWER_WITHIN)
        found = {server_id: record.entry() for server_id, record in rows.records.items()}
        for server_id in server_ids:
            absence = read.absences[server_id]
            if absence is not None and server_id not in found and server_id not in rows.unread:
                found[server_id] = absence
        read.answer.entries.add(found.values())
        fresh = [Fresh(entry, rows.at, read.broken.get(it)) for it, entry in found.items()]
        self._refill(fresh, [it for it in read.missing(server_ids) if read.absences[it]], read)

    def _places(self, began: float) -> dict[str, PlaceLook]:
        """The looks at each place as the table knows them, or as it knew them last when it cannot say in time."""
        if self._looks_until < monotonic() < began + ANSWER_WITHIN - LOOKS_TAKE:
            try:
                self._known_looks = self._looks().places()
            except TableUnavailable as error:  # what was known stays true, only older
                logger.warning("The looks could not be read: %s", error)
            self._looks_until = monotonic() + LOOKS_KEPT
        return self._known_looks

    def _refill(self, fresh: list[Fresh], given_up: list[str], read: _Read) -> None:
        """Put what was found into the mirror, and release the claims on what was not."""
        mirror = self._usable(read.answer)
        if mirror is None or monotonic() > read.began + REFILL_UNTIL:
            return
        try:
            mirror.publish(fresh)
            if given_up:
                mirror.release(given_up)
        except MirrorUnavailable as error:
            _lose(read.answer, error)


def _lose(answer: Answer, error: MirrorUnavailable) -> None:
    """Go on without the mirror, for this read; nothing fails in silence."""
    answer.mirror_away = True
    logger.warning("The mirror could not be asked: %s", error)


def _answers_for(absence: Facts, place: Place | None, places: Mapping[str, PlaceLook]) -> bool:
    """Whether a mirrored absence without a row, put there for one place, says the same of this one."""
    look = places.get(str(place))
    return absence.place == (str(place) if place else "") or (
        look is not None and look.completed_at > 0
    )


def _never_seen(
    server_id: str, place: Place | None, places: Mapping[str, PlaceLook]
) -> Entry | None:
    """The absence of a server without a row, once its place (or, not knowing that, every place) was looked at whole."""
    looked = [places.get(str(place))] if place else list(places.values())
    completed = [look.completed_at if look else 0 for look in looked]
    if not completed or not all(completed):
        return None
    return Entry(server_id, 0, min(completed), ABSENT, None, str(place) if place else "", b"")
