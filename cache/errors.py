"""Every error of this product; foreign errors (botocore, redis-py) are translated into these at the borders.

RecoverySyncError
├── InvalidInput        what somebody sent is wrong: says what and where
├── TierUnavailable     could not ask; says nothing about what is there
│   ├── TableUnavailable    DynamoDB refused, throttled, timed out or is gone
│   └── MirrorUnavailable   Redis likewise, or its circuit breaker is open
├── InvalidRow          a row of the table that is no record
├── NotFound            there is no such plan, execution or route
└── Conflict            the state of things forbids it
"""


class RecoverySyncError(Exception):
    """Root of this product's own errors."""


class InvalidInput(RecoverySyncError):
    """Input that is refused. `where` names the field, `what` the fault."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class TierUnavailable(RecoverySyncError):
    """A tier could not be asked. Never to be read as "nothing there"."""


class TableUnavailable(TierUnavailable):
    """DynamoDB could not be read or written."""


class MirrorUnavailable(TierUnavailable):
    """Redis could not be read or written."""


class InvalidRow(RecoverySyncError):
    """A row that does not hold what a record must hold."""


class NotFound(RecoverySyncError):
    """There is no such plan, execution or route."""


class Conflict(RecoverySyncError):
    """The state of things forbids it. `code` names why; `details` go into the answer."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
