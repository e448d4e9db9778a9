"""scripts/deployment against an emulated account: what is given, what is met, and what stops it before anything is made."""

import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.processes import Process, free_port
from local.servers import OWN_ACCOUNT, REGION
from scripts.deployment.errors import Failed, Refused
from scripts.deployment.functions import VERSIONS_KEPT, ZIPS, Functions
from scripts.deployment.parameters import MAIN, TABLES, Parameters, read
from scripts.deployment.preflight import Preflight
from scripts.deployment.stacks import Stacks, what_to_do
from scripts.deployment.tables import Tables
from tests.infra.templates import INFRA, load

pytestmark = [pytest.mark.xdist_group("deployment")]
EMULATOR = Path(__file__).parent / "rehearsal" / "emulator.py"
NEEDED = "VpcId=vpc-1\nPrivateSubnetIds=subnet-1,subnet-2\nAuthorisation=IAM\n"


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    """The templates, with an environment `one` that has what must be set."""
    folder = tmp_path / "infra"
    (folder / "environments").mkdir(parents=True)
    for template in INFRA.glob("*.yaml"):
        (folder / template.name).symlink_to(template)
    (folder / "environments" / "one.conf").write_text(NEEDED)
    return folder


class TestParameters:
    """The file, the command line, the defaults."""

    def test_every_parameter_is_passed(self, infra: Path) -> None:
        """Defaults too: CloudFormation would keep what an earlier deployment passed."""
        found = read("one", [], infra)
        for template in (TABLES, MAIN):
            declared = load(template)["Parameters"]
            assert found.of(template).keys() == declared.keys()
        assert found["Schedule"] == "rate(5 minutes)"

    def test_the_last_word_counts(self, infra: Path) -> None:
        """The command line over the file, the file over the default."""
        conf = infra / "environments" / "one.conf"
        conf.write_text(NEEDED + "\n# a comment\nReadFrom=table\n")
        assert read("one", [], infra)["ReadFrom"] == "table"
        assert read("one", ["ReadFrom=live", "ReadFrom=mirror"], infra)["ReadFrom"] == "mirror"

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            ("ReadForm=live", "no parameter ReadForm; ReadFrom?"),
            ("ReadFrom=somewhere", "must be one of mirror, table, live"),
            ("QueryConcurrency=many", "must be a whole number"),
            ("QueryConcurrency=-1", "must have 0 to"),
            ("SyncConcurrency=2", "must have 0 to 1"),
            ("Project=Wrong", "must look like"),
            ("Project=two--hyphens", "must look like"),
            ("Project=a-name-of-more-than-twenty", "letters"),
            ("CacheSuffix=abcdef", "made by the deployment itself"),
            ("Protected=false", "made by the deployment itself"),
            ("PrivateSubnetIds=subnet-1", "two subnets"),
            ("RedisKind=external", "needs RedisUrl"),
            ("UserPoolId=eu-west-1_abc", "needs UserPoolSignInHost"),
            ("UserPoolSignInHost=x.auth", "UserPoolId is missing"),
            ("ReplicaRegion=eu-west-1", "PlatformTables=create"),
            ("VpcId=", "VpcId must be set"),
            ("nonsense", "is not Name=Value"),
        ],
    )
    def test_what_cannot_be_is_refused(self, infra: Path, word: str, told: str) -> None:
        """Before anything is asked of AWS, with what helps."""
        with pytest.raises(Refused, match=told.replace("?", r"\?")):
            read("one", [word], infra)

    def test_a_sign_in_host_that_cognito_refuses(self, infra: Path) -> None:
        """Only where a pool is to be made."""
        words = ["Authorisation=JWT", "Project=our-aws-tool"]
        with pytest.raises(Refused, match="'aws'"):
            read("one", words, infra)
        read("one", [*words, "UserPoolId=p", "UserPoolSignInHost=h"], infra)

    def test_a_line_that_is_wrong_is_named(self, infra: Path) -> None:
        """File and line."""
        (infra / "environments" / "one.conf").write_text(NEEDED + "\nReadFrm=table\n")
        with pytest.raises(Refused, match=r"one\.conf:5: no parameter ReadFrm"):
            read("one", [], infra)

    def test_an_environment_without_a_file(self, infra: Path) -> None:
        """Says which one is missing."""
        with pytest.raises(Refused, match=r"two\.conf is missing"):
            read("two", [], infra)

    def test_another_cache_for_other_subnets(self, infra: Path) -> None:
        """And the same one for the same, in whatever order."""
        names = [
            read("one", [f"PrivateSubnetIds={it}"], infra).cache_suffix
            for it in ("subnet-1,subnet-2", "subnet-2,subnet-1", "subnet-1,subnet-3")
        ]
        assert names[0] == names[1] != names[2]


