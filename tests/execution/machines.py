"""Step Functions as far as taking an execution and telling its status goes, over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Machines:
    """What was started, and the status of what is said to exist.

    `refuses` makes every call fail.
    """

    url: str = ""
    started: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    refuses: bool = False

    def answer(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """What Step Functions says; a `__type` makes it an error."""
        if self.refuses:
            return {"__type": "StateMachineDoesNotExist", "message": "no such machine"}
        if operation == "DescribeExecution":
            name = body["executionArn"].rpartition(":")[2]
            if name not in self.statuses:
                return {"__type": "ExecutionDoesNotExist", "message": name}
            arns = dict.fromkeys(("executionArn", "stateMachineArn"), name)
            return arns | {"name": name, "status": self.statuses[name], "startDate": 0}
        self.started.append(body)
        return {"executionArn": f"{body['stateMachineArn']}:{body['name']}", "startDate": 0}


@contextmanager
def serving() -> Iterator[Machines]:
    """A server that takes StartExecution and DescribeExecution."""
    machines = Machines()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            operation = self.headers["x-amz-target"].rpartition(".")[2]
            answer = machines.answer(operation, body)
            content = json.dumps(answer).encode()
            self.send_response(400 if "__type" in answer else 200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    machines.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield machines
    finally:
        server.shutdown()
        server.server_close()
