"""Jobs and instances live as they do in the service: in steps, on a clock that these tests move."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.standin.client import ACCOUNT, REGION, SERVERS, Aws

CONVERTED = 1025
"""Seconds from StartRecovery to the end of the conversion, with the default behaviour."""
LAUNCHED = 1355
"""… to the first launch."""


def _states(aws: Aws) -> list[str]:
    return [record["ec2InstanceState"] for record in aws.records()]


def _job(aws: Aws) -> dict[str, Any]:
    return aws.jobs()[0]


def _server(aws: Aws, server_id: str = SERVERS[0]) -> dict[str, Any]:
    found = aws.client("drs").describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"]
    return dict(found[0])


def _ec2_states(aws: Aws, *instance_ids: str) -> list[str]:
    filters = [{"Name": "instance-id", "Values": list(instance_ids)}]
    reservations = aws.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [reservation["Instances"][0]["State"]["Name"] for reservation in reservations]


def test_a_launch_goes_from_pending_to_completed(aws: Aws) -> None:
    """The job, its servers and their results change step by step; nothing happens while the clock stands."""
    aws.servers(1)
    job = aws.launch(SERVERS[0])
    assert (job["type"], job["initiatedBy"], job["status"]) == ("LAUNCH", "START_DRILL", "PENDING")
    assert _server(aws)["lastLaunchResult"] == "PENDING"
    aws.advance(10)
    assert _job(aws)["status"] == "STARTED"
    assert _job(aws)["participatingServers"] == [{"sourceServerID": SERVERS[0], "launchStatus": "IN_PROGRESS"}]
    assert aws.records() == []
    aws.advance(LAUNCHED - 10)
    (record,) = aws.records()
    participant = {"sourceServerID": SERVERS[0], "launchStatus": "LAUNCHED"}
    assert _job(aws)["participatingServers"] == [participant | {"recoveryInstanceID": record["recoveryInstanceID"]}]
    assert (record["jobID"], record["isDrill"], record["ec2InstanceState"]) == (job["jobID"], True, "PENDING")
    assert _server(aws)["recoveryInstanceId"] == record["recoveryInstanceID"]
    assert _server(aws)["lifeCycle"]["lastLaunch"]["initiated"]["type"] == "DRILL"
    aws.advance(60)
    assert (_job(aws)["status"], _states(aws)) == ("COMPLETED", ["RUNNING"])
    assert _job(aws)["endDateTime"] > job["creationDateTime"]


def test_the_participants_of_a_completed_job_are_cleared(aws: Aws) -> None:
    """For a minute they are still there; a job's instances are then found by DescribeRecoveryInstances alone."""
    aws.servers(1)
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED + 60)
    assert _job(aws)["status"] == "COMPLETED"
    assert len(_job(aws)["participatingServers"]) == 1
    aws.advance(60)
    assert _job(aws)["participatingServers"] == []


def test_a_failed_launch_stands_inside_a_completed_job(aws: Aws) -> None:
    """The job says COMPLETED, the server FAILED, and only the log says why."""
    aws.servers(2)
    aws.behave(launch_failures={SERVERS[0]: "InsufficientInstanceCapacity"})
    job = aws.launch(*SERVERS[:2])
    aws.advance(LAUNCHED + 65)
    statuses = {p["sourceServerID"]: p["launchStatus"] for p in _job(aws)["participatingServers"]}
    assert (_job(aws)["status"], statuses) == ("COMPLETED", {SERVERS[0]: "FAILED", SERVERS[1]: "LAUNCHED"})
    assert _server(aws)["lastLaunchResult"] == "FAILED"
    log = aws.client("drs").describe_job_log_items(jobID=job["jobID"])["items"]
    (failure,) = [item["eventData"] for item in log if item["event"] == "LAUNCH_FAILED"]
    assert failure == {"sourceServerID": SERVERS[0], "rawError": "InsufficientInstanceCapacity"}
    assert [record["sourceServerID"] for record in aws.records()] == [SERVERS[1]]


def test_drs_names_an_instance_seconds_before_ec2_knows_it(aws: Aws, refused: Callable[..., ClientError]) -> None:
    """By filter it is absent, by id the whole call fails; then it boots."""
    aws.servers(1)
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED)
    instance_id = aws.records()[0]["ec2InstanceID"]
    assert _ec2_states(aws, instance_id) == []
    refused("InvalidInstanceID.NotFound", aws.client("ec2").describe_instances, InstanceIds=[instance_id])
    aws.advance(5)
    assert _ec2_states(aws, instance_id) == ["pending"]
    aws.advance(20)
    assert (_ec2_states(aws, instance_id), _states(aws)) == (["running"], ["RUNNING"])


