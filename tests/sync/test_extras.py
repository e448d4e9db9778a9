"""Several instances of one server: the current one is the one that DRS
names, and the others are shown as what they are.
"""

from typing import Any

from cache.values import Place
from local.world_items import (
    Instance,
    Machine,
    recovery_ec2_instance,
    recovery_instance,
    source_server,
)
from services.execution.existing import existing_instances
from services.reads.drills import Drills
from services.sync.place import PlaceReport
from tests.sync.platform import Platform


def two_launches(platform: Platform) -> tuple[Machine, Instance, Instance]:
    """A server with an instance of an earlier job from a later
    snapshot, and one of the last job from an older one.
    """
    platform.configure("us-east-1")
    machine = platform.server()
    earlier, later = platform.launch(machine), platform.launch(machine)
    for instance, point in ((earlier, "2026-11-20T10:00:00Z"), (later, "2026-11-10T10:00:00Z")):
        record = recovery_instance(instance)
        platform.put(
            platform.place, recoveryInstances=[record | {"pointInTimeSnapshotDateTime": point}]
        )
    return machine, earlier, later


def says(platform: Platform, machine: Machine, **members: Any) -> None:
    """What DRS says of the source server."""
    platform.put(platform.place, sourceServers=[source_server(machine) | members])


def last_launch(instance: Instance) -> dict[str, Any]:
    """A `lifeCycle` whose last launch was this instance's job."""
    return {"lastLaunch": {"initiated": {"jobID": instance.job_id, "type": "DRILL"}}}


def extras(platform: Platform) -> list[dict[str, Any]]:
    """What the leftovers say of instances beside the current ones."""
    wiring = platform.wiring
    drills = Drills(wiring.reader, wiring.plans, lambda: wiring.table, lambda: wiring.looks)
    return list(drills.body()["extraInstances"])


def test_the_instance_that_drs_names_is_current_and_the_other_is_extra(platform: Platform) -> None:
    """Not the one of the latest point in time."""
    machine, earlier, later = two_launches(platform)
    says(platform, machine, recoveryInstanceId=later.id)
    platform.sync()
    assert platform.shown(machine) == later.id
    (extra,) = extras(platform)
    assert (extra["ec2InstanceId"], extra["sourceServerId"]) == (earlier.id, machine.id)
    assert (extra["accountId"], extra["region"]) == platform.place
    assert "not the server's current" in extra["why"]


def test_the_last_launch_decides_where_drs_names_none(platform: Platform) -> None:
    """And the latest point in time only where DRS says neither."""
    machine, earlier, later = two_launches(platform)
    says(platform, machine, lifeCycle=last_launch(later))
    platform.sync()
    assert platform.shown(machine) == later.id
    says(platform, machine)
    platform.sync()
    assert platform.shown(machine) == earlier.id


def test_an_extra_instance_that_goes_is_shown_no_more(platform: Platform) -> None:
    """The list is the last look's."""
    machine, earlier, later = two_launches(platform)
    says(platform, machine, recoveryInstanceId=later.id)
    platform.sync()
    platform.forget(earlier)
    platform.sync()
    assert extras(platform) == []


def test_an_instance_that_drs_forgot_is_found_by_its_own_tag(platform: Platform) -> None:
    """Its record is gone and EC2 still bills; a conversion server without a server's id is none."""
    platform.configure("us-east-1")
    machine = platform.server()
    instance = platform.launch(machine)
    tag = {"Key": "AWSElasticDisasterRecoverySourceServerID", "Value": machine.id}
    machine_in_ec2 = recovery_ec2_instance(instance)
    tagged = machine_in_ec2 | {"Tags": [*machine_in_ec2.get("Tags", ()), tag]}
    other = machine_in_ec2 | {"InstanceId": "i-0cccccccccccccccc", "Tags": [
        {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"},
    ]}  # fmt: skip
    platform.put(platform.place, instances=[tagged, other])
    place = Place(machine.account, machine.region)
    platform.aws.call(
        "DELETE", f"places/{place.account_id}/{place.region}/recoveryInstances/{instance.id}"
    )
    report: PlaceReport = platform.sync().places[0]
    assert report.forgotten_instances is not None
    (extra,) = extras(platform)
    assert (extra["ec2InstanceId"], extra["why"]) == (instance.id, "DRS has no record of it")


def test_an_instance_that_only_ec2_knows_to_be_gone_does_not_hide_the_other(
    platform: Platform,
) -> None:
    """DRS still names the dead one: the server has an instance all the same."""
    machine, earlier, later = two_launches(platform)
    says(platform, machine, recoveryInstanceId=later.id)
    dead = recovery_ec2_instance(later) | {"State": {"Name": "terminated"}}
    platform.put(platform.place, instances=[dead])
    platform.put(platform.place, recoveryInstances=[recovery_instance(later)])  # DRS lags behind
    platform.sync()
    assert platform.shown(machine) == earlier.id
    servers = {machine.id: platform.place}
    (existing,) = existing_instances(platform.wiring.sync_parts(), servers).instances
    assert existing["ec2InstanceId"] == earlier.id
