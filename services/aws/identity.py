"""Whose credentials a process works with."""

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from services.aws.session import QUICK_CONFIG


def caller_arn() -> str | None:
    """The ARN of whoever has these credentials; None where STS does not say it.

    GetCallerIdentity needs no permission (STS API reference).
    """
    try:
        return str(boto3.client("sts", config=QUICK_CONFIG).get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return None
