"""Step Functions on one machine: runs the deployed state machine's own definition over the local functions.

Of the Amazon States Language it knows what that definition uses: Task (`lambda:invoke`), Choice (BooleanEquals), Wait,
Succeed, Fail, Retry, Catch, and `$.name` paths. Anything else fails loudly.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

from local.http1 import Request, Response
from local.lambdas import Function

PREFIX = "AWSStepFunctions."
STILL = 0.05  # seconds; the pause of a machine whose clock is moved by hand

log = logging.getLogger(__name__)
type Json = dict[str, Any]


class StepFailed(Exception):
    """A task failed; the message is what the function answered."""


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
                await self._pause(state["Seconds"])
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
                    _name(catch["ResultPath"]): {"Error": "StepFailed", "Cause": str(error)}
                }, catch["Next"]
            raise
        return _value(state["OutputPath"], output), state["Next"]

    async def _retried(self, state: Json, payload: Json) -> Any:
        (policy,) = state["Retry"]
        seconds = policy["IntervalSeconds"]
        for _ in range(policy["MaxAttempts"]):
            try:
                return await self._invoke(payload)
            except StepFailed as error:
                log.warning("%s failed and is tried again: %s", payload["operation"], error)
            await self._pause(random.uniform(0, seconds))  # JitterStrategy FULL
            seconds = min(
                seconds * policy["BackoffRate"], policy.get("MaxDelaySeconds", seconds * 10)
            )
        return await self._invoke(payload)

    async def _invoke(self, payload: Json) -> Any:
        answer = await self._function.invoke(json.dumps(payload).encode())
        if answer.failed:
            raise StepFailed(answer.payload.decode(errors="replace"))
        return json.loads(answer.payload)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed if self._speed else min(seconds, STILL))


class StepFunctionsApi:
    """StartExecution, for callers that find it through AWS_ENDPOINT_URL_SFN."""

    def __init__(self, machine: StateMachine) -> None:
        self._machine = machine
        self._runs: dict[str, tuple[str, float, asyncio.Task[Json]]] = {}

    async def __call__(self, request: Request) -> Response:
        """Answers one call. A name runs once: the same input again answers as before, another is refused."""
        if request.header("x-amz-target") != f"{PREFIX}StartExecution":
            return _fault("UnknownOperationException", "only StartExecution is offered here")
        body = json.loads(request.body)
        name, given = body["name"], body.get("input", "{}")
        if name not in self._runs:
            run = asyncio.get_running_loop().create_task(self._machine.run(json.loads(given)))
            run.add_done_callback(_log_end)
            self._runs[name] = given, time.time(), run
        known, started, run = self._runs[name]
        if known != given or run.done():
            return _fault("ExecutionAlreadyExists", f"Execution Already Exists: {name}")
        arn = body["stateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"
        return _json(200, {"executionArn": arn, "startDate": started})


def is_step_functions(request: Request) -> bool:
    """Whether the request is a call of the Step Functions API."""
    return request.header("x-amz-target").startswith(PREFIX)


def _log_end(run: asyncio.Task[Json]) -> None:
    if not run.cancelled() and (error := run.exception()):
        log.error("A state machine failed: %r", error)


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
