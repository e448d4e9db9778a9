"""The zips: the same bytes each time, nothing foreign inside,
nothing missing, and what they cost to start.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from local.processes import Process
from local.servers import REPOSITORY
from services.platform.tables import create_tables
from services.settings import Settings
from services.wiring import Wiring

pytestmark = [pytest.mark.long, pytest.mark.timeout(300), pytest.mark.xdist_group("zips")]
HERE = "x86_64" if os.uname().machine == "x86_64" else "arm64"
HANDLERS = ("query", "data_management", "execution")

# Runs a handler from an unpacked zip alone: no site packages, nothing of this checkout.
RUN = """
import json, sys
foreign = ("", sys.argv[2])
others = [it for it in sys.path if "site-packages" not in it and it not in foreign]
sys.path[:] = [sys.argv[1], *others]
import importlib
handler = importlib.import_module(f"services.{sys.argv[3]}.handler").lambda_handler

class Context:
    function_name, memory_limit_in_mb = "f", 1024
    invoked_function_arn, aws_request_id = "arn", "request"
    get_remaining_time_in_millis = staticmethod(lambda: 60_000)

for event in json.load(sys.stdin):
    answer = handler(event, Context())
    print("ANSWER", json.dumps({"status": answer.get("statusCode"), "body": answer}))
"""


def builder() -> ModuleType:
    """scripts/build_zips.py."""
    spec = importlib.util.spec_from_file_location(
        "build_zips", REPOSITORY / "scripts" / "build_zips.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The zips for this machine's kind, by handler."""
    built: list[Path] = builder().build(HERE, tmp_path_factory.mktemp("zips"))
    return {it.stem: it for it in built}


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_second_build_is_the_same(tmp_path: Path, architecture: str) -> None:
    """Byte for byte, so that a deployment which changes nothing uploads nothing."""
    digests = [
        [
            hashlib.sha256(it.read_bytes()).hexdigest()
            for it in builder().build(architecture, tmp_path / str(number))
        ]
        for number in range(2)
    ]
    assert digests[0] == digests[1]


def test_compiled_parts_are_for_lambdas_platform(tmp_path: Path) -> None:
    """Whatever machine builds it."""
    for architecture, machine in [("arm64", "aarch64"), ("x86_64", "x86_64")]:
        for target in builder().build(architecture, tmp_path):
            compiled = [it for it in zipfile.ZipFile(target).namelist() if it.endswith(".so")]
            assert compiled
            assert all(machine in Path(it).name for it in compiled), compiled


@pytest.mark.parametrize("handler", HANDLERS)
def test_nothing_foreign_is_inside(zips: dict[str, Path], handler: str) -> None:
    """No other handler, no local stack, no page, no command line, no
    tests; and for pages neither tracing nor boto3.
    """
    names = zipfile.ZipFile(zips[handler]).namelist()
    assert f"services/{handler}/handler.py" in names
    others = [f"services/{it}/" for it in {*HANDLERS, "local", "page"} - {handler}]
    foreign = [
        *others,
        "services/cli/",
        "local/",
        "standin/",
        "tests/",
        "rich/",
        "click/",
    ]
    foreign += ["aws_xray_sdk/", "boto3/", "wrapt/"] if handler == "query" else []
    assert [it for it in names if it.startswith(tuple(foreign))] == []


@pytest.fixture(scope="module")
def environment(valkey: Process, dynamodb: Process, standin: Process) -> dict[str, str]:
    """What a function is told, with tables that are empty."""
    told = {
        "PATH": "/usr/bin:/bin",
        "ENVIRONMENT": "zips",
        "REDIS_URL": f"redis://127.0.0.1:{valkey.port}/1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "111111111111",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url,
        **{f"AWS_ENDPOINT_URL_{service}": standin.url for service in ("DRS", "EC2", "STS")},
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:111111111111:stateMachine:none",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        wiring = Wiring(Settings.from_env())
        create_tables(wiring.dynamodb, wiring.settings)
        account = {
            "accountId": {"S": "111111111111"},
            "regions": {"L": [{"S": "us-east-1"}]},
            "status": {"S": "active"},
        }
        wiring.dynamodb.put_item(TableName=wiring.settings.target_accounts_table, Item=account)
    return told


def event(method: str, resource: str, body: object = None, **parameters: str) -> dict[str, object]:
    """API Gateway's event."""
    return {
        "httpMethod": method, "resource": resource, "path": resource, "pathParameters": parameters,
        "headers": {},
        "queryStringParameters": None, "body": body and json.dumps(body),
        "requestContext": {"requestId": "r"},
    }  # fmt: skip


SERVERS = {"sourceServerIds": ["s-00000000000000000"]}
EVENTS = {
    "query": [
        (event("GET", "/recovery-plans"), 200),
        (event("GET", "/recovery-plans/{planId}/check-existing-instances", planId="none"), 404),
        (event("POST", "/recovery-instances/query", SERVERS), 200),
        (event("POST", "/recovery-instances/query", {"sourceServerIds": ["x"]}), 400),
    ],
    "data_management": [
        ({"operation": "sync_recovery_instances"}, None),
        ({"operation": "check_existing_recovery_instances", **SERVERS}, None),
        (event("GET", "/drs/recovery-instance-sync/status"), 200),
    ],
    "execution": [
        (event("GET", "/executions/{executionId}", executionId="none"), 404),
        (event("POST", "/executions", {"planId": "none", "executionType": "DRILL"}), 404),
        (event("POST", "/executions", {"planId": 1}), 400),
        ({"operation": "terminate_recovery_instances", "executionId": "none"}, None),
    ],
}


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_zip_runs_with_nothing_but_itself(
    zips: dict[str, Path], environment: dict[str, str], tmp_path: Path, handler: str
) -> None:
    """Reads from mirror and table, errors, syncs and steps import nothing that is not inside."""
    zipfile.ZipFile(zips[handler]).extractall(tmp_path)
    events, expected = zip(*EVENTS[handler], strict=True)
    command = [sys.executable, "-S", "-c", RUN, tmp_path, REPOSITORY, handler]
    done = subprocess.run(
        command,
        input=json.dumps(events),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [
        json.loads(it.split(" ", 1)[1])
        for it in done.stdout.splitlines()
        if it.startswith("ANSWER")
    ]
    assert [it["status"] for it in answers] == list(expected), done.stdout + done.stderr
    assert "No module named" not in done.stdout + done.stderr
