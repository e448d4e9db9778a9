"""The inventory: every source server of a place is known, whether it has an instance or not."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cache.readiness import LAG_STEPS
from cache.values import Place
from local.seed import create_table
from local.world_items import Machine, source_server
from services.aws.drs import seconds_of
from services.sync import run
from services.sync.inventory import SETTINGS_A_LOOK
from services.sync.run import is_inventory_due, sync_all_recovery_instances
from tests.sync.platform import ORIGIN, Platform


def inventory(platform: Platform) -> None:
    """One full sync that lists the source servers, due or not."""
    sync_all_recovery_instances(platform.wiring.sync_parts(), with_inventory=True)


def row_of(platform: Platform, machine: Machine) -> dict[str, Any]:
    """The server's row; empty when there is none."""
    return platform.rows(machine).get(machine.id, {})


def replication(platform: Platform, state: str, **said: object) -> None:
    """From now on all servers of the place replicate like this."""
    place = platform.place
    path = f"places/{place.account_id}/{place.region}/replication"
    platform.aws.call("POST", path, {"state": state, **said})


def test_a_server_that_was_never_launched_has_a_row_that_says_none(platform: Platform) -> None:
    """With its name, where it runs, and its replication; the page answers none from the mirror."""
    machine = platform.server()
    platform.sync()
    row = row_of(platform, machine)
    assert (row["presence"], row["place"]) == ("absent", str(platform.place))
    assert row["sourceServerName"] == machine.name
    assert row["sourceVpcId"] == machine.network[0]
    assert row["replicationStagingAccountId"] == machine.staging or platform.account
    assert (row["replicationState"], row["replicationLagSeconds"]) == ("CONTINUOUS", 0)
    assert row["hasLaunchTemplate"] is True
    entry = platform.mirrored(machine)
    assert entry is not None
    assert (entry.is_absent, entry.readiness) == (True, "ready")
    assert platform.shown(machine) is None


def test_an_unchanged_inventory_writes_nothing(platform: Platform) -> None:
    """Neither the launched nor the others; a lag that stays within its step is no change."""
    launched = platform.server()
    platform.launch(launched)
    platform.server()
    replication(platform, "BACKLOG", lagSeconds=400)
    inventory(platform)
    replication(platform, "BACKLOG", lagSeconds=500)
    report = sync_all_recovery_instances(platform.wiring.sync_parts(), with_inventory=True)
    assert len(report.places[0].source_servers or ()) == 2
    assert report.places[0].written == 0
    replication(platform, "BACKLOG", lagSeconds=LAG_STEPS[2])
    report = sync_all_recovery_instances(platform.wiring.sync_parts(), with_inventory=True)
    assert report.places[0].written == 2


def test_a_launch_after_the_inventory_takes_the_row_and_keeps_what_was_known(
    platform: Platform,
) -> None:
    """And a server that has its instance no more is none again, with its name."""
    machine = platform.server()
    platform.sync()
    instance = platform.launch(machine)
    platform.sync_wave(instance, platform.executed(instance))
    row = row_of(platform, machine)
    assert (row["presence"], row["ec2InstanceId"]) == ("present", instance.id)
    assert row["hasLaunchTemplate"] is True
    platform.forget(instance)
    inventory(platform)
    row = row_of(platform, machine)
    assert (row["presence"], row["sourceServerName"]) == ("absent", machine.name)
    assert "ec2InstanceId" not in row


def test_a_server_that_leaves_drs_is_gone_and_comes_back(platform: Platform) -> None:
    """Its row stays, an instance that still runs is shown, and
    nothing is guessed from a listing alone.
    """
    idle, running = platform.server(), platform.server()
    instance = platform.launch(running)
    inventory(platform)
    place = f"places/{platform.account}/{platform.place.region}/sourceServers"
    for machine in (idle, running):
        platform.aws.call("DELETE", f"{place}/{machine.id}")
    inventory(platform)
    for machine in (idle, running):
        row = row_of(platform, machine)
        assert row["sourceServerGone"] is True
        assert "replicationState" not in row
        assert row["sourceServerName"] == machine.name
    assert platform.shown(running) == instance.id
    assert platform.shown(idle) is None
    platform.put(platform.place, sourceServers=[source_server(idle)])
    inventory(platform)
    assert "sourceServerGone" not in row_of(platform, idle)
    assert row_of(platform, idle)["replicationState"] == "CONTINUOUS"


