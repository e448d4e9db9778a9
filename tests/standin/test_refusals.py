"""Everything the service refuses is refused, with its code, its
status and its members, through real boto3.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.standin.client import ACCOUNT, REGION, SERVERS, Aws

Refused = Callable[..., ClientError]
RECORD = "i-0123456789abcdef0"

INVALID: list[tuple[str, dict[str, Any], str]] = [
    (
        "describe_recovery_instances",
        {"filters": {"recoveryInstanceIDs": [RECORD] * 201}},
        "has length 201",
    ),
    (
        "describe_recovery_instances",
        {"filters": {"recoveryInstanceIDs": ["ri-0123456789abcdef"]}},
        "does not match",
    ),
    (
        "describe_recovery_instances",
        {"filters": {"sourceServerIDs": ["s-" + "0" * 40]}},
        "has length 42",
    ),
    (
        "describe_recovery_instances",
        {"filters": {"sourceServerIDs": ["s-0000000000000_00x"]}},
        "does not match",
    ),
    ("describe_recovery_instances", {"maxResults": 0}, "has value 0"),
    ("describe_source_servers", {"filters": {"sourceServerIDs": SERVERS[:201]}}, "has length 201"),
    ("describe_source_servers", {"filters": {"stagingAccountIDs": ["12345"]}}, "has length 5"),
    (
        "describe_jobs",
        {"filters": {"jobIDs": ["drsjob-0123456789abcdef0"] * 1001}},
        "has length 1001",
    ),
    ("describe_jobs", {"filters": {"fromDate": "yesterday at about noon"}}, "does not match"),
    ("describe_jobs", {"filters": {"fromDate": "2026-02-31T10:00:00Z"}}, "is no date"),
    ("describe_jobs", {"nextToken": "made up"}, "Invalid nextToken"),
    ("describe_job_log_items", {"jobID": "job-1"}, "has length 5"),
    (
        "describe_source_networks",
        {"filters": {"sourceNetworkIDs": ["sn-0123456789abcdef0"] * 101}},
        "has length 101",
    ),
    ("start_recovery", {"sourceServers": []}, "has length 0"),
    (
        "start_recovery",
        {"sourceServers": [{"sourceServerID": id_} for id_ in SERVERS[:201]]},
        "has length 201",
    ),
    (
        "start_recovery",
        {"sourceServers": [{"recoverySnapshotID": "pit-0123456789abcdef0"}]},
        "sourceServerID is required",
    ),
    ("start_recovery", {"sourceServers": [{"sourceServerID": SERVERS[0]}] * 2}, "named twice"),
    (
        "terminate_recovery_instances",
        {"recoveryInstanceIDs": [f"i-{n:017x}" for n in range(201)]},
        "has length 201",
    ),
    (
        "terminate_recovery_instances",
        {"recoveryInstanceIDs": ["ri-0123456789abcdef"]},
        "does not match",
    ),
    ("list_staging_accounts", {"maxResults": 51}, "has value 51"),
]


@pytest.mark.parametrize(("operation", "params", "message"), INVALID)
def test_what_exceeds_the_model_is_refused(
    aws: Aws, refused: Refused, operation: str, params: dict[str, Any], message: str
) -> None:
    """Maxima, patterns and formats are enforced, though botocore lets
    them through; the message names the member.
    """
    aws.put(initialized=True)
    error = refused("ValidationException", getattr(aws.client("drs"), operation), **params)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert message in error.response["Error"]["Message"]


def test_a_place_where_drs_was_never_set_up_says_so(aws: Aws, refused: Refused) -> None:
    """Until InitializeService, every describe and every launch is refused."""
    drs = aws.client("drs")
    for operation in (
        drs.describe_recovery_instances,
        drs.describe_jobs,
        drs.list_staging_accounts,
    ):
        error = refused("UninitializedAccountException", operation)
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    refused(
        "UninitializedAccountException",
        drs.start_recovery,
        sourceServers=[{"sourceServerID": SERVERS[0]}],
    )
    drs.initialize_service()
    assert drs.describe_recovery_instances()["items"] == []


def test_a_token_of_another_listing_is_refused(aws: Aws, refused: Refused) -> None:
    """A token belongs to one operation with its filters."""
    aws.servers(3)
    drs = aws.client("drs")
    token = drs.describe_source_servers(maxResults=1)["nextToken"]
    refused("ValidationException", drs.describe_recovery_instances, nextToken=token)
    filters = {"sourceServerIDs": SERVERS[:2]}
    refused("ValidationException", drs.describe_source_servers, nextToken=token, filters=filters)


def test_a_server_already_in_a_job_is_refused(aws: Aws, refused: Refused) -> None:
    """409, naming the server; it may be launched again once the job is over."""
    aws.servers(2)
    aws.launch(SERVERS[0])
    both = [{"sourceServerID": server_id} for server_id in SERVERS[:2]]
    error = refused("ConflictException", aws.client("drs").start_recovery, sourceServers=both)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert (error.response["resourceId"], error.response["resourceType"]) == (
        SERVERS[0],
        "source-server",
    )
    aws.advance(3600)
    assert aws.client("drs").start_recovery(sourceServers=both)["job"]["status"] == "PENDING"


def test_terminating_during_a_launch_job_of_the_server_is_refused(
    aws: Aws, refused: Refused
) -> None:
    """One job per source server, whatever the kinds."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    aws.launch(SERVERS[0])
    drs = aws.client("drs")
    refused(
        "ConflictException", drs.terminate_recovery_instances, recoveryInstanceIDs=[instance_id]
    )
    refused("ConflictException", drs.disconnect_recovery_instance, recoveryInstanceID=instance_id)


