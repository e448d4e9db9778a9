"""Whoever does something stands in the row and in the report, whichever way it was done."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest
from click.testing import CliRunner, Result

from local.processes import free_port
from services import recovery_instance_sync as functions
from services.api.access import name_of_arn
from services.cli.caller import caller
from services.cli.drills import clean_up
from services.cli.executions import cancel
from services.cli.terminate import terminate
from tests.execution.deployment import Deployment, drilled

COMMAND_LINE = "local"  # the user whose keys the stand-in gives us


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sts::111111111111:assumed-role/on-call/jane", "on-call/jane"),
        ("arn:aws:sts::111111111111:assumed-role/on-call/jane@example.org", "on-call/jane"),
        ("arn:aws:iam::111111111111:user/team/john", "team/john"),
        ("arn:aws:iam::111111111111:root", None),
        (None, None),
    ],
)
def test_a_name_tells_people_apart_and_is_no_address(arn: str | None, name: str | None) -> None:
    """A user, or a role and its session."""
    assert name_of_arn(arn) == name


@pytest.mark.usefixtures("deployment")
def test_without_sts_it_was_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left undone because nobody says who does it."""
    assert caller() == COMMAND_LINE
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{free_port()}")
    assert caller() == "the command line"


def test_a_cancel_names_who_asked(deployment: Deployment) -> None:
    """Without force too, where no message says it."""
    place = deployment.place(0)
    execution_id = deployment.begin((place, deployment.protect(place, 1)))
    done = CliRunner().invoke(cancel, [execution_id], obj=deployment.wiring)
    assert done.exit_code == 0, done.output
    assert deployment.execution(execution_id).cancelled_by == COMMAND_LINE
    assert _report(deployment, execution_id)["cancelledBy"] == COMMAND_LINE


def test_a_termination_at_the_command_line_names_who_asked(deployment: Deployment) -> None:
    """As one through the API does; a dry run asks nobody's name."""
    execution_id, _ = drilled(deployment, count=1)
    assert _run(deployment, execution_id).exit_code == 0
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(_run, deployment, execution_id, "--yes")
        assert _askers(deployment, execution_id) == {COMMAND_LINE}
        deployment.advance()
        assert following.result().exit_code == 0


def test_a_clean_up_at_the_command_line_names_who_asked(deployment: Deployment) -> None:
    """In its note and on its jobs."""
    execution_id, _ = drilled(deployment, count=1)
    plan_id = deployment.execution(execution_id).plan_id
    options = [plan_id, "--note", "all came up", "--yes"]
    done = CliRunner().invoke(clean_up, options, obj=deployment.wiring)
    assert done.exit_code == 0, done.output
    assert _askers(deployment, execution_id) == {COMMAND_LINE}
    (note,) = deployment.execution(execution_id).clean_ups
    assert note.by == COMMAND_LINE


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ({}, "a direct operation"),
        ({"requestedBy": "jane"}, "jane"),
        ({"requestedBy": "jane@example.org"}, "jane"),
        ({"requestedBy": "@example.org"}, "a direct operation"),
    ],
)
def test_a_direct_operation_is_named_as_one_unless_it_says_for_whom(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, stated: dict[str, str], kept: str
) -> None:
    """Lambda does not tell a function who invoked it. Row and log have a name and no address."""
    execution_id, _ = drilled(deployment, count=1)
    with caplog.at_level("INFO"):
        deployment.operate("terminate_recovery_instances", executionId=execution_id, **stated)
    assert _askers(deployment, execution_id) == {kept}
    (line,) = [it for it in caplog.messages if it.startswith("Terminating 1 instances of ")]
    assert execution_id in line
    assert line.endswith(f", asked for by {kept}")


def test_code_that_runs_beside_ours_is_named_too(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer's own functions call ours by name."""
    monkeypatch.setattr(functions, "_wiring", lambda: deployment.wiring)
    for stated, kept in ({}, "a direct operation"), ({"requested_by": "jane@example.org"}, "jane"):
        execution_id, _ = drilled(deployment, count=1)
        assert functions.terminate_recovery_instances(execution_id, **stated) == 1
        assert _askers(deployment, execution_id) == {kept}


def _run(deployment: Deployment, *arguments: str) -> Result:
    return CliRunner().invoke(terminate, list(arguments), obj=deployment.wiring)


def _askers(deployment: Deployment, execution_id: str) -> set[str | None]:
    """Who asked for its terminations, once there are any."""
    deadline = monotonic() + 30
    while not (jobs := deployment.execution(execution_id).termination_jobs):
        assert monotonic() < deadline, "nothing was terminated"
        sleep(0.05)
    return {it.requested_by for it in jobs}


def _report(deployment: Deployment, execution_id: str) -> dict[str, object]:
    path = "/executions/{executionId}/report"
    body: dict[str, object] = deployment.call("GET", path, executionId=execution_id)[1]
    return body
