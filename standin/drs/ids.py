"""Identifiers in the formats of the service, from a seeded source so that a run can be repeated."""

import random


class Ids:
    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def _tail(self, length: int = 17) -> str:
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def server(self) -> str:
        return f"s-{self._tail()}"

    def instance(self) -> str:
        return f"i-{self._tail()}"

    def job(self) -> str:
        return f"drsjob-{self._tail()}"

    def snapshot(self) -> str:
        return f"pit-{self._tail()}"

    def event(self) -> str:
        tail = self._tail(32)
        return "-".join((tail[:8], tail[8:12], tail[12:16], tail[16:20], tail[20:]))

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def number(self, below: int) -> int:
        return self._random.randrange(below)
