"""Step Functions on one machine: runs the deployed state machine's own definition over the local
functions.

Of the Amazon States Language it knows what that definition uses: Task (`lambda:invoke`), Choice
(BooleanEquals), Wait, Succeed, Fail, Retry and Catch by error name, and `$.name` paths. Anything
else fails loudly; TimeoutSeconds are the functions' own affair here.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.http1 import Request, Response
from local.lambdas import Function

PREFIX = "AWSStepFunctions."
STILL = 0.05  # seconds; the pause of a machine whose clock is moved by hand

log = logging.getLogger(__name__)
type Json = dict[str, Any]


class StepFailed(Exception):
    """A task failed; the message is what the function answered, `name` the error's."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        try:
            self.name = str(json.loads(cause)["errorType"])
        except (ValueError, TypeError, KeyError):
            self.name = "Unknown"


class StateMachine:
    """One definition. `speed` divides its waits; 0 makes them as short as sensible."""

    def __init__(self, definition: str, function: Function, speed: float) -> None:
        """`function` is the one that every task of the definition invokes."""
        machine: Json = json.loads(definition)
        self._start: str = machine["StartAt"]
        self._states: Mapping[str, Json] = machine["States"]
        self._function = function
        self._speed = speed

    async def run(self, data: Json) -> Json:
        """The output of the machine for this input.

        Raises:
            StepFailed: when it ends in a Fail state, or a task fails that nothing catches.
        """
        name: str | None = self._start
        while name is not None:
            data, name = await self._enter(self._states[name], data)
        return data

    async def _enter(self, state: Json, data: Json) -> tuple[Json, str | None]:
        match state["Type"]:
            case "Task":
                return await self._task(state, data)
            case "Choice":
                return data, _chosen(state, data)
            case "Wait":
                await self._pause(_value(state["SecondsPath"], data))
                return data, state["Next"]
            case "Succeed":
                return data, None
            case "Fail":
                raise StepFailed(state["Cause"])
            case kind:
                raise NotImplementedError(f"a state of type {kind}")

    async def _task(self, state: Json, data: Json) -> tuple[Json, str | None]:
        try:
            output = {
                "Payload": await self._retried(state, _filled(state["Parameters"]["Payload"], data))
            }
        except StepFailed as error:
            for catch in state.get("Catch", []):
                log.warning("Given up: %s", error)
                return data | {
                    _name(catch["ResultPath"]): {"Error": error.name, "Cause": str(error)}
                }, catch["Next"]
            raise
        return _value(state["OutputPath"], output), state["Next"]

    async def _retried(self, state: Json, payload: Json) -> Any:
        retriers = state["Retry"]
        tries = [0] * len(retriers)
        while True:
            try:
                return await self._invoke(payload)
            except StepFailed as error:
                number, retrier = _retrier(retriers, error.name)
                if tries[number] >= retrier["MaxAttempts"]:
                    raise
                log.warning("%s failed and is tried again: %s", payload["operation"], error)
            seconds = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** tries[number]
            tries[number] += 1
            longest = min(seconds, retrier["MaxDelaySeconds"])
            await self._pause(random.uniform(0, longest))  # JitterStrategy FULL

    async def _invoke(self, payload: Json) -> Any:
        answer = await self._function.invoke(json.dumps(payload).encode())
        if answer.failed:
            raise StepFailed(answer.payload.decode(errors="replace"))
        return json.loads(answer.payload)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed if self._speed else min(seconds, STILL))


class StepFunctionsApi:
    """StartExecution, StopExecution and DescribeExecution, found through AWS_ENDPOINT_URL_SFN.

    `ended` hears of a machine that ends otherwise than by succeeding, as the EventBridge rule of
    the templates does.
    """

    def __init__(self, machine: StateMachine, ended: Callable[[str, str], None]) -> None:
        """`ended` is called with the run's name and status."""
        self._machine = machine
        self._ended = ended
        self._runs: dict[str, Run] = {}

    async def __call__(self, request: Request) -> Response:
        """Answers one call.

        A name runs once: the same input again answers as before, another is refused.
        """
        body = json.loads(request.body)
        match request.header("x-amz-target").removeprefix(PREFIX):
            case "StartExecution":
                return self._start(body)
            case "DescribeExecution":
                return self._described(_run_name(body))
            case "StopExecution":
                return self._stop(_run_name(body))
            case other:
                return _fault("UnknownOperationException", f"{other} is not offered here")

    def _start(self, body: Json) -> Response:
        name, given = body["name"], body.get("input", "{}")
        if name not in self._runs:
            task = asyncio.get_running_loop().create_task(self._machine.run(json.loads(given)))
            self._runs[name] = Run(given, time.time(), task)
            task.add_done_callback(lambda _: self._end(name))
        run = self._runs[name]
        if run.given != given or run.status != "RUNNING":
            return _fault("ExecutionAlreadyExists", f"Execution Already Exists: {name}")
        arn = body["stateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"
        return _json(200, {"executionArn": arn, "startDate": run.started})

    def _described(self, name: str) -> Response:
        run = self._runs.get(name)
        if run is None:
            return _fault("ExecutionDoesNotExist", f"Execution Does Not Exist: {name}")
        body = {"name": name, "status": run.status, "startDate": run.started, "input": run.given}
        return _json(200, body | {"executionArn": name, "stateMachineArn": name})

    def _stop(self, name: str) -> Response:
        if name not in self._runs:
            return _fault("ExecutionDoesNotExist", f"Execution Does Not Exist: {name}")
        self._runs[name].task.cancel()
        return _json(200, {"stopDate": time.time()})

    def _end(self, name: str) -> None:
        run = self._runs[name]
        if run.status != "SUCCEEDED":
            log.error("State machine %s: %s", name, run.status)
            self._ended(name, run.status)


@dataclass(frozen=True)
class Run:
    """One run of the machine."""

    given: str
    started: float
    task: "asyncio.Task[Json]"

    @property
    def status(self) -> str:
        """As Step Functions calls it."""
        if not self.task.done():
            return "RUNNING"
        if self.task.cancelled():
            return "ABORTED"
        return "FAILED" if self.task.exception() else "SUCCEEDED"


def _run_name(body: Json) -> str:
    return str(body["executionArn"]).rpartition(":")[2]


def is_step_functions(request: Request) -> bool:
    """Whether the request is a call of the Step Functions API."""
    return request.header("x-amz-target").startswith(PREFIX)


def _retrier(retriers: list[Json], name: str) -> tuple[int, Json]:
    """The first retrier for this error, and its number; the last one is for all."""
    return next(
        (number, it)
        for number, it in enumerate(retriers)
        if {name, "States.ALL"} & {*it["ErrorEquals"]}
    )


def _chosen(state: Json, data: Json) -> str:
    for choice in state["Choices"]:
        if _value(choice["Variable"], data) is choice["BooleanEquals"]:
            return str(choice["Next"])
    return str(state["Default"])


def _filled(template: Json, data: Json) -> Json:
    """The template with its `name.$` members looked up."""
    return {
        name.removesuffix(".$"): _value(value, data) if name.endswith(".$") else value
        for name, value in template.items()
    }


def _value(path: str, data: Any) -> Any:
    for name in path.removeprefix("$.").split("."):
        data = data[name]
    return data


def _name(path: str) -> str:
    return path.removeprefix("$.")


def _fault(code: str, message: str) -> Response:
    return _json(400, {"__type": code, "message": message})


def _json(status: int, body: Json) -> Response:
    return Response(
        status, json.dumps(body).encode(), [("content-type", "application/x-amz-json-1.0")]
    )
