"""The stand-in's admin side: loading a world, making weather, reading its call log."""

import json
from typing import Any

import urllib3

from local.processes import LocalStackError


class StandInAdmin:
    """A client of the admin calls.

    Every method raises LocalStackError when the stand-in refuses.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One admin call, such as `GET`, `places`; its JSON answer."""
        content = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, f"{self._url}/_admin/{path}", body=content)
        if answer.status >= 300:
            raise LocalStackError(
                f"AWS stand-in: {method} {path} answered {answer.status}: "
                f"{answer.data.decode()[:300]}"
            )
        return json.loads(answer.data or b"null")

    def weather(self, rules: list[dict[str, Any]]) -> None:
        """Replaces all fault rules."""
        self.call("PUT", "weather", {"rules": rules})

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The AWS calls logged from number `since` on."""
        logged: list[dict[str, Any]] = self.call("GET", f"calls?since={since}")["calls"]
        return logged
