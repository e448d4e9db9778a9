"""The log of all calls, for tests that count them."""

import threading
from dataclasses import asdict, dataclass
from typing import Any

MOST_KEPT = 500_000


@dataclass(frozen=True)
class LoggedCall:
    seq: int
    service: str
    operation: str
    accountId: str  # noqa: N815 - the admin interface's JSON
    region: str
    roleArn: str | None  # noqa: N815
    status: int
    """0 when the connection was closed or left hanging."""
    error: str | None
    items: int
    """Length of the listing in the reply."""
    at: str
    """Real time, ISO 8601."""


class CallLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[LoggedCall] = []
        self._next = 0

    def add(self, **members: Any) -> None:
        with self._lock:
            self._calls.append(LoggedCall(seq=self._next, **members))
            self._next += 1
            if len(self._calls) > MOST_KEPT:
                del self._calls[: MOST_KEPT // 2]

    def since(self, seq: int) -> dict[str, Any]:
        with self._lock:
            first = self._calls[0].seq if self._calls else self._next
            calls = self._calls[max(0, seq - first) :]
            return {"next": self._next, "calls": [asdict(call) for call in calls]}

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
