"""The old slow path: ask DRS and EC2 on every read, place after place.

Kept switchable (READ_FROM=live) for rollback
and for measuring before and after in one run; served by data management only, whose role may ask.
"""

import logging
from collections.abc import Callable, Mapping
from time import monotonic

from cache.answer import Answer
from cache.entry import ABSENT, Entry
from cache.protocol import Verdict, apply, change_of
from cache.record import Record
from cache.values import Place, now, to_millis
from services.aws import drs
from services.aws.outcome import LOOK_ERRORS
from services.sync.look import Look
from services.sync.places import places_of
from services.sync.run import SyncParts

logger = logging.getLogger(__name__)
LIVE_SECONDS = 25.0  # API Gateway gives up after 29


class LiveReader:
    """Answers for servers from AWS itself.

    What could not be asked is unknown, as everywhere: a place that was not looked at whole vouches
    for no absence, nor do all places while an account's row cannot be understood.
    """

    def __init__(self, parts: Callable[[], SyncParts]) -> None:
        self._parts = parts

    def read(
        self,
        servers: Mapping[str, Place | None],
        _began: float | None = None,
        *,
        with_machines: bool = False,
    ) -> Answer:
        """What DRS and EC2 say of each server, place after place."""
        parts = self._parts()
        history, deadline = parts.history(), monotonic() + LIVE_SECONDS
        answer = Answer()
        places, whole = places_of(parts.accounts.values(), parts.clients), set[Place]()
        for place in places:
            look = Look(place, parts.clients, history, deadline)
            try:
                listing = drs.list_recovery_instances(look.drs_client, look.check)
                found = _entries(look, listing, servers)
            except LOOK_ERRORS as error:
                logger.warning("Failed to look at %s: %s", place, error)
                continue
            answer.entries.add(found.values())
            if with_machines:  # of the launched only: the others were never asked for live
                answer.machines |= {server_id: it.server for server_id, it in found.items()}
            if not listing.unreadable:
                whole.add(place)
        asked_at = to_millis(now())
        is_everywhere = bool(places) and len(whole) == len(places) and not parts.faults
        for server_id, planned in servers.items():
            looked = is_everywhere if planned is None else planned in whole
            if looked and server_id not in answer.entries:
                answer.entries.add([Entry(server_id, 0, asked_at, ABSENT, None, "", b"")])
        answer.unknown = [it for it in servers if it not in answer.entries]
        return answer


def _entries(
    look: Look, listing: drs.Listing, servers: Mapping[str, Place | None]
) -> dict[str, Entry]:
    seen_at = now()
    wanted = {it: launch for it, launch in look.settled(listing).items() if it in servers}
    rows = (
        apply(None, change_of(it, 0), Verdict.REPLACE) for it in look.observe(wanted, {}, seen_at)
    )
    return {row["sourceServerId"]: Record.from_row(row).entry() for row in rows}
