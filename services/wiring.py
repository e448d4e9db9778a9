"""Settings to clients to parts: the one place that builds them. Nothing here connects until it is asked.

The heavy libraries are imported where they are first needed: a page read that the mirror answers imports redis alone.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from cache.errors import TierUnavailable
from cache.mirror import Mirror
from cache.reader import Reader
from services.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from cache.looks import LookLog
    from cache.recorder import Recorder
    from cache.table import Table
    from services.platform.plans import PlanBook
    from services.platform.sync_status import SyncStatus
    from services.sync.run import SyncParts

PAGE_CONNECT_TIMEOUT, PAGE_READ_TIMEOUT = 0.3, 1.2  # seconds; a page has 3 in all
SYNC_CONNECT_TIMEOUT, SYNC_READ_TIMEOUT = 2, 5


class SyncNotStarted(TierUnavailable):
    """Lambda did not take the event that starts a sync."""


class MachineNotStarted(TierUnavailable):
    """Step Functions did not take an execution."""


class Wiring:
    """The parts of one process, made on first use and kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def reader(self) -> Reader:
        """The way out, with short patience."""
        mirror = self.mirror if self.settings.read_from == "mirror" else None
        return Reader(mirror, lambda: self.page_table, lambda: self.page_looks)

    @cached_property
    def mirror(self) -> Mirror | None:
        """The mirror; None where the deployment has none."""
        if not self.settings.redis_url:
            return None
        from services.aws.redis import mirror_client

        return Mirror(mirror_client(self.settings))

    @cached_property
    def page_table(self) -> "Table":
        """The table with a page's patience: the reader retries by itself, within its deadline."""
        from cache.table import Table

        return Table(
            self.page_dynamodb,
            self.settings.recovery_instances_table,
            self.settings.sync_status_table,
        )

    @cached_property
    def page_looks(self) -> "LookLog":
        """The looks, with a page's patience."""
        from cache.looks import LookLog

        return LookLog(self.page_dynamodb, self.settings.sync_status_table)

    @cached_property
    def page_plans(self) -> "PlanBook":
        """The plans, with a page's patience."""
        from services.platform.plans import PlanBook

        return PlanBook(lambda: self.page_dynamodb, self.settings.recovery_plans_table)

    @cached_property
    def page_status(self) -> "SyncStatus":
        """Runs and the lease, with a page's patience."""
        from services.platform.sync_status import SyncStatus

        return SyncStatus(self.page_dynamodb, self.settings.sync_status_table)

    @cached_property
    def page_dynamodb(self) -> "DynamoDBClient":
        """DynamoDB for page reads."""
        from services.aws.dynamodb import dynamodb_client

        return dynamodb_client(PAGE_CONNECT_TIMEOUT, PAGE_READ_TIMEOUT, attempts=1)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB for everything that may take longer."""
        from services.aws.dynamodb import dynamodb_client

        return dynamodb_client(SYNC_CONNECT_TIMEOUT, SYNC_READ_TIMEOUT, attempts=4)

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
    def recorder(self) -> "Recorder":
        """The way in."""
        from cache.recorder import Recorder

        return Recorder(self.table, self.mirror)

    @cached_property
    def looks(self) -> "LookLog":
        """Tickets and looks."""
        from cache.looks import LookLog

        return LookLog(self.dynamodb, self.settings.sync_status_table)

    @cached_property
    def status(self) -> "SyncStatus":
        """Runs and the lease."""
        from services.platform.sync_status import SyncStatus

        return SyncStatus(self.dynamodb, self.settings.sync_status_table)

    def sync_parts(self) -> "SyncParts":
        """What one sync works with; the target accounts are read afresh.

        Raises:
            TableUnavailable: when the target accounts cannot be read.
        """
        from services.aws.session import AwsClients
        from services.platform.attribution import ExecutionHistory
        from services.sync.places import read_target_accounts
        from services.sync.run import SyncParts

        accounts, faults = read_target_accounts(self.dynamodb, self.settings.target_accounts_table)
        if accounts != self._accounts:
            self._accounts, self._clients = accounts, AwsClients(accounts)
        return SyncParts(
            table=self.table,
            looks=self.looks,
            recorder=self.recorder,
            status=self.status,
            clients=self._clients,
            history=lambda: ExecutionHistory(self.dynamodb, self.settings.execution_history_table),
            accounts=accounts,
            faults=tuple(faults),
        )

    def start_sync(self, event: bytes) -> None:
        """Send an event to the sync function and leave it to itself.

        Raises:
            SyncNotStarted: when Lambda did not take it.
        """
        import botocore.session
        from botocore.exceptions import BotoCoreError, ClientError

        name = self.settings.name("recovery-instance-sync")
        try:
            client: Any = botocore.session.get_session().create_client("lambda")
            client.invoke(FunctionName=name, InvocationType="Event", Payload=event)
        except (BotoCoreError, ClientError) as error:
            raise SyncNotStarted(f"{name}: {error}") from error

    def start_machine(self, name: str, values: dict[str, Any]) -> None:
        """Set the state machine going, once for each name.

        Raises:
            MachineNotStarted: when Step Functions did not take it.
        """
        import json

        import botocore.session
        from botocore.exceptions import BotoCoreError, ClientError

        arn = self.settings.state_machine_arn
        try:
            client: Any = botocore.session.get_session().create_client("stepfunctions")
            client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(values))
        except (BotoCoreError, ClientError) as error:
            raise MachineNotStarted(f"{arn}: {error}") from error

    _accounts: Any = None
    _clients: Any = None
