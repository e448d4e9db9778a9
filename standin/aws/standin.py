"""One call from its request to its reply: who, what, what weather, the answer, the log."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from standin.aws import gate, identity, instances, models
from standin.aws.calls import CallLog
from standin.aws.distort import distort
from standin.aws.gate import Context
from standin.aws.identity import Account, Identity, Scope
from standin.aws.query import Query
from standin.aws.rest_json import RestJson
from standin.aws.weather import Conditions, Weather
from standin.aws.wire import Parsed, Reply, Request, WrongReply
from standin.drs import operations
from standin.drs.core import Call, Drs
from standin.drs.errors import Refusal
from standin.drs.state import State

PROTOCOLS: dict[str, RestJson | Query] = {
    "drs": RestJson(),
    "ec2": Query("ec2"),
    "sts": Query("sts"),
}


class Gone(Exception):
    """The service does not answer: `refuse` closes the
    connection, `hang` keeps it open in silence.
    """

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class StandIn:
    """DRS, EC2 and STS of all accounts and regions. `handle` may be called from many threads."""

    def __init__(self, account: str = "111111111111", speed: float = 1.0, seed: int = 0) -> None:
        self.lock = threading.RLock()
        self.drs = Drs(speed, seed)
        self.identity = Identity(account)
        self.weather = Weather(seed)
        self.calls = CallLog()

    @property
    def state(self) -> State:
        return self.drs.state

    def handle(self, request: Request) -> Reply:
        """The reply to a signed AWS request.

        Raises Gone when weather keeps the service from answering.
        """
        try:
            scope = identity.scope(request)
        except Refusal as exc:
            return RestJson().refuse(exc)
        if scope.service not in PROTOCOLS:
            message = f"This stand-in serves {', '.join(PROTOCOLS)}, not {scope.service}"
            return RestJson().fail(501, "NotInStandIn", message)
        protocol = PROTOCOLS[scope.service]
        try:
            parsed = protocol.parse(request)
        except Refusal as exc:
            parsed = Parsed(f"{request.method} {request.path}", {})
            return self._logged(
                self._context(scope, parsed, request), protocol.refuse(exc), exc.code
            )
        return self._answer(self._context(scope, parsed, request))

    def _context(self, scope: Scope, parsed: Parsed, request: Request) -> Context:
        with self.lock:
            self.drs.clock.settle()
            caller = self.identity.caller(scope.access_key)
        facts = {
            "service": scope.service,
            "operation": parsed.operation,
            "accountId": caller.account,
            "region": scope.region,
            "role": caller.role_arn,
        }
        return Context(scope, caller, parsed, self.weather.meet(facts), request)

    def _answer(self, context: Context) -> Reply:
        protocol, conditions = PROTOCOLS[context.service], context.conditions
        time.sleep(conditions.delay)
        if conditions.outage in ("refuse", "hang"):
            self._logged(context, Reply(0, b""), conditions.outage)
            raise Gone(conditions.outage)
        if conditions.outage == "503":
            reply = protocol.fail(503, "ServiceUnavailable", "The service is unavailable")
            return self._logged(context, reply, "ServiceUnavailable")
        if context.parsed.operation not in gate.IMPLEMENTED[context.service]:
            message = f"This stand-in does not do {context.service}:{context.parsed.operation}"
            return self._logged(
                context, protocol.fail(501, "NotInStandIn", message), "NotInStandIn"
            )
        try:
            gate.refuse_if_stopped(context, self.identity)
            value = self._operate(context)
            return self._logged(context, _reply(context, value), None, _listed(value))
        except Refusal as exc:
            reply = protocol.refuse(exc)
            if exc.code == gate.THROTTLED[context.service]:
                reply = replace(reply, headers={**reply.headers, "Retry-After": "1"})
            return self._logged(context, reply, exc.code)
        except WrongReply as exc:
            return self._logged(context, protocol.fail(500, "WrongReply", str(exc)), "WrongReply")

    def _operate(self, context: Context) -> dict[str, Any]:
        operation, params = context.parsed.operation, context.parsed.params
        account, region = context.caller.account, context.scope.region
        conditions = context.conditions
        with self.lock:
            if context.service == "drs":
                place = self.state.place(account, region)
                return operations.answer(Call(self.drs, place, operation, params, conditions.page))
            if operation == "DescribeInstances":
                return instances.describe_instances(
                    self.state.place(account, region), params, conditions.page
                )
            if operation == "TerminateInstances":
                return instances.terminate_instances(
                    self.drs, self.state.place(account, region), params
                )
            if operation == "DescribeRegions":
                return instances.describe_regions(
                    self.identity.accounts.get(account, Account()), params
                )
            if operation == "AssumeRole":
                return self.identity.assume_role(context.caller, params, conditions.skew)
            return self.identity.get_caller_identity(context.caller)

    def _logged(self, context: Context, reply: Reply, error: str | None, items: int = 0) -> Reply:
        self.calls.add(
            service=context.service,
            operation=context.parsed.operation,
            accountId=context.caller.account,
            region=context.scope.region,
            roleArn=context.caller.role_arn,
            status=reply.status,
            error=error,
            items=items,
            at=datetime.now(UTC).isoformat(),
        )
        return replace(reply, headers={**reply.headers, "Date": _date(context.conditions)})


def _reply(context: Context, value: dict[str, Any]) -> Reply:
    operation = models.operation(context.service, context.parsed.operation)
    if context.conditions.distorts:
        value = distort(operation.output_shape, value, context.conditions)
    return PROTOCOLS[context.service].reply(
        operation, value, wrong_on_purpose=context.conditions.distorts
    )


def _listed(value: dict[str, Any]) -> int:
    return next((len(member) for member in value.values() if isinstance(member, list)), 0)


def _date(conditions: Conditions) -> str:
    return format_datetime(datetime.fromtimestamp(time.time() + conditions.skew, UTC), usegmt=True)
