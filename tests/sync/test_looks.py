"""What one sync after another makes of a changing world."""

import pytest

from cache.mirror import entry_key
from cache.protocol import RESTAMP_AFTER
from cache.values import Outcome, Place, now, to_millis, to_stamp
from services.reads.live import LiveReader
from services.sync.audit import audit_mirror, audit_table, warm
from tests.sync.platform import ORIGIN, Platform


def where(place: Place) -> str:
    """A place as errors name it."""
    return f"region {place.region} of account {place.account_id}"


def test_a_vanished_instance_is_gone_after_the_next_sync(platform: Platform) -> None:
    """In the table, as a tombstone, in the mirror and on the page; and it stays gone."""
    machine = platform.server()
    instance = platform.launch(machine)
    platform.sync()
    assert platform.shown(machine) == instance.id
    platform.forget(instance)
    assert platform.sync().summary()["instancesAbsent"] == 1
    row = platform.rows(machine)[machine.id]
    assert (row["presence"], row.get("ec2InstanceId"), row.get("sourceExecutionId")) == (
        "absent",
        None,
        None,
    )
    assert row["sourceServerName"] == machine.name, "the source server's own group is never removed"
    assert platform.shown(machine) is None
    platform.sync()
    assert platform.shown(machine) is None


@pytest.mark.parametrize("dead", ["terminated", "not-found"])
def test_a_dead_leftover_never_shows(platform: Platform, dead: str) -> None:
    """Not alone, not beside the running instance, and not when
    it is what became of a recorded one.
    """
    lonely, both, dying = platform.server(), platform.server(), platform.server()
    platform.launch(lonely, state=dead)
    platform.launch(both, state=dead)
    running = platform.launch(both)
    died = platform.launch(dying)
    platform.sync()
    died.state = dead
    platform.show(died)
    platform.sync()
    assert [platform.shown(it) for it in (lonely, both, dying)] == [None, running.id, None]


def test_a_relaunched_server_shows_the_new_instance_only(platform: Platform) -> None:
    """Not one attribute of the old instance is left, its execution included."""
    machine = platform.server()
    old = platform.launch(machine)
    platform.executed(old)
    platform.sync()
    assert platform.rows(machine)[machine.id]["sourceExecutionId"] == "exec-1"
    platform.forget(old)
    new = platform.launch(machine)
    new.public_ip = None
    platform.show(new)
    platform.sync()
    row = platform.rows(machine)[machine.id]
    assert {
        name: row.get(name)
        for name in ("ec2InstanceId", "publicIp", "sourceExecutionId", "sourcePlanName")
    } == {
        "ec2InstanceId": new.id,
        "publicIp": None,
        "sourceExecutionId": None,
        "sourcePlanName": None,
    }
    assert platform.shown(machine) == new.id


REQUIRED = (
    "sourceServerId", "recoveryInstanceId", "ec2InstanceId", "ec2InstanceState", "sourceServerName",
    "name", "instanceType", "launchTime", "region", "accountId", "lastSyncTime",
    "replicationStagingAccountId",
)  # fmt: skip
"""What the customer's contract of a row calls required."""


@pytest.mark.parametrize(
    "denied",
    [
        ["DescribeSourceServers"],
        ["DescribeInstances"],
        ["DescribeSourceServers", "DescribeInstances", "DescribeJobs"],
    ],
)
def test_a_first_look_that_is_refused_its_details_leaves_no_required_member_out(
    platform: Platform, denied: list[str]
) -> None:
    """The id stands in until the name is known; then the name stands, also in the instance's."""
    machine = platform.server()
    instance = platform.launch(machine)
    here = {"accountId": platform.account, "deny": True}
    platform.aws.weather([here | {"operation": it} for it in denied])
    platform.sync()
    platform.aws.weather([])
    row = platform.rows(machine)[machine.id]
    assert [it for it in REQUIRED if not isinstance(row.get(it), str) or not row[it]] == []
    is_named = "DescribeSourceServers" not in denied
    assert row["sourceServerName"] == (machine.name if is_named else machine.id)
    platform.sync()
    row = platform.rows(machine)[machine.id]
    assert (row["sourceServerName"], row["ec2InstanceId"]) == (machine.name, instance.id)
    assert machine.id not in row["name"]


