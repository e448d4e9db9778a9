"""Whether a source server could be launched now, from what DRS last said of its replication.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cache.entry import Facts
from cache.readiness import Readiness, readiness
from cache.values import PlaceLook, now, to_millis, to_stamp

TOO_OLD_MS = 3 * 3_600_000  # three listings missed: what was said then is no word on now


_REASONS = {
    "CONTINUOUS": "replicates continuously",
    "BACKLOG": "has a backlog to catch up with",
    "RESCAN": "is reading its disks anew",
    "CREATING_SNAPSHOT": "is taking its first snapshot",
    "INITIAL_SYNC": "has not been copied whole yet",
    "INITIATING": "is setting up replication",
    "PAUSED": "replication is paused",
    "STALLED": "replication is stalled",
    "DISCONNECTED": "its agent is disconnected",
    "STOPPED": "replication is stopped, so DRS keeps no data of it",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Verdict:
    """How ready, why, and as of when (epoch ms; None when nobody ever looked).

    `lag_seconds` is at least that much.
    """

    readiness: Readiness
    reason: str
    lag_seconds: int | None = None
    observed_at: int | None = None

    def body(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "state": str(self.readiness),
            "reason": self.reason,
            "lagSeconds": self.lag_seconds,
            "observedAt": None if self.observed_at is None else to_stamp(self.observed_at),
        }


def readiness_of(server: Mapping[str, Any], listed_at: int, at: int) -> Verdict:
    """The verdict on one server at a moment (`at`, epoch ms).

    `server` are the attributes of its row; `listed_at` (epoch ms, 0 for never) is when its place's
    source servers were last listed whole: what was not written anew since then was still so.
    """
    own = server.get("replicationObservedAt")
    if own is None:
        return Verdict(Readiness.UNKNOWN, "its replication has not been looked at yet")
    observed_at = max(to_millis(own), listed_at)
    if at - observed_at > TOO_OLD_MS:
        return Verdict(
            Readiness.UNKNOWN, "its replication was last looked at too long ago", None, observed_at
        )
    if server.get("sourceServerGone"):
        return Verdict(Readiness.GONE, "DRS no longer has this source server", None, observed_at)
    word, lag = str(server.get("replicationState")), server.get("replicationLagSeconds")
    found = readiness(word, lag, is_gone=False)
    return Verdict(found, _reason(server, word, lag), lag, observed_at)


def _reason(server: Mapping[str, Any], word: str, lag: int | None) -> str:
    parts = [_REASONS.get(word, f"DRS says {word!r:.40}, a word not known here")]
    if lag:
        parts.append(f"{lag_words(lag)} behind")
    if error := server.get("replicationError"):
        parts.append(f"error {error}")
    return ", ".join(parts)


def not_in_drs(listed: int, at: int) -> Verdict:
    """The verdict on a server without a row, in a place that was last listed then (0: never)."""
    if not listed:
        return Verdict(Readiness.UNKNOWN, "its replication has not been looked at yet")
    if at - listed > TOO_OLD_MS:
        return Verdict(Readiness.UNKNOWN, "its place was last listed too long ago", None, listed)
    return Verdict(Readiness.GONE, "DRS has no such source server in this place", None, listed)


def readiness_counts(
    facts: Iterable[Facts], servers: int, places: Mapping[str, PlaceLook]
) -> dict[str, int]:
    """How many of so many servers have each word of readiness;
    what was said too long ago is unknown.
    """
    fresh = to_millis(now()) - TOO_OLD_MS
    counts: Counter[str] = Counter()
    for it in facts:
        word = it.readiness if it.version else Readiness.GONE  # without a row: not in the listing
        counts[word if listed_at(it.place, places) >= fresh else Readiness.UNKNOWN] += 1
    counts[Readiness.UNKNOWN] += servers - counts.total()
    return {str(word): count for word, count in counts.items() if count}


def listed_at(place: str, places: Mapping[str, PlaceLook]) -> int:
    """When the source servers of a place were last listed whole (epoch ms); 0 for never."""
    return places[place].inventoried_at if place in places else 0


def lag_words(seconds: int) -> str:
    """A lag as people say it: `at least 15 minutes`."""
    for unit, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= unit:
            count = seconds // unit
            return f"at least {count} {word}{'s' if count > 1 else ''}"
    return "less than a minute"
