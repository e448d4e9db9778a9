"""CPU time by part of the stack."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread

import psutil

EVERY = 0.5  # seconds


class CpuMeter:
    """CPU seconds of processes and their children by name; what a
    part used stays counted when a process ends.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._seen: dict[str, dict[tuple[int, float], float]] = {}

    def read(self) -> dict[str, float]:
        """CPU seconds so far, user and system.

        The functions' processes are counted apart from the front's.
        """
        for name, pid in self._pids.items():
            self._look(name, pid)
        return {name: sum(seconds.values()) for name, seconds in self._seen.items()}

    @contextmanager
    def also(self, name: str, pid: int) -> Iterator[None]:
        """Watch one more process for as long as it lives."""
        stopped = Event()

        def watch() -> None:
            while not stopped.wait(EVERY):
                self._look(name, pid)

        thread = Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _look(self, name: str, pid: int) -> None:
        try:
            process = psutil.Process(pid)
            self._note(name, process)
            for child in process.children(recursive=True):
                self._note(
                    "functions" if "awslambdaric" in " ".join(child.cmdline()) else name, child
                )
        except psutil.NoSuchProcess:
            return

    def _note(self, name: str, process: psutil.Process) -> None:
        try:
            times = process.cpu_times()
            self._seen.setdefault(name, {})[process.pid, process.create_time()] = (
                times.user + times.system
            )
        except psutil.NoSuchProcess:
            return
