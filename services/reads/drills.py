"""`GET /leftovers`: every drill instance that still exists,
whether its server is in a plan or not.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cache.errors import InvalidInput, TableUnavailable
from cache.values import Outcome, Place, now, to_millis
from services.api.http import Request, Response, Routes
from services.platform.plans import PlanBook, planned_places
from services.reads.leftovers import OLDER_THAN_DAYS, leftovers_body
from services.reads.pages import Reads, existing_body

if TYPE_CHECKING:
    from cache.looks import LookLog
    from cache.table import Table

logger = logging.getLogger(__name__)
LONGEST_DAYS = 3650.0
_SEEN = {Outcome.SEEN, Outcome.NOT_INITIALIZED}
_EXTRA = {
    "sourceServerId": "unknown",
    "ec2InstanceId": "unknown",
    "ec2InstanceState": "unknown",
    "why": "nobody has said",
    "jobId": None,
    "isDrill": None,
}


class Drills:
    """The leftovers over a reader, the plans, and the table's index of places."""

    def __init__(
        self,
        reader: Reads,
        plans: PlanBook,
        table: "Callable[[], Table]",
        looks: "Callable[[], LookLog]",
    ) -> None:
        self._reader = reader
        self._plans = plans
        self._table = table
        self._looks = looks

    @property
    def routes(self) -> Routes:
        """The route this answers."""
        return {("GET", "/leftovers"): self.leftovers}

    def leftovers(self, request: Request) -> Response:
        """The drill instances that exist, by execution, with their age, hours and estimated cost.

        Raises:
            InvalidInput: when `olderThanDays` is no number of days.
        """
        return Response(self.body(_days(request.query.get("olderThanDays"))))

    def body(self, older_than_days: float = OLDER_THAN_DAYS) -> dict[str, Any]:
        """The same as plain values.

        Raises:
            TableUnavailable: when neither the index nor the plans can be read.
        """
        from cache.looks import place_looks

        try:
            rows = self._looks().rows()
            places = place_looks(rows)
            servers, is_whole = self._present(places), True
        except TableUnavailable as error:
            logger.warning("Leftovers of the plans' servers only: %s", error)
            servers, is_whole = planned_places(self._plans.all().value), False
            rows, places = [], {}
        answer = self._reader.read(servers)
        known = json.loads(existing_body(answer, servers))
        places = places or answer.places
        unseen = sorted(name for name, look in places.items() if look.outcome not in _SEEN)
        return {
            **leftovers_body(known["existingInstances"], to_millis(now()), older_than_days),
            "extraInstances": list(extras(rows)),
            "unknownServerIds": known["unknownServerIds"],
            "unseenPlaces": unseen,
            "asOf": known["asOf"],
            "degraded": not is_whole or known["degraded"],
        }

    def _present(self, places: Iterable[str]) -> dict[str, Place | None]:
        """The servers that have an instance, by the index.

        Raises:
            TableUnavailable: when it cannot be read.
        """
        servers: dict[str, Place | None] = {}
        for place in map(Place.parse, places):
            held = self._table().servers_in(place)
            servers |= {it: place for it, presence in held.items() if presence == "present"}
        return servers


def extras(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The instances beside the servers' current ones, as the last looks at the places kept them."""
    for row in rows:
        account_id, _, region = str(row.get("place", "")).partition("/")
        for name in ("extraInstances", "forgottenInstances"):
            kept = row.get(name)
            for item in kept if isinstance(kept, list) else ():
                if isinstance(item, Mapping):
                    yield {**_extra(item), "accountId": account_id, "region": region}


def _extra(item: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are shown; one of another type is as good as missing."""
    types = {name: bool if name == "isDrill" else str for name in _EXTRA}
    return {
        name: item[name] if isinstance(item.get(name), types[name]) else missing
        for name, missing in _EXTRA.items()
    }


def _days(text: str | None) -> float:
    try:
        days = OLDER_THAN_DAYS if text is None else float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= LONGEST_DAYS:
        raise InvalidInput("olderThanDays", f"must be a number from 0 to {LONGEST_DAYS:g}")
    return days
