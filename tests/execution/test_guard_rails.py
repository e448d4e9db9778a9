"""What may not be terminated is refused by name, whatever is confirmed."""

from typing import Any

import pytest

from cache.values import Place
from tests.execution.deployment import Deployment, drilled, ids_of


def test_a_real_recovery_needs_to_be_confirmed(deployment: Deployment) -> None:
    """Production may be running on it."""
    execution_id, waves = drilled(deployment, kind="RECOVERY")
    refused = deployment.terminate(execution_id)["refused"]
    assert {item["reason"] for item in refused} == {"REAL_RECOVERY"}
    assert deployment.termination(execution_id)["status"] == "NONE"
    assert len(deployment.terminate(execution_id, confirm=True)["requested"]) == 2
    deployment.advance()
    assert deployment.termination(execution_id)["status"] == "COMPLETED"
    ((place, ids),) = waves.items()
    assert deployment.shown(ids, place) == {}


def replicates_back(deployment: Deployment, place: Place, server_id: str) -> None:
    """The source server now carries the failback."""
    (server,) = [
        it for it in deployment.holds(place)["sourceServers"] if it["sourceServerID"] == server_id
    ]
    deployment.put(place, sourceServers=[server | {"replicationDirection": "FAILBACK"}])


def fails_back(deployment: Deployment, place: Place, server_id: str) -> None:
    """A failback of the instance was begun."""
    deployment.alter(place, server_id, failback={"state": "FAILBACK_READY_FOR_LAUNCH"})


def launched_into(deployment: Deployment, place: Place, server_id: str) -> None:
    """The launch went into a machine that was there before."""
    (record,) = deployment.records(place, server_id)
    into = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": record["ec2InstanceID"]}}
    deployment.put(place, launchConfigurations={server_id: into})


def protected_here(deployment: Deployment, place: Place, server_id: str) -> None:
    """The instance itself is protected by DRS, in the same place."""
    protect_instance(deployment, place, server_id, place)


def protected_at_its_origin(deployment: Deployment, place: Place, server_id: str) -> None:
    """The instance itself is protected by DRS, where its server
    comes from: that is how a failback is set up.
    """
    origin = Place(place.account_id, "us-west-2")
    deployment.aws.call("PUT", f"places/{origin.account_id}/{origin.region}", {"initialized": True})
    (server,) = [
        it for it in deployment.holds(place)["sourceServers"] if it["sourceServerID"] == server_id
    ]
    cloud = server["sourceCloudProperties"] | {"originRegion": origin.region}
    deployment.put(place, sourceServers=[server | {"sourceCloudProperties": cloud}])
    protect_instance(deployment, place, server_id, origin)


def protect_instance(deployment: Deployment, place: Place, server_id: str, where: Place) -> None:
    """A source server whose machine is this server's recovery instance."""
    (record,) = deployment.records(place, server_id)
    (other,) = deployment.protect(where, 1)
    (server,) = [
        it for it in deployment.holds(where)["sourceServers"] if it["sourceServerID"] == other
    ]
    hints = server["sourceProperties"]["identificationHints"] | {
        "awsInstanceID": record["ec2InstanceID"]
    }
    properties = server["sourceProperties"] | {"identificationHints": hints}
    deployment.put(where, sourceServers=[server | {"sourceProperties": properties}])


def relaunched(deployment: Deployment, place: Place, server_id: str) -> None:
    """Somebody has launched the server again since."""
    client = deployment.wiring.sync_parts().clients.get("drs", place)
    client.start_recovery(sourceServers=[{"sourceServerID": server_id}], isDrill=True)
    deployment.advance()


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (replicates_back, "FAILBACK_SERVER"),
        (fails_back, "FAILBACK_BEGUN"),
        (launched_into, "LAUNCHED_INTO_SOURCE"),
        (protected_here, "PROTECTED_MACHINE"),
        (protected_at_its_origin, "PROTECTED_MACHINE"),
        (relaunched, "RELAUNCHED"),
    ],
)
def test_guard_rails_refuse_by_name_even_what_is_confirmed(
    deployment: Deployment, happens: Any, reason: str
) -> None:
    """The other server goes all the same; the refused one's instance and row stay."""
    execution_id, waves = drilled(deployment)
    ((place, (guarded, other)),) = waves.items()
    happens(deployment, place, guarded)
    answer = deployment.terminate(execution_id, confirm=True)
    assert [(item["sourceServerId"], item["reason"]) for item in answer["refused"]] == [
        (guarded, reason)
    ]
    assert answer["refused"][0]["message"]
    assert ids_of(answer["requested"]) == [other]
    deployment.advance()
    status = deployment.termination(execution_id)
    assert (status["status"], status["remaining"]) == ("PARTIAL", [guarded])
    assert list(deployment.shown([guarded, other], place)) == [guarded]


def test_a_server_relaunched_by_another_execution_is_refused(deployment: Deployment) -> None:
    """Its row names the other execution by now, whose instance it is."""
    first, waves = drilled(deployment)
    second = deployment.drill(*waves.items(), replace=True)
    answer = deployment.terminate(first)
    assert {item["reason"] for item in answer["refused"]} == {"RELAUNCHED"}
    assert answer["requested"] == []
    assert len(deployment.terminate(second)["requested"]) == 2


def test_a_guard_rail_that_cannot_be_checked_is_no_leave(deployment: Deployment) -> None:
    """A launch configuration that cannot be read might name the very machine."""
    execution_id, _ = drilled(deployment)
    deployment.aws.weather([{"operation": "GetLaunchConfiguration", "deny": True}])
    answer = deployment.terminate(execution_id)
    assert (len(answer["failed"]), answer["requested"]) == (2, [])
    assert deployment.calls("TerminateRecoveryInstances") == []
    deployment.aws.weather([])
    assert len(deployment.terminate(execution_id)["requested"]) == 2
