"""Pages of servers that were never launched: as cheap as any other page."""

import time

import pytest

from services.wiring import PAGE, Wiring
from standin.drs.fleet import holdings
from tests.sync.platform import Platform

SERVERS = 1_000
KEYS_A_CALL = 100  # BatchGetItem's limit


@pytest.fixture
def never_launched(platform: Platform) -> list[str]:
    """A thousand source servers without an instance, in an inventory."""
    place = platform.place
    fleet = holdings(place.account_id, place.region, SERVERS, 0, time.time())["sourceServers"]
    platform.put(place, sourceServers=fleet)
    report = platform.sync()
    assert len(report.places[0].source_servers or ()) == SERVERS
    return [str(it["sourceServerID"]) for it in fleet]


@pytest.mark.parametrize("with_machines", [False, True])
def test_a_page_of_servers_never_launched_asks_nothing_of_dynamodb(
    platform: Platform, never_launched: list[str], with_machines: bool
) -> None:
    """All of it is in the mirror; after a flush it is one read
    of the table, and then the mirror again.
    """
    wiring = Wiring(platform.wiring.settings, PAGE)
    calls: list[str] = []
    wiring.dynamodb.meta.events.register(
        "before-send", lambda event_name, **_: calls.append(event_name.rpartition(".")[2])
    )
    servers = dict.fromkeys(never_launched, platform.place)

    def read() -> tuple[int, int]:
        answer = wiring.reader.read(servers, with_machines=with_machines)
        assert answer.unknown == []
        assert all(entry.is_absent for entry in answer.entries.values())
        assert {entry.readiness for entry in answer.entries.values()} == {"ready"}
        assert len(answer.machines) == (SERVERS if with_machines else 0)
        return answer.hits, len(answer.missed)

    assert read() == (SERVERS, 0)
    assert calls == []
    platform.redis.flushdb()
    assert read() == (0, SERVERS)
    assert calls.count("BatchGetItem") == SERVERS // KEYS_A_CALL
    calls.clear()
    assert read() == (SERVERS, 0)
    assert "BatchGetItem" not in calls