@pytest.mark.parametrize("state", ["FAILBACK_IN_PROGRESS", "FAILBACK_READY_FOR_LAUNCH"])
def test_terminating_during_failback_is_refused(aws: Aws, refused: Refused, state: str) -> None:
    """409 in the words of the service, and nothing of the call is done."""
    aws.servers(2)
    first, second = aws.launched(*SERVERS[:2])
    record = next(record for record in aws.records() if record["recoveryInstanceID"] == second)
    aws.put(recoveryInstances=[record | {"failback": {"state": state}}])
    terminate = aws.client("drs").terminate_recovery_instances
    error = refused("ConflictException", terminate, recoveryInstanceIDs=[first, second])
    assert (
        error.response["Error"]["Message"]
        == "Recovery instances cannot be terminated during failback"
    )
    assert len(aws.jobs()) == 1


def test_unknown_servers_and_instances_are_refused(aws: Aws, refused: Refused) -> None:
    """404 where the model has it, else 409."""
    aws.put(initialized=True)
    drs = aws.client("drs")
    refused("ConflictException", drs.start_recovery, sourceServers=[{"sourceServerID": SERVERS[0]}])
    refused("ConflictException", drs.terminate_recovery_instances, recoveryInstanceIDs=[RECORD])
    refused("ConflictException", drs.delete_recovery_instance, recoveryInstanceID=RECORD)
    error = refused(
        "ResourceNotFoundException", drs.disconnect_recovery_instance, recoveryInstanceID=RECORD
    )
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert error.response["resourceId"] == RECORD
    refused("ResourceNotFoundException", drs.get_launch_configuration, sourceServerID=SERVERS[0])
    arn = f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{SERVERS[0]}"
    refused("ResourceNotFoundException", drs.list_tags_for_resource, resourceArn=arn)
    refused("ResourceNotFoundException", drs.tag_resource, resourceArn=arn, tags={"a": "b"})


def test_a_record_is_deleted_only_when_disconnected(aws: Aws, refused: Refused) -> None:
    """409 first; afterwards the record goes and EC2 keeps running."""
    aws.servers(1)
    (instance_id,) = aws.launched(SERVERS[0])
    drs = aws.client("drs")
    refused("ConflictException", drs.delete_recovery_instance, recoveryInstanceID=instance_id)
    drs.disconnect_recovery_instance(recoveryInstanceID=instance_id)
    assert aws.records()[0]["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    drs.delete_recovery_instance(recoveryInstanceID=instance_id)
    assert aws.records() == []
    (reservation,) = aws.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "running"


def test_more_than_a_hundred_servers_in_a_job_are_refused(aws: Aws, refused: Refused) -> None:
    """402 with the quota's code, for launches and for terminations; a hundred are fine."""
    aws.servers(101)
    drs = aws.client("drs")
    servers = [{"sourceServerID": server_id} for server_id in SERVERS[:101]]
    error = refused("ServiceQuotaExceededException", drs.start_recovery, sourceServers=servers)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert (error.response["quotaCode"], error.response["serviceCode"]) == ("L-B827C881", "drs")
    instance_ids = [*aws.launched(*SERVERS[:100]), *aws.launched(SERVERS[100])]
    refused(
        "ServiceQuotaExceededException",
        drs.terminate_recovery_instances,
        recoveryInstanceIDs=instance_ids,
    )


def test_a_twenty_first_job_is_refused(aws: Aws, refused: Refused) -> None:
    """Jobs in progress count; completed ones do not."""
    aws.servers(21)
    for server_id in SERVERS[:20]:
        aws.launch(server_id)
    last = [{"sourceServerID": SERVERS[20]}]
    error = refused(
        "ServiceQuotaExceededException", aws.client("drs").start_recovery, sourceServers=last
    )
    assert error.response["quotaCode"] == "L-D88FAC3A"
    aws.advance(3600)
    aws.launch(SERVERS[20])


def test_more_than_five_hundred_servers_in_all_jobs_are_refused(aws: Aws, refused: Refused) -> None:
    """The third quota."""
    servers = [f"s-{n:017x}" for n in range(501)]
    aws.put(sourceServers=[{"sourceServerID": server_id} for server_id in servers])
    for start in range(0, 500, 100):
        aws.launch(*servers[start : start + 100])
    last = [{"sourceServerID": servers[500]}]
    error = refused(
        "ServiceQuotaExceededException", aws.client("drs").start_recovery, sourceServers=last
    )
    assert error.response["quotaCode"] == "L-05AFA8C6"


def test_reserved_and_too_many_tags_are_refused(aws: Aws, refused: Refused) -> None:
    """A resource has up to fifty tags, none of AWS's own."""
    arn = f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{SERVERS[0]}"
    aws.servers(1, tags={"Name": "web"})
    tag = aws.client("drs").tag_resource
    refused("ValidationException", tag, resourceArn=arn, tags={"aws:name": "x"})
    refused("ValidationException", tag, resourceArn=arn, tags={f"k{n}": "v" for n in range(50)})
    refused("ValidationException", tag, resourceArn=arn, tags={"k" * 257: "v"})


def test_an_operation_that_is_not_here_says_so_by_name(aws: Aws, refused: Refused) -> None:
    """Never an empty answer that a caller might believe; so for
    all three services, and for a fourth.
    """
    for service, operation in (
        ("drs", "describe_launch_configuration_templates"),
        ("drs", "list_recovery_plans"),
        ("ec2", "describe_vpcs"),
        ("sts", "get_session_token"),
    ):
        error = refused("NotInStandIn", getattr(aws.client(service), operation))
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert (
            f"{service}:{operation.title().replace('_', '')}" in error.response["Error"]["Message"]
        )
    refused("NotInStandIn", aws.client("lambda", check=False).list_functions)
