"""What a launch would destroy: a live look at a plan's servers,
drill or real, with the origin of each instance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from cache.errors import TableUnavailable
from cache.protocol import Observation, Verdict, change_of, is_same_launch, mended
from cache.record import Record
from cache.table import Table
from cache.values import Place, now
from services.aws import drs
from services.aws.outcome import LOOK_ERRORS
from services.sync.look import Look
from services.sync.places import by_place, in_time
from services.sync.run import SyncParts

LOOK_SECONDS = 15.0  # of API Gateway's 29


@dataclass(frozen=True, slots=True)
class Existing:
    """Items as the page shows them, and the servers of places that could not be asked."""

    instances: list[dict[str, object]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def existing_instances(parts: SyncParts, servers: Mapping[str, Place]) -> Existing:
    """Ask every place of these servers, side by side.

    Never raises for AWS: what could not be asked is unknown.
    """
    places = by_place(servers, lambda server_id: servers[server_id])
    history, deadline = parts.history(), monotonic() + LOOK_SECONDS
    looks = [Look(place, parts.clients, history, deadline) for place in places]
    found = Existing()
    for seen in in_time(
        lambda it: _look_at(it, parts.table, places[it.place]),
        looks,
        LOOK_SECONDS,
        late=lambda it: Existing(unknown=list(places[it.place])),
    ):
        found.instances.extend(seen.instances)
        found.unknown.extend(seen.unknown)
    found.instances.sort(key=lambda it: str(it["sourceServerId"]))
    found.unknown.sort()
    return found


def _look_at(look: Look, table: Table, server_ids: Sequence[str]) -> Existing:
    try:
        listing = drs.describe_recovery_instances(look.drs_client, server_ids, look.check)
        stored = table.read_rows(server_ids).rows
        seen = look.observe(look.settled(listing), stored, now())
    except (*LOOK_ERRORS, TableUnavailable):
        return Existing(unknown=list(server_ids))
    items = [_item(it, stored.get(it.server_id)) for it in seen]
    here = {it.server_id for it in seen}
    unknown = [it for it in server_ids if it not in here] if listing.unreadable else []
    return Existing(items, unknown)


def _item(seen: Observation, stored: Mapping[str, Any] | None) -> dict[str, object]:
    """As a sync would record it; what this look could not see of
    the same launch comes from the table.
    """
    is_known = stored is not None and is_same_launch(stored, seen.launch)
    row = mended(stored, change_of(seen, 0), Verdict.UPDATE if is_known else Verdict.REPLACE)
    return Record.from_row(row).page_item()