@dataclass
class Account:
    """An emulated account."""

    url: str

    def client(self, service: str) -> Any:
        """An unmodified client of it."""
        keys = {"aws_access_key_id": OWN_ACCOUNT, "aws_secret_access_key": "local"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An empty account; every test brings a project of its own."""
    directory, port = tmp_path_factory.mktemp("account"), free_port()
    environment = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": OWN_ACCOUNT,
        "TMPDIR": str(directory),
    }
    process = Process("AWS", [sys.executable, EMULATOR], directory / "aws.log", port, environment)
    process.start()
    try:
        process.await_port()
        yield Account(process.url)
    finally:
        process.stop()


@pytest.fixture(scope="module")
def network(account: Account) -> dict[str, str]:
    """A VPC with subnets in two zones, and one of each in the first."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("aab")
    ]
    return {"vpc": vpc, "apart": f"{subnets[0]},{subnets[2]}", "together": ",".join(subnets[:2])}


class TestPreflight:
    """What is looked at first, and stops everything."""

    @pytest.fixture
    def parameters(
        self, infra: Path, network: dict[str, str], request: pytest.FixtureRequest
    ) -> Parameters:
        """Of a project that is this test's alone."""
        words = [
            f"Project=p{abs(hash(request.node.name)) % 10**8}",
            f"VpcId={network['vpc']}",
            f"PrivateSubnetIds={network['apart']}",
            "PlatformTables=create",
        ]
        return read("one", words, infra)

    @staticmethod
    def told(account: Account, parameters: Parameters) -> str:
        """What a deployment would say first."""
        stacks = Stacks(account.client("cloudformation"), lambda _: None)
        return "\n".join(Preflight(parameters, stacks, account.client, OWN_ACCOUNT, REGION).run())

    @staticmethod
    def given(parameters: Parameters, **values: str) -> Parameters:
        """With other values."""
        return replace(parameters, values={**parameters.values, **values})

    def test_an_empty_account_is_told_what_will_be_made(
        self, account: Account, parameters: Parameters
    ) -> None:
        """Two stacks, five tables, a bucket; and nothing is."""
        told = self.told(account, parameters)
        assert told.count(": create") == 2
        assert "tables: 5 of this deployment, 0 of the platform" in told
        assert self.told(account, parameters) == told

    def test_a_table_that_no_stack_of_ours_holds(
        self, account: Account, parameters: Parameters
    ) -> None:
        """It would fail the creation half way; import takes it in."""
        table = f"{parameters['Project']}-sync-status-one"
        make_table(account, table, "id")
        with pytest.raises(Refused, match=rf"{table}.*import\.sh"):
            self.told(account, parameters)

    def test_a_platform_whose_tables_are_missing(
        self, account: Account, parameters: Parameters
    ) -> None:
        """Each one is named."""
        make_table(account, f"{parameters['Project']}-recovery-plans-one", "planId")
        given = self.given(parameters, PlatformTables="existing")
        with pytest.raises(Refused, match=r"no .*execution-history-one, .*target-accounts-one in"):
            self.told(account, given)

    def test_a_replica_in_this_very_region(self, account: Account, parameters: Parameters) -> None:
        """The second region is another one."""
        with pytest.raises(Refused, match="this is us-east-1 itself"):
            self.told(account, self.given(parameters, ReplicaRegion=REGION))

    def test_more_concurrency_than_the_account_has(
        self, account: Account, parameters: Parameters
    ) -> None:
        """How much there is, and how to do without, in words to paste."""
        with pytest.raises(Refused, match=r"would reserve 5041 .*QueryConcurrency=0 DataManage"):
            self.told(account, self.given(parameters, QueryConcurrency="5000"))

    def test_subnets_in_one_zone(
        self, account: Account, parameters: Parameters, network: dict[str, str]
    ) -> None:
        """A cache needs two."""
        with pytest.raises(Refused, match="all in us-east-1a"):
            self.told(account, self.given(parameters, PrivateSubnetIds=network["together"]))

    def test_subnets_that_are_not_there(self, account: Account, parameters: Parameters) -> None:
        """AWS's own words."""
        with pytest.raises(Refused, match=r"PrivateSubnetIds: .*subnet-0f"):
            self.told(account, self.given(parameters, PrivateSubnetIds="subnet-0f,subnet-0e"))

    def test_a_network_that_is_not_the_subnets(
        self, account: Account, parameters: Parameters
    ) -> None:
        """Named before CloudFormation finds it out."""
        with pytest.raises(Refused, match="are not in vpc-0e"):
            self.told(account, self.given(parameters, VpcId="vpc-0e"))

    def test_no_log_role_where_ours_is_not_wanted(
        self, account: Account, parameters: Parameters
    ) -> None:
        """API Gateway would refuse the stage."""
        with pytest.raises(Refused, match="no log role in this account"):
            self.told(account, self.given(parameters, SetApiLogRole="false"))


