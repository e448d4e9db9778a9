"""What DRS says right now of instances that are to be terminated. Nothing here comes from the cache."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cache.values import Place
from services.aws.drs import PAGE, read_launch
from services.aws.outcome import LOOK_ERRORS, is_not_initialized
from services.aws.session import AwsClients
from services.execution.guard import LiveInstance, Protection

logger = logging.getLogger(__name__)
CONFIGURATIONS_IN_FLIGHT = 8  # GetLaunchConfiguration takes one server a call


def living_instances(client: Any, server_ids: Sequence[str]) -> dict[str, list[LiveInstance]]:
    """The instances of these servers that are not gone; several while a relaunch is under way.

    Raises:
        ClientError, BotoCoreError: as botocore does. UnreadableReply: for a record without usable ids.
    """
    found: defaultdict[str, list[LiveInstance]] = defaultdict(list)
    for ids in batched(server_ids, PAGE):
        for item in _items(
            client, "describe_recovery_instances", filters={"sourceServerIDs": list(ids)}
        ):
            launch = read_launch(item)
            if launch.ec2_instance_state.is_alive:
                found[item["sourceServerID"]].append(
                    LiveInstance(
                        server_id=item["sourceServerID"],
                        recovery_instance_id=launch.recovery_instance_id,
                        ec2_instance_id=launch.ec2_instance_id,
                        state=launch.ec2_instance_state,
                        job_id=launch.job_id,
                        is_drill=launch.is_drill,
                        failback_state=(item.get("failback") or {}).get("state"),
                    )
                )
    return dict(found)


def protection(clients: AwsClients, place: Place, server_ids: Iterable[str]) -> Protection:
    """What the place protects, and what the places do where these servers come from: a failback is set up there.

    In a disaster an origin may be dark. Then nothing is failed back to it either, so it is left out.

    Raises:
        ClientError, BotoCoreError: when the place itself cannot be asked.
    """
    wanted, found = set(server_ids), Protection()
    origins: set[Place] = set()
    for item in _source_servers(clients, place):
        _note(item, found)
        cloud = item.get("sourceCloudProperties") or {}
        account, region = cloud.get("originAccountID"), cloud.get("originRegion")
        if item["sourceServerID"] in wanted and account and region and clients.knows(account):
            origins.add(Place(account, region))
    for origin in origins - {place}:
        try:
            for item in _source_servers(clients, origin):
                _note(item, found)
        except LOOK_ERRORS as error:
            logger.warning("What %s protects could not be asked: %s", origin, error)
    return found


def launch_targets(client: Any, server_ids: Sequence[str]) -> Mapping[str, str | Exception | None]:
    """The EC2 instance each server launches into, if that is set; or why it could not be asked."""

    def one(server_id: str) -> str | Exception | None:
        try:
            configuration = client.get_launch_configuration(sourceServerID=server_id)
        except (BotoCoreError, ClientError) as error:
            return error
        into = (configuration.get("launchIntoInstanceProperties") or {}).get(
            "launchIntoEC2InstanceID"
        )
        return str(into) if into else None

    with ThreadPoolExecutor(CONFIGURATIONS_IN_FLIGHT, "launch-configuration") as pool:
        return dict(zip(server_ids, pool.map(one, server_ids), strict=True))


def _note(item: Mapping[str, Any], found: Protection) -> None:
    if item.get("replicationDirection") == "FAILBACK":
        found.failback_servers.add(item["sourceServerID"])
    hints = (item.get("sourceProperties") or {}).get("identificationHints") or {}
    if hints.get("awsInstanceID"):
        found.machines.add(hints["awsInstanceID"])


def _source_servers(clients: AwsClients, place: Place) -> Iterator[dict[str, Any]]:
    """Every source server of the place; none where DRS was never set up."""
    try:
        yield from _items(clients.get("drs", place), "describe_source_servers")
    except ClientError as error:
        if not is_not_initialized(error):
            raise


def _items(client: Any, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator(operation).paginate(
        **arguments, PaginationConfig={"PageSize": PAGE}
    )
    return (item for page in pages for item in page["items"])
