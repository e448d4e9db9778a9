"""A read of servers on its way, and its answer."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cache.entry import Entries, Facts
from cache.errors import MirrorUnavailable
from cache.values import Place, PlaceLook

logger = logging.getLogger(__name__)
ANSWER_WITHIN = 2.5  # seconds for the whole read, so that a page stays under 3 s

type Servers = Mapping[str, Place | None]


@dataclass(slots=True)
class Answer:
    """What is known of the servers asked for.

    Every id is in exactly one of `entries` and `unknown`.

    `missed` are those the mirror lacked; none where no mirror is read.
    """

    entries: Entries = field(default_factory=Entries)
    unknown: list[str] = field(default_factory=list)
    places: dict[str, PlaceLook] = field(default_factory=dict)
    hits: int = 0
    missed: list[str] = field(default_factory=list)
    mirror_away: bool = False
    machines: dict[str, bytes] = field(default_factory=dict)
    """What is known of the protected machines, as JSON by server, where that was asked for."""
    mirrored_places: Mapping[str, PlaceLook] | None = None
    """The looks that the mirror had beside its entries; None where it had none of these."""

    @property
    def dated_by(self) -> Mapping[str, PlaceLook]:
        """The looks that say how old the entries are.

        One that only the table knows may have seen what the mirror was never told.
        """
        return self.places if self.mirrored_places is None else self.mirrored_places

    def lose_mirror(self, error: MirrorUnavailable) -> None:
        """Go on without the mirror; said once for each read."""
        self.mirror_away = True
        logger.warning("The mirror could not be asked: %s", error)

    @property
    def as_of(self) -> int | None:
        """Epoch ms of the oldest look behind the answer; None when nothing is known."""
        return self.as_of_facts(self.entries.distinct_facts())

    def as_of_facts(self, facts: Iterable[Facts]) -> int | None:
        """The same for some of the entries.

        An absent server is as old as the last complete look at its place, which would have shown an
        instance.
        """
        return min(
            [self._looked_at(it) if it.is_absent else it.observed_at for it in facts], default=None
        )

    def _looked_at(self, absence: Facts) -> int:
        look = self.dated_by.get(absence.place)
        return max(absence.observed_at, look.completed_at) if look else absence.observed_at


@dataclass(slots=True)
class Read:
    """One read on its way. `broken` are the mirror's values that were no entries."""

    servers: Servers
    began: float
    with_machines: bool = False
    answer: Answer = field(default_factory=Answer)
    broken: dict[str, bytes] = field(default_factory=dict)

    @property
    def deadline(self) -> float:
        """Monotonic seconds."""
        return self.began + ANSWER_WITHIN

    def missing(self, server_ids: Iterable[str]) -> list[str]:
        """Those of these servers that have no entry yet."""
        return [it for it in server_ids if it not in self.answer.entries]
