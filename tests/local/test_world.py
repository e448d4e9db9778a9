"""The seeded world."""

import json
from typing import Any

import pytest

from local.world import DENIED, EMPTY_PLAN, NEVER_INITIALISED, OWN, WHOLE_ESTATE, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """The default world."""
    return make_world()


def listed(world: World, kind: str) -> list[dict[str, Any]]:
    """Every item of a kind, in all places."""
    return [item for place in world.places.values() for item in place.get(kind, [])]


def test_the_same_seed_makes_the_same_world() -> None:
    """Bit by bit; another seed makes another."""
    assert vars(make_world(7)) == vars(make_world(7))
    assert make_world(7).expected != make_world(8).expected


def test_it_has_the_size_the_page_is_built_for(world: World) -> None:
    """1,200 servers, over a thousand with an instance, 60 plans,
    three accounts, two regions that show nothing.
    """
    assert len(world.expected) == len(listed(world, "sourceServers")) == 1_200
    assert len(world.alive) >= 1_000
    assert len(world.recovery_plans) == 60
    assert [("roleArn" in row, "externalId" in row) for row in world.target_accounts] == [
        (False, False),
        (True, True),
        (True, True),
    ]
    looked_at = {region for row in world.target_accounts for region in row["regions"]}
    assert len(looked_at) >= 5
    assert {NEVER_INITIALISED, DENIED} <= looked_at
    assert any(len(place.get("recoveryInstances", [])) > 200 for place in world.places.values())


def test_it_has_every_kind_of_server(world: World) -> None:
    """Leftovers beside new instances, never launched, stopped,
    without public address, drills and real ones.
    """
    alive = list(world.alive.values())
    assert {fields["ec2InstanceState"] for fields in alive} == {"running", "stopped"}
    assert {fields["isDrill"] for fields in alive} == {True, False}
    assert any(fields["publicIp"] is None for fields in alive)
    assert any(not fields["name"].isascii() and " " in fields["name"] for fields in alive)
    records: dict[str, list[str]] = {}
    for record in listed(world, "recoveryInstances"):
        records.setdefault(record["sourceServerID"], []).append(record["ec2InstanceState"])
    assert sum(sorted(states) == ["RUNNING", "TERMINATED"] for states in records.values()) > 20
    assert any(states == ["NOT_FOUND"] for states in records.values())
    assert len(world.expected.keys() - records.keys()) > 50
    assert sum(fields["sourceSubnetId"] is not None for fields in alive) == pytest.approx(
        len(alive) / 2, rel=0.1
    )


def test_every_instance_is_launched_by_its_executions_job(world: World) -> None:
    """The execution of an instance has a wave with the job that
    launched it, and only those without one are unknown.
    """
    by_job = {
        wave["jobId"]: row["executionId"]
        for row in world.execution_history
        for wave in row["waves"]
        if "jobId" in wave
    }
    tagged = {
        job["jobID"]: job["tags"]["executionId"] for job in listed(world, "jobs") if job["tags"]
    }
    for fields in world.alive.values():
        job_id = fields["jobId"]
        assert by_job.get(job_id, tagged.get(job_id)) == fields["sourceExecutionId"]
    assert any(fields["sourceExecutionId"] is None for fields in world.alive.values())
    assert tagged


def test_waves_stay_in_one_place_and_jobs_within_their_limit(world: World) -> None:
    """A wave is one place's servers; DRS takes 100 servers a job."""
    home = {
        server["sourceServerID"]: place
        for place, body in world.places.items()
        for server in body.get("sourceServers", [])
    }
    for plan in world.recovery_plans:
        for wave in plan["waves"]:
            assert {home[server_id] for server_id in wave["serverIds"]} == {
                (wave["accountId"], wave["region"])
            }
    assert all(len(job["participatingServers"]) <= 100 for job in listed(world, "jobs"))


def test_two_plans_are_special(world: World) -> None:
    """One without any instance, one over a thousand servers."""
    plans = {plan["planId"]: plan for plan in world.recovery_plans}
    members = {
        key: [i for wave in plan["waves"] for i in wave["serverIds"]] for key, plan in plans.items()
    }
    assert not any(world.expected[server_id] for server_id in members[EMPTY_PLAN])
    assert len(set(members[WHOLE_ESTATE])) == 1_000
    assert max(len(json.dumps(plan)) for plan in plans.values()) < 400_000, "DynamoDB's item limit"


@pytest.mark.parametrize(("servers", "places", "plans"), [(30, 2, 4), (3_000, 28, 100)])
def test_other_sizes_are_whole_worlds_too(servers: int, places: int, plans: int) -> None:
    """Every server is in one of so many places and in a plan."""
    world = make_world(1, servers, places, plans)
    assert len(world.expected) == servers
    assert sum(bool(place.get("sourceServers")) for place in world.places.values()) == places
    assert len(world.recovery_plans) == plans
    assert world.target_accounts[0]["accountId"] == OWN
    planned = {
        i for plan in world.recovery_plans for wave in plan["waves"] for i in wave["serverIds"]
    }
    assert planned == set(world.expected)
