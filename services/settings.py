"""The environment, read in this one place, as typed settings. Light: the page read imports it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from cache.errors import InvalidInput

type ReadFrom = Literal["mirror", "table", "live"]
_READ_FROM: tuple[str, ...] = get_args(ReadFrom.__value__)
_REDIS_SCHEMES = {"redis", "rediss", "unix"}
LONGEST_MINUTES = 1440
_YES, _NO = {"true", "1", "yes"}, {"", "false", "0", "no"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What one deployment is told. An empty `redis_url` means there is no mirror, an empty
    `state_machine_arn` that nothing can be executed."""

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
        )


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
