"""Rows of target-accounts as the platform writes them; what cannot be
understood costs its own account, and is named.
"""

from typing import Any

import pytest
from hypothesis import given

from cache.attributes import encode
from cache.mirror import PLACES
from cache.values import Outcome, Place
from services.platform.accounts import target_accounts
from services.reads.live import LiveReader
from services.sync.places import ANY_REGION, places_of
from services.wiring import Wiring
from tests.altered import LIMITS, altered
from tests.sync.platform import HOME, Platform

ROLE = "arn:aws:iam::222222222222:role/DROrchestrationRole"
ROW: dict[str, Any] = {
    "accountId": "222222222222", "accountName": "B", "status": "active", "isCurrentAccount": False,
    "roleArn": ROLE,
    "externalId": "drs-orchestration", "stagingAccounts": [], "createdAt": 1_795_000_000,
    "lastValidated": 1_795_000_000,
    "createdBy": "user",
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"externalId": ""}, {"externalId": None}, {"externalId": 7}, {"regions": []},
        {"regions": "all"},
        {"regions": None}, {"status": ""}, {"status": None}, {"status": "ACTIVE"},
        {"isCurrentAccount": "no"},
        {"stagingAccounts": "none"}, {"accountName": 7},
    ],
)  # fmt: skip
def test_a_row_of_the_platform_is_looked_at_everywhere(changes: dict[str, Any]) -> None:
    """It names no regions, and what a form leaves empty is as good as missing."""
    accounts, faults = target_accounts([ROW | changes])
    assert faults == {}
    assert (accounts["222222222222"].role_arn, accounts["222222222222"].regions) == (ROLE, None)
    assert accounts["222222222222"].external_id in {None, "drs-orchestration", "7"}


def test_only_words_that_say_so_take_an_account_out() -> None:
    """Any other one is a fault of the row, not a removal."""
    for word in ("inactive", "Disabled", "deleted"):
        assert target_accounts([ROW | {"status": word}]) == ({}, {})
    for odd in (
        {"status": "validating"},
        {"roleArn": "role"},
        {"roleArn": ""},
        {"status": ["active"]},
        {"roleArn": ROLE.replace("2" * 12, "3" * 12)},
    ):
        accounts, faults = target_accounts([ROW | odd])
        assert accounts == {}
        assert "222222222222" in faults["222222222222"]


def test_our_own_account_needs_no_role() -> None:
    """Whether the row says that it is the current one, or says nothing."""
    bare = {"accountId": "111111111111"}
    for row in (bare, bare | {"isCurrentAccount": True, "roleArn": "", "externalId": ""}):
        assert target_accounts([row]).accounts["111111111111"].role_arn is None


@LIMITS
@given(row=altered(ROW | {"regions": ["eu-west-1", "us-east-1"]}, "eu-west-1", "disabled"))
def test_no_row_costs_its_neighbour_and_none_is_lost_in_silence(
    row: dict[str, Any],
) -> None:
    """It is looked at, in no fewer regions than it means, named
    as a fault, or says itself that it has left.
    """
    there = "333333333333"
    neighbour = ROW | {"accountId": there, "roleArn": ROLE.replace("2" * 12, there)}
    accounts, faults = target_accounts([row, neighbour])
    assert there in accounts
    assert len(accounts) + len(faults) == 2 or str(row["status"]).lower() in {
        "inactive", "disabled", "deleted", "removed", "suspended",
    }  # fmt: skip
    regions = (account := accounts.get(str(row.get("accountId")))) and account.regions
    assert not regions or {*map(str.strip, row["regions"]), ""} == {*regions, ""}


@pytest.mark.parametrize("odd", [7, None, {"S": "eu-west-1"}, ["eu-west-1"]])
def test_regions_that_are_not_all_names_mean_every_region(odd: object) -> None:
    """The one that cannot be read would be left, and its servers without a row called absent."""
    accounts, _ = target_accounts([ROW | {"regions": ["us-east-1", odd]}])
    assert accounts[ROW["accountId"]].regions is None
    accounts, _ = target_accounts([ROW | {"regions": ["us-east-1", "", " eu-west-1\n"]}])
    assert accounts[ROW["accountId"]].regions == ("us-east-1", "eu-west-1")


def test_a_row_that_breaks_keeps_its_places_unknown_and_named(platform: Platform) -> None:
    """A server there is never answered absent, and comes back with the row."""
    platform.configure("us-east-1")
    machine = platform.server()
    platform.sync()
    instance = platform.launch(machine)
    platform.target(accountId=platform.account, status="somehow", **platform.role)
    report = platform.sync()
    assert report.no_longer_configured == []
    assert [it for it in report.errors if platform.account in it and "status" in it]
    (row,) = [it for it in platform.wiring.looks.rows() if it["place"] == str(platform.place)]
    assert (row["outcome"], "somehow" in row["message"]) == ("unreadable", True)
    platform.target(
        accountId=platform.account,
        regions=["us-east-1"],
        externalId="",
        roleArn=platform.role["roleArn"],
    )
    platform.aws.call(
        "PUT", f"accounts/{platform.account}", {"roles": [{"roleArn": platform.role["roleArn"]}]}
    )
    assert platform.sync().errors == []
    assert platform.shown(machine) == instance.id


@pytest.mark.parametrize(
    "odd", [{"Regions": []}, {}, {"Regions": [{}]}, {"Regions": [{"RegionName": HOME}, "x"]}]
)
def test_regions_that_ec2_tells_badly_are_all_looked_at(
    platform: Platform, odd: dict[str, Any]
) -> None:
    """None at all would take the account out, and its servers would be called absent."""
    platform.configure(HOME)
    platform.target(accountId=platform.account, **platform.role)
    parts = platform.wiring.sync_parts()
    client = parts.clients.get("ec2", Place(platform.account, ANY_REGION))
    known = set(places_of(parts.accounts.values(), parts.clients))

    def spoil(parsed: dict[str, Any], **_: object) -> None:
        parsed.clear()
        parsed |= odd

    client.meta.events.register("after-call.ec2.DescribeRegions", spoil)
    assert set(places_of(parts.accounts.values(), parts.clients)) == known
    assert len(known) > 1


@pytest.mark.parametrize("is_current", [None, True])
def test_no_account_is_looked_at_with_the_credentials_of_another(
    platform: Platform, is_current: bool | None
) -> None:
    """A row that lost its role, or says that it is our own account, would make our own, empty one
    vouch that its servers have no instances.
    """
    platform.configure("us-east-1")
    machine = platform.server()
    platform.sync()
    platform.launch(machine)
    row = {"accountId": platform.account, "regions": ["us-east-1"], "isCurrentAccount": is_current}
    platform.target(**row | ({"roleArn": platform.role["roleArn"]} if is_current else {}))
    (place,) = platform.sync().places
    assert (place.outcome, "credentials" in str(place.message)) == (Outcome.DENIED, True)
    for planned in (platform.place, None):
        never = f"s-{7:017d}"
        assert LiveReader(platform.wiring.sync_parts).read({never: planned}).unknown == [never]
    platform.configure("us-east-1")
    assert platform.sync().summary()["instancesUpdated"] == 1


def test_a_mirror_that_was_away_hears_later_that_a_place_was_left(platform: Platform) -> None:
    """Its old look would vouch for absences for as long as other places keep the hash alive."""
    platform.configure("us-east-1", "us-east-2")
    platform.sync()
    old = platform.redis.hget(PLACES, str(platform.place))
    platform.configure("us-east-2")
    platform.sync()
    platform.redis.hset(PLACES, str(platform.place), old)
    platform.sync()
    told = platform.redis.hget(PLACES, str(platform.place))
    assert b"|not_configured|" in told


def test_an_account_never_understood_leaves_every_server_unknown(platform: Platform) -> None:
    """Nobody has looked where it may be; once the row is mended,
    the stand-in for its places blocks nothing.
    """
    platform.configure("us-east-1")
    other = str(int(platform.account) + 1)
    platform.target(accountId=other, roleArn="rubbish")
    platform.sync()
    nobody = f"s-{0:017d}"
    assert platform.wiring.reader.read({nobody: None}).unknown == [nobody]
    name = platform.wiring.settings.target_accounts_table
    platform.wiring.dynamodb.delete_item(TableName=name, Key={"accountId": encode(other)})
    assert platform.sync().no_longer_configured == [str(Place(other, "*"))]
    fresh = f"s-{1:017d}"
    assert Wiring(platform.wiring.settings).reader.read({fresh: None}).unknown == []


def test_an_account_that_is_new_vouches_for_nothing_until_it_is_looked_at(
    platform: Platform,
) -> None:
    """The mirror hears of its place before the first look at it: an absence that stands there for
    all places was of the others.
    """
    platform.sync()
    nobody = f"s-{2:017d}"
    assert platform.wiring.reader.read({nobody: None}).unknown == []
    other = Place(str(int(platform.account) + 1), "us-east-1")
    role = {"roleArn": f"arn:aws:iam::{other.account_id}:role/r", "externalId": "other"}
    platform.aws.call("PUT", f"accounts/{other.account_id}", {"roles": [role]})
    platform.put(other, initialized=True)
    platform.target(accountId=other.account_id, regions=[other.region], status="active", **role)
    with platform.held_before("DescribeRecoveryInstances", platform.sync, place=other):
        fresh = Wiring(platform.wiring.settings).reader
        assert fresh.read({nobody: None}).unknown == [nobody]
    assert Wiring(platform.wiring.settings).reader.read({nobody: None}).unknown == []
