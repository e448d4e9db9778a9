"""AWS's own settings: the README's are enough, and wrong ones are one line."""

import os
import subprocess
import sys

import pytest
from redis.exceptions import AuthenticationError

from local.processes import Process
from services.aws.redis_iam import IamTokens
from services.settings import Settings
from tests.cli.test_commands import REPOSITORY

KEYS = {"AWS_ACCESS_KEY_ID": "111111111111", "AWS_SECRET_ACCESS_KEY": "x"}
ALONE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}


def status(dynamodb: Process, **environment: str) -> subprocess.CompletedProcess[str]:
    """`status` with these settings and no others."""
    return subprocess.run(
        [sys.executable, "-m", "services.cli", "status"],
        env={**ALONE, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_region_in_aws_region_is_enough(dynamodb: Process) -> None:
    """As the README says; what is missing here are the tables alone."""
    done = status(dynamodb, AWS_REGION="us-east-1", **KEYS)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "ResourceNotFoundException" in done.stderr


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (KEYS, "You must specify a region"),
        ({"AWS_REGION": "us-east-1", "AWS_PROFILE": "nope"}, "profile (nope) could not be found"),
        ({"AWS_REGION": "us-east-1"}, "Unable to locate credentials"),
    ],
)
def test_a_setting_that_leads_nowhere_is_one_line(
    dynamodb: Process, environment: dict[str, str], says: str
) -> None:
    """Without a traceback."""
    done = status(dynamodb, **environment)
    assert done.returncode == 1
    assert says in done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_a_token_for_redis_needs_a_region_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of signing in, which costs the mirror and nothing
    else; AWS_REGION is enough for it too.
    """
    for name, value in {**KEYS, **ALONE}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AuthenticationError, match="You must specify a region"):
        IamTokens("user", "cache").get_credentials()
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")
    Settings.from_env({})
    assert "us-east-1" in IamTokens("user", "cache").get_credentials()[1]
