"""DRS jobs: asked for, followed, and why their servers failed.

Field names are those of botocore's model of DRS (2020-02-26).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any, Literal

from botocore.exceptions import ClientError

from cache.errors import JobRefused, OverQuota, ServersBusy
from cache.record import Attribution
from services.aws.drs import Check, pages, stamp, unhurried

type Kind = Literal["LAUNCH", "TERMINATE"]
ENDS_A_LAUNCH = {"CONVERSION_FAIL", "LAUNCH_FAILED"}
JOBS_A_CALL = 1000  # DescribeJobs filters.jobIDs
SINCE = timedelta(hours=24)  # how far back a job of ours is looked for; a crash is noticed sooner
EXECUTION_TAG, PLAN_TAG = "executionId", "planName"
_REFUSALS = {"ConflictException": ServersBusy, "ServiceQuotaExceededException": OverQuota}
_THROTTLED = 429


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    `servers` maps its source servers to their launch status; DRS empties it some time after the
    end.

    `attribution` is the execution that its tags name, where the job was started with tags.
    """

    job_id: str
    kind: str
    initiated_by: str
    is_over: bool
    servers: Mapping[str, str]
    started_at: str | None
    attribution: Attribution | None


def describe_jobs(client: Any, job_ids: Sequence[str], check: Check = unhurried) -> dict[str, Job]:
    """The jobs with these ids, as far as DRS knows them; old ones may be gone.

    Raises:
        ClientError, BotoCoreError: as botocore does; UnreadableReply; LookTimeout: from `check`.
    """
    jobs = (
        _job(item)
        for ids in batched(job_ids, JOBS_A_CALL)
        for item in pages(client, "describe_jobs", {"jobIDs": list(ids)}, check)
    )
    return {job.job_id: job for job in jobs}


def recent_jobs(client: Any, kind: Kind) -> Iterator[Job]:
    """The place's jobs of this kind of the last day, newest first.

    Raises:
        ClientError, BotoCoreError: as botocore does. UnreadableReply.
    """
    since = (datetime.now(UTC) - SINCE).strftime("%Y-%m-%dT%H:%M:%SZ")
    jobs = map(_job, pages(client, "describe_jobs", {"fromDate": since}))
    return (job for job in jobs if job.kind == kind)


def failure_reasons(
    client: Any,
    job_ids: Iterable[str],
    server_ids: Collection[str],
    *,
    has_failed: bool = True,
) -> dict[str, str]:
    """Why these servers' launches failed, from the jobs' logs: the last raw error, else the last
    event that names it.

    The event enum is open (live logs hold values that the model lacks), so no event is looked for
    by name; but where it is not known that they failed, only the events that end a launch say so.

    Raises:
        ClientError, BotoCoreError: as botocore does. UnreadableReply.
    """
    errors: dict[str, str] = {}
    events: dict[str, str] = {}
    for job_id in job_ids:
        if errors.keys() >= set(server_ids):
            break
        for item in pages(client, "describe_job_log_items", {}, jobID=job_id):
            data, event = item.get("eventData") or {}, str(item.get("event"))
            server_id, raw_error = str(data.get("sourceServerID")), data.get("rawError")
            if server_id in server_ids and (has_failed or event in ENDS_A_LAUNCH):
                events[server_id] = f"launch failed; last event {event}"
                if raw_error:
                    errors[server_id] = str(raw_error)
    return events | errors


def start_recovery(
    client: Any,
    server_ids: Sequence[str],
    *,
    is_drill: bool,
    tags_of: Attribution | None,
    snapshots: Mapping[str, str],
) -> str:
    """Ask for one LAUNCH job of at most 100 servers; its id.

    `tags_of` is written into the job's tags. Servers without one of `snapshots` launch from their
    latest data.

    Raises:
        OverQuota, ServersBusy, JobRefused: when DRS takes no such job.
        ClientError, BotoCoreError: when DRS could not be asked; the same call may well succeed
        later.
    """
    tags = {}
    if tags_of:
        tags = {
            EXECUTION_TAG: tags_of.source_execution_id,
            PLAN_TAG: tags_of.source_plan_name or "",
        }
    with _refusals_named():
        answer = client.start_recovery(
            sourceServers=[
                {"sourceServerID": it}
                | ({"recoverySnapshotID": snapshots[it]} if it in snapshots else {})
                for it in server_ids
            ],
            isDrill=is_drill,
            **({"tags": tags} if tags else {}),
        )
    return str(answer["job"]["jobID"])


def terminate(client: Any, recovery_instance_ids: Sequence[str]) -> str:
    """Ask for one TERMINATE job of at most 100 instances; its id.

    Raises:
        As `start_recovery`.
    """
    ids = list(recovery_instance_ids)
    with _refusals_named():
        answer = client.terminate_recovery_instances(recoveryInstanceIDs=ids)
    return str(answer["job"]["jobID"])


@contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response["Error"].get("Code"))
        message = f"{code}: {error.response['Error'].get('Message', '')}"
        if refusal := _REFUSALS.get(code):
            raise refusal(message) from error
        status = int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))
        if status >= 500 or status == _THROTTLED:
            raise
        raise JobRefused(message) from error


def _job(item: Mapping[str, Any]) -> Job:
    participants = item.get("participatingServers") or ()
    return Job(
        job_id=str(item.get("jobID")),
        kind=str(item.get("type")),
        initiated_by=str(item.get("initiatedBy")),
        is_over=item.get("status") == "COMPLETED",
        servers={
            str(server.get("sourceServerID")): str(server.get("launchStatus"))
            for server in participants
        },
        started_at=stamp(item.get("creationDateTime")),
        attribution=_attribution(item.get("tags")),
    )


def _attribution(tags: object) -> Attribution | None:
    texts = tags if isinstance(tags, dict) else {}
    execution_id, plan_name = texts.get(EXECUTION_TAG), texts.get(PLAN_TAG)
    if not isinstance(execution_id, str) or not execution_id:
        return None
    return Attribution(
        source_execution_id=execution_id,
        source_plan_name=plan_name if isinstance(plan_name, str) else None,
    )
