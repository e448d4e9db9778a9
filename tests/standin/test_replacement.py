"""Instances are replaced, terminated and lost as in the
service, on a clock that these tests move.
"""

from tests.standin.client import ACCOUNT, REGION, SERVERS, Aws

CONVERTED = 1025
"""Seconds from StartRecovery to the end of the conversion, with the default behaviour."""
LAUNCHED = 1355
"""… to the first launch."""


def test_a_relaunch_deletes_the_previous_instance_first(aws: Aws) -> None:
    """There is a window with no live record; a drill destroys a
    real recovery instance just the same.
    """
    aws.servers(1)
    (old,) = aws.launched(SERVERS[0], drill=False)
    aws.launch(SERVERS[0], drill=True)
    aws.advance(10)
    assert (aws.states(), aws.ec2_states(old)) == (["SHUTTING-DOWN"], ["shutting-down"])
    assert "recoveryInstanceId" not in aws.server()
    aws.advance(60)
    assert aws.states() == ["TERMINATED"]
    aws.advance(CONVERTED - 70)
    assert aws.states() == [], "the leftover has gone, the new one has not come"
    aws.advance(500)
    (record,) = aws.records()
    assert record["recoveryInstanceID"] != old
    assert record["isDrill"]


def test_a_relaunch_may_show_both_instances(aws: Aws) -> None:
    """With `relaunch` set to `both`, for a while two records of one
    server: the old on its way out, the new RUNNING.
    """
    aws.servers(1)
    aws.behave(relaunch="both")
    (old,) = aws.launched(SERVERS[0])
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED - 1)
    assert aws.states() == ["RUNNING"]
    aws.advance(1 + 60)
    by_id = {record["recoveryInstanceID"]: record["ec2InstanceState"] for record in aws.records()}
    assert by_id.pop(old) == "TERMINATED"
    assert list(by_id.values()) == ["RUNNING"]
    assert aws.server()["recoveryInstanceId"] in by_id
    aws.advance(3600)
    assert aws.states() == ["RUNNING"]


def test_a_termination_is_a_job_and_leaves_a_record_behind(aws: Aws) -> None:
    """SHUTTING-DOWN, TERMINATED, and after a while gone; EC2
    shows it for an hour, without its network.
    """
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    job = aws.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[instance_id])["job"]
    assert (job["type"], job["initiatedBy"]) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES")
    assert aws.states() == ["RUNNING"], "the job has not begun"
    aws.advance(6)
    assert (aws.states(), aws.jobs()[0]["status"]) == (["SHUTTING-DOWN"], "STARTED")
    aws.advance(35)
    assert (aws.states(), aws.jobs()[0]["status"]) == (["TERMINATED"], "COMPLETED")
    assert aws.jobs()[0]["participatingServers"][0]["launchStatus"] == "TERMINATED"
    assert aws.server()["lifeCycle"]["lastLaunch"]["status"] == "TERMINATED"
    (reservation,) = aws.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert "VpcId" not in reservation["Instances"][0]
    aws.advance(300)
    assert (aws.states(), aws.ec2_states(instance_id)) == ([], ["terminated"])
    aws.advance(3600)
    assert aws.ec2_states(instance_id) == []


def test_a_leftover_can_be_terminated_again(aws: Aws) -> None:
    """Nothing comes back to life by it."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
    aws.advance(60)
    aws.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    aws.advance(10)
    assert (aws.states(), aws.ec2_states(instance_id)) == (["TERMINATED"], ["terminated"])
    aws.advance(600)
    assert aws.states() == []


def test_what_ec2_terminates_behind_its_back_becomes_not_found(aws: Aws) -> None:
    """DRS shows the states of EC2, and NOT_FOUND once EC2 has
    forgotten the id; its record stays.
    """
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
    assert aws.states() == ["SHUTTING-DOWN"]
    aws.advance(40)
    assert aws.states() == ["TERMINATED"]
    aws.advance(3600)
    assert aws.states() == ["NOT_FOUND"]


def test_what_the_administration_does_to_ec2_shows_in_drs(aws: Aws) -> None:
    """A stopped instance is STOPPED there; a removed one NOT_FOUND."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.put(instances=[{"InstanceId": instance_id, "State": {"Code": 80, "Name": "stopped"}}])
    assert aws.states() == ["STOPPED"]
    aws.admin("DELETE", f"places/{ACCOUNT}/{REGION}/instances/{instance_id}")
    assert aws.states() == ["NOT_FOUND"]


def test_a_launch_into_an_existing_instance_creates_none(aws: Aws) -> None:
    """A FAILBACK server comes back to life in its original
    machine; the next launch does not destroy that.
    """
    origin = "i-0aaaaaaaaaaaaaaaa"
    aws.servers(1, replicationDirection="FAILBACK")
    aws.put(
        instances=[{"InstanceId": origin, "State": {"Code": 80, "Name": "stopped"}}],
        launchConfigurations={
            SERVERS[0]: {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": origin}}
        },
    )
    assert aws.launched(SERVERS[0], drill=False) == [origin]
    assert (aws.states(), aws.ec2_states(origin)) == (["RUNNING"], ["running"])
    aws.launch(SERVERS[0])
    aws.advance(10)
    assert (aws.states(), aws.ec2_states(origin)) == ([], ["running"])
    aws.advance(3600)
    assert [record["recoveryInstanceID"] for record in aws.records()] == [origin]


def test_an_instance_terminated_before_ec2_knew_it_never_appears(aws: Aws) -> None:
    """However late EC2 is."""
    aws.servers(1)
    aws.behave(ec2_delay=600)
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED + 60)
    (record,) = aws.records()
    assert record["ec2InstanceState"] == "PENDING"
    aws.client("drs").terminate_recovery_instances(
        recoveryInstanceIDs=[record["recoveryInstanceID"]]
    )
    aws.advance(60)
    assert aws.states() == ["TERMINATED"]
    aws.advance(600)
    assert (aws.states(), aws.ec2_states(record["ec2InstanceID"])) == ([], [])


def test_an_instance_terminated_while_it_boots_stays_terminated(aws: Aws) -> None:
    """The boot that was under way does not bring it back."""
    aws.servers(1)
    aws.behave(boot=300)
    aws.launch(SERVERS[0])
    aws.advance(LAUNCHED + 60)
    (instance_id,) = [record["ec2InstanceID"] for record in aws.records()]
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
    aws.advance(600)
    assert (aws.states(), aws.ec2_states(instance_id)) == (["TERMINATED"], ["terminated"])
