"""The command line, as a second terminal beside the running stack uses it."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from cache.mirror import entry_key
from local.functions import name
from local.stack import Stack
from local.world import DENIED, EMPTY_PLAN, WHOLE_ESTATE

REPOSITORY = Path(__file__).parents[2]


def run(
    stack: Stack, *arguments: str, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """One command, with the environment that the stack leaves behind; its exit code is checked."""
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        env={"PATH": os.environ["PATH"], "COLUMNS": "200", **stack.environment, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def said(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON on standard output, which holds nothing else."""
    return json.loads(done.stdout)


def test_sync_looks_at_every_place_and_fails_for_the_one_it_may_not_see(stack: Stack) -> None:
    """The result is printed all the same, and the denied place is named."""
    done = run(stack, "sync", "--json", code=1)
    body = said(done)
    assert body["instancesUpdated"] == len(stack.world.alive)
    assert {it["outcome"] for it in body["places"]} == {"seen", "not_initialized", "denied"}
    assert DENIED in done.stderr


def test_sync_of_one_place_looks_there_only(stack: Stack) -> None:
    """Both its account and its region must be named."""
    body = said(run(stack, "sync", "--account", "111111111111", "--region", "us-east-1", "--json"))
    assert [(it["accountId"], it["region"], it["outcome"]) for it in body["places"]] == [
        ("111111111111", "us-east-1", "seen")
    ]
    assert "go together" in run(stack, "sync", "--account", "111111111111", code=2).stderr
    assert (
        "is not a target account"
        in run(stack, "sync", "--account", "9" * 12, "--region", "x", code=2).stderr
    )


def test_status_names_every_place(stack: Stack) -> None:
    """As a table, and as the API's own answer."""
    body = said(run(stack, "status", "--json"))
    assert body["running"] is None
    assert len(body["places"]) == 8
    assert "not_initialized" in run(stack, "status").stdout


def test_show_says_what_the_page_says(stack: Stack) -> None:
    """A plan, or servers; an unknown plan or a malformed id is bad usage.

    Nobody ever saw the denied region whole, so a server without a row may be there, unless a plan
    says where it is.
    """
    body = said(run(stack, "show", WHOLE_ESTATE, "--json"))
    assert body["planId"] == WHOLE_ESTATE
    alive = next(iter(stack.world.alive))
    shown = run(stack, "show", alive, f"s-{0:017d}", code=1).stdout
    assert stack.world.alive[alive]["ec2InstanceId"] in shown
    assert "unknown" in shown
    assert "none" in run(stack, "show", EMPTY_PLAN).stdout
    assert "there is no recovery plan 'nothing'" in run(stack, "show", "nothing", code=2).stderr
    assert "'s-1' is no source server id" in run(stack, "show", alive, "s-1", code=2).stderr


def test_a_plan_is_told_by_its_name_too(stack: Stack) -> None:
    """`leftovers` prints names; where several plans have the same name, their ids are told."""
    names = Counter(it["planName"] for it in stack.world.recovery_plans)
    unique = next(it for it in stack.world.recovery_plans if names[it["planName"]] == 1)
    assert said(run(stack, "show", unique["planName"], "--json"))["planId"] == unique["planId"]


def test_a_pipe_gets_every_server_on_a_line_of_its_own_with_whole_ids(stack: Stack) -> None:
    """Whatever COLUMNS says: `show … | awk '{print $2}'` gives instance ids."""
    lines = run(stack, "show", WHOLE_ESTATE, COLUMNS="80").stdout.splitlines()[1:]
    shown = {line.split()[0]: line for line in lines}
    servers = stack.world.expected
    assert len(lines) == len(shown) == 1_000 if len(servers) >= 1_000 else len(servers)
    for server_id, line in shown.items():
        expected = servers[server_id]
        words = line.split()
        assert words[1] == (expected["ec2InstanceId"] if expected else "none")
        assert expected is None or (expected["sourceExecutionId"] or expected["region"]) in words


def test_audit_finds_a_forged_entry_and_repairs_it(stack: Stack) -> None:
    """Warm, then equal; a damaged entry is named with exit code 1, repaired, and equal again."""
    assert said(run(stack, "warm", "--json"))["failed"] == 0
    assert said(run(stack, "audit", "--json"))["differences"] == {}
    server_id = next(iter(stack.world.alive))
    redis = Redis.from_url(stack.environment["REDIS_URL"])
    redis.hset(entry_key(server_id), "page", "rubbish")
    found = run(stack, "audit", "--json", code=1)
    assert list(said(found)["differences"]) == [server_id]
    run(stack, "audit", "--repair", code=1)
    assert said(run(stack, "audit", "--json"))["differences"] == {}


def test_audit_live_compares_the_table_with_drs(stack: Stack) -> None:
    """Equal but for the place that denies us, which is named."""
    done = run(stack, "audit", "--live", "--json", code=1)
    assert said(done)["differences"] == {}
    assert DENIED in done.stderr


def test_terminate_is_a_dry_run_unless_told(stack: Stack) -> None:
    """It says what would go; an unknown execution is a failure in one line."""
    execution = next(
        row["executionId"]
        for row in stack.world.execution_history
        if row["executionType"] == "DRILL"
    )
    body = said(run(stack, "terminate", execution, "--json"))
    assert body["dryRun"] is True
    assert body["jobs"] == []
    assert "Nothing was terminated" in run(stack, "terminate", execution).stdout
    assert run(stack, "terminate", "exec-none", code=1).stderr.count("\n") == 1
    assert run(stack, "cancel", "exec-none", "--json", code=1).stdout == ""


