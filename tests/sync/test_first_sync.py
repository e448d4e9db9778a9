"""What stands in `sync-status` before and while a full sync runs:
places nobody has looked at yet, and the lease.
"""

from threading import Event
from typing import Any

import pytest

from cache.values import Place
from services.platform.sync_status import LEASE_SECONDS, AlreadyRunning
from services.sync.place import PlaceReport
from services.sync.run import sync_all_recovery_instances
from tests.sync.platform import Platform

NOBODY = "s-" + "9" * 17  # not another test's: tests share the mirror


def test_a_place_that_is_yet_to_be_looked_at_is_known_before(platform: Platform) -> None:
    """During a first sync one place is complete, the other held: a
    server without a row is unknown, not absent.
    """
    platform.configure("us-east-1", "eu-west-1")
    there = str(Place(platform.account, "eu-west-1"))
    with platform.held_before("DescribeRecoveryInstances", platform.sync):
        waited = Event()
        while not (look := platform.wiring.looks.places().get(there)) or not look.completed_at:
            assert not waited.wait(0.05)
        assert platform.wiring.reader.read({NOBODY: None}).unknown == [NOBODY]
    assert all(it.completed_at for it in platform.wiring.looks.places().values())


def test_the_lease_is_renewed_by_every_place_that_is_done(platform: Platform) -> None:
    """Another run is refused as long as places finish; what a person sees is how many have."""
    platform.configure("us-east-1", "eu-west-1")
    status, seen = platform.wiring.status, list[dict[str, Any]]()

    def lease() -> dict[str, Any]:
        name = platform.wiring.settings.sync_status_table
        return platform.wiring.dynamodb.get_item(
            TableName=name, Key={"id": {"S": "lease"}}, ConsistentRead=True
        )["Item"]

    def run_out() -> None:
        """A minute and a half goes by in which no place was done."""
        platform.wiring.dynamodb.update_item(
            TableName=platform.wiring.settings.sync_status_table,
            Key={"id": {"S": "lease"}},
            UpdateExpression="SET expiresAt = :then",
            ExpressionAttributeValues={":then": {"N": "1"}},
        )

    def tell(_: PlaceReport, places: int) -> None:
        seen.append(lease() | {"places": {"N": str(places)}})
        run_out()

    sync_all_recovery_instances(platform.wiring.sync_parts(), tell=tell)
    assert [it["placesDone"]["N"] for it in seen] == ["0", "1"]
    assert int(seen[1]["expiresAt"]["N"]) > LEASE_SECONDS, "renewed when the first place was done"
    assert status.read().running is None


def test_a_second_full_sync_is_refused_while_one_runs(platform: Platform) -> None:
    """And told which one runs."""
    with platform.held_before("DescribeRecoveryInstances", platform.sync):
        running = platform.wiring.status.read().running
        assert running is not None
        with pytest.raises(AlreadyRunning) as refused:
            platform.sync()
        assert refused.value.run_id == running["runId"]
