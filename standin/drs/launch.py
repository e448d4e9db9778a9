"""StartRecovery, and the life of the job it starts."""

from typing import Any

from standin.drs import ec2, items, jobs
from standin.drs.behaviour import Behaviour
from standin.drs.core import Call, Drs, Reply
from standin.drs.errors import conflict, invalid
from standin.drs.state import SERVER, Item, Place


def start_recovery(call: Call) -> Reply:
    """Launch recovery instances of source servers.

    Raises ValidationException for a server named twice, ConflictException for an unknown one (the
    model names no better error), for one already in a job and for a snapshot that is not the
    server's, ServiceQuotaExceededException over a quota.
    """
    place, params = call.place, call.params
    server_ids = [str(server["sourceServerID"]) for server in params["sourceServers"]]
    if len(set(server_ids)) < len(server_ids):
        raise invalid("sourceServers", "a source server is named twice")
    for server_id in server_ids:
        if server_id not in place.source_servers:
            raise conflict(f"Source server {server_id} does not exist", server_id, SERVER)
    chosen = {
        str(server["sourceServerID"]): str(server["recoverySnapshotID"])
        for server in params["sourceServers"]
        if "recoverySnapshotID" in server
    }
    points = {server: _point_in_time(place, server, chosen[server]) for server in chosen}
    jobs.refuse_if_impossible(place, server_ids)
    launch = LaunchJob(
        call.drs, place, server_ids, points, bool(params.get("isDrill")), params.get("tags", {})
    )
    return {"job": launch.job}


