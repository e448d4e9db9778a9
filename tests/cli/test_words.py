"""What the command line says of executions, whatever state they are in."""

from io import StringIO

from rich.console import Console

from services.cli.executions import cancelled, running_listing
from services.cli.terminate import sum_of
from services.platform.execution import Execution, Status, Wave


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
