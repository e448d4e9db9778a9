"""The steps of an execution: start a wave, poll it, sync it.

The state machine in `infra/` drives them.

Each is a plain function of the row in `execution-history`, may be called any number of times, and
goes on from wherever an earlier call stopped. What is decided is written before it is done, and
what was done before anything else is.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cache.errors import Conflict, NotFound
from cache.values import now
from services.execution.driving import take_step
from services.execution.launch import WaveLaunch, jobs_of
from services.execution.pause import pause
from services.execution.progress import Progress, progress
from services.platform.execution import IN_FLIGHT, Execution, Server, Status, Wave
from services.platform.executions import Executions
from services.platform.launches import LaunchLog
from services.sync.run import WAVE_SECONDS, SyncParts, sync_recovery_instances_after_wave

logger = logging.getLogger(__name__)
type Step = dict[str, Any]
POLL_SECONDS, SLOW_POLL_SECONDS, SLOW_AFTER = 15, 60, 3_600
LONGEST_WAVE = 24 * 3_600  # seconds; a wave that DRS has not ended by then is given up
TOO_LONG = "had no result within {minutes} minutes"


class Waves:
    """The steps.

    AWS that cannot be asked raises, and whoever drives the steps tries again later.
    """

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
            Conflict: AWAITS_APPROVAL, DRIVEN_BY_PLATFORM.
            NotFound, TableUnavailable, ClientError, BotoCoreError.
        """
        execution, wave = _with_wave(self._executions.change(execution_id, _take_first), number)
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
        execution, wave = self._begin_step(execution_id, number)
        if wave.status not in IN_FLIGHT:
            return _step(execution, number, done=True)
        longest = (wave.longest_minutes or LONGEST_WAVE // 60) * 60
        if wave.age() > longest:
            why = TOO_LONG.format(minutes=longest // 60)
            late = dict.fromkeys(wave.servers(Server.PENDING, Server.LAUNCHING), why)
            seen = Progress(failed=late)
        else:
            self._launch(execution, wave, is_fresh=False)
            execution, wave = self._read(execution_id, number)
            seen = progress(self._client(wave), wave)

        def alter(wave: Wave) -> None:
            undecided = set(wave.servers(Server.PENDING, Server.LAUNCHING))
            wave.mark([it for it in seen.launched if it in undecided], Server.LAUNCHED)
            wave.fail({it: why for it, why in seen.failed.items() if it in undecided})
            wave.quiet_polls = wave.quiet_polls + 1 if seen.is_quiet else 0
            _launched(wave)
            _close(wave)

        wave = self._alter(execution_id, number, alter)
        return _step(execution, number, done=wave.is_over)

    def sync_wave(self, execution_id: str, number: int) -> Step:
        """Look at the wave's servers, and say which wave is next.

        The wave is over by now. Whatever fails here is the next background sync's to heal, and
        never the wave's.

        Raises:
            Conflict: DRIVEN_BY_PLATFORM. NotFound, TableUnavailable.
        """
        execution, wave = self._begin_step(execution_id, number)
        if wave.jobs:
            self._sync(execution, wave)
        execution, wave = self._read(execution_id, number)
        following = execution.following(number)
        goes_on = (
            wave.status in {Status.COMPLETED, Status.PARTIAL} and not execution.cancel_requested
        )
        if following is None or not goes_on or execution.is_over:
            return _step(execution, number, done=True)
        if following.pause_before_wave:
            self._executions.change(execution_id, pause)
            return _step(execution, number, done=True)
        return _step(execution, following.wave_number, done=True) | {"moreWaves": True}

    def _begin_step(self, execution_id: str, number: int) -> tuple[Execution, Wave]:
        """The wave as it stands; its execution says from now on that somebody drives it."""
        return _with_wave(self._executions.change(execution_id, take_step), number)

    def _read(self, execution_id: str, number: int) -> tuple[Execution, Wave]:
        return _with_wave(self._executions.read(execution_id), number)

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

        return _with_wave(self._executions.change(execution_id, alter), number)[1]

    def _sync(self, execution: Execution, wave: Wave) -> None:
        """The wave's sync, in a thread of its own: a call that hangs
        may outlive the deadline, the step may not.
        """
        pool = ThreadPoolExecutor(1, "wave-sync")
        try:
            pool.submit(self._sync_and_keep, execution, wave).result(WAVE_SECONDS)
        except Exception:
            # A wave never fails for its sync, whatever it is; the next background sync heals.
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


def _take_first(execution: Execution) -> None:
    """Say that a wave's first step is being taken, unless nobody may take it yet."""
    take_step(execution)
    if execution.status == Status.PAUSED:
        raise Conflict("AWAITS_APPROVAL", "a second person has not approved it yet")


def _with_wave(execution: Execution, number: int) -> tuple[Execution, Wave]:
    wave = execution.wave(number)
    if wave is None:
        raise NotFound(f"execution {execution.execution_id} has no wave {number}")
    return execution, wave


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
    """What the state machine needs to know, and no more: its payload never grows."""
    wave = execution.wave(number)
    is_young = wave is None or wave.age() < SLOW_AFTER
    return {
        "executionId": execution.execution_id,
        "waveNumber": number,
        "waveDone": done,
        "moreWaves": False,
        "waitSeconds": POLL_SECONDS if is_young else SLOW_POLL_SECONDS,
    }
