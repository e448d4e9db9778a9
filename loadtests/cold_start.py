"""How long each Lambda zip takes to start: fresh processes of AWS's own runtime client on the
unpacked zip alone.

`python -m loadtests.cold_start [--starts 10]`. *Init* is from the process's start until it asks for
its first event (what Lambda calls init; the zip's download is not in it), *first* from there to the
answer of a first event that needs neither AWS nor Redis, *CPU* what the process used by then.
Medians, with the fastest beside them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from threading import Event, Thread

import click

from local.servers import REPOSITORY

RUNTIME = (
    "awslambdaric",
    "runtime_client",
    "simplejson",
    "snapshot_restore_py",
)  # what Lambda itself brings
EVENT = {
    "httpMethod": "GET", "resource": "/none", "path": "/none", "pathParameters": None,
    "headers": {},
    "queryStringParameters": None, "body": None, "requestContext": {"requestId": "cold"},
}  # fmt: skip


class Runtime(ThreadingHTTPServer):
    """Lambda's Runtime API for one event; when it was asked for, and when it was answered."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: a process that was measured is killed while it waits here."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.asked = self.answered = 0.0
        self.over = Event()


class _Api(BaseHTTPRequestHandler):
    server: Runtime
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.server.asked:  # it asks for a second event
            self.server.over.wait()
            return
        self.server.asked = time.perf_counter()
        self._reply(200, json.dumps(EVENT).encode())

    def do_POST(self) -> None:
        self.server.answered = time.perf_counter()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._reply(202, b"")
        self.server.over.set()

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("lambda-runtime-aws-request-id", "1")
        self.send_header("lambda-runtime-deadline-ms", str(int(time.time() * 1000) + 60_000))
        self.send_header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:111111111111:function:f",
        )
        self.send_header(
            "content-type", "application/json"
        )  # without it the client's native part crashes
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def start_once(code: Path, runtime: Path, handler: str) -> tuple[float, float, float]:
    """Seconds of init, of the first event, and of CPU, of one fresh process."""
    api = Runtime()
    Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{code}:{runtime}",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "cold",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_TRACE_DISABLED": "true",  # no X-Ray daemon here
        "PYTHONDONTWRITEBYTECODE": "1",  # in Lambda the code's folder cannot be written either
    }
    argv = [
        sys.executable,
        "-S",
        "-m",
        "awslambdaric",
        f"services.{handler}.handler.lambda_handler",
    ]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    errors = code.with_suffix(".log").open("w")
    began = time.perf_counter()
    with (
        errors,
        subprocess.Popen(  # noqa: S603  our own runtime
            argv, env=environment, cwd=code, stdout=subprocess.DEVNULL, stderr=errors
        ) as process,
    ):
        while not api.over.wait(0.05) and process.poll() is None:
            pass
        process.kill()
    api.over.set()
    api.shutdown()
    if not api.answered:
        raise SystemExit(
            f"{handler}: the runtime ended with {process.returncode}: "
            f"{code.with_suffix('.log').read_text()}"
        )
    api.server_close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return api.asked - began, api.answered - api.asked, cpu


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--starts", type=int, default=10)
    starts = parser.parse_args().starts
    machine = "x86_64" if os.uname().machine == "x86_64" else "arm64"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        runtime = root / "runtime"
        runtime.mkdir()
        for name in RUNTIME:
            found = find_spec(name)
            where = Path(str(found and found.origin))
            where = where.parent if where.name == "__init__.py" else where
            (runtime / where.name).symlink_to(where)
        click.echo(
            f"median (fastest) of {starts} starts, {machine}, Python {sys.version.split()[0]}"
        )
        click.echo(f"{'zip':<18}{'MB':>6}{'init ms':>16}{'first ms':>16}{'CPU ms':>16}")
        build = [REPOSITORY / "scripts" / "build_zips.py", "--out", root / "zips"]
        # our own program
        subprocess.run([sys.executable, *build, "--architecture", machine], check=True)  # noqa: S603
        for target in sorted((root / "zips").iterdir()):
            code = root / target.stem
            zipfile.ZipFile(target).extractall(code)
            runs = [start_once(code, runtime, target.stem) for _ in range(starts)]
            columns = [
                f"{median(it) * 1000:.0f} ({min(it) * 1000:.0f})" for it in zip(*runs, strict=True)
            ]
            size = target.stat().st_size / 1e6
            click.echo(f"{target.stem:<18}{size:6.2f}" + "".join(f"{it:>16}" for it in columns))


if __name__ == "__main__":
    main()