def test_the_ec2_instance_carries_the_tags_of_drs(aws: Aws) -> None:
    """In the account that launched, with name, server and job; the conversion server is managed by DRS as well."""
    aws.servers(1, tags={"Name": "web", "team": "payments"})
    aws.put(launchConfigurations={SERVERS[0]: {"copyTags": True}})
    (instance_id,) = aws.launched(SERVERS[0])
    managed = [{"Name": "tag:AWSElasticDisasterRecoveryManaged", "Values": ["drs.amazonaws.com"]}]
    ec2 = aws.client("ec2")
    assert len(ec2.describe_instances(Filters=managed)["Reservations"]) == 2
    (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    tags = {tag["Key"]: tag["Value"] for tag in reservation["Instances"][0]["Tags"]}
    assert tags == {
        "Name": "web",
        "team": "payments",
        "AWSElasticDisasterRecoveryManaged": "drs.amazonaws.com",
        "AWSElasticDisasterRecoverySourceServerID": SERVERS[0],
        "drs.amazonaws.com-source-server": SERVERS[0],
        "drs.amazonaws.com-job": _job(aws)["jobID"],
    }
    assert reservation["OwnerId"] == ACCOUNT
    assert aws.client("ec2", "999999999999").describe_instances()["Reservations"] == []


def test_the_agent_inside_reports_late(aws: Aws) -> None:
    """For the first minute the record knows no hostname and no address."""
    aws.servers(1, sourceProperties={"identificationHints": {"hostname": "web-1"}})
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED + 30)
    assert aws.records()[0]["recoveryInstanceProperties"] == {}
    aws.advance(30)
    properties = aws.records()[0]["recoveryInstanceProperties"]
    assert properties["identificationHints"]["hostname"] == "web-1"
    assert properties["identificationHints"]["awsInstanceID"] == aws.records()[0]["ec2InstanceID"]


def test_a_server_configured_to_be_stopped_launches_stopped(aws: Aws) -> None:
    """STOPPED is then the healthy state."""
    aws.servers(1)
    aws.put(launchConfigurations={SERVERS[0]: {"launchDisposition": "STOPPED"}})
    aws.launched(SERVERS[0])
    assert _states(aws) == ["STOPPED"]


def test_a_relaunch_deletes_the_previous_instance_first(aws: Aws) -> None:
    """There is a window with no live record; a drill destroys a real recovery instance just the same."""
    aws.servers(1)
    (old,) = aws.launched(SERVERS[0], drill=False)
    aws.launch(SERVERS[0], drill=True)
    aws.advance(10)
    assert (_states(aws), _ec2_states(aws, old)) == (["SHUTTING-DOWN"], ["shutting-down"])
    assert "recoveryInstanceId" not in _server(aws)
    aws.advance(60)
    assert _states(aws) == ["TERMINATED"]
    aws.advance(CONVERTED - 70)
    assert _states(aws) == [], "the leftover has gone, the new one has not come"
    aws.advance(500)
    (record,) = aws.records()
    assert record["recoveryInstanceID"] != old
    assert record["isDrill"]


def test_a_relaunch_may_show_both_instances(aws: Aws) -> None:
    """With `relaunch` set to `both`, for a while two records of one server: the old on its way out, the new RUNNING."""
    aws.servers(1)
    aws.behave(relaunch="both")
    (old,) = aws.launched(SERVERS[0])
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED - 1)
    assert _states(aws) == ["RUNNING"]
    aws.advance(1 + 60)
    by_id = {record["recoveryInstanceID"]: record["ec2InstanceState"] for record in aws.records()}
    assert by_id.pop(old) == "TERMINATED"
    assert list(by_id.values()) == ["RUNNING"]
    assert _server(aws)["recoveryInstanceId"] in by_id
    aws.advance(3600)
    assert _states(aws) == ["RUNNING"]


