"""What is set going elsewhere: an event for a Lambda function, an execution of a state machine."""

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cache.errors import MachineNotStarted, NotHandedOver, SyncNotStarted
from services.aws.session import QUICK_CONFIG

ANSWER_SECONDS = 300  # the longest that a function of ours runs


def invoke_sync(function: str, event: bytes) -> None:
    """Send an event to the sync function and leave the run to itself.

    Raises:
        SyncNotStarted: when Lambda did not take the event.
    """
    try:
        client = boto3.client("lambda", config=QUICK_CONFIG)
        client.invoke(FunctionName=function, InvocationType="Event", Payload=event)
    except (BotoCoreError, ClientError) as error:
        raise SyncNotStarted(f"{function}: {error}") from error


def invoke(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """What a function answers to an event; waits as long as the function may take.

    Raises:
        NotHandedOver: when Lambda did not take the event, or the function failed.
    """
    config = QUICK_CONFIG.merge(
        Config(read_timeout=ANSWER_SECONDS, retries={"total_max_attempts": 1})
    )
    try:
        client = boto3.client("lambda", config=config)
        reply = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        answer = json.loads(reply["Payload"].read())
    except (BotoCoreError, ClientError, ValueError) as error:
        raise NotHandedOver(f"{function}: {error}") from error
    if "FunctionError" in reply or not isinstance(answer, dict):
        raise NotHandedOver(f"{function} failed: {answer!r:.200}")
    return answer


def start_machine(arn: str, name: str, values: dict[str, Any]) -> None:
    """Set the state machine going, once for each name.

    Raises:
        MachineNotStarted: when Step Functions did not take the execution.
    """
    try:
        client = boto3.client("stepfunctions", config=QUICK_CONFIG)
        try:
            client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(values))
        except client.exceptions.ExecutionAlreadyExists:
            return  # an earlier try arrived, and its machine has ended since
    except (BotoCoreError, ClientError) as error:
        raise MachineNotStarted(f"{arn}: {error}") from error


def machine_status(arn: str, name: str) -> str | None:
    """How the machine's execution of this name does, in Step Functions' words; None when there was
    none.

    Raises:
        MachineNotStarted: when Step Functions cannot be asked.
    """
    execution = arn.replace(":stateMachine:", ":execution:") + f":{name}"
    try:
        client = boto3.client("stepfunctions", config=QUICK_CONFIG)
        try:
            return str(client.describe_execution(executionArn=execution)["status"])
        except client.exceptions.ExecutionDoesNotExist:
            return None
    except (BotoCoreError, ClientError) as error:
        raise MachineNotStarted(f"{execution}: {error}") from error
