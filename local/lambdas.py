"""Lambda functions on one machine: AWS's own runtime client runs the real handlers, one request per
process at a time.

Each process gets a Runtime API of its own (one port each), so it is always known which process
holds which invocation: one that runs past its timeout is killed and started again, as Lambda does.
"""

import asyncio
import json
import logging
import os
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from local.http1 import Request, Response, serve
from local.processes import die_with_parent

NEXT = "/2018-06-01/runtime/invocation/next"
INVOCATION = "/2018-06-01/runtime/invocation/"
INIT_ERROR = "/2018-06-01/runtime/init/error"
RESTART_PAUSE = 0.5  # seconds, so that a handler that cannot be imported does not keep a core busy

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FunctionSpec:
    """One function: `handler` as `module.attribute`, `processes` of
    it at most at once, `timeout` in seconds.
    """

    name: str
    handler: str
    processes: int
    timeout: int
    environment: dict[str, str]
    reserved: bool = False
    """Synchronous calls beyond `processes` are throttled, as
    reserved concurrency does; else they wait.
    """


@dataclass(frozen=True)
class Answer:
    """What a function returned: JSON bytes, and whether they describe an error."""

    payload: bytes
    failed: bool = False
    seconds: float = 0.0
    """What the function took, as Lambda's own REPORT line has it: from
    handing out the event to taking the answer.
    """


def error(kind: str, message: str) -> Answer:
    """An answer in the shape Lambda reports a failed function with."""
    return Answer(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


@dataclass(eq=False)
class Invocation:
    """One event on its way through a function."""

    payload: bytes
    answer: asyncio.Future[Answer]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def finish(self, answer: Answer) -> None:
        """Answers it, unless whoever waited has gone or it was answered before."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Function:
    """A function with its queue; its processes take from it."""

    def __init__(self, spec: FunctionSpec, logs: Path) -> None:
        self.spec = spec
        self.arn = (
            f"arn:aws:lambda:{spec.environment['AWS_REGION']}:000000000000:function:{spec.name}"
        )
        self.queue: asyncio.Queue[Invocation] = asyncio.Queue()
        self.busy = 0
        self._background: set[asyncio.Task[Answer]] = set()
        self._environments = [
            _Environment(self, logs / f"{spec.name}.log") for _ in range(spec.processes)
        ]

    async def start(self) -> None:
        """Starts the processes and keeps them running."""
        for environment in self._environments:
            await environment.start()

    def stop(self) -> None:
        """Kills the processes."""
        for environment in self._environments:
            environment.stop()

    @property
    def throttled(self) -> bool:
        """Whether a synchronous call would be refused now."""
        return self.spec.reserved and self.busy + self.queue.qsize() >= self.spec.processes

    async def invoke(self, payload: bytes) -> Answer:
        """Runs the function and waits for its answer."""
        invocation = Invocation(payload, asyncio.get_running_loop().create_future())
        self.queue.put_nowait(invocation)
        return await invocation.answer

    def invoke_later(self, payload: bytes) -> None:
        """Queues an event; its answer is only logged.

        Unlike Lambda, a failed one is not tried again.
        """
        task = asyncio.get_running_loop().create_task(self.invoke(payload))
        self._background.add(task)
        task.add_done_callback(self._log_background)

    def _log_background(self, task: asyncio.Task[Answer]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.result().failed:
            log.error(
                "%s failed an event: %s",
                self.spec.name,
                task.result().payload.decode(errors="replace"),
            )


class _Environment:
    """One process of a function, and the Runtime API it talks to."""

    def __init__(self, function: Function, log_file: Path) -> None:
        self._function = function
        self._log_file = log_file
        self._current: Invocation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._init_error: Answer | None = None
        self._began = 0.0

    async def start(self) -> None:
        server, port = await serve(self._runtime_api, 0)
        self._server = server
        self._keeper = asyncio.get_running_loop().create_task(self._keep_running(port))

    def stop(self) -> None:
        if self._keeper:
            self._keeper.cancel()
        self._kill()

    def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def _keep_running(self, port: int) -> None:
        spec = self._function.spec
        environment = {
            **spec.environment,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "_HANDLER": spec.handler,
        }
        while True:
            with self._log_file.open("ab") as sink:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "awslambdaric",
                    spec.handler,
                    env=environment,
                    stdout=sink,
                    stderr=sink,
                    cwd=environment["LAMBDA_TASK_ROOT"],
                    preexec_fn=die_with_parent(os.getpid()),
                )
            status = await self._process.wait()
            log.warning("%s: process ended with %s", spec.name, status)
            self._finish(error("Runtime.ExitError", f"Runtime exited with status {status}"))
            if self._init_error:  # the invocation that a failed start was for is told why
                invocation = await self._function.queue.get()
                invocation.finish(self._init_error)
                self._init_error = None
            await asyncio.sleep(RESTART_PAUSE)

    async def _runtime_api(self, request: Request) -> Response:
        if request.path == NEXT:
            return await self._next()
        if request.path == INIT_ERROR:
            self._init_error = Answer(request.body, failed=True)
            return Response(202)
        if self._current and request.path.startswith(INVOCATION + self._current.id):
            seconds = time.monotonic() - self._began
            self._finish(
                Answer(request.body, failed=request.path.endswith("/error"), seconds=seconds)
            )
            return Response(202)
        return Response(400, b'{"errorType": "InvalidRequestID"}')  # too late: it was timed out

    async def _next(self) -> Response:
        function = self._function
        while (invocation := await function.queue.get()).answer.done():
            pass  # its caller has gone
        self._current, function.busy = invocation, function.busy + 1
        self._began = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(function.spec.timeout, self._time_out)
        deadline = int((time.time() + function.spec.timeout) * 1000)
        headers = [
            ("lambda-runtime-aws-request-id", invocation.id),
            ("lambda-runtime-deadline-ms", str(deadline)),
            ("lambda-runtime-invoked-function-arn", function.arn),
            ("content-type", "application/json"),
        ]
        return Response(200, invocation.payload, headers)

    def _time_out(self) -> None:
        self._finish(
            error("Sandbox.Timedout", f"Task timed out after {self._function.spec.timeout} seconds")
        )
        self._kill()

    def _finish(self, answer: Answer) -> None:
        if self._timer:
            self._timer.cancel()
        if self._current:
            self._function.busy -= 1
            self._current.finish(answer)
        self._current = self._timer = None
