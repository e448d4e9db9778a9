"""The steps of an execution: start a wave, poll it, sync it, finish. The state machine in `infra/` drives them.

Each is a plain function of the row in `execution-history`, may be called any number of times, and goes on from wherever
an earlier call stopped. What is decided is written before it is done, and what was done before anything else is.
"""

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cache.errors import NotFound
from cache.values import now
from services.aws import drs
from services.aws.drs_jobs import Job, describe_jobs, failure_reasons
from services.aws.outcome import LOOK_ERRORS
from services.execution.launch import WaveLaunch, jobs_of
from services.platform.execution import IN_FLIGHT, REASON_LENGTH, Execution, Server, Status, Wave
from services.platform.executions import Executions
from services.platform.launches import LaunchLog
from services.sync.run import WAVE_SECONDS, SyncParts, sync_recovery_instances_after_wave

logger = logging.getLogger(__name__)
type Step = dict[str, Any]
_ENDED = {"LAUNCHED": Server.LAUNCHED, "FAILED": Server.FAILED, "TERMINATED": Server.LAUNCHED}


class Waves:
    """The steps. AWS that cannot be asked raises, and whoever drives the steps tries again later."""

    def __init__(
        self,
        executions: Executions,
        parts: Callable[[], SyncParts],
        launches: LaunchLog,
        *,
        job_tags: bool = False,
    ) -> None:
        self._executions = executions
        self._parts = parts
        self._launches = launches
        self._job_tags = job_tags

    def start_wave(self, execution_id: str, number: int) -> Step:
        """Launch the wave's servers, unless the execution was cancelled or this was done before.

        Raises:
            NotFound, TableUnavailable, ClientError, BotoCoreError.
        """
        execution, wave = self._read(execution_id, number)
        is_cancelled = execution.cancel_requested and wave.status == Status.PENDING
        if wave.is_over or execution.is_over or is_cancelled:
            return _step(execution, number, done=True)
        is_fresh = False
        if wave.status == Status.PENDING:
            is_fresh = self._decide(execution, wave)
            execution, wave = self._read(execution_id, number)
        if wave.status == Status.STARTING:
            self._launch(execution, wave, is_fresh=is_fresh)
            self._alter(execution_id, number, _launched)
        return _step(execution, number, done=False)

    def poll_wave(self, execution_id: str, number: int) -> Step:
        """See how the wave's jobs do; it is done once each server is launched or failed.

        Raises:
            As `start_wave`.
        """
        execution, wave = self._read(execution_id, number)
        if wave.status not in IN_FLIGHT:
            return _step(execution, number, done=True)
        self._launch(execution, wave, is_fresh=False)
        execution, wave = self._read(execution_id, number)
        client = self._client(wave)
        results = _results(client, wave)
        failed = [it for it, status in results.items() if status is Server.FAILED]
        reasons = _reasons(client, wave.jobs, failed)

        def alter(wave: Wave) -> None:
            open_servers = set(wave.servers(Server.LAUNCHING))
            wave.mark([it for it in results if it in open_servers], Server.LAUNCHED)
            wave.fail({it: reasons[it] for it in failed if it in open_servers})
            _launched(wave)
            _close(wave)

        wave = self._alter(execution_id, number, alter)
        return _step(execution, number, done=wave.is_over)

    def sync_wave(self, execution_id: str, number: int) -> Step:
        """Look at the wave's servers, and say which wave is next.

        The wave is over by now. Whatever fails here is the next background sync's to heal, and never the wave's.

        Raises:
            NotFound, TableUnavailable.
        """
        execution, wave = self._read(execution_id, number)
        if wave.jobs:
            self._sync(execution, wave)
        execution, wave = self._read(execution_id, number)
        following = execution.following(number)
        goes_on = (
            wave.status in {Status.COMPLETED, Status.PARTIAL} and not execution.cancel_requested
        )
        if following is None or not goes_on or execution.is_over:
            return _step(execution, number, done=True)
        return _step(execution, following.wave_number, done=True) | {"moreWaves": True}

    def finish(self, execution_id: str, error: str | None = None) -> Step:
        """Close the execution. `error` is why it was given up: a message, or Lambda's error as JSON.

        Raises:
            NotFound, TableUnavailable.
        """

        def alter(execution: Execution) -> None:
            if not execution.is_over:
                execution.end(now(), _why(error))

        execution = self._executions.change(execution_id, alter)
        return {"executionId": execution_id, "status": execution.status}

    def _read(self, execution_id: str, number: int) -> tuple[Execution, Wave]:
        execution = self._executions.read(execution_id)
        wave = execution.wave(number)
        if wave is None:
            raise NotFound(f"execution {execution_id} has no wave {number}")
        return execution, wave

    def _client(self, wave: Wave) -> Any:
        return self._parts().clients.get("drs", wave.place)

    def _decide(self, execution: Execution, wave: Wave) -> bool:
        """Write down that this wave is being started; whether it was this call that did."""
        before = jobs_of(
            self._client(wave), wave.place, wave.server_ids, is_drill=execution.is_drill
        )
        decided = False

        def alter(execution: Execution) -> None:
            nonlocal decided
            it = execution.wave(wave.wave_number)
            decided = (
                it is not None and it.status == Status.PENDING and not execution.cancel_requested
            )
            if it is not None and decided:
                execution.status = Status.RUNNING
                it.status, it.start_time, it.jobs_before = Status.STARTING, now(), sorted(before)
                it.mark(it.server_ids, Server.PENDING)

        self._executions.change(execution.execution_id, alter)
        return decided

    def _launch(self, execution: Execution, wave: Wave, *, is_fresh: bool) -> None:
        if not wave.servers(Server.PENDING):
            return

        def alter(change: Callable[[Wave], None]) -> None:
            self._alter(execution.execution_id, wave.wave_number, change)

        launch = WaveLaunch(self._client(wave), execution, wave, alter, job_tags=self._job_tags)
        launch.start(is_fresh=is_fresh)

    def _alter(self, execution_id: str, number: int, change: Callable[[Wave], None]) -> Wave:
        def alter(execution: Execution) -> None:
            wave = execution.wave(number)
            if wave is not None and not wave.is_over:
                change(wave)

        wave = self._executions.change(execution_id, alter).wave(number)
        if wave is None:
            raise NotFound(f"execution {execution_id} has no wave {number}")
        return wave

    def _sync(self, execution: Execution, wave: Wave) -> None:
        """The wave's sync, in a thread of its own: a call that hangs may outlive the deadline, the step may not."""
        pool = ThreadPoolExecutor(1, "wave-sync")
        try:
            pool.submit(self._sync_and_keep, execution, wave).result(WAVE_SECONDS)
        except Exception:  # whatever it is, a wave never fails for its sync; the next background sync fills the gap
            logger.exception("Failed to sync recovery instances after wave %d", wave.wave_number)
        finally:
            pool.shutdown(wait=False)

    def _sync_and_keep(self, execution: Execution, wave: Wave) -> None:
        """Look at the wave's servers, and keep what was launched for the report."""
        parts = self._parts()
        known = dict.fromkeys(wave.jobs, execution.attribution)
        sync_recovery_instances_after_wave(
            parts, wave.place, wave.server_ids, known, wave.wave_number
        )
        rows = parts.table.read(wave.server_ids)
        self._launches.keep(execution.execution_id, wave, rows.records)


