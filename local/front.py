"""The front process: the page, the API, the Invoke API, the state machine, the functions behind
them, the schedule.

`python -m local.front CONFIG.json`; the file is a `FrontConfig` as JSON.
"""

import asyncio
import json
import logging
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.driver import StateMachine, StepFunctionsApi, is_step_functions
from local.gateway import Gateway
from local.http1 import Request, Response, serve
from local.invoke import InvokeApi, is_invocation
from local.lambdas import Function, FunctionSpec
from local.page import serve_file
from local.stream import EventSourceMapping
from local.users import switch

SCHEDULED_EVENT = b'{"operation": "sync_recovery_instances"}'
WATCH_EVENT = b'{"operation": "watch_executions"}'
SYNC, PUBLISHER = "recovery-instance-sync", "publisher"
DEFINITION = Path(__file__).parents[1] / "infra" / "execution.asl.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrontConfig:
    """What the front serves. `functions` by role; `schedule_seconds` 0 means no schedule.

    With `reads_live` data management serves the page's reads too, as the query function may not
    call DRS.
    """

    port: int
    page: str
    logs: str
    schedule_seconds: float
    reads_live: bool
    functions: dict[str, FunctionSpec]
    stream_of: tuple[str, str] | None = None
    """DynamoDB's address and the table whose stream the publisher gets."""
    speed: float = 1.0
    """Of the clock that DRS jobs run by; the state machine's waits keep up with it."""

    def to_json(self) -> str:
        """For the file the process is started with."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "FrontConfig":
        """The inverse of `to_json`."""
        fields: dict[str, Any] = json.loads(text)
        functions = {role: FunctionSpec(**spec) for role, spec in fields.pop("functions").items()}
        return cls(functions=functions, **fields)


async def tick(function: Function, event: bytes, seconds: float) -> None:
    """Sends a schedule's event every so many seconds, as EventBridge does."""
    while True:
        await asyncio.sleep(seconds)
        function.invoke_later(event)


def machine_ended(name: str, status: str) -> bytes:
    """What the EventBridge rule for state machines that failed makes of one."""
    event = {"operation": "machine_ended", "name": name, "status": status}
    return json.dumps(event).encode()


async def run(config: FrontConfig) -> None:
    """Serves until SIGTERM. OSError when the port is taken."""
    functions = {role: Function(spec, Path(config.logs)) for role, spec in config.functions.items()}
    gateway = Gateway(
        {**functions, "query": functions["data-management"]} if config.reads_live else functions
    )
    invoke = InvokeApi({function.spec.name: function for function in functions.values()})
    machine = StateMachine(DEFINITION.read_text(), functions["execution"], config.speed)
    execution = functions["execution"]
    step_functions = StepFunctionsApi(
        machine, lambda *run: execution.invoke_later(machine_ended(*run))
    )
    root = Path(config.page)

    async def answer(request: Request) -> Response:
        if is_invocation(request):
            return await invoke(request)
        if is_step_functions(request):
            return await step_functions(request)
        return switch(request) or await gateway(request) or serve_file(root, request)

    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    try:
        await asyncio.gather(*(function.start() for function in functions.values()))
        await serve(answer, config.port)
        schedules = {SYNC: SCHEDULED_EVENT, "execution": WATCH_EVENT}
        tickers = [
            asyncio.create_task(tick(functions[role], event, config.schedule_seconds))
            for role, event in schedules.items()
            if config.schedule_seconds
        ]
        if config.stream_of:
            mapping = EventSourceMapping(*config.stream_of, functions[PUBLISHER])
            tickers.append(asyncio.create_task(mapping.run()))
        await stopped.wait()
        for ticker in tickers:
            ticker.cancel()
    finally:
        for function in functions.values():
            function.stop()


def main() -> None:
    """Reads the configuration named on the command line and serves."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(run(FrontConfig.from_json(Path(sys.argv[1]).read_text())))


if __name__ == "__main__":
    main()