def test_a_place_that_fails_halfway_keeps_its_rows_and_is_named(platform: Platform) -> None:
    """One instance vanished, one is new; the second page fails: nothing is called absent."""
    machines = [platform.server() for _ in range(6)]
    instances = [platform.launch(it) for it in machines]
    platform.sync()
    before = platform.wiring.looks.places()[str(platform.place)]
    platform.forget(instances[0])
    here = {"accountId": platform.account, "service": "drs"}
    platform.aws.weather(
        [
            {**here, "pageSize": 2},
            {**here, "operation": "DescribeRecoveryInstances", "failOnPage": 2},
        ]
    )
    report = platform.sync()
    platform.aws.weather([])
    assert report.places[0].outcome is Outcome.ERROR
    assert report.errors[0].startswith(f"Failed to sync {where(platform.place)}: error: ")
    assert "InternalServerException" in report.errors[0]
    assert {it["presence"] for it in platform.rows(*machines).values()} == {"present"}
    after = platform.wiring.looks.places()[str(platform.place)]
    assert (after.completed_at, after.outcome) == (before.completed_at, "error")
    platform.sync()
    assert [platform.shown(it) is None for it in machines] == [True, *[False] * 5]


@pytest.mark.parametrize(("service", "region"), [("ec2", "us-east-1"), ("ec2", ORIGIN)])
def test_details_that_cannot_be_asked_stay_as_they_were(
    platform: Platform, service: str, region: str
) -> None:
    """EC2 of the place, or of the origin, refuses: the row keeps the
    last good details, and what they are as of.
    """
    machine = platform.server()
    instance = platform.launch(machine)
    platform.sync()
    before = platform.rows(machine)[machine.id]
    assert before["sourceVpcId"] == machine.network[0]
    platform.aws.weather(
        [{"service": service, "accountId": platform.account, "region": region, "deny": True}]
    )
    report = platform.sync()
    platform.aws.weather([])
    after = platform.rows(machine)[machine.id]
    assert report.places[0].outcome is Outcome.SEEN
    assert after["ec2ObservedAt"] == before["ec2ObservedAt"]
    if region != ORIGIN:
        assert report.errors[0].startswith(f"Partly synced {where(platform.place)}: EC2: ")
    kept = (
        "name",
        "privateIp",
        "publicIp",
        "instanceType",
        "launchTime",
        "sourceVpcId",
        "sourceSecurityGroupIds",
    )
    assert {it: after.get(it) for it in kept} == {it: before.get(it) for it in kept}
    assert after["ec2InstanceId"] == instance.id


def test_an_origin_is_asked_again_after_an_hour_only(platform: Platform) -> None:
    """Networks change seldom, and another account's EC2 is asked for nothing that is known."""
    machine = platform.server()
    platform.launch(machine)
    platform.sync()
    asked = platform.sync().aws_calls["DescribeInstances"]
    set_stamp(platform, machine.id, "originObservedAt", RESTAMP_AFTER)
    again = platform.sync().aws_calls["DescribeInstances"]
    assert (asked, again) == (1, 2)


def test_an_instance_ec2_never_described_has_what_the_page_requires(platform: Platform) -> None:
    """A name, a type and its job's start; what EC2 says later takes their place."""
    machine = platform.server()
    instance = platform.launch(machine)
    platform.put(platform.place, jobs=[job(platform, instance.job_id, machine.id)])
    platform.aws.weather([{"service": "ec2", "accountId": platform.account, "deny": True}])
    report = platform.sync()
    platform.aws.weather([])
    row = platform.rows(machine)[machine.id]
    assert "EC2" in str(report.places[0].message)
    assert (row["name"], row["instanceType"], row["launchTime"]) == (
        f"Recovery of {machine.name}",
        "unknown",
        "2026-10-31T09:00:00Z",
    )
    assert platform.shown(machine) == instance.id
    platform.sync()
    assert platform.rows(machine)[machine.id]["instanceType"] == instance.instance_type


def job(platform: Platform, job_id: str, server_id: str) -> dict[str, object]:
    """A finished launch job as DescribeJobs returns it."""
    place = platform.place
    return {
        "jobID": job_id,
        "arn": f"arn:aws:drs:{place.region}:{place.account_id}:job/{job_id}",
        "type": "LAUNCH",
        "initiatedBy": "START_DRILL",
        "status": "COMPLETED",
        "creationDateTime": "2026-10-31T09:00:00.123456Z",
        "endDateTime": "2026-10-31T09:20:00Z",
        "participatingServers": [{"sourceServerID": server_id, "launchStatus": "LAUNCHED"}],
        "tags": {},
    }


