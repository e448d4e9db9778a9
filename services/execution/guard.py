"""What may not be terminated, and why. Pure: what was seen comes in, a refusal goes out.

TerminateRecoveryInstances destroys whatever instance carries the id, so each rule names a machine
that somebody may still need: docs/aws-facts.md has the sources.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from services.aws.drs import LiveInstance

# Only these failback states say that no failback was begun; any other word, known or not, refuses.
_NO_FAILBACK = {
    None,
    "FAILBACK_NOT_STARTED",
    "FAILBACK_NOT_READY_FOR_LAUNCH",
    "FAILBACK_LAUNCH_STATE_NOT_AVAILABLE",
}


class Refusal(StrEnum):
    """Why an instance is not terminated."""

    RELAUNCHED = "RELAUNCHED"
    FAILBACK_SERVER = "FAILBACK_SERVER"
    FAILBACK_BEGUN = "FAILBACK_BEGUN"
    LAUNCHED_INTO_SOURCE = "LAUNCHED_INTO_SOURCE"
    PROTECTED_MACHINE = "PROTECTED_MACHINE"
    REAL_RECOVERY = "REAL_RECOVERY"

    @property
    def message(self) -> str:
        """The same for people."""
        return _MESSAGES[self]


_MESSAGES = {
    Refusal.RELAUNCHED: "another job has launched this server since; its instance is not this "
    "execution's",
    Refusal.FAILBACK_SERVER: "its source server replicates back: a failback depends on it",
    Refusal.FAILBACK_BEGUN: "a failback of it is under way or done",
    Refusal.LAUNCHED_INTO_SOURCE: "it was launched into an existing machine, which would be "
    "destroyed",
    Refusal.PROTECTED_MACHINE: "it is itself a machine that DRS protects",
    Refusal.REAL_RECOVERY: "it is a real recovery, not a drill; say confirm to terminate it",
}


@dataclass(frozen=True, slots=True)
class Protection:
    """Source servers that replicate back, and the EC2 ids of the machines that DRS protects."""

    failback_servers: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)


def refusal(
    instance: LiveInstance,
    expected_jobs: Collection[str],
    protection: Protection,
    launches_into: str | None,
    *,
    confirm: bool,
) -> Refusal | None:
    """Why this instance may not be terminated; None when it may.

    What `confirm` cannot overrule comes first.

    `launches_into` is the EC2 instance that its server's launch configuration names, if any.
    """
    launch = instance.launch
    checks = {
        Refusal.RELAUNCHED: launch.job_id not in expected_jobs,
        Refusal.FAILBACK_SERVER: instance.server_id in protection.failback_servers,
        Refusal.FAILBACK_BEGUN: instance.failback_state not in _NO_FAILBACK,
        Refusal.LAUNCHED_INTO_SOURCE: launches_into == launch.ec2_instance_id,
        Refusal.PROTECTED_MACHINE: launch.ec2_instance_id in protection.machines,
        Refusal.REAL_RECOVERY: launch.is_drill is not True and not confirm,
    }
    return next((why for why, applies in checks.items() if applies), None)
