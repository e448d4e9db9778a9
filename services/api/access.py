"""Who may do what. A caller's roles come from the groups that API Gateway's authorizer vouches for.

Light: the page read goes through here. API Gateway has checked the signature by the time an event
comes in; whose token it was meant for, and what its bearer may do, is decided here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cache.errors import Forbidden
from services.settings import Settings


class Role(StrEnum):
    """What a caller may do: see; sync, start, cancel and
    terminate; agree to what another asked for.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"


EVERYONE = "everyone"
"""Who asks where nobody is told apart: on one machine, or behind a gateway of somebody else's."""
_SEEING_POSTS = {"/recovery-instances/query", "/source-servers/query"}
_APPROVING = "/executions/{executionId}/approve"


def needed_role(method: str, resource: str) -> Role:
    """The role that a route asks for; whatever changes something is the operator's."""
    if resource == _APPROVING:
        return Role.APPROVER
    is_seeing = method in {"GET", "HEAD", "OPTIONS"} or resource in _SEEING_POSTS
    return Role.VIEWER if is_seeing else Role.OPERATOR


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` stands in rows and logs, and is never an address."""

    name: str = EVERYONE
    roles: frozenset[Role] = frozenset(Role)

    @property
    def person(self) -> str | None:
        """The name, for rows to keep; None where callers are not told apart."""
        return self.name if self.name != EVERYONE else None

    def check(self, role: Role) -> None:
        """See that the caller has this role.

        Raises:
            Forbidden: when not.
        """
        if role not in self.roles:
            has = ", ".join(sorted(self.roles)) or "nothing"
            raise Forbidden(f"this needs the role {role}; {self.name} has {has}")


NOBODY_TOLD_APART = Caller()


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are told apart. `authorisation` is "" (not at all), "JWT" or "IAM".

    `groups` are the names whose members have a role: groups of the user pool, or names of IAM
    roles.
    """

    authorisation: str = ""
    audience: frozenset[str] = frozenset()
    groups: Mapping[Role, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Access":
        """As a deployment's settings say."""
        groups = {
            Role.VIEWER: settings.viewer_groups,
            Role.OPERATOR: settings.operator_groups,
            Role.APPROVER: settings.approver_groups,
        }
        return cls(settings.authorisation, settings.audience, groups)

    def caller(self, event: Mapping[str, Any]) -> Caller:
        """Who sent this proxy event.

        Raises:
            Forbidden: when nobody vouches for the caller, or the token is meant for somebody else.
        """
        if not self.authorisation:
            return NOBODY_TOLD_APART
        context = _member(event, "requestContext")
        if self.authorisation == "IAM":
            return self._by_role(_member(context, "identity"))
        return self._by_claims(_claims(_member(context, "authorizer")))

    def _by_claims(self, claims: Mapping[str, Any]) -> Caller:
        if not claims:
            raise Forbidden("the request carries no token that somebody vouches for")
        if self.audience.isdisjoint(_audiences(claims.get("aud") or claims.get("client_id"))):
            raise Forbidden("the token was given out for another application")
        name = str(claims.get("cognito:username") or claims.get("sub") or "unknown")
        return Caller(without_address(name), self._roles(_groups(claims.get("cognito:groups"))))

    def _by_role(self, identity: Mapping[str, Any]) -> Caller:
        """An IAM caller: `…:assumed-role/ROLE/SESSION` or
        `…:user/NAME`, whose group is the role or the user.
        """
        kind, names = _iam_names(identity.get("userArn"))
        if not names:
            raise Forbidden("the request is signed by nobody that can be told apart")
        # A session's name is the choice of whoever takes the role: it tells people apart and opens
        # nothing.
        group = names[0] if kind == "assumed-role" else names[-1]
        return Caller("/".join(names), self._roles({group}))

    def _roles(self, groups: Iterable[str]) -> frozenset[Role]:
        """The roles of these groups; whoever may act or agree may see too."""
        mine = set(groups)
        roles = {role for role, names in self.groups.items() if names & mine}
        return frozenset(roles | {Role.VIEWER} if roles else roles)


OPEN = Access()


def name_of_arn(arn: str | None) -> str | None:
    """`ROLE/SESSION` or a user's name, as rows keep it; None for an ARN of neither."""
    return "/".join(_iam_names(arn)[1]) or None


def _iam_names(arn: object) -> tuple[str, list[str]]:
    kind, *names = str(arn or "").rpartition(":")[2].split("/")
    return kind, [without_address(it) for it in names] if kind in {"assumed-role", "user"} else []


def _claims(authorizer: Mapping[str, Any]) -> Mapping[str, Any]:
    """A REST API's claims, or an HTTP API's."""
    return _member(_member(authorizer, "jwt") or authorizer, "claims")


def _member(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that is an object; an empty one where there is none."""
    value = whole.get(name)
    return value if isinstance(value, Mapping) else {}


def _audiences(claim: object) -> set[str]:
    """Whom a token is meant for: one, or several, which an HTTP API writes as `[a b]`."""
    if isinstance(claim, list):
        return {str(one) for one in claim}
    text = str(claim or "")
    return set(text[1:-1].split()) if text.startswith("[") else {text}


def _groups(claim: object) -> set[str]:
    """Cognito's groups; a REST API joins them with commas, an HTTP API writes them as `[a b]`."""
    words = (
        claim if isinstance(claim, list) else str(claim or "").strip("[]").replace(",", " ").split()
    )
    return {str(word) for word in words}


def without_address(name: str) -> str:
    """A name as rows and logs keep it: of an e-mail address, what stands before the @."""
    return name.partition("@")[0]
