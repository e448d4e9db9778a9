"""Jobs: their limits, their status, their participants and their log."""

from collections.abc import Collection, Mapping
from typing import Any

from standin.drs.core import Call, Drs, Reply
from standin.drs.errors import conflict, not_found, over_quota
from standin.drs.state import JOB, SERVER, Item, Place

# DRS quotas per account and region, with the codes of Service Quotas.
SERVERS_PER_JOB, SERVERS_PER_JOB_CODE = 100, "L-B827C881"
JOBS_IN_PROGRESS, JOBS_IN_PROGRESS_CODE = 20, "L-D88FAC3A"
SERVERS_IN_ALL_JOBS, SERVERS_IN_ALL_JOBS_CODE = 500, "L-05AFA8C6"

Participant = dict[str, Any]


def refuse_if_busy(place: Place, server_ids: Collection[str]) -> None:
    """Raise ConflictException when one of the servers takes part in an unfinished job."""
    busy = _busy(place)
    for server_id in server_ids:
        if server_id in busy:
            raise conflict(
                f"Source server {server_id} already takes part in {busy[server_id]}",
                server_id,
                SERVER,
            )


def refuse_if_impossible(place: Place, server_ids: Collection[str]) -> None:
    """Raise what DRS raises for a job it cannot take: 402 over a
    quota, 409 for a server already in a job.
    """
    if len(server_ids) > SERVERS_PER_JOB:
        raise over_quota(
            f"A job takes up to {SERVERS_PER_JOB} source servers", SERVERS_PER_JOB_CODE, SERVER
        )
    refuse_if_busy(place, server_ids)
    if len(_active(place)) >= JOBS_IN_PROGRESS:
        raise over_quota(f"{JOBS_IN_PROGRESS} jobs are in progress", JOBS_IN_PROGRESS_CODE, JOB)
    if len(_busy(place)) + len(server_ids) > SERVERS_IN_ALL_JOBS:
        raise over_quota(
            f"Jobs take up to {SERVERS_IN_ALL_JOBS} servers in all",
            SERVERS_IN_ALL_JOBS_CODE,
            SERVER,
        )


def _active(place: Place) -> list[Item]:
    return [job for job in place.jobs.values() if job.get("status") != "COMPLETED"]


def _busy(place: Place) -> dict[str, str]:
    """Source server id → the unfinished job it takes part in."""
    return {
        str(participant.get("sourceServerID")): str(job["jobID"])
        for job in _active(place)
        for participant in job.get("participatingServers", ())
    }


def create(  # noqa: PLR0913, PLR0917 - a job has these parts
    drs: Drs,
    place: Place,
    kind: str,
    initiated_by: str,
    participants: list[Participant],
    tags: Mapping[str, str],
) -> Item:
    """A new PENDING job. Check `refuse_if_impossible` first."""
    job_id = drs.ids.job()
    job = {
        "jobID": job_id,
        "arn": place.arn(JOB, job_id),
        "type": kind,
        "initiatedBy": initiated_by,
        "creationDateTime": drs.clock.iso(),
        "status": "PENDING",
        "participatingServers": participants,
        "tags": dict(tags),
    }
    place.jobs[job_id] = Item(job)
    return place.jobs[job_id]


def delete_job(call: Call) -> Reply:
    """The job and its log are gone.

    Raises ResourceNotFoundException; ConflictException while the job runs.
    """
    place, job_id = call.place, str(call.params["jobID"])
    if job_id not in place.jobs:
        raise not_found(job_id, JOB)
    if place.jobs[job_id].get("status") != "COMPLETED":
        raise conflict(f"{job_id} is in progress", job_id, JOB)
    del place.jobs[job_id]
    place.job_logs.pop(job_id, None)
    return {}


def start(drs: Drs, place: Place, job_id: str) -> None:
    place.change(place.jobs, job_id, status="STARTED")
    log(drs, place, job_id, "JOB_START")


def complete(drs: Drs, place: Place, job_id: str) -> None:
    """COMPLETED, whatever became of the servers; the participants stay listed for a while."""
    place.change(place.jobs, job_id, status="COMPLETED", endDateTime=drs.clock.iso())
    log(drs, place, job_id, "JOB_END")
    drs.clock.after(
        drs.behaviour.participants_kept,
        lambda: place.change(place.jobs, job_id, participatingServers=[]),
    )


def mark(place: Place, job_id: str, server_id: str, **changes: str) -> None:
    """Change one participant of a job."""
    job = place.jobs.get(job_id, Item({}))
    participants = [
        participant | changes if participant.get("sourceServerID") == server_id else participant
        for participant in job.get("participatingServers", ())
    ]
    place.change(place.jobs, job_id, participatingServers=participants)


def log(drs: Drs, place: Place, job_id: str, event: str, **data: Any) -> None:
    entry: dict[str, Any] = {"logDateTime": drs.clock.iso(), "event": event}
    if data:
        entry["eventData"] = data
    place.job_logs.setdefault(job_id, []).append(Item(entry))
