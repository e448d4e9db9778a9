"""Direct operations: refused alike by every function, before
anything is asked; each says whose event it was given.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from cache.errors import Conflict, InvalidInput, NotFound, Unattended
from services.api.dispatch import SERVED_BY, dispatch
from services.data_management import operations as data_management
from services.execution import operations as execution
from services.platform.executions import Executions
from services.sync.after_wave import sync_after_wave
from services.sync.run import SyncParts

WAVE = {
    "operation": "sync_recovery_instances_after_wave", "executionId": "exec-1", "waveNumber": 1,
    "sourceServerIds": [f"s-{0:017d}"],
}  # fmt: skip


class Asked(Exception):
    """The event was taken, and somebody is asked."""


class Nobody:
    """Nobody can be asked here."""

    def read(self, _execution_id: str) -> None:
        """The row of an execution."""
        raise Asked


def asked() -> SyncParts:
    """Nor here."""
    raise Asked


def sync(event: Mapping[str, Any]) -> Any:
    """The operation, as far as it goes before it asks."""
    return sync_after_wave(cast("Executions", Nobody()), asked, event)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"waveNumber": "1"}, "waveNumber: "),
        ({"waveNumber": -1}, "waveNumber: "),
        ({"sourceServerIds": ["s-1"]}, "sourceServerIds.0: "),
        ({"sourceServerIds": []}, "sourceServerIds: "),
        ({"jobId": "job-1"}, "jobId: "),
        ({"accountId": "1"}, "accountId: "),
        ({"dryRun": True}, "dryRun: "),
    ],
)
def test_a_wave_that_makes_no_sense_is_refused_by_name(
    change: dict[str, object], says: str
) -> None:
    """The first field that is wrong; no table is read for it."""
    with pytest.raises(InvalidInput, match=f"^{says}"):
        sync(WAVE | change)


def test_a_wave_that_makes_sense_is_taken() -> None:
    """These three are enough, as the refusals above are for the change alone."""
    with pytest.raises(Asked):
        sync(WAVE)


def test_the_operations_are_those_that_the_functions_take() -> None:
    """The list by which a function says whose event it was given has each of them, where it is."""
    taken = {
        name: {
            key.value
            for node in ast.parse(Path(module.__file__ or "").read_text()).body
            if isinstance(node, ast.FunctionDef)
            and isinstance(node.returns, ast.Name)
            and node.returns.id == "DirectOperations"
            and isinstance(node.body[-1], ast.Return)
            and isinstance(node.body[-1].value, ast.Dict)
            for key in node.body[-1].value.keys
            if isinstance(key, ast.Constant)
        }
        for name, module in (("data-management", data_management), ("execution", execution))
    }
    taken["query"] = {"check_existing_recovery_instances"}
    for function, operations in taken.items():
        assert {it for it, where in SERVED_BY.items() if function in where} == operations


def test_another_functions_operation_is_told_whose_it_is() -> None:
    """So that whoever wired it finds the wrong line."""
    answer = dispatch({"operation": "start_wave"}, {}, {}, "")
    assert answer["error"] == "INVALID_INPUT"
    assert "taken by the execution function" in answer["message"]


def test_a_ping_is_answered_and_does_nothing() -> None:
    """By every function."""
    assert dispatch({"source": "serverless-plugin-warmup"}, {}, {}, "") == {"warm": True}


@pytest.mark.parametrize(
    "event",
    [
        {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}},
        {"detail-type": "Scheduled Event", "source": "aws.scheduler"},
        {"Records": [{"eventSource": "aws:sqs"}]},
    ],
)
def test_a_notification_without_an_operation_fails_aloud(event: dict[str, Any]) -> None:
    """Nobody reads an answer to it: a schedule without its input
    would sync nothing, for ever, in silence.
    """
    with pytest.raises(Unattended, match="no operation"):
        dispatch(event, {}, {"sync_recovery_instances": lambda _: {}}, "")


@pytest.mark.parametrize("error", [InvalidInput("x", "y"), NotFound("x"), Conflict("C", "x")])
def test_a_refusal_is_an_answer_unless_nobody_would_hear(
    error: InvalidInput | NotFound | Conflict,
) -> None:
    """Then it is a failure of the function."""

    def refuse(_: Mapping[str, Any]) -> dict[str, Any]:
        raise error

    event = {"operation": "refuse"}
    assert "error" in dispatch(event, {}, {"refuse": refuse}, "")
    with pytest.raises(type(error)):
        dispatch(event, {}, {"refuse": refuse}, "", is_unheard=lambda _, it: it is error)
