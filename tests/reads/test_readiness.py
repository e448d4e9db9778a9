"""Readiness: could this server be launched now?

From what DRS said last, with its reason and its age.
"""

import json
from typing import Any

import botocore.session
import pytest

from cache.answer import Answer
from cache.entry import ABSENT, Entry, Facts
from cache.readiness import LAG_STEPS, Readiness, lag_step
from cache.values import Place, PlaceLook, now, to_millis
from services.platform.plans import Plan
from services.reads.pages import plan_body
from services.reads.readiness import (
    TOO_OLD_MS,
    lag_words,
    not_in_drs,
    readiness_counts,
    readiness_of,
)
from services.reads.servers import servers_body

SEEN = "2026-11-11T00:00:00Z"
AT = to_millis(SEEN)


def server(**members: Any) -> dict[str, Any]:
    """The attributes of a row: a server that keeps up."""
    return {"replicationState": "CONTINUOUS", "replicationObservedAt": SEEN} | members


@pytest.mark.parametrize(
    ("members", "readiness", "reason"),
    [
        ({}, Readiness.READY, "replicates continuously"),
        (
            {"replicationLagSeconds": 900},
            Readiness.LAGGING,
            "replicates continuously, at least 15 minutes behind",
        ),
        (
            {"replicationState": "STALLED", "replicationError": "AGENT_NOT_SEEN"},
            Readiness.STALLED,
            "replication is stalled, error AGENT_NOT_SEEN",
        ),
        ({"replicationState": "DISCONNECTED"}, Readiness.DISCONNECTED, "agent is disconnected"),
        ({"replicationState": "INITIAL_SYNC"}, Readiness.INITIAL_SYNC, "not been copied whole"),
        ({"replicationState": "PAUSED"}, Readiness.PAUSED, "paused"),
        ({"replicationState": "STOPPED"}, Readiness.NO_DATA, "DRS keeps no data"),
        ({"replicationState": "DREAMING"}, Readiness.UNKNOWN, "'DREAMING', a word not known here"),
        ({"sourceServerGone": True}, Readiness.GONE, "no longer has"),
        ({"replicationObservedAt": None}, Readiness.UNKNOWN, "not been looked at yet"),
    ],
)
def test_a_verdict_says_how_ready_and_why(
    members: dict[str, Any], readiness: Readiness, reason: str
) -> None:
    """A word that DRS may add is unknown, never ready."""
    verdict = readiness_of(server(**members), 0, AT)
    assert verdict.readiness is readiness
    assert reason in verdict.reason


def test_every_word_of_drs_for_a_source_server_has_a_verdict() -> None:
    """As botocore's model lists them, less the two that only recovery instances have."""
    model = botocore.session.get_session().get_service_model("drs")
    words = set(model.shape_for("DataReplicationState").enum)  # type: ignore[attr-defined]
    for word in words - {"REPLICATION_STATE_NOT_AVAILABLE", "NOT_STARTED"}:
        verdict = readiness_of(server(replicationState=word), 0, AT)
        assert verdict.readiness is not Readiness.UNKNOWN, word


def test_a_verdict_is_as_old_as_the_last_whole_listing_and_unknown_once_that_is_too_old() -> None:
    """A row is written only when something changed, so its own
    stamp may be older than what is known.
    """
    later = AT + 2 * TOO_OLD_MS
    assert readiness_of(server(), 0, later).readiness is Readiness.UNKNOWN
    confirmed = readiness_of(server(), later - 1000, later)
    assert (confirmed.readiness, confirmed.observed_at) == (Readiness.READY, later - 1000)
    assert readiness_of(server(), AT - 1000, AT).observed_at == AT


def test_a_server_nobody_looked_at_stays_unknown_whatever_the_place_says() -> None:
    """Its row came from a launch; the listing never saw it."""
    assert readiness_of({}, AT, AT).readiness is Readiness.UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(300, "at least 5 minutes"), (3600, "at least 1 hour"), (604800, "at least 7 days")],
)
def test_a_lag_is_said_in_the_largest_unit(seconds: int, words: str) -> None:
    """Lag is kept in steps, so it is always a least value."""
    assert lag_words(seconds) == words


def test_a_lag_is_kept_in_steps() -> None:
    """So that a row is written when a step is taken, and not with every look."""
    assert [lag_step(it) for it in (0, 299, 300, 899.5, 900, 86_399, 10**9)] == [
        0, 0, 300, 300, 900, 21_600, 604_800,
    ]  # fmt: skip
    assert lag_step(-1) == LAG_STEPS[0] == 0


def test_a_server_without_a_row_is_not_in_drs_once_its_place_was_listed() -> None:
    """Before that, and when that is too long ago, nobody knows."""
    assert not_in_drs(0, AT).readiness is Readiness.UNKNOWN
    assert not_in_drs(AT, AT).readiness is Readiness.GONE
    assert not_in_drs(AT, AT + TOO_OLD_MS + 1).readiness is Readiness.UNKNOWN


def test_plans_count_the_words_of_their_servers() -> None:
    """What was said too long ago, or of a place never listed, is unknown; so is a lack of facts."""

    def facts(version: int, word: str, place: str = "1/eu") -> Facts:
        return Facts(version, 0, "absent", None, place, version, word)

    said = [facts(1, "ready"), facts(1, "stalled"), facts(0, "unknown"), facts(1, "ready", "2/us")]
    places = {
        "1/eu": PlaceLook(1, 1, "seen", 1, 1, to_millis(now())),
        "2/us": PlaceLook(1, 1, "seen"),
    }
    counts = readiness_counts(said, 5, places)
    assert counts == {"ready": 1, "stalled": 1, "gone": 1, "unknown": 2}


def test_what_the_mirror_said_is_no_younger_for_a_look_that_the_table_has() -> None:
    """A later inventory, whose publish failed, may have found the server stalled."""
    server_id, place = f"s-{1:017d}", Place("111111111111", "us-east-1")
    answer = Answer()
    entry = Entry(server_id, 3, AT, ABSENT, None, str(place), b"", 3, Readiness.READY)
    answer.entries.add([entry])
    answer.machines = {server_id: json.dumps(server()).encode()}
    late = to_millis(now())
    answer.places = {str(place): PlaceLook(9, late, "seen", 9, late, late)}
    answer.mirrored_places = {str(place): PlaceLook(3, AT, "seen", 3, AT, AT)}
    assert servers_body(answer, {server_id: place})["readiness"] == {"unknown": 1}
    plan = Plan("p", "P", None, (), {server_id: place}, ())
    assert plan_body(plan, answer)["readiness"] == {"unknown": 1}
