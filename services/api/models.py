"""Bodies of requests and answers, in the names that are sent."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from cache.values import Outcome

Stamp = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", description="UTC, to the second")
]
ServerId = Annotated[str, Field(pattern=r"^s-[0-9a-zA-Z]{17}$")]
SnapshotId = Annotated[str, Field(pattern=r"^pit-[0-9a-zA-Z]{17}$")]
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
State = Literal["pending", "running", "stopping", "stopped", "shutting-down", "unknown"]


ReadinessWord = Literal[
    "gone", "no_data", "disconnected", "stalled", "initial_sync", "paused", "lagging", "unknown",
    "ready",
]  # fmt: skip
Severity = Literal["critical", "warning", "unknown", "info"]


class Body(BaseModel):
    """Camel-case names; nothing that is not declared."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def sent(self) -> dict[str, Any]:
        """The body as it is sent: what was given, by the names that are sent."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Error(Body):
    """Any answer that is not the one asked for. 409 adds what the conflict is with."""

    model_config = ConfigDict(extra="allow")

    error: str = Field(examples=["INVALID_INPUT"])
    message: str


class ExistingInstance(Body):
    """A server's recovery instance: twelve fields of the first contract and four added ones."""

    source_server_id: ServerId
    recovery_instance_id: str
    ec2_instance_id: str
    ec2_instance_state: State
    name: str
    private_ip: str | None
    public_ip: str | None
    instance_type: str
    launch_time: Stamp
    region: str
    source_execution_id: str | None
    source_plan_name: str | None
    source_server_name: str | None
    account_id: AccountId
    is_drill: bool | None
    last_sync_time: Stamp
    details_seen_at: Stamp | None = Field(
        None,
        description="only where name, addresses and type are older than lastSyncTime; null: never",
    )


class ExistingInstances(Body):
    """A server in neither list has none: someone looked, and nothing was there."""

    has_existing_instances: bool | None = Field(
        description="null: nothing found, but some servers are unknown"
    )
    existing_instances: list[ExistingInstance]
    instance_count: int
    unknown_server_ids: list[str] = Field(description="could not look; never to be read as none")
    as_of: Stamp | None = Field(description="the oldest look behind this answer")
    degraded: bool


class PlanInstances(ExistingInstances):
    """The same for one plan.

    Of `unresolvedWaves` the servers cannot be known, so nobody says that there is nothing.
    """

    plan_id: str
    unresolved_waves: list[str]


class Wave(Body):
    """One wave of a plan, as its row has it."""

    model_config = ConfigDict(extra="allow")


class Counts(Body):
    """A plan's servers by what is known of them."""

    servers: int
    found: int
    absent: int
    unknown: int
    drills: int
    recoveries: int
    states: dict[State, int]


class Plan(Body):
    """A recovery plan and what exists of it."""

    plan_id: str
    plan_name: str
    description: str | None
    waves: list[Wave]
    counts: Counts
    readiness: dict[ReadinessWord, int]
    unresolved_waves: list[str] = Field(description="waves whose servers cannot be known, and why")
    as_of: Stamp | None


class Verdict(Body):
    """Whether a server could be launched now, why, and as of when.

    `lagSeconds` is a least value.
    """

    state: ReadinessWord
    reason: str
    lag_seconds: int | None
    observed_at: Stamp | None


class Server(Body):
    """A source server, with an instance, without, or unknown."""

    source_server_id: ServerId
    source_server_name: str | None
    account_id: str | None
    region: str | None
    state: Literal["found", "none", "unknown"]
    instance: ExistingInstance | None
    readiness: Verdict
    replication_direction: str | None
    last_launch_result: str | None
    last_seen_by_drs: Stamp | None = Field(description="told once its agent has been silent")
    has_launch_template: bool | None = Field(description="null: not looked at")
    launches_into: str | None


class Servers(Body):
    """Servers, and how many have each word of readiness."""

    servers: list[Server]
    readiness: dict[ReadinessWord, int]
    unknown_server_ids: list[str]
    as_of: Stamp | None
    degraded: bool


class LaunchFinding(Body):
    """One thing to know before a launch."""

    severity: Severity
    code: str
    message: str


class Finding(LaunchFinding):
    """The same, with the servers that it concerns."""

    server_ids: list[str]


class PlanServers(Servers):
    """The servers of a plan, and what its check found, the worst first."""

    plan_id: str
    findings: list[Finding]


class PlanCheck(Body):
    """What the check of one plan found."""

    plan_id: str
    plan_name: str
    worst: Severity | None
    findings: list[Finding]


class PlanChecks(Body):
    """What the check of every plan found."""

    plans: list[PlanCheck]


class LookedAt(Body):
    """A place and how its last look ended."""

    account_id: str
    region: str
    outcome: Outcome
    completed_at: Stamp | None


class Plans(Body):
    """One page of plans, in the order of their ids."""

    plans: list[Plan]
    as_of: Stamp | None
    degraded: bool
    places: list[LookedAt]
    next_token: str | None


