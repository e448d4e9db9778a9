"""Loading and showing what a place holds; what is loaded is
checked against the services' own shapes.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.model import Shape

from standin.aws import models
from standin.drs import ec2
from standin.drs.core import Drs
from standin.drs.state import Item, Items, Place

_FAILBACK_EVENTS = {"FAILBACK_IN_PROGRESS", "FAILBACK_COMPLETED", "FAILBACK_ERROR"}


class WrongItem(Exception):
    """Something to load that the service could never return; the message names its path."""


@dataclass(frozen=True)
class Kind:
    service: str
    shape: Shape
    key: str
    items: Callable[[Place], Items]
    needs: tuple[str, ...] = ()
    """Members that the model does not require, but the life of the thing does."""


def _kind(service: str, shape: str, key: str, items: Callable[[Place], Items], *needs: str) -> Kind:
    return Kind(service, models.shape(service, shape), key, items, (key, *needs))


KINDS = {
    # EC2 first: a DRS record in the same body then says what it says, whatever EC2 does.
    "instances": _kind(
        "ec2", "Instance", "InstanceId", lambda place: place.instances, "State.Name"
    ),
    "sourceServers": _kind(
        "drs", "SourceServer", "sourceServerID", lambda place: place.source_servers
    ),
    "recoveryInstances": _kind(
        "drs",
        "RecoveryInstance",
        "recoveryInstanceID",
        lambda place: place.recovery_instances,
        "sourceServerID",
    ),
    "jobs": _kind("drs", "Job", "jobID", lambda place: place.jobs),
    "sourceNetworks": _kind(
        "drs", "SourceNetwork", "sourceNetworkID", lambda place: place.source_networks
    ),
    "recoverySnapshots": _kind(
        "drs", "RecoverySnapshot", "snapshotID", lambda place: place.recovery_snapshots
    ),
    "launchConfigurations": _kind(
        "drs", "LaunchConfiguration", "sourceServerID", lambda place: place.launch_configurations
    ),
}


def load(drs: Drs, place: Place, body: dict[str, Any]) -> None:
    """Merge what `body` holds into a place, all of it or nothing. Raises WrongItem.

    Anything of DRS initialises the place unless `initialized` says otherwise; EC2 instances alone
    do not.
    """
    if unknown := set(body) - set(KINDS) - {"initialized"}:
        raise WrongItem(
            f"{sorted(unknown)[0]}: no such kind; there are {', '.join(['initialized', *KINDS])}"
        )
    checked = {
        name: _checked(name, kind, body[name]) for name, kind in KINDS.items() if name in body
    }
    for name, items in checked.items():
        for key, item in items.items():
            _put(drs, place, name, key, item)
    if set(checked) - {"instances"}:
        place.initialized = True
    place.initialized = bool(body.get("initialized", place.initialized))


def _checked(name: str, kind: Kind, values: Any) -> Items:
    if isinstance(values, dict) and name == "launchConfigurations":
        values = [{kind.key: key} | value for key, value in values.items()]
    if not isinstance(values, list):
        raise WrongItem(f"{name}: should be a list, is {values!r:.80}")
    items: Items = {}
    for number, value in enumerate(values):
        if problems := models.CHECKERS[kind.service].problems(kind.shape, value):
            raise WrongItem("; ".join(f"{name}[{number}]{problem}" for problem in problems))
        for need in kind.needs:
            if (
                functools.reduce(
                    lambda inner, member: inner.get(member, {}), need.split("."), value
                )
                == {}
            ):
                raise WrongItem(f"{name}[{number}].{need} is required")
        items[value[kind.key]] = Item(value)
    return items


def _put(drs: Drs, place: Place, name: str, key: str, item: Item) -> None:
    """Store an item; a change of an existing one has the effects it has in AWS."""
    items = KINDS[name].items(place)
    before = items.get(key)
    items[key] = item
    if before is None:
        return
    if name == "instances" and item["State"] != before["State"]:
        ec2.appear(drs, place, item)
    elif name == "recoveryInstances":
        state = item.get("failback", {}).get("state")
        if state in _FAILBACK_EVENTS and state != before.get("failback", {}).get("state"):
            drs.events.failback_change(place, key, state)
    elif name == "sourceServers" and _stalled(item) != _stalled(before):
        drs.events.stalled_change(place, key, _stalled(item))


def _stalled(server: Item) -> bool:
    return bool(server.get("dataReplicationInfo", {}).get("dataReplicationState") == "STALLED")


def dump(place: Place) -> dict[str, Any]:
    """All that `load` takes."""
    lists: dict[str, Any] = {name: list(kind.items(place).values()) for name, kind in KINDS.items()}
    return (
        {"initialized": place.initialized}
        | lists
        | {"launchConfigurations": place.launch_configurations}
    )


def remove(place: Place, kind: str, identifier: str) -> None:
    """Remove one item.

    EC2 forgetting an instance turns its DRS record to NOT_FOUND. Raises ValueError.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind}: no such kind; there are {', '.join(KINDS)}")
    items = KINDS[kind].items(place)
    if identifier not in items:
        raise ValueError(f"{identifier}: not among the {kind} of {place.account}/{place.region}")
    if kind == "instances":
        ec2.forget(place, identifier)
    else:
        del items[identifier]
