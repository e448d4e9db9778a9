"""Rows for a terminal and for a pipe.

An id is never broken: in a terminal, columns that do not fit are left out by name,
free text is shortened, and a row's remark goes below the row; a pipe, and `--wide`, get every
column whole, line by line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.style import NULL_STYLE
from rich.text import Text

GAP = 2
SHORTEST = 12  # free text is not shortened below this
REMARK_INDENT = 4
COLOURS: Mapping[str, str] = {
    "unknown": "yellow", "denied": "red", "throttled": "yellow", "unreachable": "red",
    "timeout": "red",
    "error": "red", "unreadable": "red", "not_configured": "yellow", "failed": "red",
    "stays": "yellow",
}  # fmt: skip
wide_option = click.option("--wide", is_flag=True, help="Every column, however wide the terminal.")


@dataclass(frozen=True, slots=True)
class Column:
    """`is_text` may be shortened; everything else is shown whole or left out.

    Numbers stand to the right.
    """

    title: str
    is_text: bool = False
    is_number: bool = False


@dataclass(slots=True)
class Listing:
    """Rows of cells under their columns, the most telling column first.

    A row's remark is why it is as it is.
    """

    columns: Sequence[Column]
    remark: str = ""
    """What remarks are called where they are a column."""
    rows: list[tuple[list[str], str]] = field(default_factory=list)

    def add(self, *cells: object, remark: str = "") -> None:
        """One row; None is an empty cell. Line breaks in what others wrote do not break the row."""
        texts = [" ".join(("" if cell is None else str(cell)).split()) for cell in cells]
        self.rows.append((texts, " ".join(remark.split())))

    def print(self, out: Console, *, wide: bool = False) -> None:
        """Print it, fit for where it goes."""
        if wide or not out.is_terminal:
            self._print_whole(out)
        else:
            self._print_fitted(out)

    def _print_whole(self, out: Console) -> None:
        columns, rows = [*self.columns], [[*cells] for cells, _ in self.rows]
        if self.remark:
            columns.append(Column(self.remark))
            rows = [[*cells, remark] for cells, remark in self.rows]
        widths = _natural(columns, rows)
        for cells in ([it.title for it in columns], *rows):
            _print_line(out, columns, widths, cells)

    def _print_fitted(self, out: Console) -> None:
        widths = _fitted(
            self.columns, _natural(self.columns, [it for it, _ in self.rows]), out.width
        )
        shown, left_out = self.columns[: len(widths)], self.columns[len(widths) :]
        _print_line(out, shown, widths, [it.title for it in shown], style="bold")
        for cells, remark in self.rows:
            _print_line(out, shown, widths, cells[: len(widths)])
            if remark:
                out.print(Padding(Text(remark, "dim"), (0, 0, 0, REMARK_INDENT)))
        if left_out:
            titles = ", ".join(it.title for it in left_out)
            out.print(Text(f"Not shown: {titles}. --wide shows all.", "dim"))


def _natural(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[int]:
    """The widths that everything needs."""
    widths = [cell_len(it.title) for it in columns]
    for row in rows:
        widths = [max(width, cell_len(cell)) for width, cell in zip(widths, row, strict=True)]
    return widths


def _fitted(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """The widths of the first columns that fit: text shortened
    where needed, the first column always there.
    """
    least = [min(it, SHORTEST) if column.is_text else it
             for it, column in zip(natural, columns, strict=True)]  # fmt: skip
    count = 1
    while count < len(columns) and sum(least[: count + 1]) + GAP * count <= width:
        count += 1
    spare = width - sum(least[:count]) - GAP * (count - 1)
    widths = least[:count]
    for index, wanted in enumerate(natural[:count]):
        more = max(0, min(spare, wanted - widths[index]))
        widths[index], spare = widths[index] + more, spare - more
    return widths


def _print_line(
    out: Console,
    columns: Sequence[Column],
    widths: Sequence[int],
    cells: Sequence[str],
    style: str = "",
) -> None:
    line = Text(style=style or NULL_STYLE)
    for column, width, cell in zip(columns, widths, cells, strict=True):
        line.append(_cell(column, width, cell), COLOURS.get(cell))
        line.append(" " * GAP)
    line.rstrip()
    out.print(line, soft_wrap=True)


def _cell(column: Column, width: int, cell: str) -> str:
    if cell_len(cell) > width:
        cell = f"{set_cell_size(cell, width - 1).rstrip()}…"
    filling = " " * (width - cell_len(cell))
    return filling + cell if column.is_number else cell + filling
