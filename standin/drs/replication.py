"""Ending replication: of a source server, of a recovery instance on
its way back, and taking a server out of DRS.
"""

from typing import Any

from standin.drs import jobs
from standin.drs.core import Call, Reply
from standin.drs.errors import conflict, not_found
from standin.drs.state import INSTANCE, SERVER, Item, Place


def stop_replication(call: Call) -> Reply:
    """The server is unprotected from now on and its snapshots are gone.

    Raises ResourceNotFoundException; during a job
    ConflictException."""
    place, server = call.place, _server(call)
    server_id = str(server["sourceServerID"])
    jobs.refuse_if_busy(place, [server_id])
    _halt(place, server, "STOPPED")
    _forget_snapshots(place, server_id)
    return {"sourceServer": place.source_servers[server_id]}


def stop_failback(call: Call) -> Reply:
    """The failback state goes back to FAILBACK_NOT_STARTED. Raises ResourceNotFoundException."""
    place, instance_id = call.place, str(call.params["recoveryInstanceID"])
    record = place.recovery_instances.get(instance_id)
    if record is None:
        raise not_found(instance_id, INSTANCE)
    failback = record.get("failback", {}) | {"state": "FAILBACK_NOT_STARTED"}
    place.change(place.recovery_instances, instance_id, failback=failback)
    return {}


def disconnect_source_server(call: Call) -> Reply:
    """Data replication stops at once.

    Raises ResourceNotFoundException; ConflictException while it has a recovery
    instance and during a job."""
    place, server = call.place, _server(call)
    server_id = str(server["sourceServerID"])
    jobs.refuse_if_busy(place, [server_id])
    if any(_is_alive(record) for record in place.records_of(server_id)):
        raise conflict("The source server has a recovery instance", server_id, SERVER)
    _halt(place, server, "DISCONNECTED")
    return place.source_servers[server_id]


def delete_source_server(call: Call) -> Reply:
    """It is gone, and its snapshots.

    Raises ResourceNotFoundException; ConflictException unless disconnected.
    """
    place, server = call.place, _server(call)
    server_id = str(server["sourceServerID"])
    if server.get("dataReplicationInfo", {}).get("dataReplicationState") != "DISCONNECTED":
        raise conflict("Disconnect the source server first", server_id, SERVER)
    del place.source_servers[server_id]
    place.replications.pop(server_id, None)
    place.launch_configurations.pop(server_id, None)
    _forget_snapshots(place, server_id)
    return {}


def halted(replication: dict[str, Any], state: str) -> dict[str, Any]:
    """Replication that has ended: every figure of its disks zero, no lag and no time of arrival."""
    disks = [
        {name: 0 if isinstance(value, int) else value for name, value in disk.items()}
        for disk in replication.get("replicatedDisks", ())
    ]
    kept = {
        name: value
        for name, value in replication.items()
        if name not in ("lagDuration", "etaDateTime")
    }
    return kept | {"dataReplicationState": state, "replicatedDisks": disks}


def _server(call: Call) -> Item:
    server_id = str(call.params["sourceServerID"])
    server = call.place.source_servers.get(server_id)
    if server is None:
        raise not_found(server_id, SERVER)
    return server


def _halt(place: Place, server: Item, state: str) -> None:
    replication = halted(server.get("dataReplicationInfo", {}), state)
    place.change(place.source_servers, server["sourceServerID"], dataReplicationInfo=replication)
    place.replications.pop(server["sourceServerID"], None)  # it moves no more


def _forget_snapshots(place: Place, server_id: str) -> None:
    for snapshot_id in [it["snapshotID"] for it in place.snapshots_of(server_id)]:
        del place.recovery_snapshots[snapshot_id]


def _is_alive(record: Item) -> bool:
    return record.get("ec2InstanceState") not in ("TERMINATED", "NOT_FOUND")
