"""`GET /me`: who asks, and what the caller may do. The page offers no more than that."""

from services.api.http import Request, Response, Route


def me(*, four_eyes: bool) -> Route:
    """The route; `four_eyes` says whether real recoveries need a second person."""

    def answer(request: Request) -> Response:
        caller = request.caller
        return Response({"user": caller.name, "roles": sorted(caller.roles), "fourEyes": four_eyes})

    return answer
