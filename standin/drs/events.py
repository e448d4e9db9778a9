"""EventBridge envelopes as DRS and EC2 emit them, and a delivery that loses, doubles and reorders
them on demand.

Shapes from the DRS and EC2 user guides: DRS details are kebab-case and `is-drill` is a string;
there is no DRS event for a termination.
"""

from typing import Any

from standin.drs.behaviour import Behaviour
from standin.drs.clock import Clock
from standin.drs.ids import Ids
from standin.drs.state import INSTANCE, SERVER, Place, partition

LAUNCH_RESULT = "DRS Source Server Launch Result"
STALLED_CHANGE = "DRS Source Server Data Replication Stalled Change"
FAILBACK_CHANGE = "DRS Recovery Instance Failback State Change"
EC2_STATE_CHANGE = "EC2 Instance State-change Notification"

type Event = dict[str, Any]


class Events:
    """The events delivered so far, in the order of their delivery."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self.delivered: list[Event] = []
        self.behaviour = Behaviour()
        self._clock = clock
        self._ids = ids
        self._held: Event | None = None

    def forget(self) -> None:
        self.delivered.clear()
        self._held = None

    def launch_result(
        self, place: Place, server_id: str, job_id: str, is_drill: bool, succeeded: bool
    ) -> None:
        state = "RECOVERY_LAUNCH_SUCCEEDED" if succeeded else "RECOVERY_LAUNCH_FAILED"
        detail = {"state": state, "job-id": job_id, "is-drill": "TRUE" if is_drill else "FALSE"}
        self._emit(place, "aws.drs", LAUNCH_RESULT, place.arn(SERVER, server_id), detail)

    def stalled_change(self, place: Place, server_id: str, stalled: bool) -> None:
        detail = {"state": "STALLED" if stalled else "NOT_STALLED"}
        self._emit(place, "aws.drs", STALLED_CHANGE, place.arn(SERVER, server_id), detail)

    def failback_change(self, place: Place, instance_id: str, state: str) -> None:
        self._emit(
            place, "aws.drs", FAILBACK_CHANGE, place.arn(INSTANCE, instance_id), {"state": state}
        )

    def ec2_state_change(self, place: Place, instance_id: str, state: str) -> None:
        owner = f"arn:{partition(place.region)}:ec2:{place.region}:{place.account}"
        arn = f"{owner}:instance/{instance_id}"
        self._emit(
            place, "aws.ec2", EC2_STATE_CHANGE, arn, {"instance-id": instance_id, "state": state}
        )

    def _emit(
        self, place: Place, source: str, detail_type: str, resource: str, detail: dict[str, str]
    ) -> None:
        event: Event = {
            "version": "0",
            "id": self._ids.event(),
            "detail-type": detail_type,
            "source": source,
            "account": place.account,
            "time": f"{self._clock.iso()[:19]}Z",
            "region": place.region,
            "resources": [resource],
            "detail": detail,
        }
        if self._ids.chance(self.behaviour.event_loss):
            return
        copies = 2 if self._ids.chance(self.behaviour.event_duplicates) else 1
        self._deliver([event] * copies)

    def _deliver(self, copies: list[Event]) -> None:
        if self.behaviour.event_reorder and self._held is None:
            self._held = copies.pop()
            self.delivered += copies
            return
        self.delivered += copies
        if self._held is not None:
            self.delivered.append(self._held)
            self._held = None
