"""How the command line speaks: results on standard output, progress and complaints beside it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cache.values import Outcome
from services.cli.listing import Column, Listing

# Names are others' words: no colours for the numbers in them.
out = Console(highlight=False)
notes = Console(stderr=True, highlight=False)  # standard output stays clean for --json
_URGENCY = {Outcome.SEEN: 1, Outcome.NOT_CONFIGURED: 2, Outcome.NOT_INITIALIZED: 3}
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


def say(text: str, indent: int = 0) -> None:
    """One sentence; in a pipe it stays one line, in a terminal all its lines are indented."""
    if out.is_terminal:
        out.print(Padding(Text(text), (0, 0, 0, indent), expand=False))
    else:
        out.print(Text(" " * indent + text), soft_wrap=True)


def print_places(places: Iterable[dict[str, Any]], *, wide: bool) -> None:
    """Every place and how its look ended, what could not be seen first.

    A terminal is only told how many there are where DRS was never set up.
    """
    is_brief = out.is_terminal and not wide
    counts = (Column(it, is_number=True) for it in ("Instances", "Gone", "Seconds"))
    listing = Listing([*map(Column, ("Account", "Region", "Outcome")), *counts], remark="Why")
    ordered = sorted(places, key=lambda it: _URGENCY.get(it["outcome"], 0))
    for place in ordered:
        if is_brief and place["outcome"] == Outcome.NOT_INITIALIZED:
            continue
        seconds = f"{place.get('durationMs', 0) / 1000:.1f}"
        listing.add(
            place["accountId"],
            place["region"],
            place["outcome"],
            place.get("instances"),
            place.get("absent"),
            seconds,
            remark=place.get("message") or "",
        )
    listing.print(out, wide=wide)
    if quiet := len(ordered) - len(listing.rows):
        say(f"Not shown: {quiet} places where DRS was never set up. --wide shows all.")


def kind_of(is_drill: bool | None) -> str:
    """Drill or real, in the words people use; empty where DRS did not say."""
    return {True: "drill", False: "recovery", None: ""}[is_drill]


def complain(problems: list[str]) -> None:
    """Name the problems and exit with code 1, if there are any."""
    for problem in problems:
        notes.print(f"[red]![/] {escape(problem)}", soft_wrap=not notes.is_terminal)
    if problems:
        raise SystemExit(1)
