"""What only a real service enforces, read off the expanded templates: order, what is kept, names,
what cannot change.

CloudFormation expands serverless resources before it orders and compares anything, so that these
tests look at what it looks at. The emulator of the rehearsal shows none of this
(tests/infra/rehearsal/blind_spots.py).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local.servers import REGION
from tests.infra.rehearsal.expansion import expanded
from tests.infra.templates import INFRA, load

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("rehearsal"), pytest.mark.timeout(300)]

type Resources = Mapping[str, dict[str, Any]]

# Kinds whose names are one account's in all regions: a second region's deployment must bring other
# names.
GLOBAL_NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::CloudFront::Function": "Name",
    "AWS::CloudFront::OriginAccessControl": "OriginAccessControlConfig/Name",
    "AWS::CloudFront::ResponseHeadersPolicy": "ResponseHeadersPolicyConfig/Name",
}
# Parameters that say which deployment this is: another value means another deployment, which
# replaces nothing.
IDENTITY = {"Project", "Environment", "RoleName", "HomeAccount"}
# A named resource with something else in it that cannot be changed is refused by CloudFormation
# when that is changed ("cannot update a stack when a custom-named resource requires replacing"),
# unless its name changes with it.
NAME_CHANGES_WITH = {"Suffix": {"PrivateSubnetIds"}}


@pytest.fixture(scope="module", params=sorted(it.name for it in INFRA.glob("*.yaml")))
def resources(request: pytest.FixtureRequest) -> Resources:
    """Each template's resources, as CloudFormation sees them."""
    return template(request.param)


@cache
def template(name: str) -> Resources:
    """One template's resources, expanded if it is a serverless one."""
    found = load(name)
    return dict((expanded(found) if "Transform" in found else found)["Resources"])


def references(value: Any) -> Iterator[str]:
    """Every logical id and parameter that a value mentions."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref":
                yield str(inner)
            elif key == "Fn::GetAtt":
                yield str(inner[0] if isinstance(inner, list) else inner.split(".")[0])
            elif key == "Fn::Sub":
                text = inner if isinstance(inner, str) else inner[0]
                yield from re.findall(r"\$\{([A-Za-z0-9]+)", text)
                yield from references([] if isinstance(inner, str) else inner[1])
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def comes_after(resources: Resources, name: str) -> set[str]:
    """All that CloudFormation has made before it makes this
    resource, whatever the conditions' values.
    """
    seen: set[str] = set()
    left = [name]
    while left:
        resource = resources[left.pop()]
        said = resource.get("DependsOn", [])
        named = {
            *references(resource.get("Properties", {})),
            *([said] if isinstance(said, str) else said),
        }
        left += [it for it in named - seen if it in resources]
        seen |= named & set(resources)
    return seen


def of_kind(resources: Resources, kind: str) -> dict[str, dict[str, Any]]:
    """The resources of one type, by logical id."""
    return {name: it for name, it in resources.items() if it["Type"] == kind}


def test_a_stage_that_logs_comes_after_the_accounts_log_role() -> None:
    """API Gateway refuses a stage with logs in an account that has no role for them."""
    api = template("api.yaml")
    (account,) = of_kind(api, "AWS::ApiGateway::Account")
    stages = of_kind(api, "AWS::ApiGateway::Stage")
    assert stages
    for name, stage in stages.items():
        assert "AccessLogSetting" in stage["Properties"]
        assert account in comes_after(api, name)


def test_a_functions_log_group_comes_before_it() -> None:
    """Else Lambda may make it first, without a retention, and the stack's own creation fails."""
    functions = template("functions.yaml")
    groups = of_kind(functions, "AWS::Logs::LogGroup")
    for name in of_kind(functions, "AWS::Lambda::Function"):
        assert f"{name}Log" in groups
        assert f"{name}Log" in comes_after(functions, name)


def test_what_is_kept_is_not_left_behind_by_a_creation_that_failed(resources: Resources) -> None:
    """Retain would: the next creation then finds the name taken.

    Of a replaced resource the old one is kept.
    """
    for name, resource in resources.items():
        policy = resource.get("DeletionPolicy", "Delete")
        assert policy in {"Delete", "RetainExceptOnCreate"}, name
        if policy == "RetainExceptOnCreate":
            assert resource["UpdateReplacePolicy"] == "Retain", name


