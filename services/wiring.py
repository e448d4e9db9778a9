"""Settings to clients to parts: the one place that builds them. Nothing connects until it is asked.

The heavy libraries are imported where they are first needed: a page read that the mirror answers
imports redis alone.
"""

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from cache.mirror import Mirror
from cache.reader import Reader
from services.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from cache.looks import LookLog
    from cache.recorder import Recorder
    from cache.table import Table
    from services.platform.plans import PlanBook, PlanTables
    from services.platform.sync_status import SyncStatus


class Patience(NamedTuple):
    """With DynamoDB: seconds for a connection and for an answer, and calls in all."""

    connect_timeout: float
    read_timeout: float
    attempts: int


PAGE = Patience(0.3, 1.2, 1)  # a page has 3 s in all, and the reader retries by itself within them
WORK = Patience(2, 5, 4)


class Wiring:
    """The parts of one process, made on first use and kept; all of them have one patience."""

    def __init__(self, settings: Settings, patience: Patience = WORK) -> None:
        self.settings = settings
        self.patience = patience
        self._making = Lock()

    @cached_property
    def reader(self) -> Reader:
        """The way out."""
        planned = self.plans.places_of
        return Reader(self._page_mirror, lambda: self.table, lambda: self.looks, planned)

    def _expect_misses(self) -> None:
        """In a process that reads pages; no other has a use, or
        the right, to read the looks beside.
        """
        if "reader" in self.__dict__:
            self.reader.expect_misses()

    @property
    def _page_mirror(self) -> Mirror | None:
        return self.mirror if self.settings.read_from == "mirror" else None

    @cached_property
    def mirror(self) -> Mirror | None:
        """The mirror; None where the deployment has none."""
        if not self.settings.redis_url:
            return None
        from services.aws.redis import redis_client

        return Mirror(lambda: redis_client(self.settings), self._expect_misses)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB.

        A first page asks for plans and looks side by side: one of them makes the client.
        """
        from services.aws.dynamodb import dynamodb_client

        with self._making:
            return self.__dict__.get("dynamodb") or dynamodb_client(*self.patience)

    @cached_property
    def table(self) -> "Table":
        """The system of record."""
        from cache.table import Table

        return Table(
            self.dynamodb,
            self.settings.recovery_instances_table,
            self.settings.sync_status_table,
        )

    @cached_property
    def looks(self) -> "LookLog":
        """Tickets and looks."""
        from cache.looks import LookLog

        return LookLog(self.dynamodb, self.settings.sync_status_table)

    @cached_property
    def recorder(self) -> "Recorder":
        """The way in."""
        from cache.recorder import Recorder

        return Recorder(self.table, self.mirror)

    @cached_property
    def plans(self) -> "PlanBook":
        """The plans."""
        from services.platform.plans import PlanBook

        hook = self._expect_misses
        return PlanBook(lambda: self.dynamodb, self.plan_tables, self._page_mirror, hook)

    @property
    def plan_tables(self) -> "PlanTables":
        """Where plans are read."""
        from services.platform.plans import PlanTables

        named = self.settings
        return PlanTables(
            named.recovery_plans_table, named.protection_groups_table, named.sync_status_table
        )

    @cached_property
    def status(self) -> "SyncStatus":
        """Runs and the lease."""
        from services.platform.sync_status import SyncStatus

        return SyncStatus(self.dynamodb, self.settings.sync_status_table)
