"""An AWS to deploy to, without Docker: ministack for what the templates make, our stand-in for DRS,
EC2, STS, Valkey.

What ministack cannot do, and what is done about it, is a table: `blind_spots.py`.
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
from tests.infra.rehearsal.expansion import TOOLS, expanded, install_tools
from tests.infra.templates import INFRA, load

EMULATOR = Path(__file__).with_name("emulator.py")
GATE = "gate"
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


@dataclass
class Rehearsal:
    """A checkout to deploy from, and the account it is deployed to."""

    checkout: Path
    aws: Process
    world: World
    environment: dict[str, str] = field(default_factory=dict)
    first: str = ""
    """What the first deployment said."""

    def deploy(self, *words: str) -> str:
        """Runs the deploy script, its smoke test included; its output."""
        return self.run("deploy", *words)

    def dry_run(self, *words: str) -> str:
        """Runs the deploy script without letting it change anything; its output."""
        output = self.run("deploy", "--dry-run", *words)
        assert "nothing was changed" in output, output
        return output

    def run(self, script: str, *words: str) -> str:
        """Runs one of the scripts on the environment, which must end well; all that it says."""
        unchecked = ["--no-checks"] if script == "deploy" else []
        command = [self.checkout / "scripts" / f"{script}.sh", "dev", *unchecked, *words]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def configure(self, redis_port: int) -> None:
        """A network, and the environment's file that names it."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        parameters = {
            "VpcId": vpc,
            "PrivateSubnetIds": ",".join(subnets),
            "PlatformTables": "create",
            "RedisKind": "external",
            "RedisUrl": f"redis://127.0.0.1:{redis_port}/0",
            "Authorisation": "IAM",
            "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
            "MemberRoleName": "recovery-sync",
            "Schedule": "rate(1 minute)",
        }
        lines = [f"{name}={value}\n" for name, value in parameters.items()]
        for environment in ("dev", GATE):
            conf = self.checkout / "infra" / "environments" / f"{environment}.conf"
            conf.write_text("".join(lines))

    def modified(self) -> list[str]:
        """When each function was last changed, and the stack."""
        found = self.client("lambda").list_functions()["Functions"]
        stack = self.client("cloudformation").describe_stacks(StackName=f"{functions.PROJECT}-dev")[
            "Stacks"
        ][0]
        return [*sorted(it["LastModified"] for it in found), str(stack.get("LastUpdatedTime"))]

    def live_version(self) -> str:
        """The version that pages are read by."""
        client = self.client("lambda")
        found = client.get_alias(FunctionName=functions.name("query"), Name="live")
        return str(found["FunctionVersion"])

    def files(self) -> set[str]:
        """What the deployment's bucket holds."""
        bucket = f"{functions.PROJECT}-artifacts-{OWN_ACCOUNT}-{REGION}"
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {it["Key"] for page in pages for it in page.get("Contents", [])}

    def client(self, service: str) -> Any:
        """An unmodified boto3 client of the emulated account."""
        keys = {"aws_access_key_id": OWN_ACCOUNT, "aws_secret_access_key": "local"}
        return boto3.client(service, endpoint_url=self.aws.url, region_name=REGION, **keys)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body of one call through the deployed API."""
        api = re.findall(r"https://(\w+)\.", self.output("ApiUrl"))[0]
        url = f"{self.aws.url}/restapis/{api}/dev/_user_request_{path}"
        content = None if body is None else json.dumps(body)
        headers = {"authorization": "of some kind"}
        reply = urllib3.request(
            method, url, body=content, headers=headers, retries=False, timeout=60
        )
        return reply.status, reply.json()

    def output(self, name: str) -> str:
        """An output of the deployed stack."""
        stack = self.client("cloudformation").describe_stacks(StackName=f"{functions.PROJECT}-dev")[
            "Stacks"
        ][0]
        return str(next(it["OutputValue"] for it in stack["Outputs"] if it["OutputKey"] == name))


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """An account with a network, and a checkout with an
    environment to deploy; nothing is deployed.
    """
    install_tools()
    directory = tmp_path_factory.mktemp("rehearsal")
    world = make_world(servers=120, places=4, plans=6)
    with ExitStack() as stack:
        valkey = _started(stack, servers.valkey(directory))
        standin = _started(stack, servers.aws_standin(directory, SPEED))
        aws = _started(stack, _ministack(directory, standin.url))
        seed_aws(StandInAdmin(standin.url), world)
        checkout = _checkout(directory / "checkout")
        it = Rehearsal(checkout, aws, world, _environment(aws))
        it.configure(valkey.port)
        yield it


@pytest.fixture(scope="session")
def rehearsal(emulated: Rehearsal) -> Rehearsal:
    """Everything deployed, by the script that deploys to AWS; the
    platform's tables are filled, nothing is synced.
    """
    emulated.first = emulated.deploy()
    seed_tables(emulated.client("dynamodb"), functions.TABLES, emulated.world)
    return emulated


def _started(stack: ExitStack, process: Process) -> Process:
    process.start()
    stack.callback(process.stop)
    process.await_port()
    return process


def _ministack(directory: Path, standin: str) -> Process:
    """The emulated account.

    Its functions inherit the addresses of DRS, EC2 and STS; all else they ask of it.
    """
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
        "AWS", [TOOLS / "python", EMULATOR], directory / "ministack.log", port, environment
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


def _checkout(root: Path) -> Path:
    """This checkout with templates that ministack can take."""
    root.mkdir()
    for name in LINKS:
        (root / name).symlink_to(REPOSITORY / name)
    shutil.copytree(INFRA, root / "infra")
    for template in ("api.yaml", "functions.yaml"):
        (root / "infra" / template).write_text(json.dumps(expanded(load(template))))
    monitoring = load("monitoring.yaml")
    math = [name for name, it in monitoring["Resources"].items() if "Metrics" in it["Properties"]]
    for alarm in math:
        del monitoring["Resources"][alarm]
    (root / "infra" / "monitoring.yaml").write_text(json.dumps(monitoring))
    return root
