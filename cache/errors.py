"""Every error of this product; foreign errors (botocore, redis-py) are translated into these at the
borders.

RecoverySyncError
├── InvalidInput            what was sent is wrong: says what and where
│   └── Unattended              and its sender reads no answer
├── TierUnavailable         could not ask; says nothing about what is there
│   ├── TableUnavailable        DynamoDB refused, throttled, timed out or is gone
│   ├── MirrorUnavailable       Redis likewise, or its circuit breaker is open
│   ├── SyncNotStarted          Lambda did not take the event that starts a sync
│   ├── MachineNotStarted       Step Functions did not take an execution
│   ├── NotHandedOver           another function did not take an event, or failed
│   ├── NotPublished            rows that have changed did not reach the mirror
│   ├── SomeUnknown             of some servers nobody could say whether they have an instance
│   └── Failing                 what a request is for cannot be done now: the code its senders know
├── InvalidRow              a row of a table that does not hold what it must hold
├── NotFound                there is no such plan, execution or route
├── MethodNotAllowed        the path is one of ours, but takes other methods
├── Forbidden               the caller may not do that
├── Conflict                the state of things forbids the request
│   └── AlreadyRunning          another full sync holds the lease
├── LookTimeout             a look at a place took longer than its deadline
├── UnreadableReply         AWS answered with something that cannot be understood
├── WrongAccount            the credentials that we have are of another account than is asked about
├── OverQuota               DRS takes no more jobs until some have ended
├── ServersBusy             a server of the batch is in a job already
└── JobRefused              DRS does not take the batch, and would not another time
"""

from collections.abc import Sequence
from typing import Any


class RecoverySyncError(Exception):
    """Root of this product's own errors."""


class InvalidInput(RecoverySyncError):
    """Input that is refused. `where` names the field, `what` the fault."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class Unattended(InvalidInput):
    """What is wrong with an event whose sender reads no answer.

    The function fails, so that its error metric counts the event.
    """


class TierUnavailable(RecoverySyncError):
    """A tier could not be asked. Never to be read as "nothing there"."""


class TableUnavailable(TierUnavailable):
    """DynamoDB could not be read or written."""


class MirrorUnavailable(TierUnavailable):
    """Redis could not be read or written."""


class SyncNotStarted(TierUnavailable):
    """Lambda did not take the event that starts a sync."""


class MachineNotStarted(TierUnavailable):
    """Step Functions did not take an execution."""


class NotHandedOver(TierUnavailable):
    """Another function of ours did not take an event, or failed."""


class Failing(TierUnavailable):
    """What a request is for cannot be done now. `code` is the one its senders know."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotPublished(TierUnavailable):
    """Rows that have changed did not reach the mirror; whoever said so has to say it again."""


class SomeUnknown(TierUnavailable):
    """Of some servers nobody could say whether they have an instance.

    `found` are the items of those that have one.
    """

    def __init__(self, unknown: list[str], found: list[dict[str, Any]]) -> None:
        super().__init__(f"{len(unknown)} servers are unknown: {', '.join(unknown[:3])} …")
        self.unknown = unknown
        self.found = found


class InvalidRow(RecoverySyncError):
    """A row that does not hold what a record must hold."""


class NotFound(RecoverySyncError):
    """There is no such plan, execution or route."""


class MethodNotAllowed(RecoverySyncError):
    """The path is one of ours, but takes other methods: those `allowed`."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{method:.20} is not allowed here; {', '.join(allowed)} is")
        self.allowed = allowed


class Forbidden(RecoverySyncError):
    """The caller may not do that."""


class Conflict(RecoverySyncError):
    """The state of things forbids the request. `code` names why; `details` go into the answer."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class AlreadyRunning(Conflict):
    """Another full sync holds the lease: the run of `run_id`."""

    def __init__(self, run_id: str) -> None:
        super().__init__("ALREADY_RUNNING", f"sync {run_id} is running", runId=run_id)
        self.run_id = run_id


class LookTimeout(RecoverySyncError):
    """A look at a place took longer than its deadline."""


class UnreadableReply(RecoverySyncError):
    """AWS answered with something that cannot be understood."""


class WrongAccount(RecoverySyncError):
    """The credentials that we have are of another account than is asked about."""


class OverQuota(RecoverySyncError):
    """DRS takes no more jobs, or no more servers in jobs, until some have ended."""


class ServersBusy(RecoverySyncError):
    """At least one server of a batch is in a job already; which one, DRS does not say."""


class JobRefused(RecoverySyncError):
    """DRS does not take a batch, and would not take the same one another time."""
