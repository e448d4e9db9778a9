"""Source servers leave DRS, replication ends, jobs are deleted, and
a launch may go back to an earlier snapshot.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.standin.client import SERVERS, Aws

Refused = Callable[..., ClientError]
REPLICATING = {
    "dataReplicationState": "CONTINUOUS",
    "lagDuration": "PT3M",
    "replicatedDisks": [{"deviceName": "/dev/xvda", "totalStorageBytes": 1 << 30}],
}


def _snapshots(aws: Aws, **params: Any) -> list[dict[str, Any]]:
    found = aws.client("drs").describe_recovery_snapshots(sourceServerID=SERVERS[0], **params)
    return list(found["items"])


def test_a_server_leaves_when_its_instance_is_gone_and_it_is_disconnected(
    aws: Aws, refused: Refused
) -> None:
    """Terminate, disconnect, delete: each before its time is a 409, and a second delete a 404."""
    aws.servers(1, dataReplicationInfo=REPLICATING)
    (instance_id,) = aws.launched(SERVERS[0])
    drs = aws.client("drs")
    refused("ConflictException", drs.disconnect_source_server, sourceServerID=SERVERS[0])
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    refused("ConflictException", drs.disconnect_source_server, sourceServerID=SERVERS[0])
    aws.advance(60)
    assert aws.states() == ["TERMINATED"], "the record lingers, and is no hindrance"
    refused("ConflictException", drs.delete_source_server, sourceServerID=SERVERS[0])
    replication = drs.disconnect_source_server(sourceServerID=SERVERS[0])["dataReplicationInfo"]
    assert replication == {
        "dataReplicationState": "DISCONNECTED",
        "replicatedDisks": [{"deviceName": "/dev/xvda", "totalStorageBytes": 0}],
    }
    drs.delete_source_server(sourceServerID=SERVERS[0])
    assert drs.describe_source_servers()["items"] == []
    refused("ResourceNotFoundException", drs.delete_source_server, sourceServerID=SERVERS[0])


def test_stopping_replication_leaves_the_server_without_snapshots(
    aws: Aws, refused: Refused
) -> None:
    """The server stays, STOPPED; not while a job runs."""
    aws.servers(1, dataReplicationInfo=REPLICATING)
    drs = aws.client("drs")
    aws.launch(SERVERS[0])
    refused("ConflictException", drs.stop_replication, sourceServerID=SERVERS[0])
    aws.advance(3600)
    assert len(_snapshots(aws)) == 1
    server = drs.stop_replication(sourceServerID=SERVERS[0])["sourceServer"]
    assert server["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    assert _snapshots(aws) == []
    refused("ResourceNotFoundException", drs.stop_replication, sourceServerID=SERVERS[1])


def test_a_failback_is_stopped_before_its_instance_is_terminated(
    aws: Aws, refused: Refused
) -> None:
    """What was refused during the failback is taken afterwards."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.put(recoveryInstances=[aws.records()[0] | {"failback": {"state": "FAILBACK_IN_PROGRESS"}}])
    drs = aws.client("drs")
    terminate = drs.terminate_recovery_instances
    refused("ConflictException", terminate, recoveryInstanceIDs=[instance_id])
    drs.stop_failback(recoveryInstanceID=instance_id)
    assert aws.records()[0]["failback"]["state"] == "FAILBACK_NOT_STARTED"
    assert terminate(recoveryInstanceIDs=[instance_id])["job"]["type"] == "TERMINATE"
    refused(
        "ResourceNotFoundException", drs.stop_failback, recoveryInstanceID="i-0123456789abcdef0"
    )


def test_a_job_is_deleted_when_it_is_over(aws: Aws, refused: Refused) -> None:
    """With its log; its instances stay."""
    aws.servers(1)
    job_id = aws.launch(SERVERS[0])["jobID"]
    drs = aws.client("drs")
    refused("ConflictException", drs.delete_job, jobID=job_id)
    aws.advance(3600)
    drs.delete_job(jobID=job_id)
    assert (aws.jobs(), drs.describe_job_log_items(jobID=job_id)["items"]) == ([], [])
    assert len(aws.records()) == 1
    refused("ResourceNotFoundException", drs.delete_job, jobID=job_id)


def test_snapshots_come_in_either_order_and_by_date(aws: Aws, refused: Refused) -> None:
    """Each launch without a chosen snapshot takes one; only this server's are listed."""
    aws.servers(2)
    for _ in range(3):
        aws.launched(*SERVERS[:2])
    newest = _snapshots(aws)
    assert [it["sourceServerID"] for it in newest] == [SERVERS[0]] * 3
    assert newest == sorted(newest, key=lambda it: it["expectedTimestamp"], reverse=True)
    assert _snapshots(aws, order="ASC") == newest[::-1]
    middle = newest[1]["expectedTimestamp"]
    span = {"fromDateTime": middle, "toDateTime": middle}
    assert _snapshots(aws, filters=span) == [newest[1]]
    describe = aws.client("drs").describe_recovery_snapshots
    refused("ResourceNotFoundException", describe, sourceServerID=SERVERS[2])


def test_a_launch_from_a_chosen_snapshot_is_of_its_moment(aws: Aws, refused: Refused) -> None:
    """And takes no new one; another server's snapshot is refused, with the whole call."""
    aws.servers(2)
    aws.launched(SERVERS[0])
    (first,) = _snapshots(aws)
    chosen = {"sourceServerID": SERVERS[0], "recoverySnapshotID": first["snapshotID"]}
    start = aws.client("drs").start_recovery
    others = [chosen | {"sourceServerID": SERVERS[1]}]
    refused("ConflictException", start, sourceServers=others)
    start(sourceServers=[chosen], isDrill=True)
    aws.advance(3600)
    (record,) = aws.records()
    assert record["pointInTimeSnapshotDateTime"] == first["timestamp"]
    assert len(_snapshots(aws)) == 1
