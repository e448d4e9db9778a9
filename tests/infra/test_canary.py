"""The canary's code, as the template has it: two factors to sign in, a cookie to read a plan."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from local import functions
from tests.infra.alarms import Period, alarms
from tests.infra.policies import filled
from tests.infra.templates import load

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - RFC 6238, appendix B, in base 32
LAMBDA_INLINE = 4096  # characters that ZipFile takes


@dataclass
class World:
    """A user pool, a secret and the page, over HTTP. `plans` are what the page shows."""

    url: str = ""
    plans: list[dict[str, str]] = field(default_factory=lambda: [{"planId": "plan a/b"}])
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def pool(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answers in the shape of botocore's models."""
        self.asked.append((operation, body))
        if operation == "GetSecretValue":
            user = {"username": "canary", "password": "sings", "totp": SECRET}
            return {"ARN": body["SecretId"], "SecretString": json.dumps(user)}
        if operation == "InitiateAuth":
            return {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20}
        return {"AuthenticationResult": {"IdToken": "a-token"}}

    def page(self, path: str, cookie: str) -> tuple[int, dict[str, Any]]:
        """What the edge and the API answer."""
        self.asked.append((path, {}))
        if cookie != "recovery-token=a-token":
            return 401, {}
        if path.startswith("/recovery-plans?"):
            return 200, {"plans": self.plans}
        return 200, {"asOf": "2026-11-26T00:00:00Z", "unknownServerIds": []}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """It, and the environment that leads there."""
    world = World()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.answer(200, world.pool(self.headers["x-amz-target"].rpartition(".")[2], body))

        def do_GET(self) -> None:
            self.answer(*world.page(self.path, self.headers["cookie"]))

        def answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    world.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    services = dict.fromkeys(("COGNITO_IDENTITY_PROVIDER", "SECRETS_MANAGER"), world.url)
    names = {"PAGE_URL": world.url, "CLIENT_ID": "a-client", "SECRET_ARN": "a-secret"}
    for name, value in (functions.aws(services) | names).items():
        monkeypatch.setenv(name, value)
    yield world
    server.shutdown()
    server.server_close()


@pytest.fixture
def canary() -> dict[str, Any]:
    """The names of the code in the template."""
    code = str(load("canary.yaml")["Resources"]["Canary"]["Properties"]["InlineCode"])
    assert len(code) < LAMBDA_INLINE
    names: dict[str, Any] = {}
    exec(compile(code, "canary.yaml", "exec"), names)  # noqa: S102 - the template's own code
    return names


@pytest.mark.parametrize(("at", "code"), [(59, "287082"), (1111111109, "081804")])
def test_one_time_codes_are_those_of_the_standard(
    canary: dict[str, Any], at: int, code: str
) -> None:
    """RFC 6238, appendix B, the last six digits."""
    assert canary["one_time_code"](SECRET, at) == code


def test_the_canary_signs_in_and_reads_a_plan(world: World, canary: dict[str, Any]) -> None:
    """As a person does: password, code, then the page's address with the cookie."""
    assert canary["handler"]({}, None) == {"asOf": "2026-11-26T00:00:00Z", "unknown": 0}
    names = [name for name, _ in world.asked]
    assert names == [
        "GetSecretValue",
        "InitiateAuth",
        "RespondToAuthChallenge",
        "/recovery-plans?limit=1",
        "/recovery-plans/plan%20a%2Fb/check-existing-instances",
    ]
    (code,) = [
        body["ChallengeResponses"]["SOFTWARE_TOKEN_MFA_CODE"]
        for name, body in world.asked
        if name == "RespondToAuthChallenge"
    ]
    assert code.isdigit()


def test_the_canary_fails_where_a_person_would_see_nothing(
    world: World, canary: dict[str, Any]
) -> None:
    """No plan, or no way in: the function's error is the alarm."""
    world.plans.clear()
    with pytest.raises(RuntimeError, match="no plan"):
        canary["handler"]({}, None)
    canary["sign_in"] = lambda _: "another token"
    with pytest.raises(OSError, match="401"):
        canary["handler"]({}, None)


def test_the_canarys_alarm_rings_and_falls_silent_again(
    world: World, canary: dict[str, Any]
) -> None:
    """Twice in three runs, or when it does not run at all; one failure alone wakes nobody."""
    (alarm,) = alarms("canary.yaml").values()
    name = filled(
        load("canary.yaml")["Resources"]["Canary"]["Properties"]["FunctionName"]["Fn::Sub"]
    )
    plans = list(world.plans)

    def run() -> Period:
        period, errors = Period(), 0
        try:
            canary["handler"]({}, None)
        except RuntimeError:
            errors = 1
        period.add("AWS/Lambda", "Errors", errors, FunctionName=name)
        return period

    well = [run() for _ in range(3)]
    assert not alarm.is_ringing(well)
    world.plans.clear()
    ill = [run(), run()]
    assert not alarm.is_ringing([*well, ill[0]])
    assert alarm.is_ringing([*well, *ill])
    world.plans.extend(plans)
    assert not alarm.is_ringing([*well, *ill, run(), run()])
    assert alarm.is_ringing([*well, Period(), Period()])
