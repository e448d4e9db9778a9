"""The gate itself, as far as an emulator goes: its steps can be told,
run in order, and stop at the first that fails.
"""

import subprocess

import pytest

from tests.infra.rehearsal.conftest import GATE, Rehearsal

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800), pytest.mark.xdist_group("rehearsal")]
# Not here: a roll-back, a drill, the time to connect, what Lambda does with a table's stream
# (tests/infra/rehearsal/blind_spots.py).
EMULATED = (
    "create,unchanged,one_parameter,back_again,served,home_drill,"
    "delete,create_again,outlive,teardown"
)


def gate(emulated: Rehearsal, *words: str) -> subprocess.CompletedProcess[str]:
    """One run of it."""
    return subprocess.run(
        [emulated.checkout / "scripts" / "aws_gate.sh", GATE, *words],
        env=emulated.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )


def test_the_steps_that_an_emulator_can_show(emulated: Rehearsal) -> None:
    """From nothing to nothing: made, left alone, changed, taken down
    with its rows kept, made again, and gone.
    """
    done = gate(emulated, "--yes", "--only", EMULATED)
    results = done.stdout.partition("== Gate")[2].splitlines()
    told = {line.split()[0]: line.rpartition(" s  ")[2] for line in results if line.strip()}
    expected = dict.fromkeys(EMULATED.split(","), "passed")
    assert told == expected | {"home_drill": "NOT RUN: no plan named"}, done.stdout + done.stderr
    assert done.returncode == 3
    assert not [
        it for it in emulated.client("dynamodb").list_tables()["TableNames"] if it.endswith(GATE)
    ]


def test_every_step_has_the_result_it_must_have(emulated: Rehearsal) -> None:
    """Told without doing anything."""
    done = gate(emulated, "--list")
    assert done.returncode == 0
    assert len([it for it in done.stdout.splitlines() if it.split(None, 1)[1:]]) == 14


def test_it_asks_before_it_deletes_anything(emulated: Rehearsal) -> None:
    """Without the environment's name typed, nothing happens."""
    done = gate(emulated, "--only", "teardown")
    assert done.returncode == 2
    assert "nothing was done" in done.stderr