def test_a_role_that_cannot_be_assumed_fails_its_account_alone(platform: Platform) -> None:
    """The other account is seen whole; the failed one's rows stay and it is named."""
    machine = platform.server()
    platform.launch(machine)
    other = str(int(platform.account) + 1)
    role = f"arn:aws:iam::{other}:role/recovery-sync"
    platform.target(
        accountId=other, roleArn=role, externalId="wrong-one", regions=["eu-west-1", "us-east-1"]
    )
    report = platform.sync()
    assert {str(it.place): it.outcome for it in report.places} == {
        str(platform.place): Outcome.SEEN,
        f"{other}/eu-west-1": Outcome.DENIED,
        f"{other}/us-east-1": Outcome.DENIED,
    }
    assert all(other in error and "AssumeRole" in error for error in report.errors)
    assert platform.shown(machine) is not None


def test_a_place_no_longer_configured_keeps_its_rows_and_is_named(platform: Platform) -> None:
    """And it no longer holds up the answer for servers without a row."""
    machine = platform.server()
    platform.launch(machine)
    platform.sync()
    platform.configure("eu-west-1")
    report = platform.sync()
    assert report.summary()["noLongerConfigured"] == [str(platform.place)]
    assert platform.rows(machine)[machine.id]["presence"] == "present"
    assert str(platform.place) not in platform.wiring.looks.places()


def test_a_region_where_drs_was_never_set_up_is_a_complete_empty_place(platform: Platform) -> None:
    """Its servers are absent, not unknown."""
    platform.configure("us-east-1", "eu-north-1")
    place = Place(platform.account, "eu-north-1")
    platform.put(place, initialized=False)
    report = platform.sync()
    assert {it.place: it.outcome for it in report.places}[place] is Outcome.NOT_INITIALIZED
    assert report.errors == []
    for reader in (platform.wiring.reader, LiveReader(platform.wiring.sync_parts)):
        for planned in (place, None):
            answer = reader.read({"s-" + "0" * 17: planned})
            assert (answer.unknown, [it.is_absent for it in answer.entries.values()]) == (
                [],
                [True],
            )
    assert audit_table(platform.wiring.sync_parts(), lambda _: None).unreadable == []


def test_one_bad_target_account_is_named_and_costs_only_itself(platform: Platform) -> None:
    """The row is refused with its reason."""
    platform.target(accountId="12", regions=["us-east-1"])
    report = platform.sync()
    assert "target account '12' is not usable: accountId" in report.errors[0]
    assert [it.outcome for it in report.places] == [Outcome.SEEN]


def test_a_listing_in_many_short_pages_costs_four_calls_per_two_hundred_instances(
    platform: Platform,
) -> None:
    """250 instances: two pages or chunks of every kind, and one role."""
    machines = [platform.server() for _ in range(250)]
    for machine in machines:
        platform.launch(machine)
    platform.sync()  # the first sync also asks for the jobs that no execution explains
    for machine in machines:
        row = platform.rows(machine)[machine.id]
        assert row["presence"] == "present"
    report = platform.sync()
    calls = report.places[0].aws_calls
    expected = {
        "DescribeRecoveryInstances": 2,
        "DescribeSourceServers": 2,
        "DescribeInstances": 2,
        "DescribeJobs": 1,
    }
    assert dict(calls) == expected


@pytest.mark.parametrize("way", ["reader", "warm", "repair"])
def test_whoever_fills_the_mirror_dates_by_the_last_complete_look(
    platform: Platform, way: str
) -> None:
    """An unchanged row is not written, so its own stamp is older than what is known of it."""
    machine, wiring = platform.server(), platform.wiring
    platform.launch(machine)
    platform.sync()
    set_stamp(platform, machine.id, "lastSyncTime", RESTAMP_AFTER // 2)
    assert platform.sync().summary()["rowsWritten"] == 0
    listed_at = wiring.looks.places()[str(platform.place)].listed_at
    assert to_millis(platform.rows(machine)[machine.id]["lastSyncTime"]) < listed_at
    assert wiring.mirror
    if way == "repair":
        platform.redis.hset(entry_key(machine.id), "page", "broken")
        audit_mirror(wiring.table, wiring.looks, wiring.mirror, lambda _: None, repair=True)
    else:
        platform.redis.delete(entry_key(machine.id))
        if way == "warm":
            warm(wiring.table, wiring.looks, wiring.mirror, lambda _: None)
        else:
            platform.shown(machine)
    filled = platform.mirrored(machine)
    assert filled
    assert filled.observed_at == listed_at


def set_stamp(platform: Platform, server_id: str, name: str, age: int) -> None:
    """See that this stamp of a row is so old (ms)."""
    platform.wiring.dynamodb.update_item(
        TableName=platform.wiring.settings.recovery_instances_table,
        Key={"sourceServerId": {"S": server_id}},
        UpdateExpression=f"SET {name} = :then",
        ExpressionAttributeValues={":then": {"S": to_stamp(to_millis(now()) - age)}},
    )
