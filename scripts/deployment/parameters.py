"""What a deployment is given: its environment's file, then the command line, then the templates'
defaults.

Every parameter of every template is passed in every deployment, defaults included: CloudFormation
keeps an earlier value of whatever is not passed, and a word on the command line would then hold for
ever.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

from scripts.deployment.errors import Refused

INFRA = Path("infra")  # of the checkout that is deployed
TABLES, USERS, MAIN = "tables.yaml", "users.yaml", "template.yaml"
MADE_HERE = {
    "Protected",
    "CacheSuffix",
    "InstancesStreamArn",
}  # by the deployment itself, of what it meets
# What a sign-in host may not contain (Cognito developer guide, "Configuring a user pool domain").
RESERVED_IN_DOMAINS = ("aws", "amazon", "cognito")

type Declaration = Mapping[str, Any]


@dataclass(frozen=True)
class Parameters:
    """Every parameter's value, as text, by name."""

    values: Mapping[str, str]
    declared: Mapping[str, Mapping[str, Declaration]]  # by template

    @property
    def stack(self) -> str:
        """The main stack's name; the others' begin with it."""
        return f"{self['Project']}-{self['Environment']}"

    @property
    def makes_user_pool(self) -> bool:
        """Whether the page's users get a pool of this deployment's own."""
        return self["Authorisation"] == "JWT" and not self["UserPoolId"]

    @cached_property
    def cache_suffix(self) -> str:
        """Six digits of what a cache cannot change: its kind and
        its subnets, whatever their order.
        """
        subnets = sorted(self["PrivateSubnetIds"].split(","))
        return hashlib.sha256(" ".join([self["RedisKind"], *subnets]).encode()).hexdigest()[:6]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def of(self, template: str, **made: str) -> dict[str, str]:
        """What one template is passed."""
        return {name: made.get(name, self.values[name]) for name in self.declared[template]}


def read(
    environment: str, words: Iterable[str], infra: Path = INFRA, region: str = ""
) -> Parameters:
    """The parameters of an environment; `words` are `Name=Value`, the last word for a name counts.

    `ENVIRONMENT.conf` holds for every region, and `ENVIRONMENT.REGION.conf` over it for that one.

    Raises:
        Refused: a name that no template has, a value that its declaration does not allow, one that
        is missing.
    """
    file = infra / "environments" / f"{environment}.conf"
    files = [it for it in (file, file.with_name(f"{environment}.{region}.conf")) if it.is_file()]
    if not files:
        raise Refused(f"{file} is missing; {file.parent}/example.conf shows what goes in")
    declared = {name: _declarations(infra / name) for name in (TABLES, USERS, MAIN)}
    every = {name: it for found in declared.values() for name, it in found.items()}
    given = (
        {"Environment": environment}
        | _pairs([line for it in files for line in _lines(it)], every)
        | _pairs((("the command line", word) for word in words), every)
    )
    values = {name: given.get(name, str(it.get("Default", ""))) for name, it in every.items()}
    missing = [name for name, it in every.items() if "Default" not in it and not values[name]]
    if missing:
        raise Refused(f"{', '.join(missing)} must be set, in {files[-1]} or on the command line")
    for name, value in values.items():
        _check(name, value, every[name])
    found = Parameters(values, declared)
    _check_together(found)
    return found


def _declarations(template: Path) -> dict[str, Declaration]:
    return dict(cfn_yaml.load(str(template))["Parameters"])


def _lines(file: Path) -> list[tuple[str, str]]:
    """The file's lines that say something, each with where it stands."""
    lines = enumerate(file.read_text().splitlines(), start=1)
    return [
        (f"{file}:{number}", it.strip())
        for number, it in lines
        if it.strip() and it.strip()[0] != "#"
    ]


def _pairs(words: Iterable[tuple[str, str]], every: Mapping[str, Declaration]) -> dict[str, str]:
    found = {}
    for where, word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise Refused(f"{where}: {word!r} is not Name=Value")
        if name in MADE_HERE:
            raise Refused(f"{where}: {name} is made by the deployment itself")
        if name not in every:
            close = get_close_matches(name, every, n=1)
            raise Refused(f"{where}: no parameter {name}" + (f"; {close[0]}?" if close else ""))
        found[name] = value
    return found


def _check(name: str, value: str, declaration: Declaration) -> None:
    allowed = [str(it) for it in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise Refused(f"{name}={value}: must be one of {', '.join(allowed)}")
    pattern = declaration.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise Refused(f"{name}={value}: must look like {pattern}")
    number = declaration["Type"] == "Number"
    if number and not re.fullmatch(r"-?\d+", value):
        raise Refused(f"{name}={value}: must be a whole number")
    size, unit = (int(value), "") if number else (len(value), " letters")
    least, most = (
        declaration.get(it)
        for it in (("MinValue", "MaxValue") if number else ("MinLength", "MaxLength"))
    )
    if (least is not None and size < int(least)) or (most is not None and size > int(most)):
        raise Refused(f"{name}={value}: must have {least or 0} to {most or 'any number of'}{unit}")


def _check_together(found: Parameters) -> None:
    """What the templates' own rules would refuse late, and what they cannot say."""
    if found["UserPoolId"] and not found["UserPoolSignInHost"]:
        raise Refused(
            "UserPoolId needs UserPoolSignInHost, like NAME.auth.REGION.amazoncognito.com"
        )
    if found["UserPoolSignInHost"] and not found["UserPoolId"]:
        raise Refused("UserPoolSignInHost is of a pool: UserPoolId is missing")
    if found["RedisKind"] == "external" and not found["RedisUrl"]:
        raise Refused("RedisKind=external needs RedisUrl")
    if found["PageDomain"] and not found["PageCertificateArn"]:
        raise Refused(
            "PageDomain needs PageCertificateArn, a certificate of that name in us-east-1"
        )
    if found["ReplicaRegion"] and found["PlatformTables"] == "existing":
        raise Refused(
            "ReplicaRegion is for tables made here: PlatformTables=create, or leave it out"
        )
    taken = [word for word in RESERVED_IN_DOMAINS if word in found.stack]
    if found.makes_user_pool and taken:
        raise Refused(
            f"Cognito refuses sign-in hosts with {taken[0]!r} in them: another Project, or a "
            "UserPoolId"
        )
    if len(found["PrivateSubnetIds"].split(",")) < 2:
        raise Refused("PrivateSubnetIds: two subnets at least, in two zones")