class Leftover(ExistingInstance):
    """A drill's instance that still exists.

    Hours count since EC2's last start; what is stopped costs nothing here.
    """

    age_days: float
    instance_hours: float
    estimated_cost: float | None = Field(description="null: no price is known for its type")


class LeftoverSums(Body):
    """What some leftovers come to. `unpriced` instances are in no estimate."""

    instance_count: int
    running: int
    stopped: int
    oldest_launch: Stamp | None
    instance_hours: float
    estimated_cost: float
    unpriced: int


class LeftoverGroup(LeftoverSums):
    """The leftovers of one execution; null: nobody knows which."""

    execution_id: str | None
    plan_name: str | None
    instance_types: dict[str, int]
    instances: list[Leftover]


class Prices(Body):
    """Of when the price list is, and what it is of."""

    as_of: str
    what: str


class ExtraInstance(Body):
    """An instance beside its server's current one: a second that
    lives, or one that DRS has no record of.
    """

    source_server_id: str
    ec2_instance_id: str
    ec2_instance_state: str
    why: str
    job_id: str | None = None
    is_drill: bool | None = None


class PlacedExtra(ExtraInstance):
    """The same with its place."""

    account_id: str
    region: str


class Leftovers(LeftoverSums):
    """Every drill instance that exists, the oldest execution first.

    `unclear`: DRS says neither drill nor recovery.
    """

    too_old: int
    older_than_days: float
    unclear: int
    groups: list[LeftoverGroup]
    prices: Prices
    extra_instances: list[PlacedExtra] = Field(
        description="beside the servers' current instances, drill or not: these cost money too"
    )
    unknown_server_ids: list[str]
    unseen_places: list[str] = Field(
        description="could not be looked at: drills there may be missing"
    )
    as_of: Stamp | None
    degraded: bool = Field(description="not everything could be read")


class ServersQuery(Body):
    """1 to 5,000 ids; duplicates are answered once."""

    source_server_ids: list[ServerId] = Field(min_length=1, max_length=5000)


class PlaceResult(Body):
    """How one place did."""

    account_id: str
    region: str
    outcome: Outcome
    message: str | None = None
    instances: int = 0
    absent: int = 0
    rows_written: int = 0
    source_servers: int | None = Field(None, description="of the last inventory")
    extra_instances: list[ExtraInstance] = Field([], description="the first 100")
    forgotten_instances: list[ExtraInstance] = Field(
        [], description="of the last inventory, the first 100"
    )
    aws_calls: dict[str, int] = {}
    duration_ms: int = 0


class PlaceStatus(PlaceResult):
    """The same, as it is kept."""

    ticket: int
    started_at: Stamp | None = None
    ended_at: Stamp
    completed_at: Stamp | None
    fence: int | None = Field(
        None, description="ticket of the newest look that has listed the place"
    )
    details_seen_at: Stamp | None = Field(
        None, description="when it was last seen whole, with the details of EC2 and the origins"
    )
    completed_ticket: int | None = None
    listed_at: Stamp | None = Field(None, description="what was not written since was so then")
    inventoried_at: Stamp | None = Field(None, description="when all source servers were listed")


class SyncResult(Body):
    """A finished sync: three keys of the first contract and ours."""

    run_id: str
    status: Literal["completed"]
    instances_updated: int
    instances_absent: int
    rows_written: int
    regions_scanned: int
    errors: list[str]
    no_longer_configured: list[str]
    aws_calls: dict[str, int]
    started_at: Stamp
    ended_at: Stamp
    duration_ms: int
    places: list[PlaceStatus]


class SyncRunning(Body):
    """A sync that goes on; follow it at `statusUrl`."""

    run_id: str
    status: Literal["running"]
    status_url: str


class Running(Body):
    """The full sync that is under way."""

    run_id: str
    started_at: Stamp
    places_done: int
    places_total: int


class SyncStatus(Body):
    """What runs, how the last run ended, and every place."""

    running: Running | None
    last_run: SyncResult | None
    places: list[PlaceStatus]
    last_sync_time: Stamp | None


class StartExecution(Body):
    """`replaceExisting` is needed when servers have instances,
    or may have: launching destroys them.
    """

    plan_id: str = Field(min_length=1)
    execution_type: Literal["DRILL", "RECOVERY"]
    replace_existing: bool = False
    recovery_snapshot_ids: dict[ServerId, SnapshotId] = Field(
        {}, description="by server, where not the latest data is to be launched"
    )


class Started(Body):
    """The execution that has begun."""

    execution_id: str
    status: str
    findings: list[LaunchFinding] = Field(
        description="what the check of the plan found right before; it stops nothing"
    )


class Execution(Body):
    """The row of an execution, with its waves and their servers' statuses."""

    model_config = ConfigDict(extra="allow")

    execution_id: str
    plan_id: str
    status: str
    waves: list[dict[str, Any]]


