"""Who calls: access keys, accounts, roles; and the two STS operations."""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from standin.aws.wire import Request
from standin.drs.clock import iso
from standin.drs.errors import Refusal

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)")
_CHAINED_LIMIT = 3600
"""STS: a role that assumes a role gets at most an hour."""


@dataclass(frozen=True)
class Caller:
    account: str
    access_key: str
    role_arn: str | None = None
    session_name: str | None = None
    expires: float = float("inf")
    """Epoch seconds of real time, as botocore compares it with the real clock."""

    @property
    def arn(self) -> str:
        if self.role_arn is None:
            return f"arn:aws:iam::{self.account}:user/local"
        role = self.role_arn.rpartition("/")[2]
        return f"arn:aws:sts::{self.account}:assumed-role/{role}/{self.session_name}"


@dataclass(frozen=True)
class Account:
    roles: dict[str, str | None] = field(default_factory=dict)
    """Role ARN → the external id it demands, if any."""
    disabled_regions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scope:
    """What the signature of a request says; the signature itself is not checked."""

    access_key: str
    region: str
    service: str


class Identity:
    def __init__(self, default_account: str) -> None:
        self.default_account = default_account
        self.accounts: dict[str, Account] = {}
        self._sessions: dict[str, Caller] = {}

    def forget(self) -> None:
        """Forget the accounts; sessions live on, or their keys
        would turn into the default account's.
        """
        self.accounts.clear()

    def caller(self, access_key: str) -> Caller:
        """A key minted here is its session; twelve digits are an
        account; any other key is the default account.
        """
        if access_key in self._sessions:
            return self._sessions[access_key]
        if re.fullmatch(r"\d{12}", access_key):
            return Caller(access_key, access_key)
        return Caller(self.default_account, access_key)

    def enabled(self, account: str, region: str) -> bool:
        return account not in self.accounts or region not in self.accounts[account].disabled_regions

    def assume_role(self, caller: Caller, params: dict[str, Any], skew: float) -> dict[str, Any]:
        """New credentials. Raises AccessDenied for an undeclared role or a wrong external id."""
        role_arn, session_name = str(params["RoleArn"]), str(params["RoleSessionName"])
        duration = int(params.get("DurationSeconds", 3600))
        match = _ROLE_ARN.fullmatch(role_arn)
        roles = self.accounts.get(match[1], Account()).roles if match else {}
        if (
            match is None
            or role_arn not in roles
            or roles[role_arn] not in (None, params.get("ExternalId"))
        ):
            message = (
                f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on "
                f"resource: {role_arn}"
            )
            raise Refusal("AccessDenied", message)
        if caller.role_arn and duration > _CHAINED_LIMIT:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                "assumed by role chaining"
            )
            raise Refusal("ValidationError", message)
        key = f"ASIA{secrets.token_hex(8).upper()}"
        expires = time.time() + duration
        session = Caller(match[1], key, role_arn, session_name, expires)
        self._sessions[key] = session
        return {
            "Credentials": {
                "AccessKeyId": key,
                "SecretAccessKey": secrets.token_urlsafe(30),
                "SessionToken": secrets.token_urlsafe(60),
                "Expiration": iso(expires + skew),
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"AROA{match[1]}0STANDIN:{session_name}",
                "Arn": session.arn,
            },
        }

    @staticmethod
    def get_caller_identity(caller: Caller) -> dict[str, Any]:
        return {"UserId": caller.access_key, "Account": caller.account, "Arn": caller.arn}


def scope(request: Request) -> Scope:
    """Raises Refusal for a request without a signature."""
    match = _CREDENTIAL.search(request.headers.get("authorization", ""))
    if match is None:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    return Scope(match[1], match[3], match[4])
