"""An execution as `execution-history` keeps it; the table is
shared, so rows may hold more than this, or less.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from time import time
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from cache.record import Attribution
from cache.values import Place, now, to_millis


class Status(StrEnum):
    """Of an execution and of a wave. CANCELLED waves were never started."""

    PENDING = "PENDING"
    # of a wave: it was decided to call StartRecovery, which may or may not have happened
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    # of an execution: it waits for a second person's approval, or for a word before its next wave
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


IN_FLIGHT = frozenset({Status.STARTING, Status.RUNNING})
REASONS_KEPT, REASON_LENGTH = 10, 200  # of each wave, and characters of each
FINDINGS_KEPT = 50  # a row is one DynamoDB item, and a server may be in any number of plans
OTHER_REASONS = "another reason; see the log of the wave's jobs"
BEAT_SECONDS = 60  # a row is written once in so long to say that somebody drives it
ABANDONED_AFTER = 600  # seconds; the machine's retries are 150 s apart at most
OVER = frozenset({Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED})


def age_of(stamp: str | None) -> float:
    """Seconds since then; 0 for no stamp, and for what is none."""
    try:
        return time() - to_millis(stamp) / 1000 if stamp else 0.0
    except ValueError:
        return 0.0


class Server(StrEnum):
    """Of one server in a wave."""

    PENDING = "PENDING"
    LAUNCHING = "LAUNCHING"
    LAUNCHED = "LAUNCHED"
    FAILED = "FAILED"


class _Row(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Failure(_Row):
    """Servers that failed for the same reason."""

    reason: str
    server_ids: list[str]


class Wave(_Row, extra="allow"):
    """The servers of one place that are launched together. `job_id` is the first of `job_ids`.

    `jobs_before` are the jobs its servers had taken part in when it was decided to start: any later
    one is ours.
    """

    wave_number: int
    wave_name: str = ""
    account_id: str = ""
    region: str = ""
    server_ids: list[str] = []
    status: str = Status.PENDING
    job_id: str | None = None
    job_ids: list[str] = []
    jobs_before: list[str] = []
    server_statuses: dict[str, str] = {}
    failures: list[Failure] = []
    message: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    quiet_polls: int = 0
    """Polls in a row that found its jobs over and some server without a result."""
    pause_before_wave: bool = False
    """Whether somebody must say that it may begin; not of the
    first wave, which a start is about.
    """
    resumed_by: str | None = None
    """Who said that it may begin."""
    longest_minutes: int | None = Field(None, ge=1)
    """Servers without a result by then have failed."""
    snapshots: dict[str, str] = {}
    """The points in time that were chosen, by server; the others launch from their latest data."""

    @property
    def place(self) -> Place:
        """Where its servers recover to."""
        return Place(self.account_id, self.region)

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens in it."""
        return self.status in OVER

    def age(self) -> float:
        """Seconds since it was started; 0 before."""
        return age_of(self.start_time)

    @property
    def jobs(self) -> list[str]:
        """Its launch jobs; rows of others may know only the first."""
        return self.job_ids or ([self.job_id] if self.job_id else [])

    def servers(self, *statuses: str) -> list[str]:
        """Its servers of these statuses, in the plan's order."""
        return [
            it for it in self.server_ids if self.server_statuses.get(it, Server.PENDING) in statuses
        ]

    def mark(self, server_ids: Iterable[str], status: Server) -> None:
        """Set these servers' status."""
        self.server_statuses |= dict.fromkeys(server_ids, status)

    def add_job(self, job_id: str, server_ids: Iterable[str]) -> None:
        """These servers are being launched by this job."""
        self.job_id = self.job_id or job_id
        self.job_ids = list(dict.fromkeys([*self.job_ids, job_id]))
        self.mark(server_ids, Server.LAUNCHING)

    def fail(self, reasons: Mapping[str, str]) -> None:
        """These servers are not launched, each for its reason.

        The rarer ones are cut: the row is one DynamoDB item.
        """
        by_reason = {it.reason: [*it.server_ids] for it in self.failures}
        named = {it for ids in by_reason.values() for it in ids}
        for server_id, reason in reasons.items():
            if server_id in named:  # an earlier try arrived, only its answer did not
                continue
            short = reason[:REASON_LENGTH]
            known = short in by_reason or len(by_reason) < REASONS_KEPT
            by_reason.setdefault(short if known else OTHER_REASONS, []).append(server_id)
        self.failures = [
            Failure(reason=reason, server_ids=ids) for reason, ids in by_reason.items()
        ]
        self.mark(reasons, Server.FAILED)


class TerminationJob(_Row):
    """One TERMINATE job. COMPLETED once DRS said so and a look at its servers was recorded."""

    job_id: str
    account_id: str
    region: str
    server_ids: list[str]
    status: str = Status.PENDING
    requested_at: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    ended_at: str | None = None
    """When it was seen to be over."""

    @property
    def place(self) -> Place:
        """Where it runs."""
        return Place(self.account_id, self.region)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to follow."""
        return self.status == Status.COMPLETED


class Approval(_Row):
    """A request that waits for a second person: to START the
    execution, or to TERMINATE what it launched.
    """

    action: str
    requested_by: str
    requested_at: str
    replace_existing: bool = False


class CleanUp(_Row):
    """A drill's end as somebody asked for it, with what they had to say."""

    note: str
    at: str
    by: str | None = None


