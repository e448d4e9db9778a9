"""The administration takes what the services could return, shows
what it has, and refuses the rest by path.
"""

import pytest

from tests.standin.client import ACCOUNT, REGION, SERVERS, AdminRefused, Aws

PLACE = f"places/{ACCOUNT}/{REGION}"
INSTANCE = {"InstanceId": "i-0123456789abcdef0", "State": {"Code": 16, "Name": "running"}}
SNAPSHOT = {
    "snapshotID": "pit-0123456789abcdef0",
    "sourceServerID": SERVERS[0],
    "expectedTimestamp": "2026-11-20T10:20:00Z",
}
RECORD = {
    "recoveryInstanceID": "i-0123456789abcdef0",
    "sourceServerID": SERVERS[0],
    "ec2InstanceState": "STOPPED",
}


def test_a_place_shows_what_was_put_there(aws: Aws) -> None:
    """GET gives what PUT takes; a second PUT merges by id."""
    everything = {
        "initialized": True,
        "sourceServers": [{"sourceServerID": SERVERS[0]}],
        "recoveryInstances": [RECORD],
        "jobs": [{"jobID": "drsjob-0123456789abcdef0", "status": "COMPLETED"}],
        "sourceNetworks": [{"sourceNetworkID": "sn-0123456789abcdef0"}],
        "recoverySnapshots": [SNAPSHOT],
        "launchConfigurations": {SERVERS[0]: {"sourceServerID": SERVERS[0], "copyTags": True}},
        "instances": [INSTANCE],
    }
    aws.put(**everything)
    assert aws.admin("GET", PLACE) == everything
    aws.put(sourceServers=[{"sourceServerID": SERVERS[1]}])
    assert [
        server["sourceServerID"] for server in aws.admin("GET", PLACE)["sourceServers"]
    ] == SERVERS[:2]
    (place,) = aws.admin("GET", "places")["places"]
    aws.client("ec2", "999999999999").describe_instances()
    assert len(aws.admin("GET", "places")["places"]) == 1, (
        "asking about a place does not make it one"
    )
    assert (place["accountId"], place["sourceServers"], place["instances"]) == (ACCOUNT, 2, 1)


@pytest.mark.parametrize(
    ("kind", "item", "message"),
    [
        (
            "sourceServers",
            {"sourceServerId": SERVERS[0]},
            r"sourceServers\[0\].sourceServerId is no member",
        ),
        ("sourceServers", {"tags": {}}, r"sourceServers\[0\].sourceServerID is required"),
        ("sourceServers", {"sourceServerID": "s-1"}, r"sourceServerID has length 3"),
        (
            "recoveryInstances",
            RECORD | {"ec2InstanceState": "running"},
            "ec2InstanceState is 'running', not one of",
        ),
        (
            "recoveryInstances",
            {"recoveryInstanceID": "i-0123456789abcdef0"},
            "sourceServerID is required",
        ),
        (
            "jobs",
            {"status": "FAILED"},
            r"jobs\[0\].jobID is required; jobs\[0\].status is 'FAILED'",
        ),
        ("instances", {"InstanceId": "i-0123456789abcdef0"}, "State.Name is required"),
        (
            "instances",
            INSTANCE | {"LaunchTime": "yesterday"},
            r"instances\[0\].LaunchTime should be an ISO 8601 time",
        ),
        ("servers", {}, "servers: no such kind"),
    ],
)
def test_what_no_service_could_return_is_refused(
    aws: Aws, kind: str, item: dict[str, object], message: str
) -> None:
    """With its path; and nothing of the body is loaded."""
    with pytest.raises(AdminRefused, match=message):
        aws.put(**{"sourceNetworks": [{"sourceNetworkID": "sn-0123456789abcdef0"}], kind: [item]})
    assert aws.admin("GET", PLACE)["sourceNetworks"] == []


def test_ec2_instances_alone_do_not_set_drs_up(aws: Aws) -> None:
    """An origin account has machines and no DRS; anything of
    DRS sets it up, unless told otherwise.
    """
    aws.put(instances=[INSTANCE])
    assert aws.admin("GET", PLACE)["initialized"] is False
    aws.put(jobs=[])
    assert aws.admin("GET", PLACE)["initialized"] is True
    aws.put(initialized=False, jobs=[])
    assert aws.admin("GET", PLACE)["initialized"] is False


def test_a_record_loaded_beside_its_instance_says_what_it_says(aws: Aws) -> None:
    """A world may contain a disagreement between DRS and EC2."""
    aws.put(instances=[INSTANCE], recoveryInstances=[RECORD])
    assert aws.records()[0]["ec2InstanceState"] == "STOPPED"


def test_one_item_can_be_removed_and_then_everything(aws: Aws) -> None:
    """Removing what is not there is an error; after DELETE there are
    no places, accounts, weather or jobs to come.
    """
    aws.servers(2)
    aws.launch(SERVERS[1])
    aws.admin("DELETE", f"{PLACE}/sourceServers/{SERVERS[0]}")
    for path in (f"{PLACE}/sourceServers/{SERVERS[0]}", f"{PLACE}/colours/red"):
        with pytest.raises(AdminRefused):
            aws.admin("DELETE", path)
    aws.weather({"deny": True})
    aws.behave(job_start=1)
    aws.admin("DELETE", "places")
    aws.advance(3600)
    assert (aws.admin("GET", "places"), aws.admin("GET", "weather"), aws.events()) == (
        {"places": []},
        {"rules": []},
        [],
    )
    assert aws.admin("GET", "behaviour")["job_start"] == 5


def test_the_call_log_is_read_in_parts(aws: Aws) -> None:
    """From where the last reading ended; refused calls are in it with their error."""
    aws.servers(3)
    drs = aws.client("drs")
    drs.describe_source_servers()
    log = aws.admin("GET", "calls?since=0")
    first = log["calls"][0]
    assert (first["service"], first["region"], first["items"], first["roleArn"]) == (
        "drs",
        REGION,
        3,
        None,
    )
    drs.describe_jobs()
    rest = aws.admin("GET", f"calls?since={log['next']}")["calls"]
    assert [call["operation"] for call in rest] == ["DescribeJobs"]
    aws.admin("DELETE", "calls")
    assert aws.admin("GET", "calls?since=0")["calls"] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"speed": 1}, "speed: no such setting"),
        ({"boot": "fast"}, "boot: 'fast' is of the wrong type"),
        ({"boot": -1}, "wrong type"),
        ({"relaunch": "never"}, "either 'neither' or 'both'"),
    ],
)
def test_behaviour_takes_only_what_it_knows(
    aws: Aws, settings: dict[str, object], message: str
) -> None:
    """A misspelt duration would silently be the default."""
    with pytest.raises(AdminRefused, match=message):
        aws.behave(**settings)


def test_the_clock_moves_forward_only(aws: Aws) -> None:
    """By as much as asked."""
    before = aws.admin("GET", "clock")
    after = aws.admin("POST", "clock", {"advanceSeconds": 90})
    assert after["epochSeconds"] - before["epochSeconds"] == 90
    with pytest.raises(AdminRefused, match="no number of seconds"):
        aws.advance(-1)


def test_a_route_that_is_not_there_is_an_error(aws: Aws) -> None:
    """And so is a body that is no JSON object."""
    assert aws.admin("GET", "health") == {"status": "up"}
    with pytest.raises(AdminRefused, match="no route"):
        aws.admin("GET", "wether")
    with pytest.raises(AdminRefused, match="should be a JSON object"):
        aws.admin("PUT", "weather", [])
