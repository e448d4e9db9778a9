"""A launch goes its way in steps, on a clock that these tests move."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.standin.client import ACCOUNT, REGION, SERVERS, Aws

LAUNCHED = 1355
"""Seconds from StartRecovery to the first launch, with the default behaviour."""


def test_a_launch_goes_from_pending_to_completed(aws: Aws) -> None:
    """The job, its servers and their results change step by step;
    nothing happens while the clock stands.
    """
    aws.servers(1)
    job = aws.launch(SERVERS[0])
    assert (job["type"], job["initiatedBy"], job["status"]) == ("LAUNCH", "START_DRILL", "PENDING")
    assert aws.server()["lastLaunchResult"] == "PENDING"
    aws.advance(10)
    assert aws.jobs()[0]["status"] == "STARTED"
    assert aws.jobs()[0]["participatingServers"] == [
        {"sourceServerID": SERVERS[0], "launchStatus": "IN_PROGRESS"}
    ]
    assert aws.records() == []
    aws.advance(LAUNCHED - 10)
    (record,) = aws.records()
    participant = {"sourceServerID": SERVERS[0], "launchStatus": "LAUNCHED"}
    assert aws.jobs()[0]["participatingServers"] == [
        participant | {"recoveryInstanceID": record["recoveryInstanceID"]}
    ]
    assert (record["jobID"], record["isDrill"], record["ec2InstanceState"]) == (
        job["jobID"],
        True,
        "PENDING",
    )
    assert aws.server()["recoveryInstanceId"] == record["recoveryInstanceID"]
    assert aws.server()["lifeCycle"]["lastLaunch"]["initiated"]["type"] == "DRILL"
    aws.advance(60)
    assert (aws.jobs()[0]["status"], aws.states()) == ("COMPLETED", ["RUNNING"])
    assert aws.jobs()[0]["endDateTime"] > job["creationDateTime"]


def test_the_participants_of_a_completed_job_are_cleared(aws: Aws) -> None:
    """For a minute they are still there; a job's instances are then
    found by DescribeRecoveryInstances alone.
    """
    aws.servers(1)
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED + 60)
    assert aws.jobs()[0]["status"] == "COMPLETED"
    assert len(aws.jobs()[0]["participatingServers"]) == 1
    aws.advance(60)
    assert aws.jobs()[0]["participatingServers"] == []


def test_a_failed_launch_stands_inside_a_completed_job(aws: Aws) -> None:
    """The job says COMPLETED, the server FAILED, and only the log says why."""
    aws.servers(2)
    aws.behave(launch_failures={SERVERS[0]: "InsufficientInstanceCapacity"})
    job = aws.launch(*SERVERS[:2])
    aws.advance(LAUNCHED + 65)
    statuses = {
        p["sourceServerID"]: p["launchStatus"] for p in aws.jobs()[0]["participatingServers"]
    }
    assert (aws.jobs()[0]["status"], statuses) == (
        "COMPLETED",
        {SERVERS[0]: "FAILED", SERVERS[1]: "LAUNCHED"},
    )
    assert aws.server()["lastLaunchResult"] == "FAILED"
    log = aws.client("drs").describe_job_log_items(jobID=job["jobID"])["items"]
    (failure,) = [item["eventData"] for item in log if item["event"] == "LAUNCH_FAILED"]
    assert failure == {"sourceServerID": SERVERS[0], "rawError": "InsufficientInstanceCapacity"}
    assert [record["sourceServerID"] for record in aws.records()] == [SERVERS[1]]


def test_drs_names_an_instance_seconds_before_ec2_knows_it(
    aws: Aws, refused: Callable[..., ClientError]
) -> None:
    """By filter it is absent, by id the whole call fails; then it boots."""
    aws.servers(1)
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED)
    instance_id = aws.records()[0]["ec2InstanceID"]
    assert aws.ec2_states(instance_id) == []
    refused(
        "InvalidInstanceID.NotFound",
        aws.client("ec2").describe_instances,
        InstanceIds=[instance_id],
    )
    aws.advance(5)
    assert aws.ec2_states(instance_id) == ["pending"]
    aws.advance(20)
    assert (aws.ec2_states(instance_id), aws.states()) == (["running"], ["RUNNING"])


def test_the_ec2_instance_carries_the_tags_of_drs(aws: Aws) -> None:
    """In the account that launched, with name, server and job; the
    conversion server is managed by DRS as well.
    """
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
        "drs.amazonaws.com-job": aws.jobs()[0]["jobID"],
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
    assert aws.states() == ["STOPPED"]


def test_an_extended_server_names_its_staging_account(aws: Aws) -> None:
    """Launches of extended servers happen in their own account."""
    area = {"status": "EXTENDED", "stagingAccountID": "333333333333"}
    aws.servers(1, stagingArea=area)
    aws.launched(SERVERS[0])
    assert aws.server()["stagingArea"] == area
    assert aws.records()[0]["arn"].startswith(
        f"arn:aws:drs:{REGION}:{ACCOUNT}:recovery-instance/i-"
    )


@pytest.mark.parametrize(
    ("drill", "state"), [(True, "FAILBACK_NOT_STARTED"), (False, "FAILBACK_NOT_READY_FOR_LAUNCH")]
)
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
    assert aws.jobs()[0]["tags"] == {"executionId": "e-1"}
    assert aws.records()[0]["tags"] == {}
