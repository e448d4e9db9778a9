"""Rows are readable at any width: no id is ever broken, what is
left out is named, a pipe gets everything.
"""

import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from services.cli import output
from services.cli.check import worst_listing
from services.cli.executions import running_listing
from services.cli.leftovers import leftovers_listing
from services.cli.listing import Column, Listing
from services.cli.show import remark_of
from services.platform.execution import Execution

COLUMNS = (
    *map(Column, ("Server", "Instance", "State")),
    Column("Name", is_text=True),
    Column("Gone", is_number=True),
    *map(Column, ("Account", "Execution")),
)
SERVER, INSTANCE = "s-0123456789abcdef0", "i-0123456789abcdef0"
EXECUTION = "0b3c5f6e-7a1d-4c2b-9e8f-001122334455"
WHY = "User: arn:aws:sts::666666666666:assumed-role/sync is not authorized to perform: drs:Describe"


def printed(
    listing: Listing, width: int, *, terminal: bool = True, wide: bool = False
) -> list[str]:
    """The lines, without colours."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width, color_system=None)
    listing.print(console, wide=wide)
    return file.getvalue().splitlines()


def filled(name: str = "支払い サーバ 0005", remark: str = WHY) -> Listing:
    """One row."""
    listing = Listing(COLUMNS, remark="Why")
    listing.add(SERVER, INSTANCE, "denied", name, 7, "666666666666", EXECUTION, remark=remark)
    return listing


@pytest.mark.parametrize(("width", "left_out"), [(80, "Account, Execution"), (100, "Execution")])
def test_what_does_not_fit_is_left_out_by_name(width: int, left_out: str) -> None:
    """Whole columns, from the right, and --wide is named."""
    lines = printed(filled(), width)
    assert lines[-1] == f"Not shown: {left_out}. --wide shows all."
    assert all(it not in "\n".join(lines) for it in (EXECUTION, "Execution  "))


def test_at_two_hundred_columns_everything_is_there() -> None:
    """And nothing is said of leaving out."""
    lines = printed(filled(), 200)
    assert EXECUTION in lines[1]
    assert not any("Not shown" in line for line in lines)


def test_a_reason_is_on_lines_of_its_own_below_its_row() -> None:
    """Wrapped at words, indented; beside the others where nobody reads it on a screen."""
    lines = printed(filled(), 80)
    assert lines[2].startswith("    User: ")
    assert " ".join(line.strip() for line in lines[2:4]) == WHY
    (row,) = printed(filled(), 80, terminal=False)[1:]
    assert row.endswith(WHY)


@pytest.mark.parametrize("options", [{"terminal": False}, {"wide": True}])
def test_a_pipe_and_wide_get_every_cell_on_one_line_a_row(options: dict[str, bool]) -> None:
    """However narrow the terminal; so `head`, `grep` and `awk` work."""
    head, row = printed(filled("a name " * 40), 80, **options)
    assert head.split() == [*(it.title for it in COLUMNS), "Why"]
    assert row.count("a name") == 40
    assert row.split()[:3] == [SERVER, INSTANCE, "denied"]


def test_line_breaks_in_what_others_wrote_do_not_break_rows() -> None:
    """A message of several lines is one line in a pipe, and no markup is obeyed."""
    (row,) = printed(filled("[red]a\nb[/]", "c\r\nd\te"), 80, terminal=False)[1:]
    assert "[red]a b[/]" in row
    assert row.endswith("c d e")


@given(
    width=st.integers(20, 250),
    names=st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40), max_size=4),
)
def test_no_line_is_longer_than_the_terminal_and_no_id_is_broken(
    width: int, names: list[str]
) -> None:
    """Each server's id is there whole, at any width at which one fits."""
    listing = Listing(COLUMNS, remark="Why")
    for number, name in enumerate(names):
        listing.add(
            f"s-{number:017d}", INSTANCE, "running", name, 1, "1" * 12, EXECUTION, remark=WHY
        )
    lines = printed(listing, width)
    assert max(map(cell_len, lines)) <= width
    for number in range(len(names)):
        assert sum(f"s-{number:017d}" in line for line in lines) == 1
    for line in lines:
        for part, whole in (("i-0", INSTANCE), ("0b3c", EXECUTION)):
            assert part not in line or whole in line


