"""What stops a call before its operation is reached: weather, credentials, regions, wrong
parameters.

Each service has its own words for the same refusal.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from standin.aws import models
from standin.aws.identity import Caller, Identity, Scope
from standin.aws.weather import Conditions
from standin.aws.wire import Parsed, Request
from standin.drs import operations, paging
from standin.drs.errors import Refusal

_SKEW_TOLERATED = 300
"""Seconds that a signature's time may differ from the service's."""

THROTTLED = {"drs": "ThrottlingException", "ec2": "RequestLimitExceeded", "sts": "Throttling"}
_DENIED = {"drs": "AccessDeniedException", "ec2": "UnauthorizedOperation", "sts": "AccessDenied"}
_FAILED = {"drs": "InternalServerException", "ec2": "InternalError", "sts": "InternalFailure"}
_EXPIRED = {"drs": "ExpiredTokenException", "ec2": "RequestExpired", "sts": "ExpiredToken"}
_SKEWED = {
    "drs": "InvalidSignatureException",
    "ec2": "RequestExpired",
    "sts": "SignatureDoesNotMatch",
}
_DISABLED = {
    "drs": "UnrecognizedClientException",
    "ec2": "AuthFailure",
    "sts": "InvalidClientTokenId",
}
_TOKEN = {"drs": "ValidationException", "ec2": "InvalidNextToken", "sts": "ValidationError"}
_INVALID = {"drs": "ValidationException", "ec2": "InvalidParameterValue", "sts": "ValidationError"}

IMPLEMENTED = {
    "drs": frozenset(operations.OPERATIONS),
    "ec2": frozenset({"DescribeInstances", "DescribeRegions", "TerminateInstances"}),
    "sts": frozenset({"AssumeRole", "GetCallerIdentity"}),
}


@dataclass(frozen=True)
class Context:
    """All that is known about one call before it is answered."""

    scope: Scope
    caller: Caller
    parsed: Parsed
    conditions: Conditions
    request: Request

    @property
    def service(self) -> str:
        return self.scope.service


def refuse_if_stopped(context: Context, identity: Identity) -> None:
    """Raise the Refusal that the call meets, if any."""
    _refuse_credentials(context, identity)
    service, conditions = context.service, context.conditions
    if conditions.throttled:
        limits = {"retryAfterSeconds": "1", "serviceCode": "drs"} if service == "drs" else {}
        raise Refusal(THROTTLED[service], "Rate exceeded", **limits)
    if conditions.denied:
        action = f"{service}:{context.parsed.operation}"
        message = f"User: {context.caller.arn} is not authorized to perform: {action}"
        raise Refusal(_DENIED[service], message)
    _refuse_parameters(context)
    _refuse_page(context)


def _refuse_credentials(context: Context, identity: Identity) -> None:
    service, caller = context.service, context.caller
    now = time.time() + context.conditions.skew
    if context.conditions.expire_session or caller.expires < now:
        raise Refusal(_EXPIRED[service], "The security token included in the request is expired")
    signed = context.request.headers.get("x-amz-date", "")
    if context.conditions.skew and signed and abs(_epoch(signed) - now) > _SKEW_TOLERATED:
        message = (
            f"Signature expired: {signed} is too far from "
            f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
        )
        raise Refusal(_SKEWED[service], message)
    if service != "sts" and not identity.enabled(caller.account, context.scope.region):
        raise Refusal(_DISABLED[service], "The security token included in the request is invalid")


def _refuse_parameters(context: Context) -> None:
    service, parsed = context.service, context.parsed
    shape = models.operation(service, parsed.operation).input_shape
    problems = models.CHECKERS[service].problems(shape, parsed.params) if shape else []
    if not problems:
        return
    fields = [
        {"name": problem.path.lstrip("."), "message": problem.message} for problem in problems
    ]
    details: dict[str, Any] = (
        {"reason": "fieldValidationFailed", "fieldList": fields} if service == "drs" else {}
    )
    raise Refusal(_INVALID[service], "; ".join(map(str, problems)), **details)


def _refuse_page(context: Context) -> None:
    service, conditions, params = context.service, context.conditions, context.parsed.params
    token = params.get("nextToken") or params.get("NextToken")
    if token and conditions.expire_page_token:
        raise Refusal(_TOKEN[service], "The nextToken is expired")
    if not conditions.fail_on_page:
        return
    try:
        number = paging.decode(token).page if token else 1
    except ValueError:
        return
    if number == conditions.fail_on_page:
        raise Refusal(_FAILED[service], f"Page {number} failed")


def _epoch(signed: str) -> float:
    return datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
