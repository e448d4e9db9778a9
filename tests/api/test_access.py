"""Who may do what: the role of every route, held up by the handlers
themselves, whoever let the request through.
"""

import re
from dataclasses import replace
from typing import Any

import pytest

from cache.errors import Forbidden, InvalidInput
from services.api.access import Access, Caller, Role, needed_role
from services.api.http import Request, Response, Routes
from services.api.routes import OPERATIONS
from services.api.routing import answer
from services.settings import Settings

GROUPS = {
    Role.VIEWER: frozenset({"viewers"}),
    Role.OPERATOR: frozenset({"operators", "DrOperators"}),
    Role.APPROVER: frozenset({"approvers"}),
}
BY_TOKEN = Access("JWT", frozenset({"our-client"}), GROUPS)
BY_ROLE = Access("IAM", frozenset(), GROUPS)
OPERATING = {
    "/drs/recovery-instance-sync", "/executions", "/executions/{executionId}/cancel",
    "/executions/{executionId}/resume", "/executions/{executionId}/terminate-instances",
    "/recovery-plans/{planId}/clean-up-drill",
}  # fmt: skip
SEEING = {"/recovery-instances/query", "/source-servers/query"}
APPROVING = "/executions/{executionId}/approve"


def signed_in(*groups: str, **claims: object) -> dict[str, Any]:
    """A proxy event's context for a user of these groups, as a REST API's authorizer writes it."""
    known = {"aud": "our-client", "sub": "0-1", "cognito:username": "jane@example.com"}
    return {"authorizer": {"claims": known | {"cognito:groups": ",".join(groups)} | claims}}


def called(method: str, path: str, context: object, access: Access) -> tuple[int, str]:
    """Status and body of a call of any route; what answers it only says that it was reached."""

    def reached(request: Request) -> Response:
        return Response({"by": request.caller.name})

    routes: Routes = {(it.method, it.path): reached for it in OPERATIONS}
    names = dict.fromkeys(re.findall(r"{(\w+)}", path), "x")
    event = {"httpMethod": method, "resource": path, "path": path.format(**names)}
    event |= {"pathParameters": names, "requestContext": context}
    reply = answer(event, routes, "", access)
    return reply["statusCode"], reply["body"]


@pytest.mark.parametrize("it", OPERATIONS, ids=lambda it: f"{it.method} {it.path}")
def test_every_route_asks_for_its_role(it: Any) -> None:
    """Seeing is the viewer's, changing the operator's, agreeing
    the approver's; 403 says what is missing.
    """
    is_changing = it.method == "POST" and it.path not in SEEING
    needed = (
        Role.APPROVER if it.path == APPROVING else Role.OPERATOR if is_changing else Role.VIEWER
    )
    assert needed_role(it.method, it.path) is needed
    if is_changing and it.path != APPROVING:
        assert it.path in OPERATING, "a new route that changes something: is it the operator's?"
    for group, roles in {
        "viewers": {Role.VIEWER},
        "operators": {Role.VIEWER, Role.OPERATOR},
        "approvers": {Role.VIEWER, Role.APPROVER},
        "others": set[Role](),
    }.items():
        status, body = called(it.method, it.path, signed_in(group), BY_TOKEN)
        assert status == (200 if needed in roles else 403), group
        assert status == 200 or ('"FORBIDDEN"' in body and str(needed) in body)


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"authorizer": None},
        {"authorizer": {"claims": "rubbish"}},
        {"authorizer": {"jwt": "rubbish"}},
        {"authorizer": "rubbish"},
        {"authorizer": 7},
        "rubbish",
        signed_in("operators", aud=["another-client"]),
        signed_in("operators", aud={"our-client": True}),
        signed_in("operators", aud="another-client"),
        signed_in("operators", aud=""),
    ],
)
def test_a_token_of_nobody_or_for_another_application_opens_nothing(context: Any) -> None:
    """A user pool may have other applications; what they were given is not for us."""
    assert called("GET", "/recovery-plans", context, BY_TOKEN)[0] == 403


