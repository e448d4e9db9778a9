"""Tries a deployment: each function, through the API where it lets us in; and that strangers are
refused.

`python scripts/smoke.py --project P --environment E --api URL`. Calls are signed with the caller's
AWS credentials; an API that wants a user pool's token takes one from RECOVERY_TOKEN, and without
one the functions are called directly. Nothing is changed: the probes read, or ask for what is not
there. Exit code 1 when an answer is not the expected one.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

NOBODY = "s-00000000000000000"  # well-formed, and no server's


@dataclass(frozen=True, slots=True)
class Probe:
    """A request that changes nothing, and the status it must have."""

    function: str
    method: str
    resource: str
    expected: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    @property
    def path(self) -> str:
        """The resource with its parameters filled in."""
        return self.resource.format(**self.parameters)


PROBES = (
    Probe("query-handler", "GET", "/recovery-plans", 200),
    Probe(
        "query-handler",
        "POST",
        "/recovery-instances/query",
        200,
        body=json.dumps({"sourceServerIds": [NOBODY]}),
    ),
    Probe("query-handler", "POST", "/recovery-instances/query", 400, body="{}"),
    Probe("data-management-handler", "GET", "/drs/recovery-instance-sync/status", 200),
    Probe(
        "execution-handler", "GET", "/executions/{executionId}", 404, {"executionId": "smoke-test"}
    ),
)


class Deployment:
    """One deployment's API and functions."""

    def __init__(self, project: str, environment: str, api: str) -> None:
        self._session = botocore.session.get_session()
        self._lambda: Any = self._session.create_client("lambda")
        self._http = URLLib3Session(timeout=30)
        self._name = f"{project}-{{}}-{environment}".format
        self._api = api

    def call(self, probe: Probe, *, signed: bool) -> int:
        """The API's status."""
        headers = {"content-type": "application/json"}
        token = os.environ.get("RECOVERY_TOKEN")
        request = AWSRequest(
            method=probe.method, url=self._api + probe.path, data=probe.body, headers=headers
        )
        if signed and token:
            request.headers["authorization"] = f"Bearer {token}"
        elif signed:  # deploy.sh has made sure that there are credentials
            region = self._session.get_config_variable("region")
            SigV4Auth(self._session.get_credentials(), "execute-api", region).add_auth(request)  # type: ignore[arg-type]
        return int(self._http.send(request.prepare()).status_code)

    def invoke(self, probe: Probe) -> int:
        """The function's own status for the event that API Gateway
        would send it, of somebody who may see.
        """
        event = {
            "httpMethod": probe.method,
            "resource": probe.resource,
            "path": probe.path,
            "pathParameters": probe.parameters,
            "queryStringParameters": None,
            "headers": {},
            "body": probe.body,
            "requestContext": {"requestId": "smoke-test", **self._vouched(probe)},
        }
        name = self._name(probe.function)
        reply = self._lambda.invoke(
            FunctionName=name, Payload=json.dumps(event), **_qualifier(probe)
        )
        payload = json.load(reply["Payload"])
        if "FunctionError" in reply:
            raise SystemExit(f"FAILED  {name}: {payload}")
        return int(payload["statusCode"])

    def _vouched(self, probe: Probe) -> dict[str, Any]:
        """What API Gateway says of a viewer. Whoever may invoke the function may say so too."""
        found = self._lambda.get_function_configuration(
            FunctionName=self._name(probe.function), **_qualifier(probe)
        )
        told = found["Environment"]["Variables"]
        viewers, audience = (
            told.get(name, "").split(",")[0] for name in ("VIEWER_GROUPS", "AUDIENCE")
        )
        arn = f"arn:aws:sts::000000000000:assumed-role/{viewers}/smoke-test"
        claims = {"sub": "smoke-test", "aud": audience, "cognito:groups": viewers}
        return {"identity": {"userArn": arn}, "authorizer": {"claims": claims}}


def _qualifier(probe: Probe) -> dict[str, str]:
    """Pages are read by the version that the alias names."""
    return {"Qualifier": "live"} if probe.function == "query-handler" else {}


def main() -> None:
    """Runs the probes and prints a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("project", "environment", "api"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    deployment = Deployment(options.project, options.environment, options.api)
    results = [("a stranger", deployment.call(PROBES[0], signed=False), {401, 403})]
    is_let_in = deployment.call(PROBES[0], signed=True) == PROBES[0].expected
    if not is_let_in:
        print(
            "!! The API did not let this caller in: the functions are called directly",
            file=sys.stderr,
        )
    for probe in PROBES:
        got = deployment.call(probe, signed=True) if is_let_in else deployment.invoke(probe)
        results.append((f"{probe.method} {probe.path}", got, {probe.expected}))
    for what, status, expected in results:
        print(f"{'ok' if status in expected else 'FAILED':<8}{status}  {what}")
    if any(status not in expected for _, status, expected in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
