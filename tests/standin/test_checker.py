"""The checker that everything here leans on finds what is planted, on both sides of the wire."""

import json
from typing import Any

import pytest

from standin.aws import models
from standin.aws.query import Query
from standin.aws.rest_json import RestJson
from standin.aws.wire import WrongReply
from standin.drs.state import Item
from tests.standin.replies import check_reply

LISTING = models.operation("drs", "DescribeRecoveryInstances")
RECORD = {
    "recoveryInstanceID": "i-0123456789abcdef0",
    "ec2InstanceState": "RUNNING",
    "isDrill": True,
    "tags": {},
}
FAULTS = {
    "a member the model lacks": ({"region": "us-east-1"}, r"\.items\[0\]\.region is no member"),
    "a member in the wrong case": (
        {"recoveryInstanceId": "i-0123456789abcdef0"},
        "recoveryInstanceId is no member",
    ),
    "an id of the wrong form": (
        {"recoveryInstanceID": "ri-0123456789abcdef"},
        "recoveryInstanceID is 'ri-",
    ),
    "a version with a tail": (
        {"agentVersion": "5.9.2025 beta"},
        "agentVersion is '5.9.2025 beta', which does not match",
    ),
    "an id that is too long": ({"jobID": "drsjob-0123456789abcdef01"}, "jobID has length 25"),
    "an enum value in lower case": (
        {"ec2InstanceState": "running"},
        "ec2InstanceState is 'running', not one of",
    ),
    "a string for a flag": ({"isDrill": "TRUE"}, "isDrill should be of type boolean"),
    "a number for a string": ({"arn": 5}, "arn should be a string"),
    "a list for a map": ({"tags": []}, "tags should be a map"),
    "a structure for a list": (
        {"recoveryInstanceProperties": {"disks": {}}},
        r"disks should be a list",
    ),
    "null for a string": ({"agentVersion": None}, "agentVersion should be a string"),
    "too small a number deep inside": (
        {"recoveryInstanceProperties": {"ramBytes": -1}},
        "ramBytes has value -1",
    ),
}


def _wire(body: object, status: int = 200, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return {"status_code": status, "headers": headers or {}, "body": json.dumps(body).encode()}


def test_a_sound_reply_passes() -> None:
    """What the service could say is not complained about."""
    check_reply(LISTING, _wire({"items": [RECORD]}))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    """Each kind of fault is found and its path named, before sending and after receiving."""
    members, message = FAULTS[fault]
    wrong = RECORD | members
    with pytest.raises(AssertionError, match=message):
        check_reply(LISTING, _wire({"items": [wrong]}))
    with pytest.raises(WrongReply):
        RestJson().reply(LISTING, {"items": [Item(wrong)]})


def test_a_missing_required_member_is_found() -> None:
    """A job without its id is no job."""
    with pytest.raises(AssertionError, match=r"job\.jobID is required"):
        check_reply(
            models.operation("drs", "StartRecovery"), _wire({"job": {"type": "LAUNCH"}}, 202)
        )


def test_a_wrong_status_is_found() -> None:
    """StartRecovery answers 202, nothing else."""
    with pytest.raises(AssertionError, match="status 200"):
        check_reply(models.operation("drs", "StartRecovery"), _wire({}))


def test_an_error_with_a_member_too_many_is_found() -> None:
    """Errors have models too."""
    headers = {"x-amzn-ErrorType": "ConflictException"}
    with pytest.raises(AssertionError, match="quotaCode is no member"):
        check_reply(LISTING, _wire({"message": "no", "quotaCode": "L-1"}, 409, headers))
    with pytest.raises(AssertionError, match="ConflictException with status 400"):
        check_reply(LISTING, _wire({"message": "no"}, 400, headers))


def test_a_planted_fault_in_xml_is_found() -> None:
    """EC2's replies are read strictly: an element no member owns, a
    state EC2 does not have, a time without a zone.
    """
    operation = models.operation("ec2", "DescribeInstances")
    for instance, message in (
        ({"InstanceId": "i-1", "Region": "x"}, "Region is no member"),
        ({"State": {"Name": "RUNNING"}}, "Name is 'RUNNING', not one of"),
        ({"LaunchTime": "2026-11-20T10:00:00"}, "LaunchTime should be an ISO 8601 time"),
    ):
        with pytest.raises(WrongReply, match=message):
            Query("ec2").reply(operation, {"Reservations": [{"Instances": [Item(instance)]}]})
        wrong = Query("ec2").reply(
            operation, {"Reservations": [{"Instances": [instance]}]}, wrong_on_purpose=True
        )
        with pytest.raises(AssertionError, match=message):
            check_reply(operation, {"status_code": 200, "headers": {}, "body": wrong.body})