def test_an_access_token_names_its_client_otherwise() -> None:
    """Only an ID token has an audience."""
    context = signed_in("viewers", aud="", client_id="our-client")
    assert called("GET", "/recovery-plans", context, BY_TOKEN)[0] == 200


@pytest.mark.parametrize("aud", [["others", "our-client"], "[others our-client]"])
def test_a_token_may_be_meant_for_several(aud: object) -> None:
    """A list where the gateway hands it on, or its text where an HTTP API writes it."""
    assert called("GET", "/recovery-plans", signed_in("viewers", aud=aud), BY_TOKEN)[0] == 200


def test_a_preflight_needs_no_token() -> None:
    """Browsers ask without one whether they may send it: that opens nothing."""
    for access in (BY_TOKEN, BY_ROLE):
        assert called("OPTIONS", "/executions", {}, access)[0] == 204
        assert called("POST", "/executions", {}, access)[0] == 403


@pytest.mark.parametrize("groups", ["operators,others", "[operators others]", "others, operators"])
def test_groups_come_as_one_text(groups: str) -> None:
    """A REST API joins them with commas, an HTTP API writes a list; parts of a name are no name."""
    context = signed_in(**{"cognito:groups": groups})
    assert called("POST", "/executions", context, BY_TOKEN)[0] == 200
    near = signed_in(**{"cognito:groups": "operators-of-something, xoperators"})
    assert called("POST", "/executions", near, BY_TOKEN)[0] == 403


@pytest.mark.parametrize(
    ("arn", "status"),
    [
        ("arn:aws:sts::111111111111:assumed-role/DrOperators/jane@example.com", 200),
        ("arn:aws:iam::111111111111:user/team/DrOperators", 200),
        ("arn:aws:sts::111111111111:assumed-role/Others/DrOperators", 403),
        ("arn:aws:iam::111111111111:root", 403),
        (None, 403),
    ],
)
def test_an_iam_caller_has_the_roles_of_the_role_it_took(arn: str | None, status: int) -> None:
    """A session's name is the choice of whoever takes the role, and opens nothing."""
    context = {"identity": {"userArn": arn}}
    got, body = called("POST", "/executions", context, BY_ROLE)
    assert got == status
    assert "example.com" not in body, "names are kept, addresses are not"


def test_who_asked_for_what_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Also when it was refused; reading pages is nobody's business."""
    caplog.set_level("INFO", "services.api.routing")
    called("POST", "/executions/{executionId}/cancel", signed_in("operators"), BY_TOKEN)
    called("POST", "/executions/{executionId}/approve", signed_in("operators"), BY_TOKEN)
    called("GET", "/recovery-plans", signed_in("operators"), BY_TOKEN)
    lines = [it.getMessage() for it in caplog.records if it.name == "services.api.routing"]
    assert lines == [
        "jane asked for POST /executions/{executionId}/cancel x: 200",
        "jane asked for POST /executions/{executionId}/approve x: 403",
    ]


def test_without_authorisation_everyone_may_do_everything() -> None:
    """On one machine, and behind a gateway that decides by itself."""
    assert called("POST", "/executions", {}, Access())[0] == 200
    assert Caller().person is None


def test_a_caller_without_a_role_is_told_which_is_missing() -> None:
    """By name."""
    with pytest.raises(Forbidden, match="needs the role operator; jane has viewer"):
        replace(Caller(), name="jane", roles=frozenset({Role.VIEWER})).check(Role.OPERATOR)


def test_settings_say_who_is_who() -> None:
    """Names with commas between; four eyes need somebody who can be told apart."""
    environ = {"AUTHORISATION": "JWT", "OPERATOR_GROUPS": "a, b", "AUDIENCE": "our-client"}
    access = Access.of(Settings.from_env(environ))
    assert access.groups[Role.OPERATOR] == {"a", "b"}
    assert access.groups[Role.APPROVER] == frozenset()
    with pytest.raises(InvalidInput, match="AUTHORISATION"):
        Settings.from_env({"AUTHORISATION": "yes"})
    with pytest.raises(InvalidInput, match="FOUR_EYES"):
        Settings.from_env({"FOUR_EYES": "true"})
