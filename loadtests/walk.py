"""What runs from an event to both tiers: functions, files, lines, and how often the story changes
its file.

    .venv/bin/python -m loadtests.walk [--files]

The real handlers on a Valkey, a DynamoDB stand-in and the AWS stand-in, six servers in one place:
the first page of a process, a warm page, a second sync, and the sync and the warm page together.
Lines are those of the functions that ran, signature and docstring included; functions that a test
client or a library brings are not counted.
"""

import argparse
import inspect
import json
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import click

from loadtests.sync_speed import Case, cloud
from local.admin import StandInAdmin
from local.gateway import proxy_event
from local.http1 import Request
from local.servers import REPOSITORY
from services.data_management.handler import lambda_handler as manage
from services.query.handler import lambda_handler as query

OURS = (f"{REPOSITORY}/cache/", f"{REPOSITORY}/services/")
RESOURCE = "/recovery-plans/{planId}/check-existing-instances"
CASE = Case(instances=6, places=1, target=None)


class Context:
    """What Lambda hands to a handler."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "walk"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Plenty."""
        return 60_000


class Walk:
    """The functions of ours that ran, and how often a call or a return went to another file."""

    def __init__(self) -> None:
        self.codes: set[CodeType] = set()
        self.switches = 0
        self._last: dict[int, str] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """`sys.setprofile`'s hook."""
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(OURS):
            return
        thread = threading.get_ident()
        self.switches += self._last.get(thread, file) != file
        self._last[thread] = file
        if not frame.f_code.co_name.startswith("<"):
            self.codes.add(frame.f_code)

    def lines(self) -> set[tuple[str, int]]:
        """File and number of every line of these functions."""
        found: set[tuple[str, int]] = set()
        for code in self.codes:
            source, first = inspect.getsourcelines(code)
            found |= {(code.co_filename, number) for number in range(first, first + len(source))}
        return found

    def files(self) -> list[str]:
        """The files they stand in."""
        return sorted({code.co_filename.removeprefix(f"{REPOSITORY}/") for code in self.codes})


def traced(work: Callable[[], object]) -> Walk:
    """The walk of this work, threads included."""
    walk = Walk()
    threading.setprofile_all_threads(walk)
    sys.setprofile(walk)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile_all_threads(None)
    return walk


def walks() -> dict[str, Walk]:
    """Each walk by what is done."""
    with cloud(CASE) as (world, environment, _):
        StandInAdmin(environment["AWS_ENDPOINT_URL_DRS"]).weather([])
        plan_id = world.recovery_plans[0]["planId"]
        path = f"/recovery-plans/{plan_id}/check-existing-instances"
        event = proxy_event(Request("GET", path, "", [], b""), RESOURCE, {"planId": plan_id})
        context: Any = Context()

        def sync() -> None:
            answer = manage({"operation": "sync_recovery_instances"}, context)
            if answer.get("errors"):
                raise SystemExit(f"the sync failed: {json.dumps(answer['errors'])}")

        def page() -> None:
            answer = query(event, context)
            if answer["statusCode"] != HTTPStatus.OK:
                raise SystemExit(f"the page failed: {answer['body']}")

        sync()
        found = {"page, first of a process": traced(page)}
        found["page, warm"] = traced(page)
        found["sync, the second"] = traced(sync)
    both = Walk()
    both.codes = found["page, warm"].codes | found["sync, the second"].codes
    return found | {"sync and warm page": both}


def main() -> None:
    """Walks, and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", action="store_true", help="name the files of each walk")
    options = parser.parse_args()
    done = walks()
    click.echo(
        f"{'walk':<28}{'functions':>10}{'files':>7}{'lines':>7}{'whole files':>13}{'switches':>10}"
    )
    for name, walk in done.items():
        whole = sum(len(Path(REPOSITORY, file).read_text().splitlines()) for file in walk.files())
        click.echo(
            f"{name:<28}{len(walk.codes):>10}{len(walk.files()):>7}{len(walk.lines()):>7}"
            f"{whole:>13}{walk.switches or '':>10}"
        )
        if options.files:
            click.echo("  " + "\n  ".join(walk.files()))


if __name__ == "__main__":
    main()
