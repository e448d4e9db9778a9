"""The templates as data: intrinsic functions in their long form (`{"Fn::Sub": …}`)."""

from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

INFRA = Path(__file__).parents[2] / "infra"


def load(name: str) -> dict[str, Any]:
    """The template of this file name."""
    return dict(cfn_yaml.load(str(INFRA / name)))


def resources(name: str, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of a template's resources of this type, by logical id."""
    found = load(name)["Resources"].items()
    return {key: it["Properties"] for key, it in found if it["Type"] == kind}


def tables() -> dict[str, dict[str, Any]]:
    """The properties of all tables, of one region and of several."""
    kinds = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
    return {key: it for kind in kinds for key, it in resources("tables.yaml", kind).items()}