def test_a_clean_up_says_how_many_go_and_stay(stack: Stack) -> None:
    """Under the list, as a termination does."""
    executions = (it for it in stack.world.execution_history if it["executionType"] == "DRILL")
    plan_id = next(executions)["planId"]
    body = said(run(stack, "clean-up", plan_id, "--note", "rehearsed", "--json"))
    goes, stays = len(body["requested"]), len(body["refused"])
    text = run(stack, "clean-up", plan_id, "--note", "rehearsed").stdout
    totals = f"{goes} would go, {stays} stay, 0 failed. Nothing was terminated. --yes does it."
    assert text.splitlines()[-1] == totals


def test_snapshots_are_what_drs_keeps_of_a_server(stack: Stack) -> None:
    """Nothing yet, in one line; a server nobody knows is a failure in one line."""
    alive = next(iter(stack.world.alive))
    assert said(run(stack, "snapshots", alive, "--json"))["snapshots"] == []
    assert run(stack, "snapshots", alive).stdout.splitlines()[-1] == f"0 snapshots of {alive}."
    assert run(stack, "snapshots", f"s-{0:017d}", code=1).stderr.count("\n") == 1
    assert "is no source server id" in run(stack, "snapshots", "s-1", code=2).stderr


def test_leftovers_fail_when_any_is_too_old_or_a_place_was_not_seen(stack: Stack) -> None:
    """The seeded drills are weeks old; with a limit of ten years
    only the denied place is left to complain of.
    """
    done = run(stack, "leftovers", "--json", code=1)
    assert said(done)["tooOld"] == said(done)["instanceCount"] > 0
    assert "older than 7 days" in done.stderr
    assert DENIED in done.stderr
    table = run(stack, "leftovers", "--older-than", "3650", code=1)
    assert "older than" not in table.stderr
    assert "instance-hours, about $" in table.stdout
    assert "Prices of 20" in table.stdout


def test_check_fails_for_plans_that_would_not_launch(stack: Stack) -> None:
    """Every plan, or one; what counts as failing can be told; an
    unknown plan is bad usage.
    """
    plans = {it["planId"]: it for it in said(run(stack, "check", "--json", code=1))["plans"]}
    assert plans[WHOLE_ESTATE]["worst"] == "critical"
    done = run(stack, "check", WHOLE_ESTATE, code=1)
    assert "critical: Replication stopped" in done.stdout
    sound = next((it for it, plan in plans.items() if plan["worst"] == "warning"), None)
    if sound:
        run(stack, "check", sound)
        run(stack, "check", sound, "--fail-on", "warning", code=1)
    assert "Findings: " in done.stdout
    assert "there is no recovery plan 'nothing'" in run(stack, "check", "nothing", code=2).stderr


def test_a_report_is_printed_as_text_json_and_html(stack: Stack) -> None:
    """And `clean-up` is a dry run unless told."""
    row = next(it for it in stack.world.execution_history if it["executionType"] == "DRILL")
    execution = row["executionId"]
    assert said(run(stack, "report", execution, "--json"))["executionId"] == execution
    assert run(stack, "report", execution, "--html").stdout.startswith("<!doctype html>")
    assert "Left behind:" in run(stack, "report", execution).stdout
    assert (
        "exclude each other" in run(stack, "report", execution, "--json", "--html", code=2).stderr
    )
    body = said(run(stack, "clean-up", row["planId"], "--note", "x", "--json"))
    assert (body["dryRun"], body["jobs"]) == (True, [])


def test_create_tables_leaves_existing_ones_alone_and_makes_the_missing(stack: Stack) -> None:
    """Twice the same; another environment gets its own five."""
    assert said(run(stack, "create-tables", "--json")) == {"created": []}
    names = {name: "" for name in stack.environment if name.endswith("_TABLE")}
    created = said(run(stack, "create-tables", "--json", ENVIRONMENT="other", **names))["created"]
    assert sorted(created) == [
        f"hrp-drs-tech-adapter-{it}-other"
        for it in (
            "execution-history",
            "recovery-instances",
            "recovery-plans",
            "sync-status",
            "target-accounts",
        )
    ]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"READ_FROM": "cache"}, "READ_FROM: 'cache' is none of mirror, table, live"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL: must start with redis:// or rediss://"),
        ({"REDIS_CLUSTER": "maybe"}, "REDIS_CLUSTER: 'maybe' is neither true nor false"),
    ],
)
def test_a_setting_that_means_nothing_is_bad_usage(
    stack: Stack, environment: dict[str, str], says: str
) -> None:
    """Named, with what it may be."""
    assert says in run(stack, "status", code=2, **environment).stderr


def test_the_function_audits_and_warms_for_those_outside_the_vpc(stack: Stack) -> None:
    """As the commands do: what differs is counted and mended, what is missing filled in."""
    valkey = Redis(port=stack.valkey.port)
    one, other = list(stack.world.alive)[:2]
    valkey.hset(entry_key(one), "page", "broken")
    valkey.delete(entry_key(other))

    def operate(operation: str, **more: object) -> Any:
        payload = json.dumps({"operation": operation, **more}).encode()
        function = name("data-management")
        reply = stack.client("lambda").invoke(FunctionName=function, Payload=payload)
        return json.loads(reply["Payload"].read())

    found = operate("audit_mirror", repair=True)
    assert (found["differing"], found["missing"], list(found["differences"])) == (1, 1, [one])
    assert operate("warm_mirror")["failed"] == 0
    again = operate("audit_mirror")
    assert (again["differing"], again["missing"]) == (0, 0)
    assert operate("audit_mirror", fix=True)["error"] == "INVALID_INPUT"
