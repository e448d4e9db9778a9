"""The administration of the stand-in, under `/_admin/`: what
exists, what goes wrong, what was called.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from standin.aws import models
from standin.aws.identity import Account
from standin.aws.loading import KINDS, WrongItem, dump, load, remove
from standin.aws.standin import StandIn
from standin.aws.wire import Reply, Request
from standin.drs import lag
from standin.drs.clock import iso
from standin.drs.lag import Replication

PREFIX = "/_admin/"
_PLACE = r"places/(?P<account>\d{12})/(?P<region>[a-z0-9-]+)"

type Answer = Callable[..., Any]


class Admin:
    """Answers the routes; each takes and gives JSON."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._routes: list[tuple[str, re.Pattern[str], Answer]] = [
            (method, re.compile(path), answer)
            for method, path, answer in (
                ("GET", "health", lambda _: {"status": "up"}),
                ("PUT", r"accounts/(?P<account>\d{12})", self._put_account),
                ("GET", "places", self._get_places),
                ("DELETE", "places", self._delete_places),
                ("PUT", _PLACE, self._put_place),
                ("GET", _PLACE, self._get_place),
                ("DELETE", rf"{_PLACE}/(?P<kind>\w+)/(?P<identifier>[\w-]+)", self._delete_item),
                ("POST", rf"{_PLACE}/replication", self._post_replication),
                ("PUT", "weather", self._put_weather),
                ("GET", "weather", lambda _: {"rules": stand_in.weather.rules}),
                ("PUT", "behaviour", self._put_behaviour),
                ("GET", "behaviour", self._get_behaviour),
                ("POST", "clock", self._post_clock),
                ("GET", "clock", self._get_clock),
                ("GET", "calls", lambda body: stand_in.calls.since(body.get("since", 0))),
                ("DELETE", "calls", lambda _: stand_in.calls.clear()),
                ("GET", "events", self._get_events),
            )
        ]

    def answer(self, request: Request) -> Reply:
        """400 with the reason for a wrong body, 404 for an unknown route."""
        path = request.path.removeprefix(PREFIX)
        for method, pattern, answer in self._routes:
            if method == request.method and (match := pattern.fullmatch(path)):
                return self._run(answer, request, match.groupdict())
        return _json(
            404, {"error": f"{request.method} {request.path} is no route of the administration"}
        )

    def _run(self, answer: Answer, request: Request, names: dict[str, str]) -> Reply:
        try:
            body = json.loads(request.body) if request.body else {}
            if not isinstance(body, dict):
                return _json(400, {"error": "the body should be a JSON object"})
            if since := re.search(r"(?:^|&)since=(\d+)", request.query):
                body["since"] = int(since[1])
            with self._stand_in.lock:
                self._stand_in.drs.clock.settle()
                return _json(200, answer(body, **names) or {})
        except (WrongItem, ValueError) as exc:
            return _json(400, {"error": str(exc)})

    def _put_account(self, body: dict[str, Any], account: str) -> None:
        roles = {
            str(role["roleArn"]): role.get("externalId") for role in _list(body, "roles", "roleArn")
        }
        disabled = body.get("disabledRegions", [])
        if not isinstance(disabled, list) or any(
            region not in models.REGIONS for region in disabled
        ):
            raise ValueError(f"disabledRegions: {disabled!r:.80} should be a list of AWS regions")
        self._stand_in.identity.accounts[account] = Account(roles, frozenset(disabled))

    def _get_places(self, _: dict[str, Any]) -> dict[str, Any]:
        """A place that was only asked about, and holds nothing, is left out."""
        places = []
        for place in self._stand_in.state:
            counts = {kind: len(KINDS[kind].items(place)) for kind in KINDS}
            if place.initialized or any(counts.values()):
                where = {
                    "accountId": place.account,
                    "region": place.region,
                    "initialized": place.initialized,
                }
                places.append(where | counts)
        return {"places": places}

    def _delete_places(self, _: dict[str, Any]) -> None:
        self._stand_in.drs.forget()
        self._stand_in.identity.forget()
        self._stand_in.weather.replace([])

    def _put_place(self, body: dict[str, Any], account: str, region: str) -> None:
        load(self._stand_in.drs, self._stand_in.state.place(account, region), body)

    def _get_place(self, _: dict[str, Any], account: str, region: str) -> dict[str, Any]:
        return dump(self._stand_in.state.place(account, region))

    def _delete_item(
        self, _: dict[str, Any], account: str, region: str, kind: str, identifier: str
    ) -> None:
        remove(self._stand_in.state.place(account, region), kind, identifier)

    def _post_replication(self, body: dict[str, Any], account: str, region: str) -> None:
        place = self._stand_in.state.place(account, region)
        server_ids = body.get("sourceServerIDs", list(place.source_servers))
        if not isinstance(server_ids, list):
            raise ValueError("sourceServerIDs: should be a list")
        state, error = body.get("state"), body.get("error")
        said = {"dataReplicationState": state} | (
            {"dataReplicationError": {"error": error}} if error else {}
        )
        shape = models.shape("drs", "DataReplicationInfo")
        if problems := models.CHECKERS["drs"].problems(shape, said):
            raise ValueError(str(problems[0]))
        drs = self._stand_in.drs
        now = Replication(str(state), drs.clock.now(), body.get("lagSeconds", 0), error)
        lag.turn(drs, place, server_ids, now)

    def _put_weather(self, body: dict[str, Any]) -> None:
        self._stand_in.weather.replace(body.get("rules"))

    def _put_behaviour(self, body: dict[str, Any]) -> None:
        drs = self._stand_in.drs
        drs.behave(drs.behaviour.changed(body))

    def _get_behaviour(self, _: dict[str, Any]) -> dict[str, Any]:
        return self._stand_in.drs.behaviour.as_dict()

    def _post_clock(self, body: dict[str, Any]) -> dict[str, Any]:
        seconds = body.get("advanceSeconds")
        if not isinstance(seconds, int | float) or seconds < 0:
            raise ValueError(f"advanceSeconds: {seconds!r} is no number of seconds")
        self._stand_in.drs.clock.advance(seconds)
        return self._get_clock({})

    def _get_clock(self, _: dict[str, Any]) -> dict[str, Any]:
        now = self._stand_in.drs.clock.now()
        return {"now": iso(now), "epochSeconds": now, "speed": self._stand_in.drs.clock.speed}

    def _get_events(self, body: dict[str, Any]) -> dict[str, Any]:
        delivered = self._stand_in.drs.events.delivered
        return {"next": len(delivered), "events": delivered[body.get("since", 0) :]}


def _list(body: dict[str, Any], name: str, required: str) -> list[dict[str, Any]]:
    elements = body.get(name, [])
    if not isinstance(elements, list) or not all(
        isinstance(one, dict) and required in one for one in elements
    ):
        raise ValueError(f"{name}: should be a list of objects with {required}")
    return elements


def _json(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})
