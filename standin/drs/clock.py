"""The clock that jobs live by: real time at some speed, or
moved by hand, and the steps that wait for it.
"""

import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime

type Step = Callable[[], object]


def iso(moment: float) -> str:
    """A moment (epoch seconds) as DRS writes it: `2026-11-20T10:21:07.512000Z`, 27 characters."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Clock:
    """Epoch seconds, `speed` times as fast as real time; speed 0 stands still until `advance`."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = time.time()
        self._started = time.monotonic()
        self._moved = 0.0
        self._stepping: float | None = None
        self._steps: list[tuple[float, int, Step]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Inside a step, the moment the step was due: a late
        `settle` does not shift what follows from it.
        """
        if self._stepping is not None:
            return self._stepping
        return self._start + self._moved + (time.monotonic() - self._started) * self.speed

    def iso(self) -> str:
        return iso(self.now())

    def advance(self, seconds: float) -> None:
        """Move forward and run all steps that fall due on the way."""
        self._moved += seconds
        self.settle()

    def after(self, seconds: float, step: Step) -> None:
        heapq.heappush(self._steps, (self.now() + seconds, next(self._order), step))

    def forget(self) -> None:
        self._steps.clear()

    def settle(self) -> None:
        """Run every step that is due, oldest first; a step may add further ones."""
        until = self.now()
        while self._steps and self._steps[0][0] <= until:
            self._stepping, _, step = heapq.heappop(self._steps)
            try:
                step()
            finally:
                self._stepping = None
