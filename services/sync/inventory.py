"""The inventory of a place: every source server it protects, so that each is known before a
disaster.

Taken with a complete look, an hour apart, within the same fence as everything else: a server that
is listed as protected and has no instance gets a row that says so, and what a launch would need is
asked while there is somebody to ask.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import time

from cache.protocol import Observation, names_place
from cache.record import LaunchSettings, Origin
from cache.table import Stored
from cache.values import is_server_id
from services.aws import drs
from services.sync.look import GONE, Look
from services.sync.origin import describe_origins

SETTINGS_A_LOOK = (
    200  # GetLaunchConfiguration takes one server a call; the others have their turn an hour later
)
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Inventory:
    """The source servers of a place, and the VPC that each source network copies."""

    servers: Mapping[str, drs.Protected] = field(default_factory=dict)
    vpcs: Mapping[str, str] = field(default_factory=dict)


def take_inventory(look: Look) -> Inventory | None:
    """List the source servers to the last page; None when they could not
    be listed whole, which is a doubt of the look.
    """
    listed = look.ask(
        "the source servers",
        lambda: drs.list_source_servers(look.drs_client, look.place, look.check),
        None,
    )
    if listed is None:
        return None
    servers = {it: server for it, server in listed.items() if is_server_id(it)}
    vpcs: dict[str, str] = {}
    if any(server.network_id for server in servers.values()):
        vpcs = look.ask(
            "the source networks", lambda: drs.source_networks(look.drs_client, look.check), vpcs
        )
    return Inventory(servers, vpcs)


def without_instance(
    look: Look, inventory: Inventory, alive: Iterable[str], stored: Stored, seen_at: str
) -> list[Observation]:
    """What the inventory says of servers that have no instance, those that DRS no longer has among
    them.

    A server whose row still has an instance that the listing lacks is left out: it must be asked
    for by id first.
    """
    place, here = str(look.place), set(alive)
    absent = {
        server_id
        for server_id, row in stored.rows.items()
        if row.get("presence") == "absent" and row.get("place") == place
    }
    nowhere = {
        server_id
        for server_id, row in stored.rows.items()
        if row.get("presence") == "absent" and not names_place(row)
    }
    idle = {
        it: server
        for it, server in inventory.servers.items()
        if it not in here
        and it not in stored.unread
        and (it in absent or it in nowhere or it not in stored.rows)
    }
    origins = describe_origins(look.clients, idle, look.check)
    seen = [
        Observation(
            server_id=server_id,
            place=look.place,
            observed_at=seen_at,
            launch=None,
            server=server.server,
            replication=server.replication,
            origin=origins.get(server_id),
            is_protected=True,
        )
        for server_id, server in idle.items()
    ]
    missing = [
        it
        for it in absent - inventory.servers.keys() - here
        if not stored.rows[it].get("sourceServerGone")
    ]
    return seen + _gone(look, missing, seen_at)


def completed(
    look: Look, inventory: Inventory, seen: Iterable[Observation], stored: Stored
) -> list[Observation]:
    """The observations with what else the inventory knows of their
    servers: the VPC by its copy, launch settings, and what DRS did not say when asked by id.
    """
    settings = _launch_settings(look, inventory, stored)
    listed = inventory.servers
    return [
        replace(
            it,
            server=it.server or (listed[it.server_id].server if it.server_id in listed else None),
            replication=it.replication
            or (listed[it.server_id].replication if it.server_id in listed else None),
            origin=it.origin or _copied(it, inventory, stored),
            settings=settings.get(it.server_id),
        )
        for it in seen
    ]


def _gone(look: Look, server_ids: list[str], seen_at: str) -> list[Observation]:
    """Those of these servers that DRS has no longer: a listing
    only nominates them, asking by id decides.
    """
    found = look.source_servers(server_ids)
    if found is None:
        return []
    return [
        Observation(
            server_id=it, place=look.place, observed_at=seen_at, launch=None, replication=GONE
        )
        for it in server_ids
        if it not in found
    ]


def _copied(seen: Observation, inventory: Inventory, stored: Stored) -> Origin | None:
    """Where EC2 of the origin could never be asked, the network
    that DRS copies names the VPC at least.
    """
    server = inventory.servers.get(seen.server_id)
    vpc = inventory.vpcs.get(server.network_id) if server and server.network_id else None
    is_known = "sourceVpcId" in stored.rows.get(seen.server_id, {})
    return Origin(source_vpc_id=vpc) if vpc and not is_known else None


def _launch_settings(
    look: Look, inventory: Inventory, stored: Stored
) -> Mapping[str, LaunchSettings]:
    """The launch settings of as many servers as one look may ask
    for: those not known yet, then each in turn.
    """
    servers = sorted(inventory.servers)
    lacking = [it for it in servers if "hasLaunchTemplate" not in stored.rows.get(it, {})]
    turns = -(-len(servers) // SETTINGS_A_LOOK) or 1
    turn = int(time() // HOUR) % turns
    wanted = list(dict.fromkeys([*lacking, *servers[turn::turns]]))[:SETTINGS_A_LOOK]
    found = drs.launch_settings(look.drs_client, wanted)
    if denied := [one for one in found.values() if isinstance(one, Exception)]:
        look.doubts.append(f"launch settings of {len(denied)} servers: {denied[0]}")
    return {it: one for it, one in found.items() if isinstance(one, LaunchSettings)}
