"""Replication that moves with the clock: lag that grows, agents that fall silent, an initial sync
that ends.

A server of which nothing is said here replicates as it was loaded. Members and enums are those of
`DataReplicationInfo` in botocore's model of DRS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from standin.drs.clock import iso
from standin.drs.core import Drs
from standin.drs.state import Item, Place

INITIAL_SYNC_SECONDS = 3600.0
_TOTAL_BYTES = 80 << 30
_KEEPS_UP = "CONTINUOUS"
_SILENT = (
    "DISCONNECTED"  # its agent has not been seen; in every other state DRS has just heard of it
)


@dataclass(frozen=True)
class Replication:
    """A server's replication since a moment (epoch seconds),
    when it already lagged by `lag` seconds.
    """

    state: str
    since: float
    lag: float = 0.0
    error: str | None = None


def turn(drs: Drs, place: Place, server_ids: Iterable[str], now: Replication) -> None:
    """Put servers into a state of replication.

    Raises:
        ValueError: for a lag that is none, or an unknown server.
    """
    if isinstance(now.lag, bool) or not isinstance(now.lag, int | float) or now.lag < 0:
        raise ValueError(f"lagSeconds: {now.lag!r:.40} is no number of seconds")
    for server_id in server_ids:
        if server_id not in place.source_servers:
            raise ValueError(f"{server_id!r:.40}: not among the source servers of the place")
        before = place.replications.get(server_id)
        place.replications[server_id] = now
        if (now.state == "STALLED") != (before is not None and before.state == "STALLED"):
            drs.events.stalled_change(place, server_id, now.state == "STALLED")


def shown(place: Place, server: Item, now: float) -> Item:
    """The source server as DescribeSourceServers shows it at this moment."""
    replication = place.replications.get(str(server["sourceServerID"]))
    if replication is None:
        return server
    seen_at = replication.since if replication.state == _SILENT else now
    life = server.get("lifeCycle", {}) | {"lastSeenByServiceDateTime": iso(seen_at)}
    return Item(server | {"dataReplicationInfo": _info(replication, now), "lifeCycle": life})


def _info(replication: Replication, now: float) -> dict[str, Any]:
    state, passed = replication.state, now - replication.since
    if state == "INITIAL_SYNC" and passed >= INITIAL_SYNC_SECONDS:
        state = _KEEPS_UP
    if state == "INITIAL_SYNC":
        done = passed / INITIAL_SYNC_SECONDS
        eta = iso(replication.since + INITIAL_SYNC_SECONDS)
        return {"dataReplicationState": state, "etaDateTime": eta, "replicatedDisks": [_disk(done)]}
    lag = 0.0 if state == _KEEPS_UP else passed
    info: dict[str, Any] = {
        "dataReplicationState": state,
        "lagDuration": duration(replication.lag + lag),
        "replicatedDisks": [_disk(1.0)],
    }
    if replication.error:
        info["dataReplicationError"] = {"error": replication.error}
    return info


def _disk(share: float) -> dict[str, Any]:
    return {
        "deviceName": "/dev/xvda",
        "totalStorageBytes": _TOTAL_BYTES,
        "replicatedStorageBytes": int(_TOTAL_BYTES * share),
        "backloggedStorageBytes": 0,
    }


def duration(seconds: float) -> str:
    """Seconds as DRS writes a lag: an ISO 8601 duration, `P0D` for none, `P1DT2H3M4S` at most."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    date = f"{day}D" if day else ""
    time = "".join(f"{n}{unit}" for n, unit in ((hour, "H"), (minute, "M"), (second, "S")) if n)
    return f"P{date}{'T' if time else ''}{time}" if date or time else "P0D"
