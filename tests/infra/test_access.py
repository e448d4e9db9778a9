"""Least privilege, both ways: every AWS call of the journeys is
allowed by the caller's role, and nothing more is.
"""

import re
from collections.abc import Mapping

import pytest

from tests.infra.journeys import ROLES, RecordedStack
from tests.infra.policies import Grant, function_grants, member_grants
from tests.infra.recorder import Call
from tests.infra.templates import load

# What a journey on one machine cannot show a function doing, and why it is needed all the same.
NOT_CALLED_BY_OUR_CODE = {
    "Log": "Lambda writes the log with the function's role",
    "NetworkInterfaces": "Lambda attaches the function to the VPC with the function's role",
    "Traces": "Lambda's own tracing sends with the function's role",
    "Stream": "Lambda reads it with the function's role, and says so when it may not (its guide to "
    "DynamoDB streams)",
    "DeadLetters": "Lambda sends what it could not deliver with the function's role",
    "WriteMirror": "checked by ElastiCache when a token is used, as "
    "tests/infra/test_mirror_client.py does",
    "ReadAndRefillMirror": "likewise",
    "WithALaunch": "DRS asks for these of StartRecovery's caller (service authorization "
    "reference); tags with JOB_TAGS",
    "RowThatRefused": "after a refused write for which DynamoDB names no row: a race that "
    "journeys cannot order",
}

# "No permissions are required to perform this operation", whatever a policy denies (API reference).
ALWAYS_ALLOWED = {"sts:GetCallerIdentity"}

pytestmark = [pytest.mark.xdist_group("infra-journeys"), pytest.mark.long]


@pytest.fixture
def calls(journeys: RecordedStack) -> Mapping[str, set[Call]]:
    """The calls of each function over all journeys."""
    assert not [it for recorder in journeys.recorders.values() for it in recorder.unreadable]
    return {role: recorder.calls for role, recorder in journeys.recorders.items()}


@pytest.mark.parametrize("role", ROLES)
def test_every_call_is_allowed(calls: Mapping[str, set[Call]], role: str) -> None:
    """By the function's own role, or by the member role where
    the call is made in another account.
    """
    own = function_grants(ROLES[role])
    member = member_grants("Role" if role == "execution" else "Reader")
    denied = [
        call
        for call in sorted(calls[role])
        if call.action not in ALWAYS_ALLOWED
        and not any(
            grant.covers(call.action, call.resource) for grant in (member if call.assumed else own)
        )
    ]
    assert denied == []


@pytest.mark.parametrize("role", ROLES)
def test_nothing_allowed_goes_unused(calls: Mapping[str, set[Call]], role: str) -> None:
    """Each action on each resource that a function's role allows
    is one that the function was seen to use.
    """
    made = [call for call in calls[role] if not call.assumed]
    assert _unused(function_grants(ROLES[role]), made) == []


def test_nothing_the_member_role_allows_goes_unused(calls: Mapping[str, set[Call]]) -> None:
    """The same for the role in the target accounts, over all functions that assume it."""
    assert (
        _unused(member_grants(), [call for made in calls.values() for call in made if call.assumed])
        == []
    )


def _unused(grants: set[Grant], made: list[Call]) -> list[str]:
    return sorted(
        f"{grant.sid}: {grant.action} on {grant.resource}"
        for grant in grants
        if grant.sid not in NOT_CALLED_BY_OUR_CODE
        and not grant.only_via_drs
        and not any(grant.covers(call.action, call.resource) for call in made)
    )


def test_the_query_role_can_write_nothing_in_dynamodb() -> None:
    """Reading pages is all it is for; what it may do in DynamoDB
    is named here, so that no write slips in.
    """
    allowed = {
        grant.action
        for grant in function_grants("QueryRole")
        if grant.action.startswith("dynamodb")
    }
    assert allowed <= {
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
    }


def test_only_the_member_role_can_be_assumed() -> None:
    """No function may take any other role, in any account."""
    roles = [
        grant
        for role in ROLES.values()
        for grant in function_grants(role)
        if grant.action.startswith("sts")
    ]
    assert {grant.action for grant in roles} == {"sts:AssumeRole"}
    assert {grant.resource for grant in roles} == {
        "arn:aws:iam::*:role/recovery-sync",
        "arn:aws:iam::*:role/recovery-sync-read",
    }


def test_what_looks_assumes_a_role_that_cannot_launch() -> None:
    """The page's handler and the sync get the reading role alone; the
    other one trusts the execution function alone.
    """
    for role in ("DataManagementRole", "SyncRole"):
        assumed = {
            grant.resource for grant in function_grants(role) if grant.action.startswith("sts")
        }
        assert assumed == {"arn:aws:iam::*:role/recovery-sync-read"}
    words = ("Start", "Terminate", "Run", "Create", "Delete", "Pass", "Modify", "Stop", "Put")
    acts = {grant.action for grant in member_grants("Reader")}
    assert not [it for it in acts if it.partition(":")[2].startswith(words)]
    trusted = {name: _callers(name) for name in ("Role", "Reader")}
    assert trusted == {"Role": {"execution"}, "Reader": {"data-management", "sync"}}


def _callers(role: str) -> set[str]:
    """Which functions' roles may assume a member role, in whichever region they are."""
    properties = load("member-role.yaml")["Resources"][role]["Properties"]
    (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
    named = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    texts = [it["Fn::If"][1]["Fn::Sub"] if "Fn::If" in it else it["Fn::Sub"] for it in named]
    return {re.findall(r"\$\{Project\}-(.+)-\$\{Environment\}", it)[0] for it in texts}


def test_drs_is_given_the_same_in_every_account() -> None:
    """What DRS does with its caller's permissions it may do in our own account as in the others."""
    ours = {grant for grant in function_grants("ExecutionRole") if grant.only_via_drs}
    assert ours == {grant for grant in member_grants() if grant.only_via_drs}
