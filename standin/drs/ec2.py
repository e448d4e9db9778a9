"""The life of EC2 instances, and what DRS notices of it."""

from typing import Any

from standin.drs import items
from standin.drs.core import Drs
from standin.drs.state import Item, Place

_LOST_BY_TERMINATION = (
    "PrivateIpAddress", "PublicIpAddress", "SubnetId", "VpcId", "SecurityGroups",
    "NetworkInterfaces"
)  # fmt: skip


def appear(drs: Drs, place: Place, instance: Item) -> None:
    place.instances[instance["InstanceId"]] = instance
    _tell(drs, place, instance["InstanceId"], instance["State"]["Name"])


def state_name(place: Place, instance_id: str) -> str:
    """EC2's name of the state; empty for an instance EC2 does not know."""
    return (
        str(place.instances[instance_id]["State"]["Name"]) if instance_id in place.instances else ""
    )


def turn(drs: Drs, place: Place, instance_id: str, state: str) -> None:
    """Put an instance into an EC2 state; DRS shows the same on its record.

    No effect on a forgotten instance.
    """
    if instance_id in place.instances:
        lost = _LOST_BY_TERMINATION if state == "terminated" else ()
        place.change(place.instances, instance_id, *lost, State=items.state(state))
        _tell(drs, place, instance_id, state)


def terminate(drs: Drs, place: Place, instance_id: str) -> None:
    """Shutting down now, terminated later, forgotten by EC2 later
    still; no effect on what is already going.
    """
    if state_name(place, instance_id) in ("", "shutting-down", "terminated"):
        return
    behaviour = drs.behaviour
    turn(drs, place, instance_id, "shutting-down")
    drs.clock.after(behaviour.terminate, lambda: turn(drs, place, instance_id, "terminated"))
    gone = behaviour.terminate + behaviour.ec2_terminated_kept
    drs.clock.after(gone, lambda: forget(place, instance_id))


def forget(place: Place, instance_id: str) -> None:
    """EC2 no longer knows the id; a DRS record that still names it says NOT_FOUND."""
    place.instances.pop(instance_id, None)
    _show(place, instance_id, "NOT_FOUND")


def _tell(drs: Drs, place: Place, instance_id: str, state: str) -> None:
    _show(place, instance_id, state.upper())
    drs.events.ec2_state_change(place, instance_id, state)


def _show(place: Place, instance_id: str, state: str) -> None:
    changes: dict[str, Any] = {"ec2InstanceState": state}
    place.change(place.recovery_instances, instance_id, **changes)
