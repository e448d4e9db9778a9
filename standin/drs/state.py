"""What exists, per (account, region), in the shapes of the AWS APIs."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from standin.drs.lag import Replication

type Items = dict[str, Item]

SERVER, INSTANCE, JOB, NETWORK = "source-server", "recovery-instance", "job", "source-network"


class Item(dict[str, Any]):
    """One API-shaped thing. Never changed in place: a change puts a new item in its stead.

    So a reader needs no lock once it holds one, and `wire`, its checked and serialised form, can
    stay with it.
    """

    __slots__ = ("wire",)
    wire: str | None

    def __init__(self, members: Mapping[str, Any]) -> None:
        super().__init__(members)
        self.wire = None


class Place:
    """One account in one region: what DRS and EC2 keep there."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.initialized = False
        self.source_servers: Items = {}
        self.recovery_instances: Items = {}
        self.jobs: Items = {}
        self.launch_configurations: Items = {}
        self.source_networks: Items = {}
        self.recovery_snapshots: Items = {}
        self.instances: Items = {}
        self.job_logs: dict[str, list[Item]] = {}
        self.replications: dict[str, Replication] = {}
        """By source server: those whose replication moves with the clock."""

    def arn(self, kind: str, identifier: str) -> str:
        return f"arn:{partition(self.region)}:drs:{self.region}:{self.account}:{kind}/{identifier}"

    def records_of(self, server_id: str) -> list[Item]:
        """All recovery instances of a source server, terminated leftovers included."""
        return [
            record
            for record in self.recovery_instances.values()
            if record.get("sourceServerID") == server_id
        ]

    def snapshots_of(self, server_id: str) -> list[Item]:
        """The points in time that a source server can be launched from."""
        return [
            snapshot
            for snapshot in self.recovery_snapshots.values()
            if snapshot["sourceServerID"] == server_id
        ]

    def change(self, items: Items, key: str, *removed: str, **changes: Any) -> None:
        """Replace one item by a copy with some members changed or
        removed; a missing item stays missing.
        """
        item = items.get(key)
        if item is not None:
            items[key] = Item(
                {name: value for name, value in item.items() if name not in removed} | changes
            )


class State:
    """All places; one springs up when first touched."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Place] = {}

    def place(self, account: str, region: str) -> Place:
        return self._places.setdefault((account, region), Place(account, region))

    def __iter__(self) -> Iterator[Place]:
        return iter(list(self._places.values()))

    def forget(self) -> None:
        self._places.clear()


def partition(region: str) -> str:
    for prefix, name in (("us-gov-", "aws-us-gov"), ("cn-", "aws-cn"), ("eusc-", "aws-eusc")):
        if region.startswith(prefix):
            return name
    return "aws"
