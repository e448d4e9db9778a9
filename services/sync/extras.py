"""Instances beside a server's current one: a second that lives, and one that DRS no longer knows.

Both cost money.

Their rows show one instance a server, DRS's own choice; these are kept with the place, so that
somebody cleans up.
"""

from collections.abc import Mapping
from typing import Any

from cache.record import Launch
from services.aws import drs, ec2
from services.sync.look import Look

MOST_KEPT = 100  # of a place, in the one item that its look is kept in
SECOND, FORGOTTEN = "not the server's current instance", "DRS has no record of it"


def second_instances(listing: drs.Listing, chosen: Mapping[str, Launch]) -> list[dict[str, Any]]:
    """The living instances that are not their server's current one."""
    return [
        _extra(server_id, launch.ec2_instance_id, str(launch.ec2_instance_state), SECOND)
        | {"jobId": launch.job_id, "isDrill": launch.is_drill}
        for server_id, rivals in sorted(listing.rivals.items())
        for launch in rivals
        if launch != chosen.get(server_id)
    ][:MOST_KEPT]


def forgotten_instances(look: Look, listing: drs.Listing) -> list[dict[str, Any]] | None:
    """Instances that carry DRS's tag and that it has no record of;
    None when EC2 cannot be asked, which is a doubt.
    """
    client = look.clients.get("ec2", look.place)
    found = look.ask(
        "instances by DRS's tag", lambda: ec2.launched_by_drs(client, look.check), None
    )
    if found is None:
        return None
    return [
        _extra(server_id, instance["InstanceId"], str(ec2.state_of(instance)), FORGOTTEN)
        for server_id, instance in found
        if instance["InstanceId"] not in listing.instance_ids
    ][:MOST_KEPT]


def _extra(server_id: str, instance_id: str, state: str, why: str) -> dict[str, Any]:
    return {
        "sourceServerId": server_id,
        "ec2InstanceId": instance_id,
        "ec2InstanceState": state,
        "why": why,
    }
