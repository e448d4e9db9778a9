"""The local command as a person uses it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.processes import LocalStackError, Process, free_port
from local.servers import REPOSITORY
from local.stack import check_port

PROGRAM = """
from pathlib import Path
from rich.console import Console
from local.run import run_local
from local.stack import Stack
from local.world import make_world
run_local(Console(width=200), Stack(Path({directory!r}), {port}, make_world(1, 40, 2, 4), 0))
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, up to the line that says that all is ready."""
    program = PROGRAM.format(directory=str(tmp_path / "local"), port=free_port())
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(5)


def wait_until_ready(run: subprocess.Popen[str]) -> str:
    """What it printed until it was ready."""
    printed = ""
    for line in run.stdout or ():
        printed += line
        if "Ctrl-C" in line:
            return printed
    raise AssertionError(printed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_says_what_it_did_and_leaves_nothing_running(
    run: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    """Places, instances, AWS calls and the address; then, however
    it ends, so does everything it started.
    """
    printed = wait_until_ready(run)
    assert "4 places looked at, 35 instances recorded" in printed
    assert "AWS calls" in printed
    sourced = subprocess.run(
        ["bash", "-c", f"source {tmp_path}/local/env && echo $RECOVERY_INSTANCES_TABLE"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sourced.stdout == "hrp-drs-tech-adapter-recovery-instances-dev\n"
    children = psutil.Process(run.pid).children(recursive=True)
    assert len(children) >= 4
    listening = [
        it.laddr.ip
        for child in children
        for it in child.net_connections()
        if it.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}
    os.kill(run.pid, number)
    run.wait(20)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert (tmp_path / "local" / "env").exists() == (number == signal.SIGKILL), "left to be sourced"


def test_a_taken_port_is_one_clear_line() -> None:
    """It says which, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalStackError, match=rf"^port {port} cannot be used .*--port$"):
            check_port(port)


def test_a_missing_or_failing_program_is_one_clear_line(tmp_path: Path) -> None:
    """The program that is not there, and the one that ends at once with its last words."""
    with pytest.raises(
        LocalStackError, match=r"^Valkey: cannot run /no/such \(No such file or directory\)$"
    ):
        Process("Valkey", ["/no/such"], tmp_path / "log", 1).start()
    failing = Process(
        "DynamoDB", ["sh", "-c", "echo no licence; exit 1"], tmp_path / "log", free_port()
    )
    failing.start()
    with pytest.raises(LocalStackError, match=r"^DynamoDB did not start: no licence"):
        failing.await_port()
