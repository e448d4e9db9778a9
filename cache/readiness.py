"""Whether a source server could be launched now, in one word,
from what DRS said of its replication.
"""

from enum import StrEnum


class Readiness(StrEnum):
    """In the order of how much each should worry people, the worst first."""

    GONE = "gone"
    NO_DATA = "no_data"
    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    INITIAL_SYNC = "initial_sync"
    PAUSED = "paused"
    LAGGING = "lagging"
    UNKNOWN = "unknown"
    READY = "ready"


# DRS's DataReplicationState, as botocore's model of DRS (2020-02-26) lists it for source servers.
_BY_STATE = {
    "CONTINUOUS": Readiness.READY,
    "BACKLOG": Readiness.LAGGING,
    "RESCAN": Readiness.LAGGING,
    "CREATING_SNAPSHOT": Readiness.INITIAL_SYNC,
    "INITIAL_SYNC": Readiness.INITIAL_SYNC,
    "INITIATING": Readiness.INITIAL_SYNC,
    "PAUSED": Readiness.PAUSED,
    "STALLED": Readiness.STALLED,
    "DISCONNECTED": Readiness.DISCONNECTED,
    "STOPPED": Readiness.NO_DATA,
}
# Seconds: what people would act on. A lag is kept as the highest step it reaches, so that a row is
# written when a step is taken, and not with every look.
LAG_STEPS = (0, 5 * 60, 15 * 60, 3600, 6 * 3600, 86400, 7 * 86400)


def lag_step(seconds: float) -> int:
    """The highest step that a lag reaches."""
    return max(step for step in LAG_STEPS if step <= max(0.0, seconds))


def readiness(state: str | None, lag_seconds: int | None, *, is_gone: bool) -> Readiness:
    """The word for a server in this state of replication, this far behind.

    A state not known here is unknown.
    """
    if is_gone:
        return Readiness.GONE
    word = _BY_STATE.get(state or "", Readiness.UNKNOWN)
    return Readiness.LAGGING if word is Readiness.READY and lag_seconds else word
