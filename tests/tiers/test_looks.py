"""Tickets and looks, on moto and on DynamoDB over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import Any

import pytest

from cache.attributes import encode_item
from cache.errors import TableUnavailable
from cache.looks import LookLog
from cache.values import Outcome, Place, PlaceLook
from local.processes import free_port
from tests.tiers.conftest import Tables, dynamodb_client
from tests.tiers.samples import HERE, SEEN_AT, THERE

SEEN_MS = 1_772_359_200_000
BEGAN_AT, BEGAN_MS = "2026-03-01T09:59:30Z", SEEN_MS - 30_000
SEEN = {
    "outcome": "seen",
    "startedAt": BEGAN_AT,
    "endedAt": SEEN_AT,
    "instances": 3,
    "message": None,
}


@pytest.fixture(scope="module", params=["moto", "http"])
def tables(request: pytest.FixtureRequest) -> Any:
    """The engines that have a counter; memory keeps records only."""
    from moto import mock_aws  # noqa: PLC0415  its patch lives no longer than this fixture

    if request.param == "http":
        yield Tables(dynamodb_client(request.getfixturevalue("dynamodb").url))
    else:
        with mock_aws():
            yield Tables(dynamodb_client())


@pytest.fixture
def name(tables: Tables) -> str:
    """An empty sync-status table."""
    return tables.settings().sync_status_table


@pytest.fixture
def looks(tables: Tables, name: str) -> LookLog:
    """Its looks."""
    return LookLog(tables.client, name)


def test_tickets_grow_from_the_clock_once(looks: LookLog) -> None:
    """The first ticket is later than any older counter's, and
    from then on only the counter decides.
    """
    before = int(time() * 1000)
    first = looks.draw_ticket()
    assert before < first <= int(time() * 1000) + 1
    assert [looks.draw_ticket() for _ in range(3)] == [first + 1, first + 2, first + 3]


@pytest.mark.parametrize(
    "tables", ["http"], indirect=True
)  # moto's table is not safe between threads
def test_no_ticket_is_drawn_twice(looks: LookLog) -> None:
    """Eight syncs at once."""
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: looks.draw_ticket(), range(64)))
    assert len(set(drawn)) == 64


def test_a_slower_look_does_not_overwrite_a_newer_one(looks: LookLog) -> None:
    """How the newest look ended is what is kept."""
    assert looks.note(HERE, 10, SEEN, completed=True)
    assert looks.note(HERE, 9, SEEN | {"outcome": "denied"}, completed=False) is None
    assert looks.places() == {str(HERE): PlaceLook(10, SEEN_MS, "seen", 10, BEGAN_MS)}


def test_only_a_complete_look_moves_the_time_of_completion(looks: LookLog) -> None:
    """A place that fails keeps the time of its last complete look and shows the failure."""
    looks.note(HERE, 1, SEEN, completed=True)
    looks.note(
        HERE, 2, SEEN | {"outcome": "denied", "endedAt": "2026-03-01T11:00:00Z"}, completed=False
    )
    looks.note(THERE, 3, SEEN | {"outcome": "denied"}, completed=False)
    assert looks.places() == {
        str(HERE): PlaceLook(2, SEEN_MS, "denied", 1, BEGAN_MS),
        str(THERE): PlaceLook(3, 0, "denied"),
    }


def test_places_no_longer_configured_are_left_out(looks: LookLog) -> None:
    """They would keep every server without a plan unknown for
    ever; their row stays for people to see.
    """
    looks.note(HERE, 1, SEEN, completed=True)
    looks.note(THERE, 1, SEEN | {"outcome": Outcome.NOT_CONFIGURED}, completed=False)
    assert set(looks.places()) == {str(HERE)}
    assert len(looks.rows()) == 2


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"ticket": "x", "outcome": "seen"},
        {"ticket": 1, "outcome": "seen", "completedAt": "yesterday"},
        {"ticket": 1, "outcome": "seen", "completedAt": 7},
        {"ticket": [1], "outcome": "seen", "completedAt": SEEN_AT},
        {"ticket": 1, "outcome": "seen", "completedAt": SEEN_AT, "listedAt": "soon"},
        {"ticket": 1, "outcome": "seen", "completedTicket": "x", "fence": "y"},
    ],
)
def test_a_row_that_makes_no_sense_is_a_place_nobody_looked_at(
    tables: Tables, looks: LookLog, name: str, row: dict[str, Any]
) -> None:
    """It must not help to call a server absent; and the next look heals it."""
    tables.client.put_item(TableName=name, Item=encode_item({"id": f"place#{HERE}"} | row))
    assert looks.places()[str(HERE)] in {
        PlaceLook(0, 0, Outcome.UNREADABLE),
        PlaceLook(1, 0, Outcome.UNREADABLE),
    }
    assert looks.note(HERE, 5, SEEN, completed=True)
    assert looks.places()[str(HERE)] == PlaceLook(5, SEEN_MS, "seen", 5, BEGAN_MS)


def test_a_fence_rises_and_a_new_row_is_whole(looks: LookLog) -> None:
    """Beside completion, not instead of it: a place with a fence only was never looked at."""
    assert looks.raise_fence(HERE, 7)
    assert not looks.raise_fence(HERE, 7)
    assert not looks.raise_fence(HERE, 6)
    (row,) = looks.rows()
    assert {it: row[it] for it in ("place", "ticket", "outcome", "fence")} == {
        "place": str(HERE),
        "ticket": 0,
        "outcome": Outcome.NEVER_LOOKED,
        "fence": 7,
    }
    assert looks.places() == {str(HERE): PlaceLook(0, 0, Outcome.NEVER_LOOKED)}
    assert looks.note(HERE, 5, SEEN, completed=True) == PlaceLook(5, SEEN_MS, "seen", 5, BEGAN_MS)
    assert looks.raise_fence(HERE, 8)
    assert looks.rows()[0]["completedTicket"] == 5


@pytest.mark.parametrize("outcome", [Outcome.NEVER_LOOKED, Outcome.NOT_CONFIGURED])
def test_a_place_that_is_not_looked_at_vouches_for_nothing(looks: LookLog, outcome: str) -> None:
    """Whatever was seen there once."""
    looks.note(HERE, 1, SEEN, completed=True)
    facts = SEEN | {"outcome": outcome}
    assert looks.note(HERE, 2, facts, completed=False) == PlaceLook(2, 0, outcome)


def test_a_table_that_is_away_draws_no_ticket() -> None:
    """Without a ticket no look begins."""
    looks = LookLog(dynamodb_client(f"http://127.0.0.1:{free_port()}"), "none")
    for ask in (
        looks.draw_ticket,
        looks.places,
        lambda: looks.note(Place("1", "eu"), 1, SEEN, completed=True),
    ):
        with pytest.raises(TableUnavailable):
            ask()
