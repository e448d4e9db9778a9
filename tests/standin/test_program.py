"""`python -m standin.drs` runs alone: one ready line, clear refusals, scenarios."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standin.client import ACCOUNT, REGION, SERVERS, Aws

COMMAND = [sys.executable, "-m", "standin.drs"]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=30
    )


def test_it_says_that_it_is_ready_and_nothing_else() -> None:
    """One line with the address; SIGTERM ends it cleanly and silently."""
    arguments = ["--port", "0", "--account", "777777777777", "--speed", "0"]
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        ready = running.stdout.readline()
        aws = Aws(ready.split()[-1])
        assert ready == f"Serving drs, ec2 and sts on {aws.url}\n"
        assert aws.client("sts", "whoever").get_caller_identity()["Account"] == "777777777777"
        running.terminate()
        assert running.communicate() == ("", "")
        assert running.returncode == 0


def test_a_taken_port_is_refused_in_one_line() -> None:
    """No stack trace."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = _run("--port", str(port))
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"Error: Cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_an_account_that_is_none_is_refused() -> None:
    """Its ARNs would be refused later, one by one."""
    run = _run("--port", "0", "--account", "12345")
    assert run.returncode == 2
    assert "an AWS account has twelve digits" in run.stderr


def test_help_names_every_option() -> None:
    """And the variables that point a client here."""
    text = _run("--help").stdout
    for word in ("--port", "--account", "--speed", "--seed", "--scenario", "AWS_ENDPOINT_URL_DRS"):
        assert word in text


def test_a_scenario_is_played_on_the_clock(tmp_path: Path) -> None:
    """What has no time is there from the start; the rest comes when the clock gets there."""
    steps = [
        {
            "path": f"/_admin/places/{ACCOUNT}/{REGION}",
            "body": {"sourceServers": [{"sourceServerID": SERVERS[0]}]},
        },
        {"at": 60, "path": "/_admin/weather", "body": {"rules": [{"deny": True}]}},
        {"at": 120, "path": "/_admin/weather", "body": {"rules": []}},
    ]
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(steps))
    arguments = ["--port", "0", "--speed", "0", "--scenario", str(file)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        aws = Aws(running.stdout.readline().split()[-1])
        seen = []
        for _ in range(3):
            seen.append(len(aws.admin("GET", "weather")["rules"]))
            aws.advance(60)
        assert seen == [0, 1, 0]
        assert len(aws.client("drs").describe_source_servers()["items"]) == 1
        running.terminate()


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"path": "/_admin/weather"}, "should be a list of steps"),
        ([{"when": 1, "path": "/_admin/weather"}], "step 0 should have path"),
        ([{"path": "/_admin/wether"}], "step 0: PUT /_admin/wether is no route"),
        (
            [{"path": "/_admin/weather", "body": {"rules": [{"rain": 1}]}}],
            r"step 0: rules[0].rain: no such key",
        ),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused_at_the_start(
    tmp_path: Path, steps: object, message: str
) -> None:
    """Naming the step."""
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(steps))
    run = _run("--port", "0", "--scenario", str(file))
    assert run.returncode == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_the_clock_runs_by_itself_at_the_speed_given() -> None:
    """At 100,000 seconds a second a drill is over almost at once."""
    arguments = ["--port", "0", "--speed", "100000"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        aws = Aws(running.stdout.readline().split()[-1])
        aws.servers(1)
        job = aws.launch(SERVERS[0])
        while aws.jobs()[0]["status"] != "COMPLETED":
            pass
        assert aws.jobs()[0]["endDateTime"] > job["creationDateTime"]
        running.terminate()
