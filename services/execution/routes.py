"""The API routes of executions."""

from functools import partial

from cache.errors import InvalidInput
from cache.values import now
from services.api.http import Request, Response, Routes
from services.api.models import Cancel, CleanUpDrill, Started, StartExecution, Terminate
from services.api.operations import valid
from services.execution.approval import await_approval
from services.execution.clean_up import clean_up_drill, clean_up_of
from services.execution.driving import Driver
from services.execution.operations import execution_report, executions_of
from services.execution.pause import resume
from services.execution.plan_check import check_before_launch
from services.execution.report_html import report_html
from services.execution.snapshots import snapshots_of
from services.execution.start import Starter, cancel_execution
from services.execution.termination import terminate_recovery_instances
from services.execution.termination_status import termination_status
from services.platform.execution import Approval, Execution
from services.platform.plans import PlanBook
from services.reads.servers import Servers
from services.sync.wiring import SyncWiring


class ExecutionRoutes:
    """The routes over one process's parts."""

    def __init__(self, wiring: SyncWiring) -> None:
        self._wiring = wiring
        self._executions = executions_of(wiring)

    @property
    def routes(self) -> Routes:
        """The routes these methods answer."""
        execution = "/executions/{executionId}"
        return {
            ("POST", "/executions"): self.start,
            ("GET", "/executions"): self.running,
            ("GET", "/source-servers/{sourceServerId}/recovery-snapshots"): self.snapshots,
            ("GET", execution): self.show,
            ("POST", f"{execution}/cancel"): self.cancel,
            ("POST", f"{execution}/approve"): self.approve,
            ("POST", f"{execution}/resume"): self.resume,
            ("POST", f"{execution}/terminate-instances"): self.terminate,
            ("GET", f"{execution}/termination-status"): self.termination,
            ("GET", f"{execution}/report"): self.report,
            ("POST", "/recovery-plans/{planId}/clean-up-drill"): self.clean_up,
        }

    def start(self, request: Request) -> Response:
        """202 with the new execution's id; 409 with what stands in the way."""
        body = valid(StartExecution, request.object())
        settings = self._wiring.settings
        if not settings.state_machine_arn:
            message = (
                "this deployment has no state machine (STATE_MACHINE_ARN), so nothing can "
                "be executed"
            )
            return Response({"error": "NOT_CONFIGURED", "message": message}, 503)
        book = self._book()
        plan = book.find(body.plan_id).value
        execution = self._starter(book).start(
            plan,
            body.execution_type,
            replace_existing=body.replace_existing,
            snapshots=body.recovery_snapshot_ids,
            by=request.caller.person,
            needs_approval=settings.four_eyes and body.execution_type == "RECOVERY",
        )
        return _started(execution)

    def running(self, request: Request) -> Response:
        """Every execution that is not over, whoever drives it; of one plan where one is named."""
        plan_id = request.query.get("planId")
        found = [it for it in self._executions.running() if plan_id in {None, it.plan_id}]
        return Response({"executions": [it.summary() for it in found]})

    def snapshots(self, request: Request) -> Response:
        """What a server can be launched from."""
        server_id = request.path.get("sourceServerId", "")
        return Response(snapshots_of(self._wiring.sync_parts(), server_id))

    def approve(self, request: Request) -> Response:
        """202: what waited goes ahead, because a second person agrees."""
        by = request.caller.name
        execution, approval = self._starter(self._book()).approve(_id(request), by)
        if approval.action == "TERMINATE":
            terminate_recovery_instances(
                self._executions,
                self._wiring.sync_parts(),
                execution.execution_id,
                confirm=True,
                by=approval.requested_by,
                approved_by=by,
            )
        return _started(execution)

    def resume(self, request: Request) -> Response:
        """202: the wave begins before which it paused."""
        by = request.caller.person
        return _started(resume(self._executions, self._driver(), _id(request), by))

    def _driver(self) -> Driver:
        return Driver(self._executions, self._wiring.settings.state_machine_arn)

    def _book(self) -> PlanBook:
        """Of one request alone: what is launched must not be a plan of half a minute ago."""
        return PlanBook(lambda: self._wiring.dynamodb, self._wiring.plan_tables)

    def _starter(self, book: PlanBook) -> Starter:
        servers = Servers(self._wiring.reader, book, lambda _: None)  # no page
        check = partial(check_before_launch, servers)
        return Starter(self._executions, self._wiring.sync_parts(), self._driver().drive, check)

    def show(self, request: Request) -> Response:
        """The execution's row as it stands."""
        return Response(self._executions.read(_id(request)).body())

    def cancel(self, request: Request) -> Response:
        """202: it stops before the next wave, or at once."""
        body = valid(Cancel, request.object_if_any())
        if body.force and not body.confirm:
            raise InvalidInput(
                "confirm",
                "must be true with force: the execution ends now, "
                "and nobody follows what DRS still launches",
            )
        execution = cancel_execution(
            self._executions, _id(request), force=body.force, by=request.caller.person
        )
        return _started(execution)

    def terminate(self, request: Request) -> Response:
        """202 with what is now being terminated; 200 with what would be."""
        body = valid(Terminate, request.object_if_any())
        waits = not body.dry_run and self._needs_approval(_id(request), confirm=body.confirm)
        answer = terminate_recovery_instances(
            self._executions,
            self._wiring.sync_parts(),
            _id(request),
            confirm=body.confirm,
            dry_run=body.dry_run or waits,
            by=request.caller.person,
        )
        if waits:
            approval = Approval(
                action="TERMINATE", requested_by=request.caller.name, requested_at=now()
            )
            self._executions.change(_id(request), lambda it: await_approval(it, approval))
        return Response(answer | {"awaitsApproval": waits}, 200 if body.dry_run else 202)

    def _needs_approval(self, execution_id: str, *, confirm: bool) -> bool:
        """Whether a second person must agree: `confirm` is what lets real recoveries go."""
        return self._wiring.settings.four_eyes and confirm and self._has_recoveries(execution_id)

    def _has_recoveries(self, execution_id: str) -> bool:
        """Whether it launched for real; a drill's instances go
        without `confirm`, so its guard rails stand.
        """
        return not self._executions.read(execution_id).is_drill

    def termination(self, request: Request) -> Response:
        """How the termination does."""
        return Response(
            termination_status(self._executions, self._wiring.sync_parts(), _id(request))
        )

    def report(self, request: Request) -> Response:
        """What the execution came to, as JSON or, with
        `format=html`, as a page that stands alone.
        """
        wanted = request.query.get("format", "json")
        if wanted not in {"json", "html"}:
            raise InvalidInput("format", f"{wanted!r:.20} is neither json nor html")
        body = execution_report(self._wiring, _id(request))
        if wanted == "json":
            return Response(body)
        return Response(
            report_html(body).encode(), headers={"Content-Type": "text/html; charset=utf-8"}
        )

    def clean_up(self, request: Request) -> Response:
        """202 with what drills of the plan have left and is now
        being terminated; 200 with what would be.
        """
        body = valid(CleanUpDrill, request.object())
        plan = self._wiring.plans.find(request.path["planId"]).value
        answer = clean_up_drill(
            self._executions,
            self._wiring.sync_parts(),
            plan,
            clean_up_of(body.note, request.caller.person),
            dry_run=body.dry_run,
        )
        return Response(answer, 200 if body.dry_run else 202)


def _started(execution: Execution) -> Response:
    started = Started(
        execution_id=execution.execution_id,
        status=execution.status,
        findings=[it.model_dump() for it in execution.findings or ()],
    )
    return Response(started.sent(), 202)


def _id(request: Request) -> str:
    return request.path.get("executionId", "")
