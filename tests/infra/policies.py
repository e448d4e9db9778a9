"""What the templates' roles allow: statements with their
parameters filled in, and how IAM reads them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from local.functions import ENVIRONMENT, PROJECT, READ_ROLE_SUFFIX
from local.servers import OWN_ACCOUNT, REGION
from tests.infra.templates import load

BASE = f"{REGION}:{OWN_ACCOUNT}"
PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": OWN_ACCOUNT,
    "Project": PROJECT,
    "Environment": ENVIRONMENT,
    "MemberRoleName": "recovery-sync",
    "ReadRoleSuffix": READ_ROLE_SUFFIX,
    "Tables": f"arn:aws:dynamodb:{BASE}:table/{PROJECT}",
    "Functions": f"arn:aws:lambda:{BASE}:function:{PROJECT}",
    "LogGroups": f"arn:aws:logs:{BASE}:log-group:/aws/lambda/{PROJECT}",
    "CacheArn": f"arn:aws:elasticache:{BASE}:serverlesscache:{PROJECT}-mirror-{ENVIRONMENT}",
    "WriterArn": f"arn:aws:elasticache:{BASE}:user:{PROJECT}-writer-{ENVIRONMENT}",
    "KmsKeyArns": "*",
    "InstanceRoleArns": "*",
    "OldestDrillDays": "7",
    "ReaderArn": f"arn:aws:elasticache:{BASE}:user:{PROJECT}-reader-{ENVIRONMENT}",
}


@dataclass(frozen=True)
class Grant:
    """One action on one resource that a role is allowed;
    `only_via_drs`: only inside calls that DRS makes for it.
    """

    sid: str
    action: str
    resource: str
    only_via_drs: bool

    def covers(self, action: str, resource: str) -> bool:
        """Whether this lets a direct call pass."""
        matches = fnmatchcase(action.lower(), self.action.lower()) and fnmatchcase(
            resource, self.resource
        )
        return matches and not self.only_via_drs


def function_grants(role: str) -> set[Grant]:
    """What a function's role allows: its own policy and those it shares."""
    template = load("roles.yaml")["Resources"]
    properties = template[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties["Policies"]]
    shared = map(_taken, properties["ManagedPolicyArns"])
    documents += [  # AWS's own policies, which are not made here, are AWS's business
        template[it["Ref"]]["Properties"]["PolicyDocument"] for it in shared if "Ref" in it
    ]
    return {grant for document in documents for grant in _grants(document)}


def member_grants(role: str = "Role") -> set[Grant]:
    """What a role in the target accounts allows: the one that acts, or `Reader`."""
    found = load("member-role.yaml")["Resources"]
    shared = [it["Ref"] for it in found[role]["Properties"]["ManagedPolicyArns"] if "Ref" in it]
    own = [
        name
        for name, it in found.items()
        if it["Type"] == "AWS::IAM::RolePolicy" and it["Properties"]["RoleName"] == {"Ref": role}
    ]
    documents = [found[name]["Properties"]["PolicyDocument"] for name in [*shared, *own]]
    return {grant for document in documents for grant in _grants(document)}


def _grants(document: dict[str, Any]) -> Iterator[Grant]:
    for statement in map(_taken, document["Statement"]):
        if statement["Effect"] != "Allow":
            continue
        condition = statement.get("Condition", {})
        via_drs = "aws:CalledVia" in str(condition) or "iam:PassedToService" in str(condition)
        for action in _many(statement["Action"]):
            for resource in _many(statement["Resource"]):
                yield Grant(statement["Sid"], action, _filled(resource), via_drs)


def _taken(value: Any) -> Any:
    """What a conditional part is where its condition holds."""
    return value["Fn::If"][1] if "Fn::If" in value else value


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _filled(value: Any) -> str:
    """A resource with the template's parameters in it."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return PARAMETERS[value["Ref"]]
    return filled(value["Fn::Sub"])


def filled(text: str) -> str:
    """A `Fn::Sub` text with this deployment's parameters."""
    return re.sub(r"\$\{([^}]+)\}", lambda it: PARAMETERS[it[1]], text)
