"""The points in time that a server can be launched from, as DRS keeps them."""

from typing import Any

from cache.errors import Failing, InvalidInput, NotFound, TableUnavailable
from cache.values import Place, is_server_id
from services.aws.drs import recovery_snapshots
from services.aws.outcome import LOOK_ERRORS
from services.sync.run import SyncParts


def snapshots_of(parts: SyncParts, server_id: str) -> dict[str, Any]:
    """The recovery snapshots of a server, the latest first, and where it is.

    Raises:
        InvalidInput: when the id is none. NotFound: when neither a row nor DRS has the server.
        TableUnavailable: when its row cannot be read. Failing: when DRS cannot be asked.
    """
    if not is_server_id(server_id):
        raise InvalidInput("sourceServerId", f"{server_id!r:.60} is no source server id")
    place = _place_of(parts, server_id)
    try:
        found = recovery_snapshots(parts.clients.get("drs", place), server_id)
    except LOOK_ERRORS as error:
        raise Failing("SNAPSHOTS_UNAVAILABLE", f"snapshots of {server_id}: {error}") from error
    if found is None:
        raise NotFound(f"DRS has no source server {server_id} in {place}")
    return {
        "sourceServerId": server_id,
        "accountId": place.account_id,
        "region": place.region,
        "snapshots": [{"snapshotId": it, "takenAt": taken_at} for it, taken_at in found],
    }


def _place_of(parts: SyncParts, server_id: str) -> Place:
    rows = parts.table.read([server_id])
    if rows.unread:
        raise TableUnavailable(f"the row of {server_id} cannot be read")
    record = rows.records.get(server_id)
    if record is None or record.account_id not in parts.accounts:
        raise NotFound(f"no account that is looked at has source server {server_id}")
    return Place(record.account_id, record.region)
