"""Every operation replies in the shape of botocore's model, which
these tests' client checks, and says what is so.
"""

from standin.aws.gate import IMPLEMENTED
from tests.standin.client import ACCOUNT, REGION, SERVERS, Aws

NETWORK = "sn-0123456789abcdef0"


def _staged(aws: Aws) -> None:
    """A place with something of everything."""
    area = {"status": "EXTENDED", "stagingAccountID": "333333333333"}
    own = {"status": "NOT_EXTENDED", "stagingAccountID": ACCOUNT}
    arn = f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{SERVERS[0]}"
    hints = {"identificationHints": {"awsInstanceID": "i-0aaaaaaaaaaaaaaaa", "hostname": "web-1"}}
    server = {
        "sourceServerID": SERVERS[0],
        "arn": arn,
        "tags": {"Name": "web"},
        "sourceProperties": hints,
    }
    network = {
        "sourceNetworkID": NETWORK,
        "sourceVpcID": "vpc-0123456789abcdef0",
        "sourceRegion": "us-east-1",
    }
    aws.put(
        sourceServers=[
            server | {"stagingArea": area},
            {"sourceServerID": SERVERS[1], "stagingArea": own},
        ],
        sourceNetworks=[
            network
            | {"lastRecovery": {"apiCallDateTime": 1763000000.5}, "sourceAccountID": ACCOUNT}
        ],
        launchConfigurations={SERVERS[1]: {"launchDisposition": "STOPPED", "copyTags": True}},
    )


def test_every_operation_of_drs_replies_in_the_models_shape(aws: Aws) -> None:
    """All are called with something to say, and each reply passed the checker."""
    _staged(aws)
    drs = aws.client("drs")
    aws.checked.clear()
    first, second = aws.launched(*SERVERS[:2])
    job = aws.jobs()[0]
    assert drs.initialize_service()
    assert [item["sourceServerID"] for item in drs.describe_source_servers()["items"]] == SERVERS[
        :2
    ]
    assert [item["event"] for item in drs.describe_job_log_items(jobID=job["jobID"])["items"]][
        -1
    ] == "JOB_END"
    assert drs.get_launch_configuration(sourceServerID=SERVERS[1])["launchDisposition"] == "STOPPED"
    assert (
        drs.describe_source_networks()["items"][0]["lastRecovery"]["apiCallDateTime"].year == 2025
    )
    assert drs.list_staging_accounts()["accounts"] == [{"accountID": "333333333333"}]
    arn = drs.describe_source_servers()["items"][0]["arn"]
    drs.tag_resource(resourceArn=arn, tags={"team": "payments"})
    assert drs.list_tags_for_resource(resourceArn=arn)["tags"] == {
        "Name": "web",
        "team": "payments",
    }
    drs.disconnect_recovery_instance(recoveryInstanceID=first)
    drs.delete_recovery_instance(recoveryInstanceID=first)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[second])
    assert drs.stop_failback(recoveryInstanceID=second)
    assert len(drs.describe_recovery_snapshots(sourceServerID=SERVERS[0])["items"]) == 1
    drs.stop_replication(sourceServerID=SERVERS[0])
    drs.disconnect_source_server(sourceServerID=SERVERS[0])
    drs.delete_source_server(sourceServerID=SERVERS[0])
    drs.delete_job(jobID=job["jobID"])
    assert set(aws.checked) == IMPLEMENTED["drs"]


def test_every_operation_of_ec2_and_sts_replies_in_the_models_shape(aws: Aws) -> None:
    """So do the five that DRS needs beside it."""
    role = f"arn:aws:iam::{ACCOUNT}:role/sync"
    aws.admin("PUT", f"accounts/{ACCOUNT}", {"roles": [{"roleArn": role}]})
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.checked.clear()
    ec2, sts = aws.client("ec2"), aws.client("sts")
    assert len(ec2.describe_instances()["Reservations"]) == 2, (
        "the recovery instance and the job's conversion server"
    )
    assert ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"]
    assert len(ec2.describe_regions()["Regions"]) > 30
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    assert sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"][
        "AccessKeyId"
    ].startswith("ASIA")
    assert set(aws.checked) == IMPLEMENTED["ec2"] | IMPLEMENTED["sts"]


