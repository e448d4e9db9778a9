"""Plans as the platform writes them: waves of protection groups
are resolved, or named as what nobody knows.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import pytest
from hypothesis import given

from cache.errors import TableUnavailable
from cache.known_looks import Looks
from cache.reader import Answer
from cache.values import Place, PlaceLook
from services.api.models import PlanInstances, Plans
from services.api.routing import answer
from services.platform.groups import read_group
from services.platform.plans import (
    DISPUTED,
    Found,
    PlanBook,
    group_ids,
    planned_places,
    read_plan,
)
from services.reads.drills import Drills
from services.reads.pages import Pages, existing_body
from tests.altered import LIMITS, altered
from tests.api.test_events import rest

ACCOUNT, REGION = "222222222222", "us-west-2"
SEEN = PlaceLook(1, 1, "seen")
A, B = f"s-{0:017d}", f"s-{1:017d}"
WAVE: dict[str, Any] = {
    "waveNumber": 0, "waveName": "Databases", "waveDescription": "", "protectionGroupId": "g-1",
    "serverIds": [],
    "pauseBeforeWave": False, "dependsOnWaves": [],
}  # fmt: skip
ROW: dict[str, Any] = {
    "planId": "plan-1", "planName": "Web shop", "description": "", "accountId": ACCOUNT,
    "assumeRoleName": "role",
    "waves": [WAVE], "createdDate": 1_795_000_000, "version": 3,
}  # fmt: skip
GROUP: dict[str, Any] = {
    "groupId": "g-1", "groupName": "Databases", "region": REGION, "accountId": ACCOUNT,
    "assumeRoleName": "role",
    "sourceServerIds": [A, B],
}  # fmt: skip


def resolved(groups: Mapping[str, Any] | str | None = None, **wave: Any) -> Any:
    """The plan with this one wave."""
    found = groups if isinstance(groups, str) else {"g-1": read_group(GROUP | (groups or {}))}
    return read_plan(ROW | {"waves": [WAVE | wave]}, found)


def test_a_wave_of_a_group_has_the_groups_servers_where_the_group_is() -> None:
    """The group's own account and region; the platform's other members stay."""
    plan = resolved()
    assert plan.unresolved == ()
    assert plan.servers == {A: Place(ACCOUNT, REGION), B: Place(ACCOUNT, REGION)}
    (wave,) = plan.waves
    assert (wave["serverIds"], wave["accountId"], wave["region"]) == ([A, B], ACCOUNT, REGION)
    assert wave["pauseBeforeWave"] is False


def test_a_wave_that_names_servers_itself_needs_no_group() -> None:
    """Even where a group stands beside them."""
    assert group_ids({"waves": [WAVE | {"serverIds": [A]}, WAVE]}) == {"g-1"}
    assert resolved("gone", serverIds=[A], region=REGION).servers == {A: Place(ACCOUNT, REGION)}


@pytest.mark.parametrize(
    ("groups", "wave", "why"),
    [
        ("the table of groups cannot be read", {}, "cannot be read"),
        ({}, {"protectionGroupId": "g-2"}, "there is no protection group g-2"),
        ({"serverSelectionTags": {"Tier": "db"}}, {}, "by tags, and no inventory"),
        ({"sourceServerIds": None}, {}, "does not say which servers"),
        ({}, {"protectionGroupId": None, "serverIds": None},
        "neither servers nor a protection group"),
        ({}, {"protectionGroupId": 7, "serverIds": 7}, "no list"),
        ({}, {"protectionGroupId": "", "protectionGroupIds": ["g-1"]}, "knows: protectionGroupIds"),
        ({}, {"protectionGroupId": None, "ServerTags": {"tier": "db"}}, "knows: ServerTags"),
        ({"sourceServerIds": [], "servers": [{"sourceServerId": A}]}, {}, "does not say which"),
        ({"serverSelectionTags": {"tier": ["db"]}}, {}, "does not say which servers"),
        ({"serverSelectionTags": {"tier": "db", "Tier ": "web"}}, {}, "does not say which servers"),
    ],
)  # fmt: skip
def test_a_wave_whose_servers_cannot_be_known_is_named_and_never_empty(
    groups: Any, wave: dict[str, Any], why: str
) -> None:
    """Nobody says that there is nothing; no age is claimed either."""
    plan = resolved(groups, **wave)
    assert len(plan.unresolved) == 1
    assert why in plan.unresolved[0]
    body = PlanInstances.model_validate_json(existing_body(Answer(), plan.servers, plan=plan))
    assert (body.has_existing_instances, body.degraded, body.as_of) == (None, True, None)
    assert body.unresolved_waves == [*plan.unresolved]


def test_an_empty_wave_is_empty_only_if_the_plan_says_so() -> None:
    """A wave without a group whose list is there, and a plan whose list of waves is."""
    assert resolved({}, protectionGroupId=None).unresolved == ()
    assert read_plan(ROW | {"waves": []}, {}).unresolved == ()
    for waves in (None, "none", {"0": WAVE}):
        assert read_plan(ROW | {"waves": waves}, {}).unresolved == (
            "the plan has no list of waves",
        )
    good = WAVE | {"serverIds": [A]}
    plan = read_plan(ROW | {"waves": [good, "Databases"]}, {})
    assert ([*plan.servers], len(plan.unresolved)) == ([A], 1)


def test_a_server_that_two_plans_have_in_two_places_is_nowhere_known() -> None:
    """None in one place is no "none" for the plan that names the other."""
    here, there = Place(ACCOUNT, REGION), Place(ACCOUNT, "eu-west-1")
    first, again = resolved(serverIds=[A, B], region=REGION), resolved(serverIds=[B], region=REGION)
    other = resolved(serverIds=[A], region=there.region)
    homeless = resolved(serverIds=[B], accountId=None, region=None)
    for plans in ([first, again, other, homeless], [homeless, other, again, first]):
        assert planned_places(plans) == {A: DISPUTED, B: here}
    assert Looks({str(here): SEEN}, {str(here): SEEN}).absence(A, DISPUTED) is None
    waves = [WAVE | {"serverIds": [A], "region": it} for it in (REGION, "eu-west-1", REGION)]
    assert read_plan(ROW | {"waves": waves}, {}).servers == {A: DISPUTED}, "nor in one plan's waves"


def test_leftovers_by_the_plans_alone_ask_nowhere_for_what_plans_dispute() -> None:
    """Whichever plan comes last: a server without a row in its place may be in the other's."""
    asked: dict[str, Place | None] = {}

    class Asked(Nothing):
        """Keeps what it is asked for."""

        def read(self, servers: Mapping[str, Place | None], *_: Any, **__: Any) -> Answer:
            """What was asked for."""
            asked.update(servers)
            return Answer()

    def away() -> NoReturn:
        raise TableUnavailable("away")

    rows = [
        ROW | {"planId": it, "waves": [WAVE | {"serverIds": [A], "region": it}]}
        for it in ("eu-west-1", REGION)
    ]
    Drills(Asked(), Book(*rows), away, away).body()
    assert asked == {A: DISPUTED}