def make_table(account: Account, name: str, key: str) -> None:
    """A table as somebody else made it."""
    account.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def queues(*names: str) -> str:
    """A template of these queues."""
    made = {
        f"Queue{number}": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
        for number, name in enumerate(names)
    }
    parameters = {"Word": {"Type": "String", "Default": "a"}}
    outputs = {"Word": {"Value": {"Ref": "Word"}}}
    return json.dumps({"Parameters": parameters, "Resources": made, "Outputs": outputs})


class TestStacks:
    """CloudFormation's states and change sets."""

    @pytest.fixture
    def told(self) -> list[str]:
        """What was reported."""
        return []

    @pytest.fixture
    def stacks(self, account: Account, told: list[str]) -> Stacks:
        """The account's stacks."""
        return Stacks(account.client("cloudformation"), told.append)

    def test_from_nothing_to_nothing(self, stacks: Stacks, told: list[str]) -> None:
        """Created, left alone when nothing changes, updated, deleted."""
        assert stacks.meet("whole") == "create"
        assert stacks.deploy("whole", queues("a"), {"Word": "a"}, {}) is True
        assert stacks.meet("whole") == "update"
        assert stacks.deploy("whole", queues("a"), {"Word": "a"}, {}) is False
        assert stacks.deploy("whole", queues("a", "b"), {"Word": "b"}, {}) is True
        assert stacks.outputs("whole") == {"Word": "b"}
        assert set(stacks.resources("whole")) == {"Queue0", "Queue1"}
        stacks.delete("whole")
        assert (stacks.status("whole"), stacks.outputs("whole")) == ("", {})
        assert "  whole: nothing to change" in told

    def test_changes_are_shown_and_not_made(self, stacks: Stacks) -> None:
        """And no change set is left behind."""
        stacks.deploy("shown", queues("c"), {"Word": "a"}, {})
        changes = stacks.changes("shown", queues("c", "d"), {"Word": "a"}, {})
        assert [(it.action, it.resource) for it in changes] == [("Add", "Queue1")]
        assert set(stacks.resources("shown")) == {"Queue0"}
        assert stacks.changes("shown", queues("c"), {"Word": "a"}, {}) == []

    def test_a_creation_that_failed_is_taken_away_first(
        self, stacks: Stacks, told: list[str]
    ) -> None:
        """CloudFormation updates no stack that was rolled back; the next deployment creates it."""
        broken = json.loads(queues("e"))
        broken["Resources"]["Nested"] = {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "https://s3.amazonaws.com/none/none.yaml"},
        }
        with pytest.raises(Failed, match="broken is ROLLBACK_COMPLETE"):
            stacks.deploy("broken", json.dumps(broken), {"Word": "a"}, {})
        assert any("Nested" in it for it in told), told
        assert "remains" in stacks.meet("broken")
        assert stacks.deploy("broken", queues("e"), {"Word": "a"}, {}) is True

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("UPDATE_IN_PROGRESS", "wait until"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name stuck"),
            ("DELETE_FAILED", "a deletion failed"),
            ("ROLLBACK_FAILED", "delete the stack"),
        ],
    )
    def test_a_stack_that_is_stuck_says_what_helps(self, status: str, words: str) -> None:
        """Nothing is tried on it."""
        with pytest.raises(Refused, match=words):
            what_to_do("stuck", status)


