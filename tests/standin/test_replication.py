"""Replication that moves with the clock, in the shapes of the DRS model."""

from typing import Any

import pytest

from tests.standin.client import ACCOUNT, REGION, SERVERS, AdminRefused, Aws

PATH = f"places/{ACCOUNT}/{REGION}/replication"


def info(aws: Aws) -> dict[str, Any]:
    """What DRS says of the first server's replication."""
    return dict(aws.server()["dataReplicationInfo"])


def test_lag_grows_while_a_server_is_stalled_and_is_gone_once_it_keeps_up(aws: Aws) -> None:
    """EventBridge hears of both turns."""
    aws.servers()
    aws.admin("POST", PATH, {"state": "STALLED", "lagSeconds": 600, "error": "NOT_CONVERGING"})
    assert info(aws)["lagDuration"] == "PT10M"
    assert info(aws)["dataReplicationError"] == {"error": "NOT_CONVERGING"}
    aws.advance(3600 * 26)
    assert info(aws)["lagDuration"].startswith("P1DT2H10M")
    aws.admin("POST", PATH, {"state": "CONTINUOUS"})
    assert (info(aws)["dataReplicationState"], info(aws)["lagDuration"]) == ("CONTINUOUS", "P0D")
    states = [it["detail"]["state"] for it in aws.events() if "Stalled" in it["detail-type"]]
    assert states == ["STALLED", "NOT_STALLED"]


def test_a_disconnected_agent_is_not_seen_any_more(aws: Aws) -> None:
    """In every other state DRS has just heard of it."""
    aws.servers(2)
    aws.admin("POST", PATH, {"state": "DISCONNECTED", "sourceServerIDs": SERVERS[:1]})
    aws.admin("POST", PATH, {"state": "BACKLOG", "sourceServerIDs": SERVERS[1:2]})

    def seen() -> list[str]:
        return [aws.server(it)["lifeCycle"]["lastSeenByServiceDateTime"] for it in SERVERS[:2]]

    before = seen()
    aws.advance(60)
    assert (seen()[0] == before[0], seen()[1] > before[1]) == (True, True)


def test_an_initial_sync_goes_on_and_ends(aws: Aws) -> None:
    """With its share done and an expected end until then."""
    aws.servers()
    aws.admin("POST", PATH, {"state": "INITIAL_SYNC"})
    aws.advance(1800)
    (disk,) = info(aws)["replicatedDisks"]
    assert 2 * disk["replicatedStorageBytes"] == pytest.approx(disk["totalStorageBytes"], rel=0.01)
    assert "etaDateTime" in info(aws)
    aws.advance(1801)
    assert info(aws)["dataReplicationState"] == "CONTINUOUS"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"state": "SLOW"}, "dataReplicationState is 'SLOW', not one of"),
        ({"state": "STALLED", "error": "TIRED"}, "error is 'TIRED', not one of"),
        ({"state": "STALLED", "lagSeconds": -1}, "lagSeconds: -1 is no number of seconds"),
        ({"state": "STALLED", "sourceServerIDs": "s-1"}, "should be a list"),
        ({"state": "STALLED", "sourceServerIDs": ["s-1"]}, "'s-1': not among the source servers"),
    ],
)
def test_what_drs_could_not_say_is_refused(aws: Aws, body: dict[str, Any], message: str) -> None:
    """With the path of the fault."""
    aws.servers()
    with pytest.raises(AdminRefused, match=message):
        aws.admin("POST", PATH, body)


def test_a_server_that_leaves_is_silently_absent(aws: Aws) -> None:
    """From listings and from describes by id."""
    aws.servers(2)
    aws.admin("DELETE", f"places/{ACCOUNT}/{REGION}/sourceServers/{SERVERS[0]}")
    drs = aws.client("drs")
    left = drs.describe_source_servers()["items"]
    asked = drs.describe_source_servers(filters={"sourceServerIDs": SERVERS[:2]})["items"]
    assert [it["sourceServerID"] for it in left] == SERVERS[1:2]
    assert [it["sourceServerID"] for it in asked] == SERVERS[1:2]


def test_a_source_network_says_the_vpc_it_copies(aws: Aws) -> None:
    """Filtered by its origin."""
    network = {"sourceNetworkID": "sn-0123456789abcdef0", "sourceVpcID": "vpc-0123456789abcdef0"}
    origin = {"sourceAccountID": ACCOUNT, "sourceRegion": "us-east-1"}
    aws.put(sourceNetworks=[network | origin])
    found = aws.client("drs").describe_source_networks(filters={"originRegion": "us-east-1"})
    assert found["items"] == [network | origin]
