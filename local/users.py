"""Who is signed in on this machine: a switch in place of a user pool.

Claims are as API Gateway's authorizer writes them.

`/local/users` lists the people, `/local/users/NAME` signs one in (a cookie). Whoever has chosen
nobody may do everything.
"""

from html import escape
from http.cookies import CookieError, SimpleCookie

from local.http1 import Request, Response

AUDIENCE = "local"
GROUPS = {
    "VIEWER_GROUPS": "recovery-viewers",
    "OPERATOR_GROUPS": "recovery-operators",
    "APPROVER_GROUPS": "recovery-approvers",
}
PEOPLE = {
    "you": [*GROUPS.values()],
    "vera": ["recovery-viewers"],
    "olga": ["recovery-operators"],
    "anna": ["recovery-approvers"],
    "nobody": [],
}
PATH, COOKIE = "/local/users", "local-user"


def claims(request: Request) -> dict[str, str]:
    """The claims of whoever sends this request."""
    name = signed_in(request)
    return {
        "aud": AUDIENCE,
        "sub": name,
        "cognito:username": name,
        "cognito:groups": ",".join(PEOPLE[name]),
    }


def signed_in(request: Request) -> str:
    """The chosen person; the first one when none is."""
    try:
        cookie = SimpleCookie(request.header("cookie")).get(COOKIE)
    except CookieError:
        cookie = None
    return cookie.value if cookie and cookie.value in PEOPLE else next(iter(PEOPLE))


def switch(request: Request) -> Response | None:
    """The list of people, or the sign-in of one; None for other paths."""
    if not request.path.startswith(PATH):
        return None
    name = request.path.removeprefix(PATH).strip("/")
    if name in PEOPLE:
        cookie = ("set-cookie", f"{COOKIE}={name}; Path=/; SameSite=Strict; HttpOnly")
        return Response(302, b"", [("location", "/"), cookie])
    now = signed_in(request)
    people = "".join(
        f'<li><a href="{PATH}/{it}">{escape(it)}</a>: {escape(", ".join(groups) or "no group")}'
        f"{' (signed in)' if it == now else ''}</li>"
        for it, groups in PEOPLE.items()
    )
    page = f"<!doctype html><title>Who are you?</title><h1>Who are you?</h1><ul>{people}</ul>"
    return Response(200, page.encode(), [("content-type", "text/html; charset=utf-8")])