def test_a_server_that_a_listing_lacks_but_drs_has_is_not_gone(platform: Platform) -> None:
    """Listings may miss what moves meanwhile: asking by id decides."""
    machine = platform.server()
    inventory(platform)
    place = f"places/{platform.account}/{platform.place.region}/sourceServers"
    platform.aws.call("DELETE", f"{place}/{machine.id}")
    with platform.held_before("DescribeSourceServers", lambda: inventory(platform), nth=2):
        platform.put(platform.place, sourceServers=[source_server(machine)])
    assert "sourceServerGone" not in row_of(platform, machine)


def test_rows_without_an_instance_are_not_written_again_for_their_age(platform: Platform) -> None:
    """Only rows with an instance are, for direct readers of the table: the others are too many."""
    machine = platform.server()
    inventory(platform)
    old = row_of(platform, machine) | {"lastSyncTime": "2026-01-01T00:00:00Z"}
    platform.row(platform.wiring.settings.recovery_instances_table, old)
    report = sync_all_recovery_instances(platform.wiring.sync_parts(), with_inventory=True)
    assert report.places[0].written == 0


def test_an_origin_that_cannot_be_asked_any_more_is_kept(platform: Platform) -> None:
    """That is what it was captured for; and where it never
    could, the copied network names the VPC.
    """
    seen, copied = platform.server(), platform.server()
    network = "sn-0123456789abcdef0"
    inventory(platform)
    vpc = row_of(platform, seen)["sourceVpcId"]
    platform.aws.weather([{"service": "ec2", "region": ORIGIN, "deny": True}])
    late = platform.server()
    for machine in (seen, late):
        server = source_server(machine) | {"sourceNetworkID": network}
        platform.put(platform.place, sourceServers=[server])
    copy = {"sourceNetworkID": network, "sourceVpcID": "vpc-0c0ffee0000000000"}
    platform.put(platform.place, sourceNetworks=[copy])
    inventory(platform)
    assert row_of(platform, seen)["sourceVpcId"] == vpc
    assert row_of(platform, late)["sourceVpcId"] == "vpc-0c0ffee0000000000"
    assert row_of(platform, copied)["sourceVpcId"] == copied.network[0]


def test_source_servers_that_cannot_be_listed_cost_no_instance(platform: Platform) -> None:
    """The look is complete, says what it lacked, and the inventory is due again at once."""
    machine = platform.server()
    instance = platform.launch(machine)
    idle = platform.server()
    platform.aws.weather([{"operation": "DescribeSourceServers", "outage": "503"}])
    report = platform.sync()
    assert platform.shown(machine) == instance.id
    assert row_of(platform, idle) == {}
    assert "source servers" in str(report.places[0].message)
    (row,) = platform.wiring.looks.rows()
    assert is_inventory_due(platform.wiring.sync_parts(), row)
    platform.aws.weather([])
    platform.sync()
    assert row_of(platform, idle)["presence"] == "absent"


