"""Nothing fails in silence: one line for each place, wave or read that could not do its work."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cache.attributes import encode
from cache.looks import PLACE
from cache.values import Place
from local.proxy import FaultProxy
from local.world_items import Machine
from services.api.models import ExistingInstance
from services.sync.run import get_recovery_instance_sync_status
from services.wiring import PAGE, Wiring
from tests.sync.platform import Platform


def lines(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    """What was logged at this level."""
    return [it.getMessage() for it in caplog.records if it.levelname == level]


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_a_place_that_fails_is_one_error(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """With account, region, outcome and what AWS said; the summary counts it."""
    platform.aws.weather([{"operation": "DescribeRecoveryInstances", "deny": True}])
    platform.sync()
    (error,) = lines(caplog, "ERROR")
    assert error.startswith(
        f"Failed to sync region {platform.place.region} of account {platform.account}: denied: "
    )
    assert "AccessDenied" in error
    summary = next(it for it in lines(caplog, "INFO") if it.startswith("Of 1 places"))
    assert summary.startswith("Of 1 places 1 failed; 0 rows written")


def test_a_place_seen_in_part_is_one_warning_and_its_details_say_how_old_they_are(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """EC2 denied: the look counts, the details stay as old as they are, and that is told."""
    platform.launch(platform.server())
    assert platform.sync().errors == []
    seen = status_of(platform)["detailsSeenAt"]
    platform.wiring.dynamodb.update_item(
        TableName=platform.wiring.settings.sync_status_table,
        Key={"id": encode(f"{PLACE}{platform.place}")},
        UpdateExpression="SET detailsSeenAt = :then",
        ExpressionAttributeValues={":then": encode("2026-11-01T00:00:00Z")},
    )
    platform.aws.weather([{"service": "ec2", "deny": True}])
    caplog.clear()
    report = platform.sync()
    (warning,) = [it for it in lines(caplog, "WARNING") if it.startswith("Partly synced")]
    assert report.errors == [warning]
    assert platform.account in warning
    assert "EC2" in warning
    place = status_of(platform)
    assert place["outcome"] == "seen"
    assert place["detailsSeenAt"] == "2026-11-01T00:00:00Z" < seen <= place["completedAt"]


def test_an_instance_whose_details_are_older_than_its_look_says_so(platform: Platform) -> None:
    """In its own item, on both tiers: never, since then, and, once EC2 has answered, nothing."""
    old, new = platform.server(number=1), platform.server(number=3)
    platform.launch(old)
    platform.sync()
    assert "detailsSeenAt" not in shown_item(platform, old)
    name = platform.wiring.settings.recovery_instances_table
    seen = {"ec2ObservedAt": "2026-11-01T00:00:00Z"}
    platform.row(name, platform.rows(old)[old.id] | seen)
    platform.launch(new)
    platform.aws.weather([{"service": "ec2", "deny": True}])
    platform.sync()
    for _ in ("mirror", "table"):
        assert shown_item(platform, old)["detailsSeenAt"] == seen["ec2ObservedAt"]
        assert shown_item(platform, new)["detailsSeenAt"] is None
        platform.redis.flushall()
    assert platform.sync().summary()["rowsWritten"] == 0, "said once, not with every look"
    platform.aws.weather([])
    platform.sync()
    assert not {"detailsSeenAt"} & {*shown_item(platform, old), *shown_item(platform, new)}


def shown_item(platform: Platform, machine: Machine) -> dict[str, Any]:
    """The item of its instance, held to the contract."""
    place = Place(machine.account, machine.region)
    entry = platform.wiring.reader.read({machine.id: place}).entries[machine.id]
    ExistingInstance.model_validate_json(entry.fragment)
    return dict(json.loads(entry.fragment))


def test_a_wave_that_could_not_be_looked_at_never_says_synced(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """One error, with the execution and the place."""
    instance = platform.launch(platform.server())
    platform.aws.weather([{"service": "drs", "outage": "503"}])
    known = platform.executed(instance, "exec-9")
    platform.sync_wave(instance, known)
    (error,) = lines(caplog, "ERROR")
    assert error.startswith("Failed to sync recovery instances after wave ")
    assert f"of execution exec-9 in {platform.place}: " in error
    assert not [it for it in lines(caplog, "INFO") if it.startswith("Synced")]


def test_a_read_says_which_tier_failed_and_how(
    platform: Platform, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning for each tier that was lost."""
    machine = platform.server()
    gone = FaultProxy(1)
    gone.refuse()
    port = gone.port
    gone.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{port}")
    settings = platform.wiring.settings
    reader = Wiring(replace(settings, redis_url=f"redis://127.0.0.1:{port}/0"), PAGE).reader
    assert reader.read({machine.id: platform.place}).unknown == [machine.id]
    warnings = lines(caplog, "WARNING")
    assert len([it for it in warnings if it.startswith("The mirror could not be asked")]) == 1
    assert len([it for it in warnings if "could not be read" in it]) <= 2
    assert any("Connect" in it or "connect" in it for it in warnings)


def status_of(platform: Platform) -> dict[str, str]:
    """What is kept of the place."""
    wiring = platform.wiring
    (place,) = get_recovery_instance_sync_status(wiring.looks, wiring.status)["places"]
    return dict(place)