def _results(client: Any, wave: Wave) -> dict[str, Server]:
    """The launching servers that have ended, and how.

    A job that is over may have lost its participants, and names no instance; then whether there is a recovery instance
    of one of our jobs decides.
    """
    launching = wave.servers(Server.LAUNCHING)
    jobs = describe_jobs(client, wave.jobs)
    said = {it: status for job in jobs.values() for it, status in job.servers.items()}
    results = {it: _ENDED[said[it]] for it in launching if said.get(it) in _ENDED}
    unsaid = [it for it in launching if it not in results]
    if unsaid and _all_over(wave, jobs):
        launches = drs.describe_recovery_instances(client, unsaid).launches
        ours = {it for it, launch in launches.items() if launch.job_id in wave.jobs}
        results |= {it: Server.LAUNCHED if it in ours else Server.FAILED for it in unsaid}
    return results


def _all_over(wave: Wave, jobs: Mapping[str, Job]) -> bool:
    return all(job_id in jobs and jobs[job_id].is_over for job_id in wave.jobs)


def _reasons(client: Any, job_ids: list[str], server_ids: list[str]) -> dict[str, str]:
    """A reason for each of these servers; a log that cannot be read holds nothing up."""
    if not server_ids:
        return {}
    try:
        found = failure_reasons(client, job_ids, server_ids)
    except LOOK_ERRORS as error:
        logger.warning("The log of %s cannot be read: %s", ", ".join(job_ids), error)
        found = {}
    return dict.fromkeys(server_ids, "launch failed; the job's log does not say why") | found


def _launched(wave: Wave) -> None:
    wave.status = Status.RUNNING


def _close(wave: Wave) -> None:
    """End the wave if each server has ended."""
    if wave.servers(Server.PENDING, Server.LAUNCHING):
        return
    launched = len(wave.servers(Server.LAUNCHED))
    if launched == len(wave.server_ids):
        wave.status = Status.COMPLETED
    else:
        wave.status = Status.PARTIAL if launched else Status.FAILED
    wave.end_time = now()


def _step(execution: Execution, number: int, *, done: bool) -> Step:
    return {
        "executionId": execution.execution_id,
        "waveNumber": number,
        "waveDone": done,
        "moreWaves": False,
    }


def _why(error: str | None) -> str | None:
    """One line of it: Step Functions passes on Lambda's error with its stack trace."""
    if error is None:
        return None
    with suppress(ValueError, TypeError, KeyError):
        error = json.loads(error)["errorMessage"]
    return str(error)[:REASON_LENGTH]
