"""How this DRS behaves where the real one varies: durations,
failures, leftovers, delivery of events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Behaviour:
    """Durations are seconds on the stand-in's clock.

    The defaults make a drill of a real drill's length, 24 minutes.
    """

    job_start: float = 5
    """A job is PENDING this long."""
    snapshot: float = 3
    cleanup: float = 60
    """Deleting the previous instance of a server takes this long."""
    conversion_start: float = 180
    """After the job started."""
    conversion: float = 840
    launch: float = 330
    """From the end of the conversion to the first launch; the
    others follow one `launch_spread` apart.
    """
    launch_spread: float = 3
    job_end: float = 60
    """From the last launch to COMPLETED."""
    participants_kept: float = 60
    """How long a COMPLETED job still lists its participants."""
    ec2_delay: float = 5
    """DRS names a new instance this long before EC2 knows it."""
    boot: float = 20
    """From EC2's `pending` to `running` (or `stopped`, when so configured)."""
    agent: float = 60
    """From the launch until the agent inside reports hostname and interfaces."""
    terminate: float = 35
    """From `shutting-down` to `terminated`."""
    terminated_kept: float = 300
    """How long a TERMINATED record lingers in DRS."""
    ec2_terminated_kept: float = 3600
    """How long EC2 still describes a terminated instance."""
    relaunch: Literal["neither", "both"] = "neither"
    """`neither`: the previous instance goes before the new one
    shows; `both`: it goes only afterwards.
    """
    launch_failures: Mapping[str, str] = field(default_factory=dict)
    """Source server id → the raw error its launches fail with; the job still completes."""
    event_loss: float = 0
    """Share of events never delivered, 0 to 1."""
    event_duplicates: float = 0
    """Share of events delivered twice, 0 to 1."""
    event_reorder: bool = False
    """Deliver each event after the one that follows it."""

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def changed(self, changes: Mapping[str, Any]) -> "Behaviour":
        """A copy with other values. Raises ValueError for a name or a type that is not ours."""
        defaults = self.as_dict()
        for name, value in changes.items():
            if name not in defaults:
                raise ValueError(f"{name}: no such setting; there are {', '.join(defaults)}")
            if isinstance(value, bool) != isinstance(defaults[name], bool) or not _alike(
                value, defaults[name]
            ):
                raise ValueError(f"{name}: {value!r} is of the wrong type")
        if changes.get("relaunch", "both") not in ("neither", "both"):
            raise ValueError("relaunch: either 'neither' or 'both'")
        return Behaviour(**(defaults | dict(changes)))


def _alike(value: object, default: object) -> bool:
    if isinstance(default, int | float):
        return isinstance(value, int | float) and value >= 0
    return isinstance(value, dict if isinstance(default, Mapping) else str)
