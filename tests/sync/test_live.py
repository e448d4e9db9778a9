"""The old slow path, asked for with READ_FROM=live: what it could not look at is unknown too."""

from typing import Any

from cache.values import Place
from services.platform.plans import DISPUTED
from services.reads.live import LiveReader
from tests.sync.platform import Platform

NOBODY = f"s-{0:017d}"


def unknown(platform: Platform, planned: Place | None) -> bool:
    """Whether it cannot say whether this server has an instance."""
    answer = LiveReader(platform.wiring.sync_parts).read({NOBODY: planned})
    assert (NOBODY in answer.entries) is (answer.unknown == [])
    return answer.unknown == [NOBODY]


def test_a_place_that_nobody_looks_at_vouches_for_nothing(platform: Platform) -> None:
    """One that is configured nowhere, and one that plans dispute."""
    platform.configure("us-east-1")
    assert not unknown(platform, platform.place)
    assert not unknown(platform, None)
    for place in (
        Place(platform.account, "us-east-2"),
        Place("999999999999", "us-east-1"),
        DISPUTED,
    ):
        assert unknown(platform, place)


def test_an_account_that_cannot_be_understood_leaves_servers_unknown(platform: Platform) -> None:
    """Those planned there, and those of which nobody knows where they are."""
    platform.configure("us-east-1")
    platform.target(accountId=platform.account, status="somehow", **platform.role)
    assert unknown(platform, platform.place)
    assert unknown(platform, None)
    platform.configure("us-east-1")
    platform.target(accountId=str(int(platform.account) + 1), roleArn="rubbish")
    assert not unknown(platform, platform.place)
    assert unknown(platform, None)


def test_a_record_that_makes_no_sense_may_be_of_any_server(platform: Platform) -> None:
    """The readable ones are told all the same."""
    platform.configure("us-east-1")
    machine = platform.server()
    instance = platform.launch(machine)

    def add_nonsense(parsed: dict[str, Any], **_: object) -> None:
        parsed["items"].append({"sourceServerID": NOBODY})

    events = platform.wiring.sync_parts().clients.get("drs", platform.place).meta.events
    events.register("after-call.drs.DescribeRecoveryInstances", add_nonsense)
    assert unknown(platform, platform.place)
    assert unknown(platform, None)
    answer = LiveReader(platform.wiring.sync_parts).read({machine.id: platform.place})
    assert answer.entries[machine.id].fragment.count(instance.id.encode()) > 0
