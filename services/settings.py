"""The environment, read in this one place, as typed settings. Light: the page read imports it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from cache.errors import InvalidInput

type ReadFrom = Literal["mirror", "table", "live"]
_READ_FROM: tuple[str, ...] = get_args(ReadFrom.__value__)
type Authorisation = Literal["", "JWT", "IAM"]
_AUTHORISATIONS: tuple[str, ...] = get_args(Authorisation.__value__)
_REDIS_SCHEMES = {"redis", "rediss", "unix"}
LONGEST_MINUTES = 1440
_YES, _NO = {"true", "1", "yes"}, {"", "false", "0", "no"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What one deployment is told. An empty `redis_url` means there is no mirror, an empty
    `state_machine_arn` that nothing can be executed, an empty `authorisation` that callers are not
    told apart."""

    project: str
    environment: str
    recovery_instances_table: str
    target_accounts_table: str
    recovery_plans_table: str
    protection_groups_table: str
    execution_history_table: str
    sync_status_table: str
    redis_url: str
    redis_cluster: bool
    redis_iam_user: str
    redis_iam_cache: str
    read_role_suffix: str
    read_from: ReadFrom
    job_tags: bool
    cors_origin: str
    state_machine_arn: str
    inventory_minutes: int
    authorisation: Authorisation
    audience: frozenset[str]
    viewer_groups: frozenset[str]
    operator_groups: frozenset[str]
    approver_groups: frozenset[str]
    four_eyes: bool

    @property
    def deployment(self) -> str:
        """What tells this deployment from others: `{project}-{environment}`."""
        return f"{self.project}-{self.environment}"

    def name(self, part: str) -> str:
        """The name of a table or function of this deployment: `{project}-{part}-{environment}`."""
        return f"{self.project}-{part}-{self.environment}"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings in the environment; a table not named has the design's name.

        Raises:
            InvalidInput: when a variable holds what it cannot mean.
        """
        _settle_region()
        project = environ.get("PROJECT_NAME") or "hrp-drs-tech-adapter"
        environment = environ.get("ENVIRONMENT") or "dev"

        def table(variable: str, part: str) -> str:
            return environ.get(variable) or f"{project}-{part}-{environment}"

        return cls(
            project=project,
            environment=environment,
            recovery_instances_table=table("RECOVERY_INSTANCES_TABLE", "recovery-instances"),
            target_accounts_table=table("TARGET_ACCOUNTS_TABLE", "target-accounts"),
            recovery_plans_table=table("RECOVERY_PLANS_TABLE", "recovery-plans"),
            protection_groups_table=table("PROTECTION_GROUPS_TABLE", "protection-groups"),
            execution_history_table=table("EXECUTION_HISTORY_TABLE", "execution-history"),
            sync_status_table=table("SYNC_STATUS_TABLE", "sync-status"),
            redis_url=_redis_url(environ),
            redis_cluster=_flag(environ, "REDIS_CLUSTER"),
            redis_iam_user=environ.get("REDIS_IAM_USER", ""),
            redis_iam_cache=environ.get("REDIS_IAM_CACHE", ""),
            read_role_suffix=environ.get("READ_ROLE_SUFFIX", ""),
            read_from=_read_from(environ),
            job_tags=_flag(environ, "JOB_TAGS"),
            cors_origin=environ.get("CORS_ORIGIN", ""),
            state_machine_arn=environ.get("STATE_MACHINE_ARN", ""),
            inventory_minutes=_minutes(environ, "INVENTORY_MINUTES", 60),
            authorisation=_authorisation(environ),
            audience=_names(environ, "AUDIENCE"),
            viewer_groups=_names(environ, "VIEWER_GROUPS"),
            operator_groups=_names(environ, "OPERATOR_GROUPS"),
            approver_groups=_names(environ, "APPROVER_GROUPS"),
            four_eyes=_four_eyes(environ),
        )


def is_being_snapshotted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether Lambda is initializing this process for the snapshot that SnapStart restores."""
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def _settle_region() -> None:
    """botocore reads AWS_DEFAULT_REGION alone, where AWS's other SDKs and Lambda say AWS_REGION."""
    region = os.environ.get("AWS_REGION")
    if region and not os.environ.get("AWS_DEFAULT_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region


def _flag(environ: Mapping[str, str], variable: str) -> bool:
    word = environ.get(variable, "").lower()
    if word not in _YES | _NO:
        raise InvalidInput(variable, f"{word!r} is neither true nor false")
    return word in _YES


def _minutes(environ: Mapping[str, str], variable: str, otherwise: int) -> int:
    text = environ.get(variable) or str(otherwise)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= LONGEST_MINUTES):
        raise InvalidInput(variable, f"must be a number of minutes from 1 to {LONGEST_MINUTES}")
    return int(text)


def _redis_url(environ: Mapping[str, str]) -> str:
    url = environ.get("REDIS_URL", "")
    if url and urlsplit(url).scheme not in _REDIS_SCHEMES:
        raise InvalidInput("REDIS_URL", "must start with redis:// or rediss://")
    return url


def _read_from(environ: Mapping[str, str]) -> ReadFrom:
    word = environ.get("READ_FROM") or "mirror"
    if word not in _READ_FROM:
        raise InvalidInput("READ_FROM", f"{word!r} is none of {', '.join(_READ_FROM)}")
    return cast("ReadFrom", word)


def _authorisation(environ: Mapping[str, str]) -> Authorisation:
    word = environ.get("AUTHORISATION", "")
    if word not in _AUTHORISATIONS:
        raise InvalidInput("AUTHORISATION", f"{word!r} is neither JWT nor IAM")
    return cast("Authorisation", word)


def _names(environ: Mapping[str, str], variable: str) -> frozenset[str]:
    """Names with commas between them."""
    return frozenset(filter(None, map(str.strip, environ.get(variable, "").split(","))))


def _four_eyes(environ: Mapping[str, str]) -> bool:
    if _flag(environ, "FOUR_EYES") and not environ.get("AUTHORISATION"):
        raise InvalidInput("FOUR_EYES", "needs AUTHORISATION: nobody is told apart without it")
    return _flag(environ, "FOUR_EYES")
