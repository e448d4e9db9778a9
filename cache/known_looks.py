"""What the looks at the places vouch for, as this process knows it."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from cache.entry import ABSENT, Entry, Facts
from cache.errors import TableUnavailable
from cache.values import Outcome, Place, PlaceLook

if TYPE_CHECKING:
    from cache.looks import LookLog

logger = logging.getLogger(__name__)
_LEFT = {Outcome.NOT_CONFIGURED, Outcome.UNREADABLE}  # nobody looks there, so nobody would see
LOOKS_KEPT = 5.0  # seconds, a failure too; an older look only makes an absence older, never wrong


class Looks(NamedTuple):
    """`places` are the looks known of, from either tier;
    `all_places` the table's, which lacks none.
    """

    places: dict[str, PlaceLook]
    all_places: Mapping[str, PlaceLook]

    def absence(self, server_id: str, planned: Place | None) -> Entry | None:
        """The absence of a server without a row, once its place was looked
        at whole, or not knowing that, every place.
        """
        place = str(planned) if planned else ""
        looked_at = self._looked_at(place)
        return Entry(server_id, 0, looked_at, ABSENT, None, place, b"") if looked_at else None

    def may_not_hold(self, entry: Facts | Entry) -> bool:
        """Whether this is an absence that no row stands for, or that of a row whose place nobody
        is known to look at (any more): what was gone there may be back.
        """
        if not entry.is_absent or not entry.version:
            return entry.is_absent
        look = self.places.get(entry.place)
        return look is None or look.outcome in _LEFT

    def vouch_for(self, absence: Facts, planned: Place | None) -> bool:
        """Whether a mirrored absence without a row, or of a place that was left, put there for
        one place, holds for this one.

        A server asked for by its id alone is where the absence says that a plan has it. A place of
        which nothing is known here was looked at when the absence was put there; one that is known
        has the word.
        """
        place = str(planned) if planned else absence.place
        if place not in self.places if place else not self.places:
            return place == absence.place
        return self._looked_at(place) > 0

    def _looked_at(self, place: str) -> int:
        """When this place, or with no place all of them, was
        looked at whole (epoch ms); 0 for never.
        """
        configured = {
            n: it for n, it in self.all_places.items() if it.outcome != Outcome.NOT_CONFIGURED
        }
        looks = [self.places.get(place)] if place else configured.values()
        completed = [
            it.completed_at if it and it.outcome != Outcome.NOT_CONFIGURED else 0 for it in looks
        ]
        return min(completed, default=0)


class KnownLooks:
    """The looks in the table, read in the background, so that
    they keep nobody waiting who need not.
    """

    def __init__(self, looks: "Callable[[], LookLog]") -> None:
        self._looks = looks
        self._thread = ThreadPoolExecutor(1, "looks")
        self._asked: Future[None] | None = None
        self._until = 0.0
        self._known: Mapping[str, PlaceLook] = {}

    def ask(self) -> None:
        """Begin to read them, unless they are known or being read."""
        if (self._asked is None or self._asked.done()) and self._until < monotonic():
            self._asked = self._thread.submit(self._read)

    @property
    def is_known(self) -> bool:
        """Whether the table has been asked, with or without an answer."""
        return self._until > 0

    def known(self, within: float, mirrored: Mapping[str, PlaceLook]) -> Looks:
        """What is known after at most these seconds, of the table's looks
        and the mirror's: each place's later look.

        The mirror may not have heard that a place was left; the table's looks have no such place.
        """
        if self._asked is not None and within > 0:
            wait([self._asked], within)
        known = self._known
        later = {
            name: max(look, known.get(name, look))
            for name, look in mirrored.items()
            if not known or name in known
        }
        return Looks({**known, **later}, known)

    def _read(self) -> None:
        try:
            self._known = self._looks().places()
        except TableUnavailable as error:  # what was known stays true, only older
            logger.warning("The looks could not be read: %s", error)
        finally:
            self._until = monotonic() + LOOKS_KEPT
