"""Which function answers which DRS operation."""

from collections.abc import Callable, Mapping

from standin.drs import describe, jobs, launch, replication, tags, terminate
from standin.drs.core import Call, Reply
from standin.drs.errors import Refusal

OPERATIONS: Mapping[str, Callable[[Call], Reply]] = {
    "DeleteJob": jobs.delete_job,
    "DeleteRecoveryInstance": terminate.delete_recovery_instance,
    "DeleteSourceServer": replication.delete_source_server,
    "DescribeJobLogItems": describe.describe_job_log_items,
    "DescribeJobs": describe.describe_jobs,
    "DescribeRecoveryInstances": describe.describe_recovery_instances,
    "DescribeRecoverySnapshots": describe.describe_recovery_snapshots,
    "DescribeSourceNetworks": describe.describe_source_networks,
    "DescribeSourceServers": describe.describe_source_servers,
    "DisconnectRecoveryInstance": terminate.disconnect_recovery_instance,
    "DisconnectSourceServer": replication.disconnect_source_server,
    "GetLaunchConfiguration": describe.get_launch_configuration,
    "InitializeService": describe.initialize_service,
    "ListStagingAccounts": describe.list_staging_accounts,
    "ListTagsForResource": tags.list_tags_for_resource,
    "StartRecovery": launch.start_recovery,
    "StopFailback": replication.stop_failback,
    "StopReplication": replication.stop_replication,
    "TagResource": tags.tag_resource,
    "TerminateRecoveryInstances": terminate.terminate_recovery_instances,
}

_WITHOUT_INITIALIZATION = {"InitializeService", "ListTagsForResource", "TagResource"}


def answer(call: Call) -> Reply:
    """The reply to a validated call. Raises Refusal."""
    if not call.place.initialized and call.operation not in _WITHOUT_INITIALIZATION:
        raise Refusal(
            "UninitializedAccountException", "Account not initialized", code="UNINITIALIZED"
        )
    return OPERATIONS[call.operation](call)
