"""Only declared roles are assumed, and a session sees its own account."""

import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.standin.client import ACCOUNT, REGION, SERVERS, AdminRefused, Aws

ROLE = f"arn:aws:iam::{ACCOUNT}:role/path/sync"
Refused = Callable[..., ClientError]


def _declare(aws: Aws, **account: Any) -> None:
    aws.admin(
        "PUT",
        f"accounts/{ACCOUNT}",
        {"roles": [{"roleArn": ROLE, "externalId": "secret"}]} | account,
    )


def _session(aws: Aws, service: str, region: str = REGION) -> Any:
    """A client of the declared role, assumed by the stand-in's own account."""
    sts = aws.client("sts", "111111111111")
    assumed = sts.assume_role(RoleArn=ROLE, RoleSessionName="test", ExternalId="secret")[
        "Credentials"
    ]
    return aws.client(service, assumed["AccessKeyId"], region, token=assumed["SessionToken"])


def test_a_declared_role_leads_into_its_account(aws: Aws) -> None:
    """The session's keys carry account and role, in the replies and in the call log."""
    _declare(aws)
    aws.servers(1)
    assert (
        _session(aws, "sts").get_caller_identity()["Arn"]
        == f"arn:aws:sts::{ACCOUNT}:assumed-role/sync/test"
    )
    assert len(_session(aws, "drs").describe_source_servers()["items"]) == 1
    call = aws.admin("GET", "calls?since=0")["calls"][-1]
    assert (call["operation"], call["accountId"], call["roleArn"]) == (
        "DescribeSourceServers",
        ACCOUNT,
        ROLE,
    )
    assert (call["items"], call["status"], call["error"]) == (1, 200, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ExternalId": "wrong"},
        {"ExternalId": None},
        {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/other"},
    ],
)
def test_anything_else_is_denied(aws: Aws, refused: Refused, wrong: dict[str, str | None]) -> None:
    """A wrong or missing external id, and a role nobody declared."""
    _declare(aws)
    params = {"RoleArn": ROLE, "RoleSessionName": "test", "ExternalId": "secret"} | wrong
    params = {name: value for name, value in params.items() if value is not None}
    error = refused("AccessDenied", aws.client("sts").assume_role, **params)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_role_in_a_role_gets_an_hour_at_most(aws: Aws, refused: Refused) -> None:
    """From a Lambda function, longer sessions fail; so do lengths that STS never grants."""
    _declare(aws)
    params = {"RoleArn": ROLE, "RoleSessionName": "test", "ExternalId": "secret"}
    assert _session(aws, "sts").assume_role(**params, DurationSeconds=3600)
    refused("ValidationError", _session(aws, "sts").assume_role, **params, DurationSeconds=3601)
    refused("ValidationError", aws.client("sts").assume_role, **params, DurationSeconds=60)
    refused("ValidationError", aws.client("sts").assume_role, RoleArn=ROLE, RoleSessionName="x")


def test_keys_name_accounts(aws: Aws) -> None:
    """Twelve digits are an account; whatever else is the default account."""
    for key, account in (
        ("444444444444", "444444444444"),
        (f"AKIA{uuid.uuid4().hex[:16]}", "111111111111"),
    ):
        assert aws.client("sts", key).get_caller_identity()["Account"] == account


def test_a_disabled_region_knows_no_tokens(aws: Aws, refused: Refused) -> None:
    """As in AWS, the credentials fail there, and DescribeRegions tells beforehand."""
    _declare(aws, disabledRegions=["eu-south-1"])
    refused(
        "UnrecognizedClientException",
        _session(aws, "drs", "eu-south-1").describe_recovery_instances,
    )
    refused("AuthFailure", _session(aws, "ec2", "eu-south-1").describe_instances)
    ec2 = _session(aws, "ec2")
    status = {
        region["RegionName"]: region["OptInStatus"]
        for region in ec2.describe_regions(AllRegions=True)["Regions"]
    }
    assert (status["eu-south-1"], status["af-south-1"], status[REGION]) == (
        "not-opted-in",
        "opted-in",
        "opt-in-not-required",
    )
    assert "eu-south-1" not in {
        region["RegionName"] for region in ec2.describe_regions()["Regions"]
    }
    only = [{"Name": "opt-in-status", "Values": ["not-opted-in"]}]
    assert len(ec2.describe_regions(AllRegions=True, Filters=only)["Regions"]) == 1


def test_an_account_is_declared_in_words_that_exist(aws: Aws) -> None:
    """A region AWS does not have, a role without an ARN."""
    for body in ({"disabledRegions": ["moon-1"]}, {"roles": [{"arn": ROLE}]}, {"roles": "all"}):
        with pytest.raises(AdminRefused):
            aws.admin("PUT", f"accounts/{ACCOUNT}", body)


def test_an_unsigned_request_is_refused(aws: Aws) -> None:
    """Without a signature nobody knows which account is meant."""
    drs = boto3.client(
        "drs", endpoint_url=aws.url, region_name=REGION, config=Config(signature_version=UNSIGNED)
    )
    with pytest.raises(ClientError, match="MissingAuthenticationTokenException"):
        drs.describe_source_servers(filters={"sourceServerIDs": SERVERS[:1]})


def test_weather_can_concern_one_role(aws: Aws, refused: Refused) -> None:
    """Its sessions are throttled; the account's own keys are not."""
    _declare(aws)
    aws.servers(1)
    session = _session(aws, "drs")
    aws.weather({"role": ROLE, "throttle": 1.0})
    refused("ThrottlingException", session.describe_jobs)
    assert aws.client("drs").describe_jobs()["items"] == []


def test_a_session_ends_when_its_time_is_over(aws: Aws, refused: Refused) -> None:
    """An hour and a bit later, by the service's clock."""
    _declare(aws)
    aws.servers(1)
    session = _session(aws, "drs")
    aws.weather({"clockSkewSeconds": 3700})
    refused("ExpiredTokenException", session.describe_jobs)
