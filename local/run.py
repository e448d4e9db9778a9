"""`local`: starts the stack for a person, shows what it does, and stops all of it at Ctrl-C."""

import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from local.processes import LocalStackError
from local.servers import REPOSITORY
from local.stack import Stack

DIRECTORY = REPOSITORY / ".local"
WATCH_SECONDS = 0.5


def run_local(console: Console, stack: Stack) -> None:
    """Starts the stack, syncs it once and serves until Ctrl-C or SIGTERM.

    Raises:
        LocalStackError: in one line, why it cannot start, or what died.
    """
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # also where a shell started us with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    environment, written = stack.directory / "env", ""
    try:
        with steps(console) as step:
            stack.start(step)
            written = write_environment(environment, stack.environment)
            step("Syncing every place for the first time")
            report = stack.sync()
        console.print(summary(stack, report, time.monotonic() - began), soft_wrap=True)
        watch(stack)
    except KeyboardInterrupt:
        console.print("Stopping")
    finally:
        stack.stop()
        remove_environment(environment, written)


@contextmanager
def steps(console: Console) -> Iterator[Any]:
    """A function that shows the next step, and ticks off the one before."""
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:

        def step(text: str) -> None:
            for task in progress.task_ids:
                progress.update(task, completed=1)
            progress.add_task(text, total=1)

        yield step
        for task in progress.task_ids:
            progress.update(task, completed=1)


def summary(stack: Stack, report: dict[str, Any], seconds: float) -> str:
    """What was done, and where to look."""
    places, instances, calls = (
        report["regionsScanned"],
        report["instancesUpdated"],
        len(stack.standin.calls()),
    )
    lines = [
        (
            f"{places} places looked at, {instances:,} instances recorded, {calls} AWS calls, "
            f"{seconds:.1f} s in all."
        ),
        *(f"  [yellow]![/] {escape(error)}" for error in report["errors"]),
        *(
            f"  [dim]{it['accountId']}/{it['region']} is denied on purpose[/]"
            for it in stack.world.weather
        ),
        f"Recovery Plans page: [bold]{stack.url}/[/]",
        (
            f"Second terminal: source {stack.directory / 'env'}; logs in {stack.directory}. Ctrl-C "
            "stops everything."
        ),
    ]
    return "\n".join(lines)


def write_environment(path: Path, environment: dict[str, str]) -> str:
    """Write a file that a second terminal can source; its text."""
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    path.write_text(text)
    return text


def remove_environment(path: Path, written: str) -> None:
    """Take away the file of a stack that is gone, unless another stack wrote its own since."""
    if path.exists() and path.read_text() == written:
        path.unlink()


def watch(stack: Stack) -> None:
    """Returns never; LocalStackError when a part of the stack dies."""
    while True:
        for process in stack.processes:
            if not process.alive:
                raise LocalStackError(f"{process.name} has died (see {process.log_file})")
        time.sleep(WATCH_SECONDS)
