"""What a process that looks at AWS has beside the tiers.

A page read holds none of this, not even as code.
"""

import gc
from collections.abc import Mapping
from functools import cached_property

from services.aws.session import AwsClients
from services.platform.accounts import TargetAccount, read_target_accounts
from services.platform.executions import ExecutionHistory, Executions
from services.settings import Settings
from services.sync.run import SyncParts
from services.sync.tags import TagSelection
from services.wiring import Wiring

# A look makes objects by the hundred thousand and next to no cycles: searching them for cycles as
# often as Python does by itself was a quarter of its CPU (docs/results/writes-follow-changes.md).
COLLECT_AFTER = 50_000  # new objects, of a process that looks


class SyncWiring(Wiring):
    """The parts of one process that looks: the clients of AWS are
    kept while the target accounts are the same.
    """

    _accounts: Mapping[str, TargetAccount] | None = None
    _clients: AwsClients

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        gc.set_threshold(COLLECT_AFTER)

    @cached_property
    def executions(self) -> Executions:
        """The executions of this deployment."""
        tables = (self.settings.execution_history_table, self.settings.sync_status_table)
        return Executions(self.dynamodb, *tables)

    def sync_parts(self) -> SyncParts:
        """What one sync works with; the target accounts are read afresh.

        Raises:
            TableUnavailable: when the target accounts cannot be read.
        """
        accounts, faults = read_target_accounts(self.dynamodb, self.settings.target_accounts_table)
        if accounts != self._accounts:
            suffix = self.settings.read_role_suffix
            self._accounts, self._clients = accounts, AwsClients(accounts, suffix)
        return SyncParts(
            table=self.table,
            looks=self.looks,
            recorder=self.recorder,
            status=self.status,
            clients=self._clients,
            history=lambda: ExecutionHistory(self.dynamodb, self.settings.execution_history_table),
            accounts=accounts,
            faults=faults,
            inventory_minutes=self.settings.inventory_minutes,
            select_by_tags=TagSelection(
                self.dynamodb,
                self.settings.protection_groups_table,
                self.settings.sync_status_table,
            ),
            publish_plans=lambda: self.plans.publish(self.mirror),
        )
