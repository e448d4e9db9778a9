"""Termination, disconnection and deletion of recovery instances."""

from standin.drs import jobs
from standin.drs.core import Call, Drs, Reply
from standin.drs.errors import conflict, not_found
from standin.drs.launch import remove_instance
from standin.drs.replication import halted
from standin.drs.state import INSTANCE, Item, Place

_DURING_FAILBACK = {"FAILBACK_IN_PROGRESS", "FAILBACK_READY_FOR_LAUNCH"}


def terminate_recovery_instances(call: Call) -> Reply:
    """Start a TERMINATE job. One refused id refuses the whole call.

    Raises ConflictException for an unknown id (the model names no better error), during a failback,
    and for a server already in a job; ServiceQuotaExceededException over a quota.
    """
    place = call.place
    instance_ids = list(dict.fromkeys(map(str, call.params["recoveryInstanceIDs"])))
    records = [_record(place, instance_id) for instance_id in instance_ids]
    for record in records:
        if record.get("failback", {}).get("state") in _DURING_FAILBACK:
            message = "Recovery instances cannot be terminated during failback"
            raise conflict(message, record["recoveryInstanceID"], INSTANCE)
    jobs.refuse_if_impossible(place, {str(record["sourceServerID"]) for record in records})
    return {"job": TerminateJob(call.drs, place, records).job}


class TerminateJob:
    """Shut the instances down, then complete."""

    def __init__(self, drs: Drs, place: Place, records: list[Item]) -> None:
        self.drs, self.place = drs, place
        self.servers = {
            str(record["recoveryInstanceID"]): str(record["sourceServerID"]) for record in records
        }
        participants = [
            {
                "sourceServerID": server_id,
                "recoveryInstanceID": instance_id,
                "launchStatus": "PENDING",
            }
            for instance_id, server_id in self.servers.items()
        ]
        self.job = jobs.create(
            drs, place, "TERMINATE", "TERMINATE_RECOVERY_INSTANCES", participants, {}
        )
        self.job_id = str(self.job["jobID"])
        drs.clock.after(drs.behaviour.job_start, self._begin)

    def _begin(self) -> None:
        jobs.start(self.drs, self.place, self.job_id)
        for instance_id, server_id in self.servers.items():
            jobs.mark(self.place, self.job_id, server_id, launchStatus="IN_PROGRESS")
            if instance_id in self.place.recovery_instances:
                remove_instance(self.drs, self.place, instance_id)
        self.drs.clock.after(self.drs.behaviour.terminate, self._end)

    def _end(self) -> None:
        for server_id in self.servers.values():
            jobs.mark(self.place, self.job_id, server_id, launchStatus="TERMINATED")
            self._note(server_id)
        jobs.complete(self.drs, self.place, self.job_id)

    def _note(self, server_id: str) -> None:
        life = self.place.source_servers.get(server_id, Item({})).get("lifeCycle", {})
        if "lastLaunch" in life:
            life = life | {"lastLaunch": life["lastLaunch"] | {"status": "TERMINATED"}}
            self.place.change(self.place.source_servers, server_id, lifeCycle=life)


def disconnect_recovery_instance(call: Call) -> Reply:
    """Stop the replication and zero its figures.

    Raises ResourceNotFoundException; during a job ConflictException.
    """
    place, instance_id = call.place, str(call.params["recoveryInstanceID"])
    record = place.recovery_instances.get(instance_id)
    if record is None:
        raise not_found(instance_id, INSTANCE)
    jobs.refuse_if_busy(place, [str(record["sourceServerID"])])
    replication = halted(record.get("dataReplicationInfo", {}), "DISCONNECTED")
    place.change(place.recovery_instances, instance_id, dataReplicationInfo=replication)
    return {}


def delete_recovery_instance(call: Call) -> Reply:
    """Delete the DRS record; EC2 keeps running.

    Raises ConflictException unless it exists and is disconnected.
    """
    place, instance_id = call.place, str(call.params["recoveryInstanceID"])
    record = _record(place, instance_id)
    if record.get("dataReplicationInfo", {}).get("dataReplicationState") != "DISCONNECTED":
        raise conflict("Disconnect the recovery instance first", instance_id, INSTANCE)
    del place.recovery_instances[instance_id]
    server_id = str(record.get("sourceServerID"))
    if place.source_servers.get(server_id, Item({})).get("recoveryInstanceId") == instance_id:
        place.change(place.source_servers, server_id, "recoveryInstanceId")
    return {}


def _record(place: Place, instance_id: str) -> Item:
    record = place.recovery_instances.get(instance_id)
    if record is None:
        raise conflict(f"Recovery instance {instance_id} does not exist", instance_id, INSTANCE)
    return record
