"""An AWS to deploy to, without Docker: ministack for what the templates make, our stand-in for DRS, EC2, STS, Valkey.

What ministack cannot do, and what is done about it here:
- nested serverless templates: expanded before by AWS's own translator (`expand.py`);
- ElastiCache, CloudFront: not asked for (`RedisKind=external`, `Authorisation=IAM`);
- metric math: the two alarms that need it are cut out;
- API Gateway's authorisation of imported routes: it lets strangers in, and the smoke test says so;
- updates of a function lose its aliases, which are put back, and an updated API is a new one.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from local import functions, servers
from local.admin import StandInAdmin
from local.processes import Process, free_port
from local.seed import seed_aws, seed_tables
from local.servers import OWN_ACCOUNT, REGION, REPOSITORY
from local.world import World, make_world
from tests.infra.templates import INFRA, load

TOOLS = REPOSITORY / ".cache" / "tools" / "rehearse" / "bin"
SPEED = 600  # of DRS's clock: a launch takes a few seconds
LINKS = (
    ".cache",
    ".cfnlintrc",
    ".venv",
    "cache",
    "pyproject.toml",
    "requirements.lock",
    "scripts",
    "services",
    "test.sh",
)
METRIC_MATH = ("TableThrottled", "MissRate")


@dataclass
class Rehearsal:
    """A checkout to deploy from, and the account it is deployed to."""

    checkout: Path
    aws: Process
    world: World
    environment: dict[str, str] = field(default_factory=dict)

    def deploy(self, *words: str) -> str:
        """Runs the deploy script; its output. All probes but the stranger's must be answered as expected."""
        output = self._script(*words)
        assert re.findall(r"^FAILED.*", output, re.MULTILINE) in (
            [],
            ["FAILED  200  a stranger"],
        ), output
        assert len(re.findall(r"^ok ", output, re.MULTILINE)) >= 5, output
        return output

    def update(self, *words: str) -> None:
        """Deploys again; the smoke test fails where ministack has lost the alias, so that pages are tried by hand."""
        output = self._script(*words)
        assert "Successfully created/updated stack" in output, output
        self.put_the_alias_back()

    def dry_run(self, *words: str) -> str:
        """Runs the deploy script without letting it change anything; its output."""
        output = self._script("--dry-run", *words)
        assert "nothing was changed" in output, output
        return output

    def _script(self, *words: str) -> str:
        command = [self.checkout / "scripts" / "deploy.sh", "dev", "--no-checks", *words]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        return done.stdout + done.stderr

    def modified(self) -> list[str]:
        """When each function was last changed, and the stack."""
        found = self.client("lambda").list_functions()["Functions"]
        stack = self.client("cloudformation").describe_stacks(StackName=f"{functions.PROJECT}-dev")[
            "Stacks"
        ][0]
        return [*sorted(it["LastModified"] for it in found), str(stack.get("LastUpdatedTime"))]

    def client(self, service: str) -> Any:
        """An unmodified boto3 client of the emulated account."""
        keys = {"aws_access_key_id": OWN_ACCOUNT, "aws_secret_access_key": "local"}
        return boto3.client(service, endpoint_url=self.aws.url, region_name=REGION, **keys)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body of one call through the deployed API."""
        api = re.findall(r"https://(\w+)\.", self.output("ApiUrl"))[0]
        url = f"{self.aws.url}/restapis/{api}/dev/_user_request_{path}"
        content = None if body is None else json.dumps(body)
        reply = urllib3.request(method, url, body=content, retries=False, timeout=60)
        return reply.status, reply.json()

    def output(self, name: str) -> str:
        """An output of the deployed stack."""
        stack = self.client("cloudformation").describe_stacks(StackName=f"{functions.PROJECT}-dev")[
            "Stacks"
        ][0]
        return str(next(it["OutputValue"] for it in stack["Outputs"] if it["OutputKey"] == name))

    def put_the_alias_back(self) -> None:
        """ministack makes a function anew when it is updated; AWS keeps its versions and aliases."""
        client, name = self.client("lambda"), functions.name("query")
        version = client.publish_version(FunctionName=name)["Version"]
        client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """Everything deployed, by the script that deploys to AWS; the platform's tables are filled, nothing is synced."""
    subprocess.run(
        ["bash", "-c", "source scripts/tools.sh; tool_venv rehearse"], cwd=REPOSITORY, check=True
    )
    directory = tmp_path_factory.mktemp("rehearsal")
    world = make_world(servers=120, places=4, plans=6)
    with ExitStack() as stack:
        valkey = _started(stack, servers.valkey(directory))
        standin = _started(stack, servers.aws_standin(directory, SPEED))
        aws = _started(stack, _ministack(directory, standin.url))
        seed_aws(StandInAdmin(standin.url), world)
        checkout = _checkout(directory / "checkout", valkey.port)
        it = Rehearsal(checkout, aws, world, _environment(aws))
        it.deploy()
        seed_tables(it.client("dynamodb"), functions.TABLES, world)
        yield it


def _started(stack: ExitStack, process: Process) -> Process:
    process.start()
    stack.callback(process.stop)
    process.await_port()
    return process


def _ministack(directory: Path, standin: str) -> Process:
    """The emulated account. Its functions inherit the addresses of DRS, EC2 and STS; all else they ask of it."""
    port = free_port()
    environment = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": OWN_ACCOUNT,
        "TMPDIR": str(directory),
        **{f"AWS_ENDPOINT_URL_{service}": standin for service in ("DRS", "EC2", "STS")},
    }
    return Process(
        "AWS", [TOOLS / "python", "-m", "ministack"], directory / "ministack.log", port, environment
    )


def _environment(aws: Process) -> dict[str, str]:
    """What the deploy script is given instead of a profile."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": OWN_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "API_URL": f"{aws.url}/restapis/{{id}}/dev/_user_request_",
    }


def _checkout(root: Path, redis_port: int) -> Path:
    """This checkout with templates that ministack can take and an environment to deploy."""
    root.mkdir()
    for name in LINKS:
        (root / name).symlink_to(REPOSITORY / name)
    shutil.copytree(INFRA, root / "infra")
    for template in ("api.yaml", "functions.yaml"):
        (root / "infra" / template).write_text(_expanded(load(template)))
    monitoring = load("monitoring.yaml")
    for alarm in METRIC_MATH:
        del monitoring["Resources"][alarm]
    (root / "infra" / "monitoring.yaml").write_text(json.dumps(monitoring))
    parameters = {
        "VpcId": "vpc-0123456789abcdef0",
        "PrivateSubnetIds": "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
        "PlatformTables": "create",
        "RedisKind": "external",
        "RedisUrl": f"redis://127.0.0.1:{redis_port}/0",
        "Authorisation": "IAM",
        "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
        "MemberRoleName": "recovery-sync",
        "Schedule": "rate(1 minute)",
    }
    lines = [f"{name}={value}\n" for name, value in parameters.items()]
    (root / "infra" / "environments" / "dev.conf").write_text("".join(lines))
    return root


def _expanded(template: dict[str, Any]) -> str:
    command = [TOOLS / "python", Path(__file__).with_name("expand.py")]
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": REGION}
    done = subprocess.run(
        command,
        input=json.dumps(template),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout
