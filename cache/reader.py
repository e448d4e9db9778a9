"""The way out: the mirror, behind it the table, and an honest "unknown" for whatever neither could say in time."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from cache.entry import ABSENT, Entry, Place, PlaceLook
from cache.errors import MirrorUnavailable, TableUnavailable
from cache.mirror import Fresh, Mirror

if TYPE_CHECKING:
    from cache.looks import LookLog
    from cache.table import Table

ANSWER_WITHIN = 2.7  # seconds for the whole read, so that a page stays under 3 s
REFILL_UNTIL = 2.0  # seconds after the read began; later, what was read is too old to be worth a write
WAIT_FOR_WARMER = 1.5  # seconds after the read began that others poll the mirror while one reads the table
POLL_EVERY = 0.05
LOOKS_KEPT = 5.0  # seconds; an older look only makes an absence older, never wrong


@dataclass(slots=True)
class Answer:
    """What is known of the servers asked for. Every id is in exactly one of `entries` and `unknown`."""

    entries: dict[str, Entry] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    places: dict[str, PlaceLook] = field(default_factory=dict)
    hits: int = 0
    missed: list[str] = field(default_factory=list)
    mirror_away: bool = False

    @property
    def as_of(self) -> int | None:
        """Epoch ms of the oldest look behind the answer; None when nothing is known."""
        return self.as_of_entries(self.entries.values())

    def as_of_entries(self, entries: Iterable[Entry]) -> int | None:
        """The same for some of the entries.

        An absent server is as old as the last complete look at its place: any later instance would have shown in it.
        """
        return min(map(self._looked_at, entries), default=None)

    def _looked_at(self, entry: Entry) -> int:
        look = self.places.get(entry.place) if entry.is_absent else None
        return max(entry.observed_at, look.completed_at) if look else entry.observed_at


class Reader:
    """Answers for servers. The table and the look log come as callables: a warm read never builds them."""

    def __init__(self, mirror: Mirror | None, table: "Callable[[], Table]", looks: "Callable[[], LookLog]") -> None:
        self._mirror = mirror
        self._table = table
        self._looks = looks
        self._known_looks: dict[str, PlaceLook] = {}
        self._looks_until = 0.0

    def read(self, servers: Mapping[str, Place | None]) -> Answer:
        """What is known of each server, within ANSWER_WITHIN seconds whatever is down. Never raises, never asks DRS.

        `servers` maps well-formed ids to the place they are planned in, or to None when that is not known.
        """
        began = monotonic()
        answer = Answer()
        broken = self._from_mirror(list(servers), answer)
        answer.hits = len(answer.entries)
        answer.missed = [it for it in servers if it not in answer.entries]
        if answer.missed:
            mine = self._claim(answer)
            self._from_table({it: servers[it] for it in mine}, answer, broken, began)
            left = self._await_others([it for it in answer.missed if it not in mine], answer, began)
            self._from_table({it: servers[it] for it in left}, answer, broken, began)
        answer.unknown = [it for it in servers if it not in answer.entries]
        return answer

    def _usable(self, answer: Answer) -> Mirror | None:
        """The mirror, if there is one and it has not failed during this read."""
        return None if answer.mirror_away else self._mirror

    def _from_mirror(self, server_ids: list[str], answer: Answer) -> dict[str, bytes]:
        """Take what the mirror holds into the answer; the broken values found on the way."""
        if (mirror := self._usable(answer)) is None:
            return {}
        try:
            found = mirror.read(server_ids)
        except MirrorUnavailable:
            answer.mirror_away = True
            return {}
        answer.entries |= found.entries
        answer.places = answer.places or found.places
        return found.broken

    def _claim(self, answer: Answer) -> set[str]:
        """The missed servers this read should fetch; without a mirror that is all of them."""
        if (mirror := self._usable(answer)) is not None:
            try:
                return mirror.claim(answer.missed)
            except MirrorUnavailable:
                answer.mirror_away = True
        return set(answer.missed)

    def _await_others(self, server_ids: list[str], answer: Answer, began: float) -> list[str]:
        """Poll the mirror for what other reads are fetching; the servers that did not come."""
        left = server_ids
        while left and self._usable(answer) and monotonic() < began + WAIT_FOR_WARMER:
            time.sleep(POLL_EVERY)
            self._from_mirror(left, answer)
            left = [it for it in left if it not in answer.entries]
        return left

    def _from_table(
        self, servers: Mapping[str, Place | None], answer: Answer, broken: Mapping[str, bytes], began: float
    ) -> None:
        """Take the table's answer, and give it to the mirror."""
        if not servers:
            return
        # The looks come first: rows of a look are all written before it counts as complete. The other way round,
        # a row written in between would make its server a false "none".
        places = self._places()
        rows = self._table().read(servers, began + ANSWER_WITHIN)
        answer.places |= places
        found = {server_id: record.entry() for server_id, record in rows.records.items()}
        for server_id in servers.keys() - found.keys() - rows.unread:
            if (entry := _never_seen(server_id, servers[server_id], places)) is not None:
                found[server_id] = entry
        answer.entries |= found
        self._refill([Fresh(entry, rows.at, broken.get(it)) for it, entry in found.items()], answer, began)

    def _places(self) -> dict[str, PlaceLook]:
        """The looks at each place as the table knows them, or as it knew them last."""
        if monotonic() > self._looks_until:
            try:
                self._known_looks = self._looks().places()
                self._looks_until = monotonic() + LOOKS_KEPT
            except TableUnavailable:
                pass  # what was known stays true, only older
        return self._known_looks

    def _refill(self, fresh: Iterable[Fresh], answer: Answer, began: float) -> None:
        mirror = self._usable(answer)
        if mirror is None or monotonic() > began + REFILL_UNTIL:
            return
        try:
            mirror.publish(fresh)
        except MirrorUnavailable:
            answer.mirror_away = True


def _never_seen(server_id: str, place: Place | None, places: Mapping[str, PlaceLook]) -> Entry | None:
    """The absence of a server without a row, once its place (or, not knowing that, every place) was looked at whole."""
    looked = [places.get(str(place))] if place else list(places.values())
    completed = [look.completed_at if look else 0 for look in looked]
    if not completed or not all(completed):
        return None
    return Entry(server_id, 0, min(completed), ABSENT, None, str(place) if place else "", b"")
