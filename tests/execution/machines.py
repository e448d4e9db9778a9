"""Step Functions as far as taking an execution goes, over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Machines:
    """What was started. `refuses` makes every call fail."""

    url: str = ""
    started: list[dict[str, Any]] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def serving() -> Iterator[Machines]:
    """A server that takes StartExecution and remembers it."""
    machines = Machines()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = {"executionArn": f"{body['stateMachineArn']}:{body['name']}", "startDate": 0}
            if machines.refuses:
                answer = {"__type": "StateMachineDoesNotExist", "message": "no such machine"}
            else:
                machines.started.append(body)
            content = json.dumps(answer).encode()
            self.send_response(400 if machines.refuses else 200)
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
