"""Every route: which function serves it, what it takes, what it answers."""

from dataclasses import dataclass
from typing import Literal

from services.api import models
from services.api.models import Body

type Function = Literal["query", "data-management", "execution"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    `answers` are the bodies by status, beside the errors, which are always `models.Error`.
    """

    method: str
    path: str
    function: Function
    summary: str
    answers: dict[int, type[Body]]
    errors: tuple[int, ...] = ()
    takes: type[Body] | None = None
    query: tuple[tuple[str, str], ...] = ()
    is_page: bool = False


OPERATIONS = (
    Operation(
        "GET", "/recovery-plans", "query", "The plans, with what exists of each",
        {200: models.Plans}, (400, 503),
        query=(("limit", "1 to 500 plans; 200 unless told"), ("nextToken", "from the page before")),
        is_page=True,
    ),
    Operation(
        "GET", "/recovery-plans/{planId}/check-existing-instances", "query",
        "The existing instances of a plan's servers", {200: models.PlanInstances}, (404, 503),
        is_page=True,
    ),
    Operation(
        "POST", "/recovery-instances/query", "query", "The existing instances of these servers",
        {200: models.ExistingInstances}, (400,), takes=models.ServersQuery,
    ),
    Operation("GET", "/me", "query", "Who asks, and what the caller may do", {200: models.Me}),
    Operation(
        "GET", "/recovery-plans/{planId}/servers", "query",
        "Every server of a plan, whether it could be launched now, and what the plan's check found",
        {200: models.PlanServers}, (404, 503), is_page=True,
    ),
    Operation(
        "POST", "/source-servers/query", "query", "What is known of these servers",
        {200: models.Servers}, (400,), takes=models.ServersQuery,
    ),
    Operation(
        "GET", "/plan-checks", "query", "What the check of every plan found",
        {200: models.PlanChecks}, (503,),
    ),
    Operation(
        "GET", "/leftovers", "query",
        "Every drill instance that still exists, its age and what it costs",
        {200: models.Leftovers}, (400, 503),
        query=(("olderThanDays", "what counts as too old, in days; 7 unless told"),),
    ),
    Operation(
        "POST", "/drs/recovery-instance-sync", "data-management",
        "Look at every place now; the result, or where to follow it",
        {200: models.SyncResult, 202: models.SyncRunning}, (400, 503),
    ),
    Operation(
        "GET", "/drs/recovery-instance-sync", "data-management",
        "The status, under the sync's own address",
        {200: models.SyncStatus}, (503,),
    ),
    Operation(
        "GET", "/drs/recovery-instance-sync/status", "data-management",
        "What runs, what ran, and every place",
        {200: models.SyncStatus}, (503,),
    ),
    Operation(
        "POST", "/executions", "execution", "Start a plan; 409 says what that would destroy",
        {202: models.Started}, (400, 404, 409, 503), takes=models.StartExecution,
    ),
    Operation(
        "GET", "/executions", "execution", "Every execution that is not over",
        {200: models.RunningExecutions}, (503,),
        query=(("planId", "of this plan only"),),
    ),
    Operation(
        "GET", "/source-servers/{sourceServerId}/recovery-snapshots", "execution",
        "The points in time that a server can be launched from",
        {200: models.RecoverySnapshots}, (400, 404, 503),
    ),
    Operation(
        "GET", "/executions/{executionId}", "execution", "An execution, its waves and servers",
        {200: models.Execution}, (404, 503),
    ),
    Operation(
        "POST", "/executions/{executionId}/cancel", "execution",
        "Stop before the next wave, or at once",
        {202: models.Started}, (400, 404, 409, 503), takes=models.Cancel,
    ),
    Operation(
        "POST", "/executions/{executionId}/approve", "execution",
        "Agree to what another person asked for",
        {202: models.Started}, (404, 409, 503),
    ),
    Operation(
        "POST", "/executions/{executionId}/resume", "execution",
        "Let the wave begin before which it paused",
        {202: models.Started}, (404, 409, 503),
    ),
    Operation(
        "POST", "/executions/{executionId}/terminate-instances", "execution",
        "Terminate an execution's instances, or say what that would do",
        {200: models.Termination, 202: models.Termination}, (400, 404, 409, 503),
        takes=models.Terminate,
    ),
    Operation(
        "GET", "/executions/{executionId}/termination-status", "execution", "How far that is",
        {200: models.TerminationStatus}, (404, 503),
    ),
    Operation(
        "GET", "/executions/{executionId}/report", "execution", "What an execution came to",
        {200: models.Report}, (400, 404, 503), query=(("format",
        "json, or html for a page to print"),),
    ),
    Operation(
        "POST", "/recovery-plans/{planId}/clean-up-drill", "execution",
        "Terminate whatever drills of a plan have left, with a note for their reports",
        {200: models.CleanedUp, 202: models.CleanedUp}, (400, 404, 409, 503),
        takes=models.CleanUpDrill,
    ),
)  # fmt: skip
