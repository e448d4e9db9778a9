"""What every read of a race was, told from the table's own history."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from math import log10

from cache.entry import Entry


@dataclass
class Oracle:
    """Every version the table ever had of each server: its ticket,
    since when it was there, and its instance.
    """

    history: defaultdict[str, list[tuple[int, float, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    reads: list[tuple[str, Entry, float]] = field(default_factory=list)
    wrong: list[Entry] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    def judge(self) -> None:
        """Once the race is over: what each read was behind the table,
        in seconds, or that no row ever said it.
        """
        for versions in self.history.values():
            versions.sort()
        for server_id, entry, asked_at in self.reads:
            lag = self._lag(self.history[server_id], entry, asked_at)
            self.wrong.append(entry) if lag is None else self.lags.append(lag)

    @staticmethod
    def _lag(versions: list[tuple[int, float, str]], entry: Entry, asked_at: float) -> float | None:
        """For how long the table had said something newer when this
        was asked; None: it never said this.
        """
        at = bisect_right(versions, entry.version, key=lambda it: it[0])
        version, _, instance = versions[at - 1] if at else (0, 0.0, "")
        if (
            version != entry.version
            or entry.is_absent != (not instance)
            or instance.encode() not in entry.fragment
        ):
            return None
        return max(0.0, asked_at - versions[at][1]) if at < len(versions) else 0.0


def nines(late: int, total: int) -> str:
    """The share that was not late, and how many nines that is."""
    if not late:
        return f"100 % of {total:,} (at least {log10(max(total, 1)):.1f} nines)"
    return f"{100 * (1 - late / total):.5f} % of {total:,} ({-log10(late / total):.1f} nines)"
