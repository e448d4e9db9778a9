"""DRS jobs: how they do, what became of their servers and why. Field names are botocore's model of DRS (2020-02-26)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any, Literal

from services.aws.drs import JOBS_A_CALL, PAGE

type Kind = Literal["LAUNCH", "TERMINATE"]
SINCE = timedelta(hours=24)  # how far back a job of ours is looked for; a crash is noticed sooner


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `servers` maps its source servers to their launch status; DRS empties it some time after the end."""

    job_id: str
    kind: str
    initiated_by: str
    is_over: bool
    servers: Mapping[str, str]


def describe_jobs(client: Any, job_ids: Sequence[str]) -> dict[str, Job]:
    """The jobs with these ids, as far as DRS knows them.

    Raises:
        ClientError, BotoCoreError: as botocore does.
    """
    jobs = (
        job for ids in batched(job_ids, JOBS_A_CALL) for job in _jobs(client, {"jobIDs": list(ids)})
    )
    return {job.job_id: job for job in jobs}


def recent_jobs(client: Any, kind: Kind) -> Iterator[Job]:
    """The place's jobs of this kind of the last day, newest first.

    Raises:
        ClientError, BotoCoreError: as botocore does.
    """
    since = (datetime.now(UTC) - SINCE).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (job for job in _jobs(client, {"fromDate": since}) if job.kind == kind)


def last_launches(client: Any, server_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Each server's last launch job and its type (DRILL or RECOVERY); remembered beyond the job's participants.

    Raises:
        ClientError, BotoCoreError: as botocore does.
    """
    pages = client.get_paginator("describe_source_servers")
    found: dict[str, tuple[str, str]] = {}
    for ids in batched(server_ids, PAGE):
        for page in pages.paginate(
            filters={"sourceServerIDs": list(ids)}, PaginationConfig={"PageSize": PAGE}
        ):
            for item in page["items"]:
                initiated = item.get("lifeCycle", {}).get("lastLaunch", {}).get("initiated", {})
                if initiated.get("jobID"):
                    found[item["sourceServerID"]] = initiated["jobID"], str(initiated.get("type"))
    return found


def failure_reasons(
    client: Any, job_ids: Collection[str], server_ids: Collection[str]
) -> dict[str, str]:
    """Why these servers' launches failed, from the jobs' logs: the last raw error, else the last event that names it.

    The event enum is open (live logs hold values that the model lacks), so no event is looked for by name.

    Raises:
        ClientError, BotoCoreError: as botocore does.
    """
    errors: dict[str, str] = {}
    events: dict[str, str] = {}
    for job_id in job_ids:
        if errors.keys() >= set(server_ids):
            break
        for page in client.get_paginator("describe_job_log_items").paginate(jobID=job_id):
            for item in page["items"]:
                data = item.get("eventData") or {}
                server_id, raw_error = str(data.get("sourceServerID")), data.get("rawError")
                if server_id in server_ids:
                    events[server_id] = f"launch failed; last event {item.get('event')}"
                    if raw_error:
                        errors[server_id] = str(raw_error)
    return events | errors


def _jobs(client: Any, filters: dict[str, Any]) -> Iterator[Job]:
    pages = client.get_paginator("describe_jobs").paginate(
        filters=filters, PaginationConfig={"PageSize": PAGE}
    )
    for page in pages:
        for item in page["items"]:
            participants = item.get("participatingServers") or ()
            yield Job(
                job_id=item["jobID"],
                kind=str(item.get("type")),
                initiated_by=str(item.get("initiatedBy")),
                is_over=item.get("status") == "COMPLETED",
                servers={it["sourceServerID"]: str(it.get("launchStatus")) for it in participants},
            )