class RunningExecution(Body):
    """An execution that is not over. `isOurs` false: the platform began it and drives it."""

    execution_id: str
    plan_id: str
    plan_name: str | None
    execution_type: str
    status: str
    start_time: Stamp | None
    abandoned_since: Stamp | None
    is_ours: bool


class RunningExecutions(Body):
    """Every execution that is not over."""

    executions: list[RunningExecution]


class RecoverySnapshot(Body):
    """A point in time that a server can be launched from."""

    snapshot_id: str = Field(description="for recoverySnapshotIds of a start")
    taken_at: Stamp | None = Field(description="null: it is being taken")


class RecoverySnapshots(Body):
    """Those of one server, the latest first."""

    source_server_id: ServerId
    account_id: AccountId
    region: str
    snapshots: list[RecoverySnapshot]


class Me(Body):
    """The caller, with what one of these roles allows.

    `fourEyes`: a real recovery needs a second person's approval.
    """

    user: str
    roles: list[Literal["approver", "operator", "viewer"]]
    four_eyes: bool


class Cancel(Body):
    """`force` ends the execution at once, and needs `confirm`:
    what DRS still launches is not followed.
    """

    force: bool = False
    confirm: bool = False


class Terminate(Body):
    """`dryRun` says what would go; `confirm` is needed for real recoveries."""

    confirm: bool = False
    dry_run: bool = False


class Candidate(Body):
    """An instance that would go, or has been asked to go."""

    source_server_id: str
    ec2_instance_id: str | None
    name: str | None
    account_id: str
    region: str
    is_drill: bool | None


class Refused(Candidate):
    """One that stays, and why."""

    reason: str
    message: str


class Failed(Candidate):
    """One that could not be asked to go."""

    message: str


class Job(Body):
    """A termination job of DRS."""

    job_id: str
    account_id: str
    region: str


class Termination(Body):
    """What was asked to go, what was refused and what failed."""

    execution_id: str
    dry_run: bool
    requested: list[Candidate]
    refused: list[Refused]
    failed: list[Failed]
    jobs: list[Job]
    awaits_approval: bool = False


class JobStatus(Job):
    """A termination job and how far it is."""

    status: str
    server_ids: list[str]


class TerminationStatus(Body):
    """How far an execution's termination is."""

    execution_id: str
    status: Literal["NONE", "IN_PROGRESS", "COMPLETED", "PARTIAL"]
    jobs: list[JobStatus]
    remaining: list[str]
    terminated: list[str]


class CleanUpDrill(Body):
    """`note` is what the drill showed; it is kept for the reports. `dryRun` says what would go."""

    note: str = Field(min_length=1, max_length=1000)
    dry_run: bool = False


class CleanedUp(Body):
    """What drills of a plan have left: asked to go, refused, failed."""

    plan_id: str
    dry_run: bool
    note: str
    execution_ids: list[str]
    requested: list[Candidate]
    refused: list[Refused]
    failed: list[Failed]
    jobs: list[Job]


class ReportSums(Body):
    """Counts, and the worst of the known figures: of `measured` servers."""

    server_count: int
    launched: int
    failed: int
    measured: int
    longest_recovery_time_seconds: int | None
    oldest_recovery_point_seconds: int | None


class ReportServer(Body):
    """One server.

    Recovery time: from its wave's start to EC2's launch. Recovery point: how much older the data
    was.
    """

    source_server_id: str
    source_server_name: str | None
    status: str
    reason: str | None
    ec2_instance_id: str | None
    instance_type: str | None
    launch_time: Stamp | None
    point_in_time: Stamp | None
    recovery_time_seconds: int | None
    recovery_point_seconds: int | None


class ReportWave(ReportSums):
    """One wave and its servers."""

    wave_number: int
    wave_name: str
    account_id: str
    region: str
    status: str
    message: str | None
    job_ids: list[str]
    resumed_by: str | None = Field(description="who let it begin after a pause")
    start_time: str | None
    end_time: str | None
    duration_seconds: int | None
    servers: list[ReportServer]


class ReportTermination(JobStatus):
    """A termination job, when it was asked for, and by whom where that is known."""

    requested_at: Stamp | None
    requested_by: str | None
    approved_by: str | None
    ended_at: Stamp | None = Field(description="when it was seen to be over")


class Note(Body):
    """What somebody had to say when a drill was cleaned up."""

    note: str
    at: Stamp
    by: str | None


class Report(ReportSums):
    """What an execution came to."""

    execution_id: str
    plan_id: str
    plan_name: str | None
    execution_type: str
    status: str
    message: str | None
    requested_by: str | None
    approved_by: str | None
    cancelled_by: str | None
    findings: list[LaunchFinding] | None = Field(
        description="of the plan's check right before the launch; null: not checked by us"
    )
    start_time: str | None
    end_time: str | None
    duration_seconds: int | None
    waves: list[ReportWave]
    termination: list[ReportTermination]
    clean_ups: list[Note]
    left_behind: list[str] | None = Field(description="null: could not be asked, or runs")
    generated_at: Stamp
