"""Writes down every AWS call each function makes: a proxy for each,
told apart by its port, sends them on unchanged.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from local.servers import OWN_ACCOUNT, REGION

SERVICES = ("DYNAMODB", "DRS", "EC2", "STS", "LAMBDA", "SFN")
_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/[^/]+/(?P<service>[^/]+)/")
_HOP = {"connection", "transfer-encoding", "content-length", "host"}


class Call(NamedTuple):
    """One call, as a policy sees it.

    `assumed` when made with a role's credentials instead of the function's own.
    """

    action: str
    resource: str
    assumed: bool


@dataclass
class Recorder:
    """The calls of one function; `targets` is where each service really is."""

    targets: Mapping[str, str]
    calls: set[Call] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        recorder, guard = self, Lock()

        class Proxy(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                signer = _CREDENTIAL.search(self.headers.get("authorization", ""))
                if signer is None:
                    recorder.unreadable.append(self.path)
                    self.close_connection = True
                    return
                service = {"states": "SFN"}.get(signer["service"], signer["service"].upper())
                with guard:
                    assumed = signer["key"] != OWN_ACCOUNT
                    recorder.calls |= {
                        Call(*it, assumed) for it in _actions(signer["service"], self, body)
                    }
                self._relay(recorder.targets[service], body)

            def _relay(self, target: str, body: bytes) -> None:
                connection = HTTPConnection(
                    str(urlsplit(target).hostname), urlsplit(target).port or 80, timeout=60
                )
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() not in _HOP
                }
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_POST = do_PUT = _pass_on  # noqa: N815 - http.server's own names

            def log_message(self, *_: object) -> None:
                """Nothing: the calls are the log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        self._server.daemon_threads = True
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def endpoints(self) -> dict[str, str]:
        """The environment that sends a function's calls here."""
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {f"AWS_ENDPOINT_URL_{service}": url for service in SERVICES}

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _actions(
    service: str, request: BaseHTTPRequestHandler, body: bytes
) -> Iterator[tuple[str, str]]:
    """IAM's action and resource of a call, once per resource that it touches."""
    match service:
        case "dynamodb":
            yield from _dynamodb_actions(
                request.headers["x-amz-target"].partition(".")[2], json.loads(body)
            )
        case "drs":
            yield from _drs_actions(request.path.strip("/"), json.loads(body or b"{}"))
        case "ec2":
            yield f"ec2:{parse_qs(body.decode())['Action'][0]}", "*"
        case "sts":
            yield (
                f"sts:{parse_qs(body.decode())['Action'][0]}",
                parse_qs(body.decode()).get("RoleArn", ["*"])[0],
            )
        case "lambda":
            function = request.path.split("/functions/")[1].split("/")[0]
            yield (
                "lambda:InvokeFunction",
                f"arn:aws:lambda:{REGION}:{OWN_ACCOUNT}:function:{function}",
            )
        case "states":
            values = json.loads(body)
            machine = values.get("stateMachineArn") or values["executionArn"]
            yield f"states:{request.headers['x-amz-target'].partition('.')[2]}", machine


def _dynamodb_actions(operation: str, wanted: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A transaction is allowed item by item (DynamoDB developer guide, "IAM with transactions")."""
    parts = [part for item in wanted.get("TransactItems", []) for part in item.items()]
    touched = [(f"{it}Item", what["TableName"]) for it, what in parts]
    touched = touched or [
        (operation, it) for it in wanted.get("RequestItems") or [wanted["TableName"]]
    ]
    index = f"/index/{wanted['IndexName']}" if "IndexName" in wanted else ""
    for action, table in touched:
        yield f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{OWN_ACCOUNT}:table/{table}{index}"


def _drs_actions(operation: str, wanted: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """DRS's actions; those that change something are checked against each thing they change."""
    here = f"arn:aws:drs:{REGION}:{OWN_ACCOUNT}"
    things: dict[str, str] = {
        "StartRecovery": f"{here}:source-server/s-1",
        "TerminateRecoveryInstances": f"{here}:recovery-instance/i-1",
        "GetLaunchConfiguration": f"{here}:source-server/s-1",
        "DescribeRecoverySnapshots": f"{here}:source-server/s-1",
        "DescribeJobLogItems": f"{here}:job/drsjob-1",
    }
    yield f"drs:{operation}", things.get(operation, "*")
    if wanted.get("tags"):
        yield "drs:TagResource", things.get(operation, "*")