class Book(PlanBook):
    """The plans of these rows, as the pages see them."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows

    def all(self, _began: float | None = None) -> Found[Any]:
        """Every plan."""
        return Found([read_plan(row, {"g-1": read_group(GROUP)}) for row in self.rows])


class Nothing:
    """A reader that knows every server to have none."""

    def read(self, _servers: Mapping[str, Place | None], _began: float | None = None) -> Answer:
        """Nobody is unknown."""
        return Answer()


def listed(*rows: dict[str, Any]) -> Plans:
    """The list of plans, held to its contract."""
    pages = Pages(Nothing(), Book(*rows), lambda _: None)
    reply = answer(rest("/recovery-plans", "/recovery-plans", None), pages.routes)
    assert reply["statusCode"] == 200, reply
    json.loads(reply["body"])
    return Plans.model_validate_json(reply["body"])


WORDS = (A, "g-1", [A])


@LIMITS
@given(
    row=altered(ROW, *WORDS, keep="planId"),
    wave=altered(WAVE, *WORDS),
    group=altered(GROUP, *WORDS, keep="groupId"),
)
def test_no_row_is_an_error_a_false_none_or_a_lost_neighbour(
    row: dict[str, Any], wave: dict[str, Any], group: dict[str, Any]
) -> None:
    """What a plan may have is known, or its wave is named; the plan beside it is listed whole."""
    odd = row | ({"waves": [wave]} if row.get("waves") == [WAVE] else {})
    neighbour = ROW | {"planId": "plan-2"}
    plans = listed(odd, neighbour)
    assert [it.counts.servers for it in plans.plans if it.plan_id == "plan-2"] == [2]
    plan = read_plan(odd, {"g-1": read_group(group)})
    given_waves, own = odd.get("waves"), wave.get("serverIds")
    others = (it for name, it in wave.items() if re.search("(?i)group|server|tag|sel|filter", name))
    says_none = given_waves == [] or (own == [] and not any(others))
    others = [it for name, it in group.items() if re.search("(?i)server|tag|sel|filter", name)]
    empty = group.get("sourceServerIds") == [] and not any(others)
    assert plan.servers or plan.malformed or plan.unresolved or says_none or empty
    assert plans.degraded is bool(read_plan(odd, {"g-1": read_group(GROUP)}).unresolved)
