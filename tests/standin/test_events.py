"""Events have EventBridge's envelope and the words of DRS, and
are lost, doubled and reordered on demand.
"""

from typing import Any

from tests.standin.client import ACCOUNT, REGION, SERVERS, Aws


def _of(aws: Aws, kind: str) -> list[dict[str, Any]]:
    return [event for event in aws.events() if event["detail-type"] == kind]


def test_a_launch_emits_its_result(aws: Aws) -> None:
    """One for each server, with kebab-case details, the drill
    flag as a word, and no instance id.
    """
    aws.servers(2)
    aws.behave(launch_failures={SERVERS[1]: "no capacity"})
    job = aws.launch(*SERVERS[:2])
    aws.advance(3600)
    events = _of(aws, "DRS Source Server Launch Result")
    details = {event["resources"][0].rpartition("/")[2]: event["detail"] for event in events}
    common = {"job-id": job["jobID"], "is-drill": "TRUE"}
    assert details == {
        SERVERS[0]: common | {"state": "RECOVERY_LAUNCH_SUCCEEDED"},
        SERVERS[1]: common | {"state": "RECOVERY_LAUNCH_FAILED"},
    }
    event = events[0]
    assert (event["source"], event["account"], event["region"]) == ("aws.drs", ACCOUNT, REGION)
    assert event["resources"][0] == f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{SERVERS[0]}"
    assert len(event["time"]) == len("2026-11-20T10:21:07Z")


def test_a_change_of_failback_and_of_replication_emits_an_event(aws: Aws) -> None:
    """What the administration changes, EventBridge tells; what it does not change, it does not."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    record = aws.records()[0] | {"failback": {"state": "FAILBACK_IN_PROGRESS"}}
    aws.put(recoveryInstances=[record])
    aws.put(recoveryInstances=[record])
    (event,) = _of(aws, "DRS Recovery Instance Failback State Change")
    assert event["detail"] == {"state": "FAILBACK_IN_PROGRESS"}
    assert event["resources"][0].endswith(f":recovery-instance/{instance_id}")
    aws.servers(1, dataReplicationInfo={"dataReplicationState": "STALLED"})
    aws.servers(1, dataReplicationInfo={"dataReplicationState": "CONTINUOUS"})
    stalled = _of(aws, "DRS Source Server Data Replication Stalled Change")
    assert [event["detail"]["state"] for event in stalled] == ["STALLED", "NOT_STALLED"]


def test_ec2_tells_of_states_and_drs_does_not_tell_of_terminations(aws: Aws) -> None:
    """A termination is seen by EC2's lower-case events alone."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    seen = len(aws.events())
    aws.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    aws.advance(3600)
    later = aws.events()[seen:]
    assert [event["detail-type"] for event in later] == [
        "EC2 Instance State-change Notification"
    ] * 2
    assert [event["detail"]["state"] for event in later] == ["shutting-down", "terminated"]
    assert all(event["detail"]["instance-id"] == instance_id for event in later)


def test_events_can_all_be_lost(aws: Aws) -> None:
    """Delivery is best effort."""
    aws.servers(1)
    aws.behave(event_loss=1.0)
    aws.launched(SERVERS[0])
    assert aws.events() == []


def test_events_can_come_twice(aws: Aws) -> None:
    """With the same id."""
    aws.servers(1)
    aws.behave(event_duplicates=1.0)
    aws.launched(SERVERS[0])
    ids = [event["id"] for event in _of(aws, "DRS Source Server Launch Result")]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_events_can_come_in_the_wrong_order(aws: Aws) -> None:
    """Each after the one that follows it: `running` before `pending`."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    seen = len(aws.events())
    aws.behave(event_reorder=True)
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
    aws.advance(60)
    assert [event["detail"]["state"] for event in aws.events()[seen:]] == [
        "terminated",
        "shutting-down",
    ]
