"""What a cold start of the page-read function pays for: no library
that a read the mirror answers does not need.
"""

import json
import subprocess
import sys
from time import monotonic
from typing import Any

import pytest
from redis import Redis

from cache.mirror import Fresh, Mirror
from local.processes import Process, clean_environment
from local.servers import REPOSITORY
from tests.tiers.samples import entry, server_id

# Powertools brings jmespath, the empty package botocore and the Tracer's shell by itself.
HEAVY = {
    "boto3",
    "botocore.session",
    "botocore.client",
    "pydantic",
    "aws_xray_sdk",
    "urllib3",
    "requests",
    "rich",
}
UNUSED = {"aws_lambda_powertools.event_handler", "aws_lambda_powertools.utilities.parser"}
OURS = {
    "cache.table",
    "cache.record",
    "cache.looks",
    "cache.recorder",
    "services.sync",
    "services.aws.session",
}
READ = """
import json, sys
calls = []
sys.addaudithook(lambda event, _: event == "socket.connect" and calls.append(event))
from services.query.handler import lambda_handler
class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"
    get_remaining_time_in_millis = staticmethod(lambda: 29_000)
event = json.loads(sys.argv[1])
answer = lambda_handler(event, Context()) if event else None
print(json.dumps({"answer": answer, "modules": sorted(sys.modules), "calls": calls}))
"""


def run(event: dict[str, object], **environment: str) -> dict[str, Any]:
    """The handler's answer in a fresh process, and the modules it has loaded by then."""
    done = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(event)],
        env={**clean_environment(), "AWS_REGION": "us-east-1", **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def needless(modules: object) -> set[str]:
    """Those of the modules that a page read should not load."""
    assert isinstance(modules, list)
    loaded = set(modules)
    return (loaded & (HEAVY | UNUSED | OURS)) | {
        it for it in loaded if it.startswith("services.sync")
    }


def test_importing_the_handler_loads_only_what_a_read_needs() -> None:
    """No AWS client, no validation, no tracing."""
    assert needless(run({})["modules"]) == set()


def test_a_read_the_mirror_answers_loads_no_more(valkey: Process) -> None:
    """Even after its first page: DynamoDB's client is made when the mirror has a gap."""
    Mirror(lambda: Redis(port=valkey.port, protocol=2)).publish([Fresh(entry(1, 77), monotonic())])
    said = run(
        {
            "httpMethod": "POST",
            "resource": "/recovery-instances/query",
            "requestContext": {"requestId": "r"},
            "body": json.dumps({"sourceServerIds": [server_id(77)]}),
        },
        REDIS_URL=f"redis://127.0.0.1:{valkey.port}/0",
    )
    answer = said["answer"]
    assert isinstance(answer, dict)
    assert json.loads(answer["body"])["instanceCount"] == 1
    assert needless(said["modules"]) == set()


def test_a_snapshot_holds_the_tables_client_and_no_connection() -> None:
    """Under SnapStart the first page of a start makes nothing that could have been made before."""
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    said = run({}, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start", **keys)
    assert {"cache.table", "cache.looks", "botocore.client"} <= {*map(str, said["modules"])}
    assert said["calls"] == []


@pytest.mark.parametrize("heavy", ["boto3", "pydantic"])
def test_the_check_can_fail(heavy: str) -> None:
    """A module of the list that is loaded is found."""
    assert needless([heavy, "json"]) == {heavy}
