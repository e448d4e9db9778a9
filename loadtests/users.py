"""Operators on the Recovery Plans page, for Locust.

Started by `loadtests.load`, which says in SIGNOFF what they do.
"""

import json
import os
import random
import re
import time
from pathlib import Path
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant, events, task
from locust import between as pause_between

from loadtests.load import ALL_PLANS, ONE_PLAN

CONFIG: dict[str, Any] = json.loads(os.environ["SIGNOFF"])
PLANS: list[str] = CONFIG["plans"]
THINK: list[float] | None = CONFIG["think"]
STEPS: list[list[float]] = CONFIG["steps"]
PAGE_SECONDS = 30
_HANDLER = re.compile(r"handler;dur=([0-9.]+)")
_samples: list[list[Any]] = []


class Operator(FastHttpUser):
    """Opens the page, opens a plan, thinks."""

    network_timeout = connection_timeout = PAGE_SECONDS
    wait_time = pause_between(*THINK) if THINK else constant(0)
    # Locust's own form
    default_headers = {"Accept-Encoding": "identity", **CONFIG["headers"]}  # noqa: RUF012

    @task
    def open_page(self) -> None:
        """All plans with their counts, then one plan's instances."""
        if CONFIG["allPlans"]:
            self._get("/recovery-plans", ALL_PLANS)
        self._get(f"/recovery-plans/{random.choice(PLANS)}/check-existing-instances", ONE_PLAN)

    def _get(self, path: str, name: str) -> None:
        began, users = (
            time.time(),
            self.environment.runner.user_count,
        )  # by its end many may have stopped
        with self.client.get(
            path, name=name, headers=self.default_headers, catch_response=True
        ) as answer:
            seconds = time.time() - began
            body = answer.content or b""
            is_whole = answer.status_code == 200 and body.endswith(b"}")
            if not is_whole:
                answer.failure(f"status {answer.status_code}, {len(body)} bytes")
            handler = _HANDLER.search((answer.headers or {}).get("server-timing") or "")
            _samples.append(
                [
                    began,
                    name,
                    seconds,
                    float(handler[1]) / 1000 if handler else None,
                    is_whole,
                    b'"degraded":true' in body,
                    users,
                ]
            )


if STEPS:

    class Steps(LoadTestShape):
        """More users step by step: [until second, users]."""

        def tick(self) -> tuple[int, float] | None:
            """How many users there should be now, and how many start in a second."""
            users = next((users for until, users in STEPS if self.get_run_time() < until), None)
            return None if users is None else (int(users), 200)


@events.quitting.add_listener
def _write(**_: object) -> None:
    Path(CONFIG["samples"]).write_text(json.dumps(_samples))