def test_a_recovery_instance_in_all_its_members_comes_back_as_it_was_loaded(aws: Aws) -> None:
    """Nothing is dropped or renamed between the administration and the API."""
    record = {
        "recoveryInstanceID": "i-0123456789abcdef0",
        "sourceServerID": SERVERS[0],
        "ec2InstanceState": "STOPPED",
        "failback": {"state": "FAILBACK_IN_PROGRESS", "failbackLaunchType": "RECOVERY"},
        "dataReplicationInfo": {
            "replicatedDisks": [{"deviceName": "/dev/xvda", "totalStorageBytes": 1 << 40}]
        },
        "tags": {"kä": "<&>"},
    }
    aws.put(recoveryInstances=[record])
    assert aws.records() == [record]


def test_an_unknown_filter_id_is_silently_absent(aws: Aws) -> None:
    """A describe by ids gives those that exist."""
    aws.servers(2)
    found = aws.client("drs").describe_source_servers(
        filters={"sourceServerIDs": [SERVERS[1], SERVERS[9]]}
    )
    assert [item["sourceServerID"] for item in found["items"]] == [SERVERS[1]]


def test_source_servers_are_found_by_hardware_and_by_staging_account(aws: Aws) -> None:
    """`hardwareId` is an EC2 id among others; the staging
    account concerns extended servers alone.
    """
    _staged(aws)
    for filters in ({"hardwareId": "i-0aaaaaaaaaaaaaaaa"}, {"stagingAccountIDs": ["333333333333"]}):
        found = aws.client("drs").describe_source_servers(filters=filters)["items"]
        assert [item["sourceServerID"] for item in found] == [SERVERS[0]]


def test_jobs_come_newest_first_and_by_date(aws: Aws) -> None:
    """The dates concern the creation, and both ends belong to the span."""
    aws.servers(3)
    started = []
    for server_id in SERVERS[:3]:
        started.append(aws.launch(server_id))
        aws.advance(60)
    drs = aws.client("drs")
    assert [job["jobID"] for job in aws.jobs()] == [job["jobID"] for job in reversed(started)]
    span = {"fromDate": started[1]["creationDateTime"], "toDate": started[1]["creationDateTime"]}
    assert [job["jobID"] for job in drs.describe_jobs(filters=span)["items"]] == [
        started[1]["jobID"]
    ]


def test_a_listing_in_pages_gives_everything_once(aws: Aws) -> None:
    """The paginators of boto3 run through, whatever the size of the page."""
    aws.servers(25)
    for size in (1, 7, 25, 200):
        pages = (
            aws.client("drs")
            .get_paginator("describe_source_servers")
            .paginate(PaginationConfig={"PageSize": size})
        )
        assert [item["sourceServerID"] for page in pages for item in page["items"]] == SERVERS[:25]


def test_items_that_go_between_two_pages_shift_nothing(aws: Aws) -> None:
    """A token holds on to an item, not to a position."""
    aws.servers(10)
    drs = aws.client("drs")
    first = drs.describe_source_servers(maxResults=4)
    aws.admin("DELETE", f"places/{ACCOUNT}/{REGION}/sourceServers/{SERVERS[0]}")
    rest = drs.describe_source_servers(maxResults=10, nextToken=first["nextToken"])
    assert [item["sourceServerID"] for item in rest["items"]] == SERVERS[4:10]
    assert "nextToken" not in rest


def test_accounts_and_regions_do_not_see_each_other(aws: Aws) -> None:
    """State belongs to one account in one region."""
    aws.servers(1)
    for key, region in (("999999999999", REGION), (ACCOUNT, "us-east-2")):
        aws.put(key, region, initialized=True)
        assert aws.client("drs", key, region).describe_source_servers()["items"] == []
