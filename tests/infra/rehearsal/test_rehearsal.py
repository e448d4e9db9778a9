"""The real templates, deployed by the real script, their
functions reached through their real triggers.
"""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from local import functions
from local.world import EMPTY_PLAN
from tests.infra.rehearsal.conftest import Rehearsal

pytestmark = [pytest.mark.long, pytest.mark.timeout(900), pytest.mark.xdist_group("rehearsal")]
PATIENCE = 180  # seconds, for the schedule to come round and a machine's waits to pass


def awaited[T](ask: Callable[[], T | None]) -> T:
    """What it answers in the end."""
    deadline = time.monotonic() + PATIENCE
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, "it never comes"
        time.sleep(1)
    return answer


def pages_show_the_world(rehearsal: Rehearsal) -> None:
    """Each plan's page shows the world's instances; one that
    says that it does not know is asked again.
    """
    for plan in rehearsal.world.recovery_plans:
        path = f"/recovery-plans/{plan['planId']}/check-existing-instances"
        page = awaited(lambda path=path: _complete(rehearsal.call("GET", path)))
        alive = [
            it for wave in plan["waves"] for it in wave["serverIds"] if rehearsal.world.expected[it]
        ]
        assert [item["sourceServerId"] for item in page["existingInstances"]] == alive


def _complete(answer: tuple[int, dict[str, Any]]) -> dict[str, Any] | None:
    status, page = answer
    return page if status == 200 and not page["unknownServerIds"] else None


def test_the_schedule_syncs_and_the_page_shows_it(rehearsal: Rehearsal) -> None:
    """EventBridge's rule starts the sync function; what it found is on
    the pages, through API Gateway and the alias.
    """

    def last_run() -> dict[str, Any] | None:
        _, status = rehearsal.call("GET", "/drs/recovery-instance-sync/status")
        run = status["lastRun"]
        return run if run and run["instancesUpdated"] else None

    run = awaited(last_run)
    assert run["instancesUpdated"] == len(rehearsal.world.alive)
    pages_show_the_world(rehearsal)


def test_a_manual_sync_runs_in_its_own_function(rehearsal: Rehearsal) -> None:
    """The API's POST invokes the sync function asynchronously and answers with its result."""
    status, body = rehearsal.call("POST", "/drs/recovery-instance-sync")
    assert status in {200, 202}, body


def test_a_drill_is_driven_by_the_state_machine(rehearsal: Rehearsal) -> None:
    """The API starts it, Step Functions runs its waves, the page
    shows what was launched, termination ends it.
    """
    plan = next(it for it in rehearsal.world.recovery_plans if it["planId"] == EMPTY_PLAN)
    servers = {it for wave in plan["waves"] for it in wave["serverIds"]}
    status, started = rehearsal.call(
        "POST", "/executions", {"planId": EMPTY_PLAN, "executionType": "DRILL"}
    )
    assert status == 202, started
    path = f"/executions/{started['executionId']}"
    ended = awaited(lambda: _ended(rehearsal, path))
    assert ended["status"] == "COMPLETED", ended
    _, page = rehearsal.call("GET", f"/recovery-plans/{EMPTY_PLAN}/check-existing-instances")
    assert {item["sourceServerId"] for item in page["existingInstances"]} == servers
    status, terminated = rehearsal.call("POST", f"{path}/terminate-instances", {})
    assert (status, len(terminated["requested"])) == (202, len(servers)), terminated
    awaited(
        lambda: (
            True
            if rehearsal.call("GET", f"{path}/termination-status")[1]["status"] == "COMPLETED"
            else None
        )
    )


def _ended(rehearsal: Rehearsal, path: str) -> dict[str, Any] | None:
    _, execution = rehearsal.call("GET", path)
    return dict(execution) if execution.get("endTime") else None


@pytest.mark.parametrize("read_from", ["live", "table", "mirror"])
def test_reading_can_be_switched_there_and_back(rehearsal: Rehearsal, read_from: str) -> None:
    """The rollout's phases, and its rollback: the same pages, whichever way they are read."""
    rehearsal.deploy(f"ReadFrom={read_from}")
    for role in ("query", "data-management"):
        variables = rehearsal.client("lambda").get_function_configuration(
            FunctionName=functions.name(role)
        )
        assert variables["Environment"]["Variables"]["READ_FROM"] == read_from
    assert served_variables(rehearsal)["READ_FROM"] == read_from
    pages_show_the_world(rehearsal)


def test_code_alone_can_be_replaced(rehearsal: Rehearsal) -> None:
    """--lambda-only leaves the stack and answers as before."""
    rehearsal.deploy("--lambda-only")
    pages_show_the_world(rehearsal)


def served_variables(rehearsal: Rehearsal) -> dict[str, str]:
    """What the version that pages are read by was published with."""
    found = rehearsal.client("lambda").get_function_configuration(
        FunctionName=functions.name("query"), Qualifier="live"
    )
    return dict(found["Environment"]["Variables"])


def test_a_deployment_of_the_same_again_changes_nothing(rehearsal: Rehearsal) -> None:
    """No stack is updated, no code replaced, no version published: whatever was deployed before."""
    rehearsal.deploy()
    before, version = rehearsal.modified(), rehearsal.live_version()
    output = rehearsal.deploy()
    assert output.count("nothing to change") == 2, output
    assert "first sync: 0 places looked at" in rehearsal.first, "no target account is there yet"
    assert "mirror: 0 compared" in rehearsal.first
    assert "first sync" not in output
    assert (rehearsal.modified(), rehearsal.live_version()) == (before, version)


def test_a_change_that_is_not_the_query_functions_publishes_nothing(rehearsal: Rehearsal) -> None:
    """Its version stays, and the deployment ends well."""
    rehearsal.deploy()
    version = rehearsal.live_version()
    output = rehearsal.deploy("LogRetentionDays=30")
    assert f"{functions.PROJECT}-dev: UPDATE_COMPLETE" in output
    assert rehearsal.live_version() == version


def test_a_parameter_on_the_command_line_holds_once(rehearsal: Rehearsal) -> None:
    """The next deployment goes back to the file's value, or the default."""
    for words, expected in [(("JobTags=true",), "true"), ((), "false")]:
        rehearsal.deploy(*words)
        assert served_variables(rehearsal)["JOB_TAGS"] == expected


def test_a_dry_run_changes_nothing(rehearsal: Rehearsal) -> None:
    """It shows what would change; functions keep their code, the
    stack its time, the bucket its files.
    """
    rehearsal.deploy()
    before = rehearsal.modified(), rehearsal.files()
    assert "would be replaced" not in rehearsal.dry_run("--lambda-only")
    assert "Modify" not in rehearsal.dry_run()
    changed = [it for it in rehearsal.dry_run("ReadFrom=live").splitlines() if "Modify" in it]
    kinds = {re.sub(r".*\((.*)\).*", r"\1", it) for it in changed}
    assert "AWS::Lambda::Function" in kinds, changed
    assert "AWS::CloudFormation::Stack" not in kinds, changed
    assert (rehearsal.modified(), rehearsal.files()) == before
