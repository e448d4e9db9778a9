"""CloudFormation's stacks through every state, and the functions' code and versions."""

import json
import zipfile
from pathlib import Path

import pytest

from local.servers import OWN_ACCOUNT
from scripts.deployment.errors import Failed, Refused
from scripts.deployment.functions import (
    VERSIONS_KEPT,
    WHERE_THERE_IS_A_MIRROR,
    ZIPS,
    Functions,
)
from scripts.deployment.parameters import read
from scripts.deployment.stacks import Stacks, is_held, what_to_do
from tests.infra.deployment.conftest import Account

pytestmark = [pytest.mark.xdist_group("deployment")]


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

    def test_what_a_failed_creation_lists_is_not_held(
        self, stacks: Stacks, account: Account
    ) -> None:
        """What had the name already is somebody else's, and teardown deletes what is held."""
        stacks.deploy("listed", queues("l"), {"Word": "a"}, {})
        assert set(stacks.resources("listed")) == {"Queue0"}
        account.put_stack_into("listed", "ROLLBACK_COMPLETE", ResourceStatus="CREATE_FAILED")
        assert stacks.resources("listed") == {}

    def test_changes_of_nested_stacks_are_shown_as_theirs(
        self, stacks: Stacks, account: Account
    ) -> None:
        """Each by itself, not as one that says that the nested stack differs somehow."""
        account.client("s3").create_bucket(Bucket="parts")

        def whole(*names: str) -> str:
            key = f"{len(names)}.template"
            account.client("s3").put_object(Bucket="parts", Key=key, Body=queues(*names).encode())
            url = f"{account.url}/parts/{key}"
            part = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
            return json.dumps({"Resources": {"Part": part}})

        stacks.deploy("nest", whole("n1"), {}, {})
        (change,) = stacks.changes("nest", whole("n1", "n2"), {}, {})
        assert (change.action, change.resource, change.kind) == ("Add", "Queue1", "AWS::SQS::Queue")
        assert change.stack.startswith("nest-Part-")
        client = account.client("cloudformation")
        for name in ("nest", change.stack):
            left = client.list_change_sets(StackName=name)["Summaries"]
            assert [it for it in left if it["ExecutionStatus"] == "AVAILABLE"] == []

    @pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"])
    def test_nothing_is_done_to_a_stack_that_something_happens_to(
        self, stacks: Stacks, account: Account, status: str
    ) -> None:
        """Whatever is asked for, it says to wait."""
        stacks.deploy("busy", queues("g"), {"Word": "a"}, {})
        account.put_stack_into("busy", status)
        table = {"Table": ("AWS::DynamoDB::Table", "none")}
        for ask in (
            lambda: stacks.deploy("busy", queues("h"), {"Word": "b"}, {}),
            lambda: stacks.import_tables("busy", queues("g"), {"Word": "a"}, table),
            lambda: stacks.delete("busy"),
        ):
            with pytest.raises(Refused, match=f"busy is {status}: wait until"):
                ask()
        account.put_stack_into("busy", "CREATE_COMPLETE")
        assert set(stacks.resources("busy")) == {"Queue0"}

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("UPDATE_IN_PROGRESS", "wait until"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name stuck"),
            ("DELETE_FAILED", "a deletion failed"),
            ("ROLLBACK_FAILED", "delete the stack"),
            ("CREATE_FAILED", "delete the stack"),
            ("UPDATE_FAILED", "rollback-stack --stack-name stuck"),
        ],
    )
    def test_a_stack_that_is_stuck_says_what_helps(self, status: str, words: str) -> None:
        """Nothing is tried on it."""
        with pytest.raises(Refused, match=words):
            what_to_do("stuck", status)


@pytest.mark.parametrize(
    ("status", "held"),
    [
        ("CREATE_COMPLETE", True), ("UPDATE_COMPLETE", True), ("IMPORT_COMPLETE", True),
        ("UPDATE_FAILED", True), ("UPDATE_ROLLBACK_COMPLETE", True), ("DELETE_FAILED", True),
        ("CREATE_FAILED", False), ("DELETE_COMPLETE", False), ("DELETE_SKIPPED", False),
        ("IMPORT_FAILED", False), ("IMPORT_ROLLBACK_COMPLETE", False),
    ],
)  # fmt: skip
def test_what_a_stack_never_made_is_not_its_own(status: str, held: bool) -> None:
    """A table that was in the way of a creation would be deleted with its rows."""
    assert is_held(status) is held


class TestFunctions:
    """Code and versions, whatever a stack thinks of them."""

    @pytest.fixture
    def functions(self, account: Account, infra: Path, tmp_path: Path) -> Functions:
        """The four functions with some code, and an alias on what was never published."""
        project = f"f{tmp_path.name[-8:].replace('_', '')}".lower()
        client = account.client("lambda")
        every = ZIPS | WHERE_THERE_IS_A_MIRROR
        for zipped in set(every.values()):
            build(tmp_path / f"{zipped}.zip", "first")
        for role, zipped in every.items():
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