def test_at_eighty_columns_what_runs_has_its_plan_and_leftovers_their_execution() -> None:
    """People know the plan, `terminate` needs the id."""
    run = Execution(executionId=EXECUTION, planId="plan-007", planName="Mail 7", status="RUNNING")
    assert "Mail 7" in "\n".join(printed(running_listing([run]), 80))
    group = {
        "planName": "Mail 7", "executionId": EXECUTION, "running": 20, "stopped": 0,
        "instances": [{"ageDays": 40.0}], "instanceTypes": {"m5.large": 20},
        "instanceHours": 19_200, "estimatedCost": 1_234.5,
    }  # fmt: skip
    assert EXECUTION in "\n".join(printed(leftovers_listing({"groups": [group]}), 80))


def test_a_wrapped_sentence_keeps_its_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a screen the second line of a finding must not look like a heading."""
    file = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=file, force_terminal=True, width=40))
    output.say(WHY, indent=2)
    lines = file.getvalue().splitlines()
    assert len(lines) > 1
    assert all(re.match(r"  \S", it) for it in lines)


PLACES: list[dict[str, Any]] = [
    {"accountId": "1" * 12, "region": f"eu-west-{number}", "outcome": "not_initialized"}
    for number in range(1, 30)
] + [
    {"accountId": "1" * 12, "region": "us-east-1", "outcome": "seen", "instances": 443},
    {"accountId": "2" * 12, "region": "sa-east-1", "outcome": "denied", "message": WHY},
    {"accountId": "2" * 12, "region": "word-of-the-future", "outcome": "dimmed"},
]  # fmt: skip


@pytest.mark.parametrize("width", [80, 120, 200])
def test_what_could_not_be_seen_comes_first_and_what_was_never_set_up_is_counted(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """One denied place among seventy must not be looked for."""
    file = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=file, force_terminal=True, width=width))
    output.print_places(PLACES, wide=False)
    _, first, *rest = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue()).splitlines()
    assert first.split()[:3] == ["2" * 12, "sa-east-1", "denied"]
    assert [it.split()[1] for it in rest if it[0] == "2"] == ["word-of-the-future"]
    assert rest[-1] == "Not shown: 29 places where DRS was never set up. --wide shows all."
    assert len(rest) < 12
    assert max(map(len, rest)) <= width


def test_a_pipe_is_told_of_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on one line, those that could not be seen first."""
    file = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=file, width=80))
    output.print_places(PLACES, wide=False)
    lines = file.getvalue().splitlines()
    assert len(lines) == 1 + len(PLACES)
    assert lines[1].endswith(WHY)


def test_of_each_plan_the_worst_finding_is_told_first() -> None:
    """The servers are for whoever asks for the plan."""
    findings = [
        {"severity": "critical", "message": WHY, "serverIds": [f"s-{1:017d}"]},
        {"severity": "warning", "message": "lags", "serverIds": []},
    ]
    plan = {"planId": "plan-007", "planName": "Mail 7", "worst": "critical", "findings": findings}
    sound = {"planId": "plan-008", "planName": "Web", "worst": None, "findings": []}
    head, row, *remark = printed(worst_listing([plan, sound]), 80)
    assert head.split() == ["Plan", "Id", "Critical", "Warning", "Unknown"]
    assert row.split() == ["Mail", "7", "plan-007", "1", "1"]
    assert " ".join(" ".join(remark).split()) == WHY


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (None, "lags"),
        ({}, "lags"),
        ({"detailsSeenAt": "2026-11-01T00:00:00Z"}, "lags; details of 2026-11-01T00:00:00Z"),
        ({"detailsSeenAt": None}, "lags; details of its instance never seen"),
    ],
)
def test_details_that_are_older_than_the_look_are_said_to_be(
    item: dict[str, Any] | None, said: str
) -> None:
    """Beside why the server is not ready."""
    readiness = {"state": "lagging", "reason": "lags"}
    assert remark_of({"readiness": readiness, "instance": item}) == said