class PlanFinding(_Row):
    """What the check of the plan found right before it was launched."""

    severity: str
    code: str
    message: str


class Execution(_Row):
    """One run of a plan.

    `revision` moves with our every write, so that two of our own writers never lose each other's
    work; rows that the platform began have none."""

    execution_id: str
    plan_id: str = ""
    plan_name: str | None = None
    execution_type: str = "DRILL"
    status: str = Status.PENDING
    start_time: str | None = None
    end_time: str | None = None
    message: str | None = None
    cancel_requested: bool = False
    waves: list[Wave] = []
    termination_jobs: list[TerminationJob] = []
    termination_initiated_at: str | None = None
    clean_ups: list[CleanUp] = []
    requested_by: str | None = None
    approved_by: str | None = None
    cancelled_by: str | None = None
    approval: Approval | None = None
    findings: list[PlanFinding] | None = None
    """The worst first, FINDINGS_KEPT at most. None: its plan was not checked by us."""
    driven_at: str | None = None
    """When a step was last taken. Rows that others drive have none."""
    revision: int | None = None

    def body(self) -> dict[str, Any]:
        """As it is sent."""
        body = self.model_dump(by_alias=True, exclude_none=True)
        return body | {"abandonedSince": self.abandoned_since, "isOurs": self.is_ours}

    def summary(self) -> dict[str, Any]:
        """The same without its waves, for a list."""
        names = (
            "executionId", "planId", "planName", "executionType", "status", "startTime",
            "abandonedSince", "isOurs",
        )  # fmt: skip
        body = self.body()
        return {name: body.get(name) for name in names}

    @property
    def is_over(self) -> bool:
        """Whether no wave runs or will run. A status that we do not know is one that runs."""
        return self.status in OVER

    @property
    def is_ours(self) -> bool:
        """Whether we began it and drive it; the platform drives its own."""
        return self.revision is not None

    @property
    def abandoned_since(self) -> str | None:
        """Since when nobody has driven it, if that is too long ago; never for rows of others."""
        is_silent = not self.is_over and age_of(self.driven_at) > ABANDONED_AFTER
        return self.driven_at if is_silent else None

    def beat(self) -> None:
        """Say that a step is being taken."""
        if not self.is_over and (self.driven_at is None or age_of(self.driven_at) > BEAT_SECONDS):
            self.driven_at = now()

    @property
    def is_drill(self) -> bool:
        """Whether its instances are for practice."""
        return self.execution_type == "DRILL"

    @property
    def attribution(self) -> Attribution:
        """What rows of the instances that it launches say of it."""
        return Attribution(source_execution_id=self.execution_id, source_plan_name=self.plan_name)

    @property
    def server_ids(self) -> set[str]:
        """The servers of all its waves."""
        return {it for wave in self.waves for it in wave.server_ids}

    @property
    def open_terminations(self) -> list[TerminationJob]:
        """The TERMINATE jobs that are still to be followed."""
        return [it for it in self.termination_jobs if it.region and not it.is_over]

    def wave(self, number: int) -> Wave | None:
        """The wave of this number."""
        return next((it for it in self.waves if it.wave_number == number), None)

    def following(self, number: int) -> Wave | None:
        """The first wave after this one."""
        later = [it for it in self.waves if it.wave_number > number]
        return min(later, key=lambda it: it.wave_number, default=None)

    def add_termination(
        self, job_id: str, place: Place, server_ids: Sequence[str], **asked: str | None
    ) -> None:
        """Note a TERMINATE job, once; `asked` says when
        (`requested_at`), by whom, and who agreed.
        """
        if all(it.job_id != job_id for it in self.termination_jobs):
            job = TerminationJob(
                job_id=job_id,
                account_id=place.account_id,
                region=place.region,
                server_ids=[*server_ids],
                **asked,
            )
            self.termination_jobs = [*self.termination_jobs, job]
            self.termination_initiated_at = self.termination_initiated_at or now()

    def abandon(self, ended_at: str, why: str) -> None:
        """Close the row of an execution that others drove: what its waves came to is not ours to
        say.
        """
        self.status, self.end_time, self.message = Status.CANCELLED, ended_at, why

    def end(self, ended_at: str, why: str | None) -> None:
        """Close it: waves not begun are cancelled, a wave in flight is
        given up, and the sum of them is its status.
        """
        for wave in self.waves:
            if not wave.is_over:
                wave.status = Status.FAILED if wave.status in IN_FLIGHT else Status.CANCELLED
                wave.message, wave.end_time = why, ended_at
        statuses = {wave.status for wave in self.waves}
        if self.cancel_requested and Status.CANCELLED in statuses:
            self.status = Status.CANCELLED
        elif statuses == {Status.COMPLETED}:
            self.status = Status.COMPLETED
        else:
            self.status = (
                Status.PARTIAL if statuses & {Status.COMPLETED, Status.PARTIAL} else Status.FAILED
            )
        self.end_time, self.message = ended_at, why or self.message
