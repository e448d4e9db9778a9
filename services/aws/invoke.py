"""What is set going elsewhere: an event for a Lambda function, an execution of a state machine."""

import json
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cache.errors import MachineNotStarted, SyncNotStarted
from services.aws.session import AWS_CONFIG


def invoke_sync(function: str, event: bytes) -> None:
    """Send an event to the sync function and leave the run to itself.

    Raises:
        SyncNotStarted: when Lambda did not take the event.
    """
    try:
        client = boto3.client("lambda", config=AWS_CONFIG)
        client.invoke(FunctionName=function, InvocationType="Event", Payload=event)
    except (BotoCoreError, ClientError) as error:
        raise SyncNotStarted(f"{function}: {error}") from error


def start_machine(arn: str, name: str, values: dict[str, Any]) -> None:
    """Set the state machine going, once for each name.

    Raises:
        MachineNotStarted: when Step Functions did not take the execution.
    """
    try:
        client = boto3.client("stepfunctions", config=AWS_CONFIG)
        client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(values))
    except (BotoCoreError, ClientError) as error:
        raise MachineNotStarted(f"{arn}: {error}") from error
