"""Signing in to the page: the edge function, run by a JavaScript
engine, and the sign-in page in a real Chromium.
"""

import base64
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import playwright
import pytest
from playwright.sync_api import BrowserContext, Request, Route, sync_playwright

from loadtests.browser import find_chromium, launch
from tests.infra.templates import INFRA, resources

NODE = Path(playwright.__file__).parent / "driver" / "node"
POOL = "pool.auth.us-east-1.amazoncognito.com"
CLIENT = "client-1"


def token(seconds: int) -> str:
    """A token's shape, over in so many seconds. The edge function looks at nothing else of it."""
    claims = json.dumps({"exp": int(time.time()) + seconds, "sub": "ü"}).encode()
    return f"h.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.s"


def at_the_edge(uri: str, cookie: str | None = None) -> dict[str, Any]:
    """What CloudFront's function makes of a request."""
    code = resources("page.yaml", "AWS::CloudFront::Function")["SignInFunction"]["FunctionCode"]
    cookies = {"recovery-token": {"value": cookie}} if cookie else {}
    event = {"request": {"uri": uri, "cookies": cookies, "headers": {}}}
    program = f"{code}\nprocess.stdout.write(JSON.stringify(handler({json.dumps(event)})));"
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


class TestAtTheEdge:
    """page.yaml's function."""

    @pytest.mark.parametrize(
        "cookie",
        [None, "rubbish", "a.b.c", token(-1)],
        ids=["none", "rubbish", "no token", "expired"],
    )
    def test_without_a_token_that_counts_there_is_no_page(self, cookie: str | None) -> None:
        """The page's address leads to the sign-in; anything else, the API included, is refused."""
        answer = at_the_edge("/", cookie)
        assert (answer["statusCode"], answer["headers"]["location"]["value"]) == (
            302,
            "/sign-in/index.html",
        )
        for uri in ("/js/main.js", "/recovery-plans", "/executions/x/terminate-instances"):
            assert at_the_edge(uri, cookie)["statusCode"] == 401

    def test_the_token_is_handed_on_as_the_header_that_the_api_checks(self) -> None:
        """A cookie never reaches API Gateway's authorizer, a header does."""
        good = token(60)
        for uri in ("/", "/recovery-plans"):
            assert at_the_edge(uri, good)["headers"]["authorization"]["value"] == f"Bearer {good}"

    @pytest.mark.parametrize("uri", ["/sign-in/index.html", "/sign-in/sign-in.js", "/oauth2/token"])
    def test_signing_in_needs_no_token(self, uri: str) -> None:
        """What leads to one is open."""
        assert at_the_edge(uri)["uri"] == uri


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """The page's origin: the sign-in page as it is deployed, and a page to come back to."""
    (tmp_path / "sign-in").mkdir()
    for file in (INFRA / "sign-in").iterdir():
        (tmp_path / "sign-in" / file.name).write_bytes(file.read_bytes())
    config = f'export const CLIENT_ID = "{CLIENT}";\nexport const SIGN_IN_HOST = "{POOL}";\n'
    (tmp_path / "sign-in" / "config.js").write_text(config)
    (tmp_path / "index.html").write_text("<title>Recovery Plans</title>")
    policy = (INFRA.parent / "services" / "page" / "csp.txt").read_text().strip()

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("content-security-policy", policy)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    """A browser of one person."""
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium, and this may not be skipped in CI")
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with sync_playwright() as driver:
        browser = launch(driver)
        yield browser.new_context()
        browser.close()


class UserPool:
    """The user pool's two endpoints, answering as RFC 6749 and RFC 7636 say."""

    def __init__(self, context: BrowserContext, origin: str, *, forged_state: bool = False) -> None:
        self.exchanges: list[dict[str, str]] = []
        self._challenge = ""
        self._forged_state = forged_state
        context.route(f"https://{POOL}/**", self._authorize)
        context.route(f"{origin}/oauth2/token", self._exchange)

    def _authorize(self, route: Route, request: Request) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == (
            "code",
            CLIENT,
            "S256",
        )
        self._challenge = asked["code_challenge"]
        state = "forged" if self._forged_state else asked["state"]
        self._forged_state = False
        location = f"{asked['redirect_uri']}?{urlencode({'code': 'code-1', 'state': state})}"
        route.fulfill(status=302, headers={"location": location})

    def _exchange(self, route: Route, request: Request) -> None:
        asked = {name: values[0] for name, values in parse_qs(str(request.post_data)).items()}
        self.exchanges.append(asked)
        digest = (
            base64.urlsafe_b64encode(hashlib.sha256(asked["code_verifier"].encode()).digest())
            .decode()
            .rstrip("=")
        )
        if digest != self._challenge:
            route.fulfill(status=400, json={"error": "invalid_grant"})
            return
        route.fulfill(json={"id_token": token(3600), "expires_in": 3600})


@pytest.mark.browser
@pytest.mark.xdist_group("sign-in")
class TestSignInPage:
    """infra/sign-in, under the page's own Content-Security-Policy."""

    def test_a_person_signs_in_and_is_led_to_the_page(
        self, context: BrowserContext, origin: str
    ) -> None:
        """Code flow with PKCE; the token ends up in a cookie that
        other sites cannot make the browser send.
        """
        pool = UserPool(context, origin)
        page = context.new_page()
        page.goto(f"{origin}/sign-in/index.html")
        page.wait_for_url(f"{origin}/")
        (cookie,) = context.cookies(origin)
        assert (cookie["name"], cookie["secure"], cookie["sameSite"]) == (
            "recovery-token",
            True,
            "Strict",
        )
        assert cookie["value"].startswith("h.")
        assert [it["code"] for it in pool.exchanges] == ["code-1"]

    def test_an_answer_to_a_question_never_asked_is_not_taken(
        self, context: BrowserContext, origin: str
    ) -> None:
        """A forged state's code is never exchanged; the person is asked to sign in anew."""
        pool = UserPool(context, origin, forged_state=True)
        page = context.new_page()
        page.goto(f"{origin}/sign-in/index.html")
        page.wait_for_url(f"{origin}/")
        assert len(pool.exchanges) == 1

    def test_a_refusal_is_said(self, context: BrowserContext, origin: str) -> None:
        """When the pool gives no token, the person reads why."""
        UserPool(context, origin)
        context.route(
            f"{origin}/oauth2/token",
            lambda route: route.fulfill(status=400, json={"error": "invalid_grant"}),
        )
        page = context.new_page()
        page.goto(f"{origin}/sign-in/index.html")
        page.get_by_text("Signing in failed: the user pool answered 400").wait_for()
