"""What import and teardown do with stacks in states that nobody wants."""

from pathlib import Path
from typing import Any

import pytest

from scripts.deployment.__main__ import Deployment
from scripts.deployment.errors import Refused
from scripts.deployment.parameters import MAIN, TABLES, read
from scripts.deployment.tables import Tables
from tests.infra.deployment.conftest import Account, make_table
from tests.infra.deployment.test_stacks import queues

pytestmark = [pytest.mark.xdist_group("deployment")]


@pytest.fixture
def deployment(
    account: Account, infra: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    """An environment of a project of its own."""
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    project = f"c{tmp_path.name[-8:].replace('_', '')}".lower()
    return Deployment(read("one", [f"Project={project}"], infra))


def a_page(account: Account, deployment: Deployment) -> Any:
    """A main stack of nothing but a page's bucket, with a file in it; what finds the file."""
    bucket = f"{deployment.parameters.stack}-page"
    s3 = account.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"here")
    body = queues("q").replace('"Ref": "Word"}', f'"Fn::Sub": "{bucket}"}}')
    body = body.replace('"Outputs": {"Word"', '"Outputs": {"PageBucket"')
    deployment.stacks.deploy(deployment.name(MAIN), body, {"Word": "a"}, {})
    return lambda: [it["Key"] for it in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_teardown_touches_nothing_while_something_happens(
    account: Account, deployment: Deployment
) -> None:
    """The page's files neither: the stack serves them still."""
    files = a_page(account, deployment)
    account.put_stack_into(deployment.name(MAIN), "UPDATE_IN_PROGRESS")
    with pytest.raises(Refused, match="wait until"):
        deployment.tear_down(data=False)
    assert files() == ["index.html"]
    account.put_stack_into(deployment.name(MAIN), "UPDATE_ROLLBACK_FAILED")
    deployment.tear_down(data=False)
    assert files() == []
    assert deployment.stacks.status(deployment.name(MAIN)) == ""


def test_a_teardown_makes_no_table_to_delete_it(account: Account, deployment: Deployment) -> None:
    """Of a creation that failed nothing is there to be unprotected."""
    name = deployment.name(TABLES)
    deployment.stacks.deploy(name, queues("r"), {"Word": "a"}, {})
    account.put_stack_into(name, "ROLLBACK_COMPLETE")
    deployment.tear_down(data=True)
    tables = Tables(account.client("dynamodb"), deployment.parameters)
    assert deployment.stacks.status(name) == ""
    assert [it for it in tables.made() if tables.exists(it)] == []


@pytest.mark.parametrize(
    ("status", "words"),
    [("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"), ("UPDATE_IN_PROGRESS", "wait until")],
)
def test_an_import_into_a_stack_that_is_stuck_says_what_helps(
    account: Account, deployment: Deployment, status: str, words: str
) -> None:
    """And takes nothing in."""
    name = deployment.name(TABLES)
    table = next(iter(Tables(account.client("dynamodb"), deployment.parameters).made()))
    make_table(account, table, "id")
    deployment.stacks.deploy(name, queues("s"), {"Word": "a"}, {})
    account.put_stack_into(name, status)
    with pytest.raises(Refused, match=words):
        deployment.import_tables()
    assert set(deployment.stacks.resources(name)) == {"Queue0"}
