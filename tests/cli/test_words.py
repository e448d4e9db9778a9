"""What the command line says of executions, whatever state they are in."""

from io import StringIO

import pytest
from rich.console import Console

from services.cli.drills import print_report
from services.cli.executions import cancelled, running_listing
from services.cli.terminate import sum_of
from services.execution.report import report_body
from services.platform.execution import Execution, Status, Wave


def test_a_report_says_who_and_what_the_check_had_found(capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody did is not mentioned."""
    finding = {"severity": "warning", "code": "IN_TWO_PLANS", "message": "in two plans"}
    row = {"executionId": "e", "planId": "p", "requestedBy": "jane", "cancelledBy": "john"}
    execution = Execution.model_validate(row | {"findings": [finding]})
    print_report(report_body(execution, {}, [], "2026-11-03T00:00:00Z"))
    text = capsys.readouterr().out
    assert "Asked for by jane, cancelled by john\n" in text
    assert "Plan check before the launch, warning: in two plans\n" in text
    assert "agreed" not in text


def test_a_cancel_that_waits_for_its_wave_is_told_wherever_it_is_seen() -> None:
    """ "Running" alone would read as if nothing had happened."""
    wave = Wave(wave_number=1, status=Status.RUNNING)
    running = Execution(
        execution_id="e",
        execution_type="UNKNOWN",
        status=Status.RUNNING,
        waves=[wave],
        cancel_requested=True,
    )
    assert cancelled(running).startswith("being cancelled")
    out = StringIO()
    running_listing([running]).print(Console(file=out))
    assert "being cancelled" in out.getvalue()
    assert "unknown" in out.getvalue()
    assert "recovery" not in out.getvalue()
    assert cancelled(running.model_copy(update={"status": Status.CANCELLED})) == "cancelled"


def test_a_termination_says_how_many_stay_and_the_flag_that_takes_them() -> None:
    """--yes alone takes no real recovery, so it is not offered where only those are left."""
    body = {
        "dryRun": True,
        "requested": [],
        "refused": [{"reason": "REAL_RECOVERY"}, {"reason": "REAL_RECOVERY"}, {"reason": "x"}],
        "failed": [],
    }
    said = sum_of(body)
    assert "0 would go, 3 stay, 0 failed." in said
    assert "2 are of a real recovery: --confirm-recovery" in said
    assert "--yes" not in said
    assert sum_of(body | {"requested": [{}], "refused": []}).endswith("--yes does it.")
