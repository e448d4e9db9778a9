"""Where protected machines run.

VPC, subnet, groups and profile stand nowhere in DRS, only in EC2 of the origin.

In a disaster the origin may be dark, so what was once seen is kept: an origin that cannot be asked,
or no longer has the machine, is "not seen", never "none".
"""

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from cache.errors import LookTimeout
from cache.protocol import RESTAMP_AFTER
from cache.record import Origin
from cache.values import Place, to_millis
from services.aws.drs import Check, Protected
from services.aws.ec2 import describe_instances, state_of
from services.aws.outcome import LOOK_ERRORS
from services.aws.session import AwsClients

logger = logging.getLogger(__name__)


def is_due(row: Mapping[str, Any], seen_at: str) -> bool:
    """Whether the origin of this row's server is to be asked again: networks change seldom."""
    try:
        return to_millis(seen_at) - to_millis(str(row.get("originObservedAt"))) >= RESTAMP_AFTER
    except ValueError:
        return True


def describe_origins(
    clients: AwsClients, servers: Mapping[str, Protected], check: Check
) -> dict[str, Origin]:
    """The origin of each server whose machine runs on EC2, in an
    account we may look at, and could be seen.
    """
    machines: defaultdict[Place, defaultdict[str, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for server_id, it in servers.items():
        if it.origin and it.origin_instance_id and clients.knows(it.origin.account_id):
            machines[it.origin][it.origin_instance_id].append(server_id)
    found: dict[str, Origin] = {}
    for place, by_instance in machines.items():
        try:
            seen = describe_instances(clients.get("ec2", place), by_instance, check)
        except LookTimeout:
            raise
        except LOOK_ERRORS as error:
            logger.warning("Origin %s could not be asked: %s", place, error)
            continue
        for instance_id, machine in seen.items():
            if state_of(machine).is_alive:  # a terminated machine has lost what we would ask it for
                found |= dict.fromkeys(by_instance[instance_id], _origin(machine))
    return found


def _origin(machine: dict[str, Any]) -> Origin:
    return Origin(
        source_vpc_id=machine.get("VpcId"),
        source_subnet_id=machine.get("SubnetId"),
        source_security_group_ids=tuple(
            group["GroupId"] for group in machine.get("SecurityGroups", [])
        ),
        source_instance_profile=machine.get("IamInstanceProfile", {}).get("Arn"),
    )
