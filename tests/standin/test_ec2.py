"""DescribeInstances refuses and pages as EC2 does."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.standin.client import Aws

Refused = Callable[..., ClientError]
IDS = [f"i-{n:017x}" for n in range(250)]
GHOST = "i-0fffffffffffffff0"


def _load(aws: Aws, count: int) -> None:
    aws.put(
        instances=[
            {
                "InstanceId": instance_id,
                "State": {"Code": 16, "Name": "running"}
                if n % 2
                else {"Code": 80, "Name": "stopped"},
                "LaunchTime": "2026-11-20T10:21:07Z",
                "Tags": [{"Key": "Name", "Value": f"web-{n:03d}"}],
                "SecurityGroups": [{"GroupId": "sg-0123456789abcdef0", "GroupName": "a & b"}],
            }
            for n, instance_id in enumerate(IDS[:count])
        ]
    )


def _ids(reply: dict[str, Any]) -> list[str]:
    return [
        instance["InstanceId"] for one in reply["Reservations"] for instance in one["Instances"]
    ]


def test_one_unknown_id_fails_the_whole_call_and_a_filter_does_not(
    aws: Aws, refused: Refused
) -> None:
    """InstanceIds is all or nothing; the instance-id filter leaves the unknown out."""
    _load(aws, 3)
    ec2 = aws.client("ec2")
    error = refused(
        "InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=[*IDS[:3], GHOST]
    )
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert GHOST in error.response["Error"]["Message"]
    refused("InvalidInstanceID.Malformed", ec2.describe_instances, InstanceIds=["i-nonsense"])
    assert _ids(
        ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": [GHOST, IDS[2]]}])
    ) == [IDS[2]]


def test_more_than_two_hundred_filter_values_are_refused(aws: Aws, refused: Refused) -> None:
    """Two hundred are fine."""
    _load(aws, 250)
    ec2 = aws.client("ec2")
    assert (
        len(_ids(ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": IDS[:200]}])))
        == 200
    )
    two = [{"Name": "instance-id", "Values": IDS[:150]}, {"Name": "tag:Name", "Values": ["x"] * 51}]
    for filters in ([{"Name": "instance-id", "Values": IDS[:201]}], two):
        refused("FilterLimitExceeded", ec2.describe_instances, Filters=filters)


def test_pages_hold_what_was_asked_for(aws: Aws, refused: Refused) -> None:
    """5 to 1000 instances a page, never together with ids; everything comes once."""
    _load(aws, 23)
    ec2 = aws.client("ec2")
    pages = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    assert [len(_ids(page)) for page in pages] == [5, 5, 5, 5, 3]
    for size in (4, 1001):
        refused("InvalidParameterValue", ec2.describe_instances, MaxResults=size)
    refused(
        "InvalidParameterCombination", ec2.describe_instances, InstanceIds=IDS[:1], MaxResults=5
    )
    refused("InvalidNextToken", ec2.describe_instances, NextToken="made up")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"instance-state-name": ["stopped"]}, [0, 2, 4]),
        ({"tag:Name": ["web-001", "web-003"]}, [1, 3]),
        ({"tag:Name": ["web-00?"], "instance-state-name": ["running"]}, [1, 3]),
        ({"tag-key": ["Name"], "instance-id": [IDS[4], GHOST]}, [4]),
        ({"tag:Name": ["[w]eb-001"]}, []),
        ({"instance-id": ["*4"]}, [4]),
        ({"tag:Team": ["*"]}, []),
    ],
)
def test_filters_narrow_down(aws: Aws, filters: dict[str, list[str]], found: list[int]) -> None:
    """All filters must hold, of one filter any value; * and ?
    stand for anything, brackets for themselves.
    """
    _load(aws, 5)
    asked = [{"Name": name, "Values": values} for name, values in filters.items()]
    assert _ids(aws.client("ec2").describe_instances(Filters=asked)) == [IDS[n] for n in found]


def test_a_filter_that_is_not_there_is_refused(aws: Aws, refused: Refused) -> None:
    """Silence would look like an empty account."""
    error = refused(
        "InvalidParameterValue", aws.client("ec2").describe_instances, Filters=[{"Name": "colour"}]
    )
    assert "'colour' is invalid" in error.response["Error"]["Message"]
    refused(
        "InvalidParameterValue", aws.client("ec2").describe_regions, Filters=[{"Name": "colour"}]
    )


def test_members_come_back_as_they_were_loaded(aws: Aws) -> None:
    """Times as times, text with its special characters."""
    _load(aws, 1)
    (reservation,) = aws.client("ec2").describe_instances()["Reservations"]
    (instance,) = reservation["Instances"]
    assert instance["LaunchTime"].isoformat() == "2026-11-20T10:21:07+00:00"
    assert instance["SecurityGroups"] == [{"GroupId": "sg-0123456789abcdef0", "GroupName": "a & b"}]