class TestFunctions:
    """Code and versions, whatever a stack thinks of them."""

    @pytest.fixture
    def functions(self, account: Account, infra: Path, tmp_path: Path) -> Functions:
        """The four functions with some code, and an alias on what was never published."""
        project = f"f{tmp_path.name[-8:].replace('_', '')}".lower()
        client = account.client("lambda")
        for zipped in set(ZIPS.values()):
            build(tmp_path / f"{zipped}.zip", "first")
        for role, zipped in ZIPS.items():
            client.create_function(
                FunctionName=f"{project}-{role}-one",
                Runtime="python3.12",
                Handler="code.handler",
                Role=f"arn:aws:iam::{OWN_ACCOUNT}:role/r",
                Code={"ZipFile": (tmp_path / f"{zipped}.zip").read_bytes()},
            )
        name = f"{project}-query-handler-one"
        client.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
        given = read("one", [f"Project={project}"], infra)
        return Functions(client, given, tmp_path, lambda _: None)

    def test_only_code_that_differs_is_replaced(self, functions: Functions, tmp_path: Path) -> None:
        """Both functions of one zip, and no other."""
        assert functions.differing() == []
        build(tmp_path / "data_management.zip", "second")
        both = ["data-management-handler", "recovery-instance-sync"]
        assert functions.replace_code() == both
        assert functions.differing() == []

    def test_a_version_is_published_when_the_function_differs(
        self, functions: Functions, tmp_path: Path
    ) -> None:
        """And only then."""
        first = functions.publish()
        assert functions.publish() == first
        build(tmp_path / "query.zip", "second")
        functions.replace_code()
        second = functions.publish()
        assert int(second) == int(first) + 1

    def test_few_versions_are_kept(
        self, functions: Functions, account: Account, tmp_path: Path
    ) -> None:
        """Each is paid for; the newest are the way back."""
        for number in range(VERSIONS_KEPT + 2):
            build(tmp_path / "query.zip", str(number))
            functions.replace_code()
            live = functions.publish()
        (name,) = [
            it["FunctionName"]
            for it in account.client("lambda").list_functions()["Functions"]
            if it["FunctionName"].startswith(f"f{tmp_path.name[-8:].replace('_', '')}".lower())
            and "query" in it["FunctionName"]
        ]
        found = account.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
        kept = [it["Version"] for it in found if it["Version"] != "$LATEST"]
        assert len(kept) == VERSIONS_KEPT
        assert kept[-1] == live


def build(target: Path, text: str) -> None:
    """A zip with this in it."""
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo("code.py"), f"def handler(event, context):\n    return {text!r}\n"
        )


class TestTables:
    """Which tables are whose, and how they go."""

    def test_the_platforms_are_made_only_when_asked_for(
        self, infra: Path, account: Account
    ) -> None:
        """Three of five."""
        dynamodb = account.client("dynamodb")
        existing = Tables(dynamodb, read("one", [], infra))
        assert (len(existing.made()), len(existing.expected())) == (2, 3)
        made = Tables(dynamodb, read("one", ["PlatformTables=create"], infra))
        assert (len(made.made()), made.expected()) == (5, [])

    def test_an_import_brings_the_tables_that_are_there_and_nothing_else(
        self, infra: Path, account: Account
    ) -> None:
        """Under the names that the stack will know them by."""
        tables = Tables(account.client("dynamodb"), read("one", [], infra))
        (name,) = [it for it in tables.made() if "sync-status" in it]
        template = json.loads(tables.template_of([name]))
        assert set(template["Resources"]) == {"SyncStatus"}
        assert template["Resources"]["SyncStatus"]["DeletionPolicy"] == "RetainExceptOnCreate"

    def test_a_protected_table_is_deleted_when_it_must_be(
        self, infra: Path, account: Account
    ) -> None:
        """Teardown with --data."""
        make_table(account, "doomed", "id")
        account.client("dynamodb").update_table(TableName="doomed", DeletionProtectionEnabled=True)
        tables = Tables(account.client("dynamodb"), read("one", [], infra))
        tables.delete("doomed")
        assert not tables.exists("doomed")
