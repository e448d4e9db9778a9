"""Weather fails calls as AWS fails them, only where it is told to,
and can be changed while the stand-in runs.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.standin.client import ACCOUNT, REGION, SERVERS, AdminRefused, Aws

Refused = Callable[..., ClientError]


def _retry_after(error: ClientError) -> Any:
    return error.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]


def test_throttling_answers_429_with_retry_after(aws: Aws, refused: Refused) -> None:
    """DRS says ThrottlingException and 429, EC2
    RequestLimitExceeded and 503; both say when to come back.
    """
    aws.servers(1)
    aws.weather({"throttle": 1.0})
    error = refused("ThrottlingException", aws.client("drs").describe_source_servers)
    assert (
        error.response["ResponseMetadata"]["HTTPStatusCode"],
        error.response["retryAfterSeconds"],
    ) == (429, "1")
    error = refused("RequestLimitExceeded", aws.client("ec2").describe_instances)
    assert (error.response["ResponseMetadata"]["HTTPStatusCode"], _retry_after(error)) == (503, "1")
    aws.weather()
    assert aws.client("drs").describe_source_servers()["items"]


def test_throttling_at_a_rate_hits_that_share_of_calls(aws: Aws) -> None:
    """Of 200 calls at a rate of 0.3, about 60."""
    aws.servers(1)
    aws.weather({"service": "drs", "throttle": 0.3})
    for _ in range(200):
        with contextlib.suppress(ClientError):
            aws.client("drs").describe_jobs()
    errors = [call["error"] for call in aws.admin("GET", "calls?since=0")["calls"]]
    assert set(errors) == {"ThrottlingException", None}
    assert 35 <= errors.count("ThrottlingException") <= 85


def test_botocore_itself_retries_what_is_throttled(aws: Aws) -> None:
    """A rule for one call, and a client with two attempts: the caller notices nothing."""
    aws.servers(1)
    aws.weather({"throttle": 1.0, "times": 1})
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "any"}
    drs = boto3.client("drs", endpoint_url=aws.url, region_name=REGION, config=config, **keys)
    assert len(drs.describe_source_servers()["items"]) == 1


def test_a_rule_for_n_calls_ends_after_them(aws: Aws, refused: Refused) -> None:
    """`times` counts the calls that match."""
    aws.servers(1)
    aws.weather({"operation": "DescribeJobs", "deny": True, "times": 2})
    drs = aws.client("drs")
    for _ in range(2):
        drs.describe_source_servers()
        refused("AccessDeniedException", drs.describe_jobs)
    assert drs.describe_jobs()["items"] == []


@pytest.mark.parametrize("match", [{"region": REGION}, {"accountId": ACCOUNT}, {"service": "drs"}])
def test_a_rule_concerns_only_the_calls_it_matches(
    aws: Aws, refused: Refused, match: dict[str, str]
) -> None:
    """One place may fail while all others are well."""
    aws.put(initialized=True)
    aws.put("999999999999", "us-east-2", initialized=True)
    aws.weather(match | {"operation": "DescribeJobs", "deny": True})
    refused("AccessDeniedException", aws.client("drs").describe_jobs)
    other = aws.client("ec2", "999999999999", "us-east-2").describe_instances()
    assert other["Reservations"] == []


def test_each_service_denies_in_its_own_words(aws: Aws, refused: Refused) -> None:
    """AccessDeniedException, UnauthorizedOperation, AccessDenied: all 403."""
    aws.put(initialized=True)
    aws.weather({"deny": True})
    for code, operation in (
        ("AccessDeniedException", aws.client("drs").describe_recovery_instances),
        ("UnauthorizedOperation", aws.client("ec2").describe_instances),
        ("AccessDenied", aws.client("sts").get_caller_identity),
    ):
        assert refused(code, operation).response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_latency_holds_a_call_back(aws: Aws) -> None:
    """At least as long as it says."""
    aws.servers(1)
    aws.client("drs").describe_jobs()
    aws.weather({"latencyMs": 80, "jitterMs": 40})
    started = time.monotonic()
    aws.client("drs").describe_jobs()
    assert time.monotonic() - started >= 0.08


def test_an_outage_closes_the_connection_or_stays_silent(aws: Aws, refused: Refused) -> None:
    """The three ways a region is down; each is in the call log."""
    aws.servers(1)
    drs = aws.client("drs")
    aws.weather({"region": REGION, "outage": "refuse"})
    with pytest.raises(ConnectionClosedError):
        drs.describe_jobs()
    aws.weather({"region": REGION, "outage": "503"})
    error = refused("ServiceUnavailable", drs.describe_jobs)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    aws.weather({"region": REGION, "outage": "hang"})
    impatient = Config(read_timeout=0.2, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "any"}
    with pytest.raises(ReadTimeoutError):
        boto3.client(
            "drs", endpoint_url=aws.url, region_name=REGION, config=impatient, **keys
        ).describe_jobs()
    aws.weather()
    assert drs.describe_jobs()["items"] == []
    errors = [call["error"] for call in aws.admin("GET", "calls?since=0")["calls"]]
    assert errors == ["refuse", "ServiceUnavailable", "hang", None]


def test_a_listing_fails_on_its_nth_page(aws: Aws) -> None:
    """The pages before it were good; a caller that keeps them has half a listing."""
    aws.servers(9)
    aws.weather({"operation": "DescribeSourceServers", "failOnPage": 3})
    pages = (
        aws.client("drs")
        .get_paginator("describe_source_servers")
        .paginate(PaginationConfig={"PageSize": 2})
    )
    walk = iter(pages)
    assert [
        item["sourceServerID"] for page in (next(walk), next(walk)) for item in page["items"]
    ] == SERVERS[:4]
    with pytest.raises(ClientError, match=r"InternalServerException.*Page 3 failed"):
        next(walk)


def test_short_and_empty_pages_come_with_a_token(aws: Aws) -> None:
    """Everything still comes exactly once; a caller that stops at
    the first short or empty page misses it.
    """
    aws.servers(10)
    aws.weather({"pageSize": 3, "emptyPages": True})
    pages = (
        aws.client("drs")
        .get_paginator("describe_source_servers")
        .paginate(PaginationConfig={"PageSize": 200})
    )
    sizes = []
    found = []
    for page in pages:
        sizes.append(len(page["items"]))
        found += [item["sourceServerID"] for item in page["items"]]
    assert (found, sizes) == (SERVERS[:10], [0, 3, 0, 3, 0, 3, 0, 1])


def test_page_tokens_may_expire(aws: Aws, refused: Refused) -> None:
    """The first page still works."""
    aws.servers(4)
    aws.weather({"expireTokens": True})
    drs = aws.client("drs")
    token = drs.describe_source_servers(maxResults=2)["nextToken"]
    refused("ValidationException", drs.describe_source_servers, maxResults=2, nextToken=token)


def test_session_tokens_may_expire(aws: Aws, refused: Refused) -> None:
    """Each service says it in its own words."""
    aws.servers(1)
    aws.weather({"expireTokens": "session"})
    refused("ExpiredTokenException", aws.client("drs").describe_jobs)
    refused("RequestExpired", aws.client("ec2").describe_instances)
    refused("ExpiredToken", aws.client("sts").get_caller_identity)


def test_the_future_brings_unknown_members_and_values(aws: Aws) -> None:
    """botocore hands over values it does not know and drops
    members it does not know; the wire has both.
    """
    aws.servers(1)
    aws.launched(SERVERS[0])
    bodies: list[bytes] = []
    drs = aws.client("drs", region=REGION, check=False)
    drs.meta.events.register(
        "before-parse", lambda response_dict, **_: bodies.append(response_dict["body"])
    )
    aws.weather({"unknownMembers": True, "unknownEnums": ["ec2InstanceState"]})
    (record,) = drs.describe_recovery_instances()["items"]
    assert record["ec2InstanceState"] == "NOT_IN_THE_MODEL"
    assert record["dataReplicationInfo"]["dataReplicationState"] == "NOT_STARTED"
    assert b"notInTheModel" in bodies[-1]
    aws.weather({"unknownEnums": True})
    (reservation, *_) = aws.client("ec2", check=False).describe_instances()["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "NOT_IN_THE_MODEL"


def test_garbage_has_the_wrong_type(aws: Aws) -> None:
    """Named members only, so that a test can choose how bad it gets."""
    aws.servers(1, tags={"Name": "web"})
    aws.launched(SERVERS[0])
    aws.weather({"garbage": ["jobID", "ec2InstanceState"]})
    (record,) = aws.client("drs", check=False).describe_recovery_instances()["items"]
    assert record["jobID"] == record["ec2InstanceState"] == {"garbage": True}
    assert record["recoveryInstanceID"].startswith("i-")


def test_clocks_that_differ_too_much_refuse_signatures(aws: Aws, refused: Refused) -> None:
    """Four minutes pass, and show in the Date header; ten do not pass."""
    aws.servers(1)
    aws.weather({"clockSkewSeconds": 240})
    aws.client("drs").describe_jobs()
    aws.weather({"clockSkewSeconds": 600})
    refused("InvalidSignatureException", aws.client("drs").describe_jobs)
    refused("RequestExpired", aws.client("ec2").describe_instances)


def test_of_two_rules_the_first_counts_and_the_rest_adds(aws: Aws, refused: Refused) -> None:
    """Rules combine effect by effect."""
    aws.servers(5)
    aws.weather({"operation": "DescribeJobs", "throttle": 0}, {"throttle": 1.0}, {"pageSize": 2})
    refused("ThrottlingException", aws.client("drs").describe_source_servers)
    assert aws.client("drs").describe_jobs()["items"] == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"thottle": 1}, r"rules\[0\].thottle: no such key"),
        ({"throttle": "often"}, "does not fit"),
        ({"outage": "sometimes"}, "does not fit"),
        ({"garbage": [1]}, "does not fit"),
        ({"failOnPage": 0}, "does not fit"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(aws: Aws, rule: dict[str, Any], message: str) -> None:
    """A misspelt fault would be a test that cannot fail; the rules in force stay."""
    aws.weather({"deny": True})
    with pytest.raises(AdminRefused, match=message):
        aws.weather(rule)
    assert aws.admin("GET", "weather") == {"rules": [{"deny": True}]}
