"""How the command line speaks: results on standard output, progress and complaints beside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

out = Console()
notes = Console(stderr=True)  # standard output stays clean for --json
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@contextmanager
def bar(
    what: str, total: int | None
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar: functions that advance it and that set its total."""
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(
        *columns, console=notes, transient=True, disable=not notes.is_terminal
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n), lambda n: progress.update(task, total=n)


def grid(*headers: str) -> Grid:
    """A table that folds what is too long for the terminal: an id that is cut off is no use to anyone."""
    made = Grid()
    for header in headers:
        made.add_column(header, overflow="fold")
    return made


def places_grid(places: list[dict[str, Any]]) -> Grid:
    """Every place and how its look ended."""
    rows = grid("Account", "Region", "Outcome", "Instances", "Gone", "Seconds", "Why")
    for it in places:
        seconds = f"{it.get('durationMs', 0) / 1000:.1f}"
        counts = (str(it.get("instances", "")), str(it.get("absent", "")))
        rows.add_row(
            it["accountId"], it["region"], it["outcome"], *counts, seconds, it.get("message") or ""
        )
    return rows


def kind_of(is_drill: bool | None) -> str:
    """Drill or real, in the words people use; empty where DRS did not say."""
    return {True: "drill", False: "recovery", None: ""}[is_drill]


def complain(problems: list[str]) -> None:
    """Name the problems and exit with code 1, if there are any."""
    for problem in problems:
        notes.print(f"[red]![/] {escape(problem)}")
    if problems:
        raise SystemExit(1)
