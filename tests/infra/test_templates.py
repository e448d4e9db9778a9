"""The templates say what the code says: variables, routes, tables, steps, events, pins."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local import functions
from local.front import SCHEDULED_EVENT
from services.api.routes import OPERATIONS
from services.execution.operations import UNATTENDED, direct_operations
from services.platform.tables import INDEXES, table_keys
from services.settings import Settings
from services.sync.wiring import SyncWiring
from tests.infra.policies import filled
from tests.infra.templates import INFRA, load, resources, tables

ROOT = INFRA.parent
FUNCTIONS = {
    "Query": "query",
    "DataManagement": "data-management",
    "Sync": "recovery-instance-sync",
    "Execution": "execution",
    "Publisher": "publisher",
}


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def deployed_functions() -> dict[str, dict[str, Any]]:
    """Each function's properties, globals included, by role."""
    shared = load("functions.yaml")["Globals"]["Function"]
    found = resources("functions.yaml", "AWS::Serverless::Function")
    return {
        FUNCTIONS[key]: shared | it | {"Environment": _variables(shared) | _variables(it)}
        for key, it in found.items()
    }


def _variables(properties: Mapping[str, Any]) -> dict[str, Any]:
    return dict(properties.get("Environment", {}).get("Variables", {}))


def test_the_templates_lint_clean() -> None:
    """cfn-lint knows every resource's schema; W3002 alone is set
    aside, in .cfnlintrc, which says why.
    """
    done = subprocess.run(
        [ROOT / ".venv/bin/cfn-lint"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("template", sorted(it.name for it in INFRA.glob("*.yaml")))
def test_every_suppression_says_why(template: str) -> None:
    """A security rule that is set aside has a reason beside it."""
    for name, resource in load(template)["Resources"].items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(str(skip.get("comment", "")).split()) > 1, (name, skip)


class TestFunctions:
    """functions.yaml against the code."""

    def test_the_variables_are_those_the_settings_read(self) -> None:
        """Nothing is set that nobody reads, and nothing is read that nobody sets."""
        asked = Asked()
        Settings.from_env(asked)
        variables = {name for it in deployed_functions().values() for name in it["Environment"]}
        assert variables == asked.names

    def test_the_tables_are_those_the_code_falls_back_to(self) -> None:
        """Every function is given the names that tables.yaml makes,
        which are the code's own defaults too.
        """
        made = {filled(it["TableName"]["Fn::Sub"]) for it in tables().values()}
        assert made == set(functions.TABLES.values())
        settings = Settings.from_env(
            {"PROJECT_NAME": functions.PROJECT, "ENVIRONMENT": functions.ENVIRONMENT}
        )
        for deployed in deployed_functions().values():
            given = {
                key: filled(it["Fn::Sub"])
                for key, it in deployed["Environment"].items()
                if key.endswith("_TABLE")
            }
            assert given == {name: getattr(settings, name.lower()) for name in given}

    def test_names_and_handlers_are_those_the_local_stack_runs(self) -> None:
        """What is tried on one machine is what is deployed."""
        specs = functions.specs({"AWS_REGION": "us-east-1"})
        deployed = deployed_functions()
        assert {role: filled(it["FunctionName"]["Fn::Sub"]) for role, it in deployed.items()} == {
            role: spec.name for role, spec in specs.items()
        }
        assert {role: it["Handler"] for role, it in deployed.items()} == {
            role: it.handler for role, it in specs.items()
        }

    def test_the_schedule_sends_exactly_the_agreed_event(self) -> None:
        """`{"operation": "sync_recovery_instances"}`, every five minutes, to the sync function."""
        (event,) = deployed_functions()["recovery-instance-sync"]["Events"].values()
        assert json.loads(event["Properties"]["Input"]) == json.loads(SCHEDULED_EVENT)
        assert load("template.yaml")["Parameters"]["Schedule"]["Default"] == "rate(5 minutes)"

    def test_the_sync_runs_once_at_a_time(self) -> None:
        """And is over before the next one is due."""
        sync = deployed_functions()["recovery-instance-sync"]
        assert load("template.yaml")["Parameters"]["SyncConcurrency"]["Default"] == 1
        assert sync["Timeout"] < 300

    def test_everything_a_function_logs_is_kept_for_a_while_only(self) -> None:
        """Each function has its own log group with a retention."""
        groups = resources("functions.yaml", "AWS::Logs::LogGroup").values()
        named = {filled(it["LogGroupName"]["Fn::Sub"]) for it in groups if it["RetentionInDays"]}
        assert named == {f"/aws/lambda/{functions.name(role)}" for role in FUNCTIONS.values()}


def test_the_routes_are_those_of_the_contract() -> None:
    """Method, path and function of every route, as the OpenAPI document has them."""
    paths = resources("api.yaml", "AWS::Serverless::Api")["Api"]["DefinitionBody"]["paths"]
    deployed = {
        (method.upper(), path): _target(route["x-amazon-apigateway-integration"]["uri"])
        for path, routes in paths.items()
        for method, route in routes.items()
    }
    assert deployed == {(it.method, it.path): it.function for it in OPERATIONS}
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    assert set(deployed) == {
        (method.upper(), path) for path, routes in document.items() for method in routes
    }


def _target(uri: dict[str, Any]) -> str:
    """The function a route leads to; page reads lead to data
    management instead when they are read live.
    """
    function = uri["Fn::Sub"][1]["Function"]
    if "Fn::If" in function:
        condition, live, otherwise = function["Fn::If"]
        assert (condition, live) == ("ReadLive", {"Ref": "DataManagement"})
        function = otherwise
    return FUNCTIONS[function["Ref"]]


def test_no_route_is_open() -> None:
    """Each one asks for a token or a signature."""
    paths = resources("api.yaml", "AWS::Serverless::Api")["Api"]["DefinitionBody"]["paths"]
    for routes in paths.values():
        for route in routes.values():
            assert route["security"] == {"Fn::If": ["ByJwt", [{"users": []}], [{"sigv4": []}]]}


def test_the_tables_have_the_keys_and_indexes_that_the_code_makes() -> None:
    """tables.yaml and `create-tables` agree."""
    keys = table_keys(Settings.from_env({}))
    for table in tables().values():
        name = filled(table["TableName"]["Fn::Sub"])
        assert table["KeySchema"] == [{"AttributeName": keys[name], "KeyType": "HASH"}]
        indexes = {it["IndexName"]: _index(it) for it in table.get("GlobalSecondaryIndexes", [])}
        assert indexes == (INDEXES if name.endswith("-recovery-instances-dev") else {})
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["SSESpecification"]["SSEEnabled"] is True
        for replica in _replicas(table):
            backup = replica["PointInTimeRecoverySpecification"]
            assert backup == {"PointInTimeRecoveryEnabled": True}
            assert replica["DeletionProtectionEnabled"] == {"Ref": "Protected"}


def _replicas(table: dict[str, Any]) -> list[dict[str, Any]]:
    """A table's regions, the second one that a parameter adds
    included; of one region, the table.
    """
    found = table.get("Replicas", [table])
    return [it["Fn::If"][1] if "Fn::If" in it else it for it in found]


def _index(index: Mapping[str, Any]) -> tuple[str, ...]:
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    return tuple(key["AttributeName"] for key in index["KeySchema"])


def test_the_machine_asks_for_steps_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation in the definition is one of the execution function's."""
    machine = json.loads((INFRA / "execution.asl.json").read_text())
    asked = {
        it["Parameters"]["Payload"]["operation"]
        for it in machine["States"].values()
        if it["Type"] == "Task"
    }
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    operations = direct_operations(SyncWiring(Settings.from_env()))
    assert asked == {"start_wave", "poll_wave", "sync_wave", "go_on", "finish"}
    assert asked <= operations.keys()
    rules = resources("execution.yaml", "AWS::Events::Rule")
    events = [target for rule in rules.values() for target in rule["Targets"]]
    texts = [
        it["Input"] if "Input" in it else it["InputTransformer"]["InputTemplate"] for it in events
    ]
    told = {re.findall(r'"operation": "(\w+)"', text)[0] for text in texts}
    assert told == {"machine_ended", "watch_executions"}
    assert told | asked == UNATTENDED, "nobody reads these answers, so a refusal must fail"


def test_what_is_shipped_is_what_is_tested() -> None:
    """Every pin of infra/lambda.lock is a pin of requirements.lock."""
    assert _pins(INFRA / "lambda.lock") <= _pins(ROOT / "requirements.lock")


def _pins(lock: Path) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==[^ \\]+", lock.read_text(), re.MULTILINE))


def test_the_page_is_served_under_its_own_policy() -> None:
    """The distribution sends the very Content-Security-Policy
    that the page is written and tested under.
    """
    headers = resources("page.yaml", "AWS::CloudFront::ResponseHeadersPolicy")["Headers"][
        "ResponseHeadersPolicyConfig"
    ]
    sent = headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert sent.split("; ") == (ROOT / "services/page/csp.txt").read_text().strip().split("; ")


@pytest.mark.long
def test_the_security_scan_finds_nothing() -> None:
    """checkov's rules, each one that is set aside having its reason in the template."""
    tool = "source scripts/tools.sh; PATH=$(tool_venv scan):$PATH"
    scan = "checkov --directory infra --framework cloudformation --skip-download --quiet --compact"
    done = subprocess.run(
        ["bash", "-c", f"{tool}; {scan}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
