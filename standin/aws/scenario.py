"""Scenario files: a JSON list of requests to the administration, each at its second on the
stand-in's clock.

`[{"path": "/_admin/places/…", "body": {…}}, {"at": 60, "path": "/_admin/weather", "body": {"rules":
[…]}}]`;
`at` defaults to 0 (before the stand-in is ready), `method` to PUT.
"""

import json
import sys
from pathlib import Path
from typing import Any

from standin.aws.admin import Admin
from standin.aws.standin import StandIn
from standin.aws.wire import Request

_KEYS = {"at", "method", "path", "body"}


def play(file: Path, stand_in: StandIn) -> None:
    """Do what is due at once and put the rest on the clock.

    Raises ValueError naming the step that is wrong.
    """
    steps = json.loads(file.read_text())
    if not isinstance(steps, list):
        raise ValueError(f"{file}: should be a list of steps")
    admin = Admin(stand_in)
    for number, step in enumerate(steps):
        if not isinstance(step, dict) or set(step) - _KEYS or "path" not in step:
            raise ValueError(
                f"{file}: step {number} should have path, and may have at, method and body"
            )
        if step.get("at", 0) <= 0:
            if error := _do(admin, step):
                raise ValueError(f"{file}: step {number}: {error}")
        else:
            stand_in.drs.clock.after(step["at"], lambda step=step: _report(_do(admin, step)))  # type: ignore[misc]


def _do(admin: Admin, step: dict[str, Any]) -> str:
    body = json.dumps(step.get("body", {})).encode()
    reply = admin.answer(Request(step.get("method", "PUT"), step["path"], "", {}, body))
    return "" if reply.status == 200 else str(json.loads(reply.body)["error"])


def _report(error: str) -> None:
    """The stand-in runs on: nobody waits for a late step's answer."""
    if error:
        print(f"scenario: {error}", file=sys.stderr)  # noqa: T201