class LaunchJob:
    """Snapshot, clean-up of the previous instances, conversion,
    launches: each step leads to the next on the clock.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what StartRecovery takes
        self,
        drs: Drs,
        place: Place,
        server_ids: list[str],
        points: dict[str, str],
        is_drill: bool,
        tags: dict[str, str],
    ) -> None:
        """`points`: the moment of the snapshot that was chosen,
        by server; the others get a new one.
        """
        self.drs, self.place, self.server_ids, self.is_drill = drs, place, server_ids, is_drill
        self.points = dict(points)
        participants = [
            {"sourceServerID": server_id, "launchStatus": "PENDING"} for server_id in server_ids
        ]
        initiated_by = "START_DRILL" if is_drill else "START_RECOVERY"
        self.job = jobs.create(drs, place, "LAUNCH", initiated_by, participants, tags)
        self.job_id = str(self.job["jobID"])
        for server_id in server_ids:
            self._server_status(server_id, "PENDING", "PENDING")
        drs.clock.after(self.behaviour.job_start, self._begin)

    @property
    def behaviour(self) -> Behaviour:
        return self.drs.behaviour

    def _begin(self) -> None:
        jobs.start(self.drs, self.place, self.job_id)
        for server_id in self.server_ids:
            jobs.mark(self.place, self.job_id, server_id, launchStatus="IN_PROGRESS")
            self._server_status(server_id, "PENDING", "IN_PROGRESS")
            self._log("SNAPSHOT_START", server_id)
        self.drs.clock.after(self.behaviour.snapshot, self._snapshots_taken)
        self.drs.clock.after(self.behaviour.conversion_start, self._convert)

    def _snapshots_taken(self) -> None:
        for server_id in self.server_ids:
            self._log("SNAPSHOT_END", server_id)
            self._take_snapshot(server_id)
            if self.behaviour.relaunch == "neither":
                self._clean_up(server_id)

    def _take_snapshot(self, server_id: str) -> None:
        if server_id in self.points or server_id not in self.place.source_servers:
            return
        snapshot_id, taken = self.drs.ids.snapshot(), self.drs.clock.iso()
        snapshot = {"snapshotID": snapshot_id, "sourceServerID": server_id, "timestamp": taken}
        self.place.recovery_snapshots[snapshot_id] = Item(snapshot | {"expectedTimestamp": taken})
        self.points[server_id] = taken

    def _convert(self) -> None:
        converter = items.conversion_server(
            self.place, self.drs.ids.instance(), self.drs.clock.now()
        )
        ec2.appear(self.drs, self.place, converter)
        for server_id in self.server_ids:
            self._log("CONVERSION_START", server_id, conversionServerID=converter["InstanceId"])
        self.drs.clock.after(
            self.behaviour.conversion, lambda: self._converted(converter["InstanceId"])
        )

    def _converted(self, converter_id: str) -> None:
        ec2.terminate(self.drs, self.place, converter_id)
        last = self.behaviour.launch
        for number, server_id in enumerate(self.server_ids):
            self._log("CONVERSION_END", server_id, conversionServerID=converter_id)
            last = self.behaviour.launch + number * self.behaviour.launch_spread
            self.drs.clock.after(last, lambda server_id=server_id: self._launch(server_id))  # type: ignore[misc]
        self.drs.clock.after(last + self.behaviour.job_end, self._end)

    def _launch(self, server_id: str) -> None:
        self._log("LAUNCH_START", server_id)
        server = self.place.source_servers.get(server_id)
        error = self.behaviour.launch_failures.get(
            server_id, "" if server else "Source server is gone"
        )
        if server is None or error:
            self._log("LAUNCH_FAILED", server_id, rawError=error)
            jobs.mark(self.place, self.job_id, server_id, launchStatus="FAILED")
            self._server_status(server_id, "FAILED", "FAILED")
        else:
            instance_id = self._create(server)
            jobs.mark(
                self.place,
                self.job_id,
                server_id,
                launchStatus="LAUNCHED",
                recoveryInstanceID=instance_id,
            )
            self._server_status(server_id, "SUCCEEDED", "LAUNCHED", recoveryInstanceId=instance_id)
            if self.behaviour.relaunch == "both":
                self._clean_up(server_id)
        self.drs.events.launch_result(
            self.place, server_id, self.job_id, self.is_drill, succeeded=not error
        )

    def _create(self, server: Item) -> str:
        """The DRS record now, the EC2 instance a little later.

        With launch-into, an existing instance is used.
        """
        drs, place, behaviour = self.drs, self.place, self.behaviour
        server_id = str(server["sourceServerID"])
        configuration = place.launch_configurations.get(server_id, Item({}))
        into = _launch_into(configuration)
        instance_id = into or drs.ids.instance()
        launch = items.Launch(
            place,
            server,
            self.job_id,
            self.is_drill,
            instance_id,
            drs.clock.now(),
            drs.ids.number(1 << 24),
            self.points.get(server_id, drs.clock.iso()),
        )
        place.recovery_instances[instance_id] = items.recovery_instance(launch)
        if not into:
            instance = items.ec2_instance(launch, bool(configuration.get("copyTags")))
            drs.clock.after(behaviour.ec2_delay, lambda: self._appear(instance))
        final = "stopped" if configuration.get("launchDisposition") == "STOPPED" else "running"
        drs.clock.after(
            behaviour.ec2_delay + behaviour.boot, lambda: self._boot(instance_id, final)
        )
        drs.clock.after(behaviour.agent, lambda: self._report(instance_id, server))
        return instance_id

    def _appear(self, instance: Item) -> None:
        record = self.place.recovery_instances.get(instance["InstanceId"], Item({}))
        if record.get("ec2InstanceState") == "PENDING":
            ec2.appear(self.drs, self.place, instance)

    def _boot(self, instance_id: str, final: str) -> None:
        if ec2.state_name(self.place, instance_id) not in ("shutting-down", "terminated"):
            ec2.turn(self.drs, self.place, instance_id, final)

    def _report(self, instance_id: str, server: Item) -> None:
        report = items.agent_report(
            server, self.place.instances.get(instance_id), self.drs.clock.now()
        )
        self.place.change(
            self.place.recovery_instances, instance_id, recoveryInstanceProperties=report
        )

    def _clean_up(self, server_id: str) -> None:
        """Delete the server's previous instances; one that the launch
        goes into keeps running, only its record goes.
        """
        into = _launch_into(self.place.launch_configurations.get(server_id, Item({})))
        old = [
            str(r["recoveryInstanceID"])
            for r in self.place.records_of(server_id)
            if r.get("jobID") != self.job_id
        ]
        if not old:
            return
        self._log("CLEANUP_START", server_id)
        for instance_id in old:
            if instance_id == into:
                del self.place.recovery_instances[instance_id]
            else:
                remove_instance(self.drs, self.place, instance_id)
        self.drs.clock.after(self.behaviour.cleanup, lambda: self._log("CLEANUP_END", server_id))

    def _end(self) -> None:
        jobs.complete(self.drs, self.place, self.job_id)

    def _log(self, event: str, server_id: str, **data: str) -> None:
        jobs.log(self.drs, self.place, self.job_id, event, sourceServerID=server_id, **data)

    def _server_status(self, server_id: str, result: str, status: str, **changes: str) -> None:
        server = self.place.source_servers.get(server_id, Item({}))
        life: dict[str, Any] = server.get("lifeCycle", {})
        initiated = {
            "apiCallDateTime": self.job["creationDateTime"],
            "jobID": self.job_id,
            "type": "DRILL" if self.is_drill else "RECOVERY",
        }
        life = life | {"lastLaunch": {"initiated": initiated, "status": status}}
        self.place.change(
            self.place.source_servers, server_id, lastLaunchResult=result, lifeCycle=life, **changes
        )


def _point_in_time(place: Place, server_id: str, snapshot_id: str) -> str:
    for snapshot in place.snapshots_of(server_id):
        if snapshot["snapshotID"] == snapshot_id:
            return str(snapshot.get("timestamp", snapshot["expectedTimestamp"]))
    raise conflict(f"{server_id} has no snapshot {snapshot_id}", server_id, SERVER)


def remove_instance(drs: Drs, place: Place, instance_id: str) -> None:
    """Terminate an instance; its record says TERMINATED for a while and then goes.

    The server forgets it at once.
    """
    record = place.recovery_instances[instance_id]
    server_id = str(record.get("sourceServerID"))
    if place.source_servers.get(server_id, Item({})).get("recoveryInstanceId") == instance_id:
        place.change(place.source_servers, server_id, "recoveryInstanceId")
    ec2.terminate(drs, place, instance_id)
    behaviour = drs.behaviour
    drs.clock.after(
        behaviour.terminate,
        lambda: place.change(place.recovery_instances, instance_id, ec2InstanceState="TERMINATED"),
    )
    drs.clock.after(
        behaviour.terminate + behaviour.terminated_kept,
        lambda: place.recovery_instances.pop(instance_id, None),
    )


def _launch_into(configuration: Item) -> str:
    return str(
        configuration.get("launchIntoInstanceProperties", {}).get("launchIntoEC2InstanceID", "")
    )
