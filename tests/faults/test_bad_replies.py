"""What AWS may answer one day, or should never: a sync
survives it, and no page turns it into a "none".
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from loadtests.faults_stack import FaultyStack
from local.functions import name

PLACE = {"accountId": "111111111111", "region": "us-east-1"}
DRS_MEMBERS = [
    "items", "sourceServerID", "recoveryInstanceID", "ec2InstanceID", "ec2InstanceState", "jobID",
    "isDrill",
    "pointInTimeSnapshotDateTime", "tags", "sourceProperties", "hostname", "originAccountID",
    "stagingArea",
]  # fmt: skip
EC2_MEMBERS = [
    "Reservations", "Instances", "InstanceId", "State", "Name", "Tags", "Value", "LaunchTime",
    "PrivateIpAddress",
    "SecurityGroups", "IamInstanceProfile",
]  # fmt: skip


@pytest.fixture
def whole_again(faulty: FaultyStack) -> Any:
    """After the bad replies one clean sync puts everything right."""
    yield
    faulty.mend()
    faulty.stack.sync()
    assert (
        faulty.faults_of(faulty.query(sorted(faulty.world.alive)), sorted(faulty.world.alive)) == []
    )
    assert faulty.faults_of(faulty.plan_page()) == []


def sync_place(faulty: FaultyStack, rule: dict[str, Any]) -> dict[str, Any]:
    """Sync one place in this weather; its report."""
    faulty.stack.standin.weather([*faulty.world.weather, {"region": PLACE["region"], **rule}])
    event = json.dumps({"operation": "sync_recovery_instances", **PLACE}).encode()
    answer = faulty.stack.client("lambda").invoke(
        FunctionName=name("recovery-instance-sync"), Payload=event
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
    report: dict[str, Any] = json.loads(answer["Payload"].read())["places"][0]
    return report


def lost(faulty: FaultyStack) -> list[str]:
    """Servers with an instance that a page does not show."""
    page = faulty.query(sorted(faulty.world.expected))
    assert page.status == 200
    return sorted(
        faulty.world.alive.keys()
        - {item["sourceServerId"] for item in page.body["existingInstances"]}
    )


@pytest.mark.usefixtures("whole_again")
@pytest.mark.parametrize(
    "operation", ["DescribeSourceServers", "DescribeInstances", "DescribeJobs"]
)
def test_an_answer_that_does_not_come_changes_no_page(faulty: FaultyStack, operation: str) -> None:
    """Names stay too: an instance without a name of its own is
    called after its server, as DRS named that last.
    """
    sync_place(faulty, {"operation": operation, "deny": True})
    ids = sorted(faulty.world.alive)
    assert faulty.faults_of(faulty.query(ids), ids) == []


@pytest.mark.usefixtures("whole_again")
@pytest.mark.parametrize("service", ["drs", "ec2"])
def test_members_and_words_of_the_future_lose_nobody(faulty: FaultyStack, service: str) -> None:
    """Unknown members are passed over, an unknown state counts
    as alive, and the look is complete.
    """
    report = sync_place(faulty, {"service": service, "unknownMembers": True, "unknownEnums": True})
    assert report["outcome"] == "seen"
    assert report["absent"] == 0
    assert lost(faulty) == []


@pytest.mark.usefixtures("whole_again")
@pytest.mark.parametrize(("service", "members"), [("drs", DRS_MEMBERS), ("ec2", EC2_MEMBERS)])
def test_members_of_the_wrong_type_lose_nobody(
    faulty: FaultyStack, service: str, members: list[str]
) -> None:
    """Each in turn: no instance is called absent, nothing breaks
    beyond the place, and every row stays a record.
    """
    for member in members:
        report = sync_place(faulty, {"service": service, "garbage": [member]})
        assert lost(faulty) == [], (member, report)


def test_logs_hold_no_tokens_and_no_addresses(faulty: FaultyStack) -> None:
    """At INFO, after syncs, page reads and failures of every kind:
    no credentials, page tokens or IP addresses.
    """
    weather = [
        *faulty.world.weather,
        {"service": "sts", "deny": True},
        {"service": "ec2", "deny": True},
    ]
    faulty.stack.standin.weather(weather)
    faulty.stack.sync()
    faulty.mend()
    faulty.stack.sync()
    faulty.query(sorted(faulty.world.expected))
    secrets = {
        row[key] for row in faulty.world.target_accounts for key in ("externalId",) if key in row
    }
    addresses = {
        it[key]
        for it in faulty.world.alive.values()
        for key in ("privateIp", "publicIp")
        if it[key]
    }
    logs = [path.read_text() for path in Path(faulty.directory).glob("hrp-*.log")]
    assert any("Starting background recovery instance sync" in log for log in logs)
    for log in logs:
        assert not re.search(r"ASIA[A-Z0-9]{8}|SessionToken|nextToken|X-Amz-|Signature=", log)
        assert not [it for it in secrets | addresses if re.search(rf"\b{re.escape(it)}\b", log)]