def test_a_termination_is_a_job_and_leaves_a_record_behind(aws: Aws) -> None:
    """SHUTTING-DOWN, TERMINATED, and after a while gone; EC2 shows it for an hour, without its network."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    job = aws.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[instance_id])["job"]
    assert (job["type"], job["initiatedBy"]) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES")
    assert _states(aws) == ["RUNNING"], "the job has not begun"
    aws.advance(6)
    assert (_states(aws), _job(aws)["status"]) == (["SHUTTING-DOWN"], "STARTED")
    aws.advance(35)
    assert (_states(aws), _job(aws)["status"]) == (["TERMINATED"], "COMPLETED")
    assert _job(aws)["participatingServers"][0]["launchStatus"] == "TERMINATED"
    assert _server(aws)["lifeCycle"]["lastLaunch"]["status"] == "TERMINATED"
    (reservation,) = aws.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert "VpcId" not in reservation["Instances"][0]
    aws.advance(300)
    assert (_states(aws), _ec2_states(aws, instance_id)) == ([], ["terminated"])
    aws.advance(3600)
    assert _ec2_states(aws, instance_id) == []


def test_a_leftover_can_be_terminated_again(aws: Aws) -> None:
    """Nothing comes back to life by it."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
    aws.advance(60)
    aws.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    aws.advance(10)
    assert (_states(aws), _ec2_states(aws, instance_id)) == (["TERMINATED"], ["terminated"])
    aws.advance(600)
    assert _states(aws) == []


def test_what_ec2_terminates_behind_its_back_becomes_not_found(aws: Aws) -> None:
    """DRS shows the states of EC2, and NOT_FOUND once EC2 has forgotten the id; its record stays."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
    assert _states(aws) == ["SHUTTING-DOWN"]
    aws.advance(40)
    assert _states(aws) == ["TERMINATED"]
    aws.advance(3600)
    assert _states(aws) == ["NOT_FOUND"]


def test_what_the_administration_does_to_ec2_shows_in_drs(aws: Aws) -> None:
    """A stopped instance is STOPPED there; a removed one NOT_FOUND."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.put(instances=[{"InstanceId": instance_id, "State": {"Code": 80, "Name": "stopped"}}])
    assert _states(aws) == ["STOPPED"]
    aws.admin("DELETE", f"places/{ACCOUNT}/{REGION}/instances/{instance_id}")
    assert _states(aws) == ["NOT_FOUND"]


def test_an_extended_server_names_its_staging_account(aws: Aws) -> None:
    """Launches of extended servers happen in their own account."""
    area = {"status": "EXTENDED", "stagingAccountID": "333333333333"}
    aws.servers(1, stagingArea=area)
    aws.launched(SERVERS[0])
    assert _server(aws)["stagingArea"] == area
    assert aws.records()[0]["arn"].startswith(f"arn:aws:drs:{REGION}:{ACCOUNT}:recovery-instance/i-")


def test_a_launch_into_an_existing_instance_creates_none(aws: Aws) -> None:
    """A FAILBACK server comes back to life in its original machine; the next launch does not destroy that."""
    origin = "i-0aaaaaaaaaaaaaaaa"
    aws.servers(1, replicationDirection="FAILBACK")
    aws.put(
        instances=[{"InstanceId": origin, "State": {"Code": 80, "Name": "stopped"}}],
        launchConfigurations={SERVERS[0]: {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": origin}}},
    )
    assert aws.launched(SERVERS[0], drill=False) == [origin]
    assert (_states(aws), _ec2_states(aws, origin)) == (["RUNNING"], ["running"])
    aws.launch(SERVERS[0])
    aws.advance(10)
    assert (_states(aws), _ec2_states(aws, origin)) == ([], ["running"])
    aws.advance(3600)
    assert [record["recoveryInstanceID"] for record in aws.records()] == [origin]


@pytest.mark.parametrize(("drill", "state"), [(True, "FAILBACK_NOT_STARTED"), (False, "FAILBACK_NOT_READY_FOR_LAUNCH")])
def test_nobody_has_failed_back_yet(aws: Aws, drill: bool, state: str) -> None:
    """A drill and a recovery start in different failback states."""
    aws.servers(1)
    aws.launched(SERVERS[0], drill=drill)
    assert aws.records()[0]["failback"]["state"] == state


def test_tags_of_a_launch_stay_on_its_job(aws: Aws) -> None:
    """Not on the recovery instance."""
    aws.servers(1)
    servers = [{"sourceServerID": SERVERS[0]}]
    aws.client("drs").start_recovery(sourceServers=servers, tags={"executionId": "e-1"})
    aws.advance(3600)
    assert _job(aws)["tags"] == {"executionId": "e-1"}
    assert aws.records()[0]["tags"] == {}
