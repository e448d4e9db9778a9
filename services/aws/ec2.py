"""What EC2 says of instances, by the `instance-id` filter:
`InstanceIds=` fails whole on one unknown id.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cache.errors import UnreadableReply
from cache.record import InstanceState
from cache.values import to_stamp
from services.aws.drs import Check, each_batch

SOURCE_SERVER_TAG = "AWSElasticDisasterRecoverySourceServerID"
LIVING = ("pending", "running", "stopping", "stopped")


def describe_instances(
    client: Any, instance_ids: Iterable[str], check: Check
) -> dict[str, dict[str, Any]]:
    """Instances by id as EC2 describes them; ids it does not know (yet, or any more) are silently
    absent.

    Raises:
        ClientError, BotoCoreError: as botocore does; LookTimeout: from `check`.
    """

    def described(ids: list[str]) -> dict[str, dict[str, Any]]:
        filters = [{"Name": "instance-id", "Values": ids}]
        return {it["InstanceId"]: it for it in _instances(client, filters, check)}

    return {
        instance_id: it
        for part in each_batch(described, instance_ids)
        for instance_id, it in part.items()
    }


def launched_by_drs(client: Any, check: Check) -> list[tuple[str, dict[str, Any]]]:
    """The living instances that DRS's own tag says were launched for a source server, with that
    server's id.

    Raises:
        ClientError, BotoCoreError: as botocore does; LookTimeout: from `check`.
    """
    filters = [
        {"Name": "tag-key", "Values": [SOURCE_SERVER_TAG]},
        {"Name": "instance-state-name", "Values": list(LIVING)},
    ]
    return [
        (tag["Value"], it)
        for it in _instances(client, filters, check)
        for tag in it.get("Tags", [])
        if tag.get("Key") == SOURCE_SERVER_TAG
    ]


def opted_in_regions(client: Any) -> set[str]:
    """The regions that are enabled in the client's account.

    Raises:
        ClientError, BotoCoreError: as botocore does. UnreadableReply: when these are not names, or
        none.
    """
    found = client.describe_regions().get("Regions") or []
    if not found or not all(isinstance(it, dict) and it.get("RegionName") for it in found):
        raise UnreadableReply("DescribeRegions: no list of regions")
    return {str(it["RegionName"]) for it in found}


def state_of(instance: dict[str, Any]) -> InstanceState:
    """The instance's state."""
    return InstanceState.read(instance.get("State", {}).get("Name"))


def name_of(instance: dict[str, Any]) -> str | None:
    """Its Name tag, if it has one that says anything."""
    return next(
        (
            it["Value"]
            for it in instance.get("Tags", [])
            if it.get("Key") == "Name" and it.get("Value")
        ),
        None,
    )


def launch_time_of(instance: dict[str, Any]) -> str | None:
    """When it was last started, in our form of time."""
    moment = instance.get("LaunchTime")
    return to_stamp(int(moment.timestamp() * 1000)) if isinstance(moment, datetime) else None


def _instances(
    client: Any, filters: list[dict[str, Any]], check: Check
) -> Iterator[dict[str, Any]]:
    check()
    for page in client.get_paginator("describe_instances").paginate(Filters=filters):
        for reservation in page.get("Reservations", []):
            yield from reservation.get("Instances", [])
        check()