def test_nothing_is_protected_while_it_is_made(resources: Resources) -> None:
    """A protected resource of a creation that failed cannot be
    taken back: protection follows by parameter.
    """
    for name, resource in resources.items():
        text = json.dumps(resource.get("Properties", {}))
        for value in re.findall(r'"Deletion\w*Protection\w*": (\{.*?\}|"\w+"|\w+)', text):
            assert "Protected" in value, (name, value)


def test_tables_are_a_stack_of_their_own() -> None:
    """Inside another stack they would go, or be orphaned, with whatever else of it fails."""
    nested = {
        it["Properties"]["TemplateURL"]
        for it in of_kind(template("template.yaml"), "AWS::CloudFormation::Stack").values()
    }
    assert not nested & {"tables.yaml", "users.yaml"}
    assert {"api.yaml", "functions.yaml", "roles.yaml"} <= nested


def test_no_version_is_a_resource(resources: Resources) -> None:
    """Lambda publishes none while nothing has changed, and
    CloudFormation then rolls everything back.
    """
    assert of_kind(resources, "AWS::Lambda::Version") == {}


def test_two_regions_of_one_account_have_names_of_their_own(resources: Resources) -> None:
    """Names that are the account's carry the region, or are CloudFormation's to choose."""
    for name, resource in resources.items():
        for part in GLOBAL_NAMES.get(resource["Type"], "").split("/"):
            chosen = resource.get("Properties", {}).get(part) if part else None
            if isinstance(chosen, Mapping) and part.endswith("Config"):
                chosen = chosen["Name"]
            if chosen and "RoleName" not in set(
                references(chosen)
            ):  # member roles: once an account
                assert "${AWS::Region}" in json.dumps(chosen), (name, chosen)


def test_nothing_that_a_parameter_can_change_is_fixed_under_a_name(resources: Resources) -> None:
    """Each create-only property that a parameter reaches belongs to a
    resource whose name is free or changes with it.
    """
    for name, resource in resources.items():
        own_name = naming(resource)
        reached = set(reached_create_only(resource, resources)) - IDENTITY
        if own_name is None:
            continue  # a replacement gets another name
        allowed = {
            it for mark in references(own_name) for it in NAME_CHANGES_WITH.get(mark, {mark})
        }
        assert reached <= allowed | set(references(own_name)), (name, reached)


def naming(resource: Mapping[str, Any]) -> Any:
    """The name a template gives this resource, if it does; the
    primary identifier says which property that is.
    """
    schema = schema_of(resource["Type"])
    for path in schema.get("primaryIdentifier", []):
        if path in schema.get("readOnlyProperties", []):
            continue
        value = resource.get("Properties", {}).get(path.removeprefix("/properties/"))
        if value is not None and not is_a_reference(value):
            return value
    return None


def is_a_reference(value: Any) -> bool:
    """Whether this names another resource, as the pool of a pool's client does."""
    return isinstance(value, Mapping) and bool({"Ref", "Fn::GetAtt"} & set(value))


def reached_create_only(resource: Mapping[str, Any], resources: Resources) -> Iterator[str]:
    """Parameters in properties that cannot be changed in place."""
    for path in schema_of(resource["Type"]).get("createOnlyProperties", []):
        value: Any = resource.get("Properties", {})
        for step in path.removeprefix("/properties/").split("/"):
            value = value.get(step, {}) if isinstance(value, Mapping) else {}
        yield from (
            it for it in references(value) if it not in resources and not it.startswith("AWS")
        )


@cache
def schema_of(kind: str) -> Mapping[str, Any]:
    """CloudFormation's schema of a resource type."""
    return dict(PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema)


def test_every_reservation_can_be_left_out() -> None:
    """An account with a limit of ten can reserve nothing at all."""
    for name, function in of_kind(template("functions.yaml"), "AWS::Lambda::Function").items():
        reserved = function["Properties"].get("ReservedConcurrentExecutions")
        assert reserved is None or reserved["Fn::If"][2] == {"Ref": "AWS::NoValue"}, name


def test_the_translator_is_awss_own() -> None:
    """What is judged here is what CloudFormation would make of
    the templates: nothing serverless is left.
    """
    kinds = {
        it["Type"] for name in ("api.yaml", "functions.yaml") for it in template(name).values()
    }
    assert not [it for it in kinds if it.startswith("AWS::Serverless")]
