"""What DRS says of the servers of a wave in flight: launched, failed and why, or nothing yet."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.aws import drs
from services.aws.drs_jobs import describe_jobs, failure_reasons
from services.aws.outcome import LOOK_ERRORS
from services.platform.execution import Server, Wave

logger = logging.getLogger(__name__)
GRACE_POLLS = 20
"""How often a wave is polled whose jobs are over, or forgotten by DRS, before a server of which
nobody says anything counts as failed: an instance's record may come later than its job's end."""
NO_REASON = "launch failed; the job's log does not say why"
GONE = "was launched, and is terminated already"
SILENT = "its job is over, or DRS knows it no longer, and no instance of that job was seen"


@dataclass(slots=True)
class Progress:
    """What one poll saw. `is_quiet`: all jobs are over, and yet some server has no result."""

    launched: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    is_quiet: bool = False


def progress(client: Any, wave: Wave) -> Progress:
    """The results of the servers that were launching.

    A job names its participants until some time after its end. Once they are cleared, a recovery
    instance of the job says launched and the job's log says failed; silence says neither.

    Raises:
        ClientError, BotoCoreError: as botocore does.
    """
    jobs = describe_jobs(client, wave.jobs)
    said = {it: status for job in jobs.values() for it, status in job.servers.items()}
    launching = wave.servers(Server.LAUNCHING)
    seen = Progress(launched=[it for it in launching if said.get(it) == "LAUNCHED"])
    failed = [it for it in launching if said.get(it) == "FAILED"]
    seen.failed = dict.fromkeys(failed, NO_REASON) | _reasons(
        client, wave.jobs, failed, has_failed=True
    )
    seen.failed |= {it: GONE for it in launching if said.get(it) == "TERMINATED"}
    unsaid = [it for it in launching if it not in said]
    if unsaid and all(job_id not in jobs or jobs[job_id].is_over for job_id in wave.jobs):
        _see_unsaid(client, wave, unsaid, seen)
    return seen


def _see_unsaid(client: Any, wave: Wave, unsaid: Sequence[str], seen: Progress) -> None:
    """Judge servers that no job names any more."""
    launches = drs.describe_recovery_instances(client, unsaid).launches
    ours = {it: launch for it, launch in launches.items() if launch.job_id in wave.jobs}
    seen.launched += [it for it, launch in ours.items() if launch.ec2_instance_state.is_alive]
    seen.failed |= {it: GONE for it in ours if it not in seen.launched}
    left = [it for it in unsaid if it not in ours]
    seen.failed |= _reasons(client, wave.jobs, left, has_failed=False)
    silent = [it for it in left if it not in seen.failed]
    seen.is_quiet = bool(silent)
    if wave.quiet_polls >= GRACE_POLLS:
        seen.failed |= dict.fromkeys(silent, SILENT)


def _reasons(
    client: Any, job_ids: list[str], server_ids: Sequence[str], *, has_failed: bool
) -> dict[str, str]:
    """Why these servers failed, as far as the jobs' logs say
    so; an unreadable log holds nothing up.
    """
    if not server_ids:
        return {}
    try:
        return failure_reasons(client, job_ids, server_ids, has_failed=has_failed)
    except LOOK_ERRORS as error:
        logger.warning("The log of %s cannot be read: %s", ", ".join(job_ids), error)
        return {}
