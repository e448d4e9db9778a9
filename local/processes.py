"""Starting, awaiting and ending the programs of the local stack."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import randrange

PR_SET_PDEATHSIG = 1  # linux/prctl.h
START_SECONDS = 40.0
STOP_SECONDS = 3.0


class LocalStackError(Exception):
    """The stack cannot start or go on; the message is one line for a person."""


def free_port() -> int:
    """A port that was free on loopback a moment ago.

    Below those that outgoing connections are given (from 32768 on Linux, 49152 elsewhere): none can
    take it before its server does, and whoever probes it cannot be connected to itself.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])


def die_with_parent(parent: int) -> Callable[[], None]:
    """For `preexec_fn`: the child is killed when its parent dies in any way, kill -9 included.

    Linux only.
    """
    try:
        prctl = ctypes.CDLL(None).prctl
    except AttributeError:  # no prctl on this system: an orderly stop still ends everything
        return lambda: None

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


@dataclass
class Process:
    """A program in its own process group, so that Ctrl-C reaches
    only the stack, which ends it in order.
    """

    name: str
    argv: Sequence[str | Path]
    log_file: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    _popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it. LocalStackError when the program is missing."""
        with self.log_file.open("ab") as sink:
            try:
                self._popen = subprocess.Popen(  # noqa: S603  our own command lines
                    [str(word) for word in self.argv],
                    env={**clean_environment(), **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    cwd=self.cwd,
                    process_group=0,
                    # prctl and getppid only
                    preexec_fn=die_with_parent(os.getpid()),  # noqa: PLW1509
                )
            except OSError as missing:
                raise LocalStackError(
                    f"{self.name}: cannot run {self.argv[0]} ({missing.strerror})"
                ) from missing

    def await_port(self) -> None:
        """Returns once it takes connections.

        LocalStackError when it ends first or takes too long.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.alive:
                raise LocalStackError(
                    f"{self.name} did not start: {self._last_words()} (see {self.log_file})"
                )
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise LocalStackError(
            f"{self.name} did not answer within {START_SECONDS:.0f} s (see {self.log_file})"
        )

    @property
    def url(self) -> str:
        """Where it answers, for those that speak HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """Its process id. LocalStackError before it was started."""
        if self._popen is None:
            raise LocalStackError(f"{self.name} was not started")
        return self._popen.pid

    def stop(self) -> None:
        """Ends it, by force after a few seconds."""
        if self._popen is None or self._popen.poll() is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._popen.wait(STOP_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to its whole group (SIGSTOP makes it hang, SIGCONT goes on)."""
        os.killpg(self.pid, number)

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def clean_environment() -> dict[str, str]:
    """What a child needs of ours: no proxies and no AWS settings of the person who runs this."""
    return {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
    }