def test_the_inventory_is_taken_at_first_and_then_when_it_is_due(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two of them a look asks for the launched servers only."""
    platform.server()
    platform.sync()
    (row,) = platform.wiring.looks.rows()
    before = len(platform.aws.calls())
    platform.sync()
    asked = [it["operation"] for it in platform.aws.calls(before)]
    assert "DescribeSourceServers" not in asked
    monkeypatch.setattr(run, "now", lambda: "2099-01-01T00:00:00Z")
    assert is_inventory_due(platform.wiring.sync_parts(), row)


def test_launch_settings_are_asked_a_few_at_a_time_and_all_of_them_in_turn(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those not known yet come first; a launch into a machine is told."""
    monkeypatch.setattr("services.sync.inventory.SETTINGS_A_LOOK", 2)
    machines = [platform.server() for _ in range(3)]
    into = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": "i-0123456789abcdef0"}}
    platform.put(platform.place, launchConfigurations={it.id: into for it in machines})
    inventory(platform)
    known = [it for it in machines if "hasLaunchTemplate" in row_of(platform, it)]
    assert len(known) == 2
    inventory(platform)
    rows = [row_of(platform, it) for it in machines]
    assert {row["launchesInto"] for row in rows} == {"i-0123456789abcdef0"}
    assert SETTINGS_A_LOOK == 200


def test_a_launch_that_crosses_the_inventory_is_never_called_none(platform: Platform) -> None:
    """Listed before the launch, written after it: the newer look at the wave wins."""
    machine = platform.server()
    with platform.held_before("DescribeSourceServers", lambda: inventory(platform)):
        instance = platform.launch(machine)
        platform.sync_wave(instance, platform.executed(instance))
        assert platform.shown(machine) == instance.id
    assert platform.shown(machine) == instance.id
    assert row_of(platform, machine)["presence"] == "present"


@pytest.mark.parametrize("place", [None, "rubbish"])
def test_a_tombstone_whose_place_is_broken_heals(platform: Platform, place: str | None) -> None:
    """A broken tool's row is no record; the index has it nowhere, the inventory has its server."""
    machine = platform.server()
    platform.sync()
    row = {name: it for name, it in row_of(platform, machine).items() if name != "place"}
    row |= {"version": 1} if place is None else {"version": 1, "place": place}
    platform.row(platform.wiring.settings.recovery_instances_table, row)
    platform.redis.flushall()
    assert platform.wiring.reader.read({machine.id: platform.place}).unknown == [machine.id]
    inventory(platform)
    assert platform.shown(machine) is None
    assert row_of(platform, machine)["place"] == str(platform.place)


def test_a_tombstone_that_is_no_record_heals_without_an_inventory(platform: Platform) -> None:
    """Also of a server that DRS has no longer: no listing would ever write its row again."""
    machine = platform.server()
    platform.sync()
    table = platform.wiring.settings.recovery_instances_table
    platform.row(table, row_of(platform, machine) | {"lastSyncTime": "rubbish", "version": 1})
    platform.redis.flushall()
    assert platform.wiring.reader.read({machine.id: platform.place}).unknown == [machine.id]
    platform.sync()
    assert platform.shown(machine) is None


def test_tags_are_kept_less_those_of_aws(platform: Platform) -> None:
    """Whoever selects servers by tag needs them."""
    machine = platform.server()
    tags = {"Name": "x", "tier": "db", "aws:createdBy": "y"}
    platform.put(platform.place, sourceServers=[source_server(machine) | {"tags": tags}])
    inventory(platform)
    assert row_of(platform, machine)["sourceTags"] == {"Name": "x", "tier": "db"}


def test_what_the_listing_said_counts_where_asking_by_id_fails(platform: Platform) -> None:
    """Else groups by tags, chosen after the inventory, would lack a
    server that has an instance, and their plans would say none.
    """
    machine = platform.server()
    platform.put(platform.place, sourceServers=[source_server(machine) | {"tags": {"tier": "db"}}])
    platform.launch(machine)

    def fail_by_id(params: dict[str, Any], **_: object) -> None:
        if params.get("filters", {}).get("sourceServerIDs"):
            raise EndpointConnectionError(endpoint_url="drs")

    events = platform.wiring.sync_parts().clients.get("drs", platform.place).meta.events
    events.register("provide-client-params.drs.DescribeSourceServers", fail_by_id)
    inventory(platform)
    row = row_of(platform, machine)
    assert (row["presence"], row["sourceTags"]) == ("present", {"tier": "db"})


@pytest.mark.parametrize(
    ("tag", "is_known"),
    [({"tier": "db"}, True), ({"TIER ": " Db", "size": 7}, True), ({"aws:createdBy": "db"}, False),
     ({"tier": ["db"]}, False)],
)  # fmt: skip
def test_servers_are_chosen_by_tags_as_the_platform_compares_them(
    platform: Platform, tag: dict[str, Any], is_known: bool
) -> None:
    """In any case, without the space around; a group by a tag that is not kept or cannot be read
    is not empty: nobody knows which servers it has.
    """
    machine = platform.server()
    tags = {"Tier": "db", "size": "7", "aws:createdBy": "db"}
    tagged = source_server(machine) | {"tags": tags}
    platform.put(platform.place, sourceServers=[tagged])
    settings = platform.wiring.settings
    place = {"accountId": platform.account, "region": platform.place.region}
    group = {"groupId": "g-1", "serverSelectionTags": tag, **place}
    create_table(platform.wiring.dynamodb, settings.protection_groups_table, "groupId")
    platform.row(settings.protection_groups_table, group)
    wave = {"waveNumber": 0, "protectionGroupId": "g-1", "serverIds": []}
    platform.row(settings.recovery_plans_table, {"planId": "by-tag", "waves": [wave]})
    inventory(platform)
    plan = platform.wiring.plans.get("by-tag").value
    assert plan is not None
    assert (plan.unresolved == (), [*plan.servers]) == (is_known, [machine.id] * is_known)


def test_a_group_that_can_be_no_key_costs_no_other_plan_its_servers(platform: Platform) -> None:
    """DynamoDB refuses a call for the sake of one such key, with all the others in it; as a key of
    a selection, what it was made of is longer.
    """
    settings = platform.wiring.settings
    create_table(platform.wiring.dynamodb, settings.protection_groups_table, "groupId")
    machine = platform.server()
    platform.put(platform.place, sourceServers=[source_server(machine) | {"tags": {"tier": "db"}}])
    place = {"accountId": platform.account, "region": platform.place.region}
    groups = {"db": "z", "longest key": "a" * 2048, "no key": "n" * 2049}
    for group in (groups["db"], groups["longest key"]):
        row = {"groupId": group, "serverSelectionTags": {"tier": "db"}, **place}
        platform.row(settings.protection_groups_table, row)
    for plan_id, group in groups.items():
        wave = {"waveNumber": 0, "protectionGroupId": group, "serverIds": []}
        platform.row(settings.recovery_plans_table, {"planId": plan_id, "waves": [wave]})
    with keys_as_dynamodb_takes_them(platform):
        inventory(platform)
        plans = {it.plan_id: it for it in platform.wiring.plans.all().value}
    assert [*plans["db"].servers] == [machine.id]
    assert "by tags" in plans["longest key"].unresolved[0]
    assert "there is no protection group" in plans["no key"].unresolved[0]


@contextmanager
def keys_as_dynamodb_takes_them(platform: Platform) -> Iterator[None]:
    """A call for a longer key fails; the stand-in is kinder."""

    def refuse(params: dict[str, Any], **_: object) -> None:
        text = json.dumps(params)
        if any(len(it) > 2048 for it in re.findall(r'"(?:groupId|id)": {"S": "([^"]*)"', text)):
            fault = {"Error": {"Code": "ValidationException", "Message": "size of hashkey"}}
            raise ClientError(fault, "BatchGetItem")

    events = platform.wiring.dynamodb.meta.events
    events.register("provide-client-params.dynamodb", refuse, unique_id="keys")
    yield
    events.unregister("provide-client-params.dynamodb", unique_id="keys")


def test_servers_are_chosen_by_tags_from_the_inventory_itself(platform: Platform) -> None:
    """An index lags behind what was just written: a plan
    would lack the server until the next inventory.
    """
    machine = platform.server()
    platform.put(platform.place, sourceServers=[source_server(machine) | {"tags": {"tier": "db"}}])
    table = platform.wiring.settings.protection_groups_table
    create_table(platform.wiring.dynamodb, table, "groupId")
    place = {"accountId": platform.account, "region": platform.place.region}
    platform.row(table, {"groupId": "g-1", "serverSelectionTags": {"tier": "db"}, **place})
    wave = {"waveNumber": 0, "protectionGroupId": "g-1", "serverIds": []}
    plans = platform.wiring.settings.recovery_plans_table
    platform.row(plans, {"planId": "by-tag", "waves": [wave]})

    def lag(parsed: dict[str, Any], **_: object) -> None:
        parsed["Items"] = []

    platform.wiring.dynamodb.meta.events.register("after-call.dynamodb.Query", lag)
    inventory(platform)
    plan = platform.wiring.plans.get("by-tag").value
    assert plan is not None
    assert (plan.unresolved, [*plan.servers]) == ((), [machine.id])


def test_one_place_is_always_looked_at_with_its_inventory(platform: Platform) -> None:
    """Whoever asks for one place wants to know now."""
    platform.sync()
    machine = platform.server()
    place = Place(platform.account, platform.place.region)
    run.sync_recovery_instances_for_account(platform.wiring.sync_parts(), *place)
    assert row_of(platform, machine)["presence"] == "absent"


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("PT11M", 660), ("P0D", 0), ("P1DT2H3M4.5S", 93_784.5), ("P", None), ("PT", None),
     ("11M", None), ("P1Y", None), (None, None), (7, None), ("PT٣M", None)],
)  # fmt: skip
def test_a_lag_is_an_iso_duration_of_days_and_less(duration: object, seconds: float | None) -> None:
    """Anything else is no lag, and no guess."""
    assert seconds_of(duration) == seconds
