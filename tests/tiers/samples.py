"""Servers, launches and observations to write, and Hypothesis strategies for them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from cache.entry import Entry
from cache.protocol import Change, Observation, change_of
from cache.record import Attribution, Details, InstanceState, Launch, Origin, Record, SourceServer
from cache.values import Place

HERE, THERE = Place("111111111111", "us-east-1"), Place("222222222222", "eu-west-1")
SEEN_AT = "2026-03-01T10:00:00Z"
PROPERTY = settings(max_examples=100, deadline=5000, derandomize=True)


def server_id(number: int) -> str:
    """The nth well-formed source server id."""
    return f"s-{number:017x}"


def launch(number: int = 1, **changes: Any) -> Launch:
    """The nth running instance."""
    ec2_id = f"i-{number:017x}"
    drill = Launch(
        recovery_instance_id=ec2_id,
        ec2_instance_id=ec2_id,
        ec2_instance_state=InstanceState.RUNNING,
        job_id=f"drsjob-{number:017x}",
        is_drill=True,
        point_in_time="2026-03-01T09:00:00Z",
    )
    return replace(drill, **changes)


def details(number: int = 1) -> Details:
    """What EC2 says of the nth instance."""
    return Details(
        name=f"web {number} 🖥",
        instance_type="m5.large",
        launch_time=SEEN_AT,
        private_ip=f"10.0.0.{number % 250}",
    )


EXECUTION = Attribution(source_execution_id="exec-1", source_plan_name="Plan Ä")
SERVER = SourceServer(source_server_name="web", replication_staging_account_id="333333333333")
ORIGIN = Origin(
    source_vpc_id="vpc-1", source_subnet_id="subnet-1", source_security_group_ids=("sg-1", "sg-2")
)


def observation(number: int = 1, at: int = 1, **changes: Any) -> Observation:
    """Server `number` with everything known of its instance `at`, seen here."""
    whole = Observation(
        server_id=server_id(number),
        place=HERE,
        observed_at=SEEN_AT,
        launch=launch(at),
        details=details(at),
        attribution=EXECUTION,
        server=SERVER,
        origin=ORIGIN,
    )
    return replace(whole, **changes)


def present(ticket: int, number: int = 1, at: int = 1, **changes: Any) -> Change:
    """The write of a whole observation."""
    return change_of(observation(number, at, **changes), ticket)


def absence(ticket: int, number: int = 1, place: Place = HERE) -> Change:
    """The write of "looked, nothing there"."""
    return change_of(
        Observation(server_id=server_id(number), place=place, observed_at=SEEN_AT, launch=None),
        ticket,
    )


def entry(version: int, number: int = 1, name: str = "web") -> Entry:
    """An entry of server `number`."""
    fragment = f'{{"sourceServerId":"{server_id(number)}","name":"{name}"}}'.encode()
    return Entry(
        server_id(number), version, 1_772_359_200_000, "running", True, str(HERE), fragment
    )


def entry_of(row: Mapping[str, Any]) -> Entry:
    """The entry of a row."""
    return Record.from_row(row).entry()


def _observations(number: int) -> st.SearchStrategy[Observation]:
    living = st.builds(
        launch,
        st.integers(1, 2),
        job_id=st.sampled_from([None, "drsjob-1", "drsjob-2"]),
        is_drill=st.sampled_from([None, True, False]),
        point_in_time=st.sampled_from([None, SEEN_AT]),
        ec2_instance_state=st.sampled_from(
            [InstanceState.RUNNING, InstanceState.STOPPED, InstanceState.UNKNOWN]
        ),
    )
    groups = st.fixed_dictionaries(
        {
            "details": st.sampled_from(
                [None, details(1), details(2), replace(details(1), private_ip=None)]
            ),
            "attribution": st.sampled_from(
                [None, EXECUTION, Attribution(source_execution_id="exec-2")]
            ),
            "server": st.sampled_from([None, SERVER, SourceServer(source_server_name="db")]),
            "origin": st.sampled_from([None, ORIGIN, Origin()]),
            "launched_at": st.sampled_from([None, SEEN_AT]),
        }
    )
    places = st.sampled_from([HERE, THERE])
    whole = st.builds(
        lambda place, it, rest: observation(number, place=place, launch=it, **rest),
        places,
        living,
        groups,
    )
    gone = st.builds(
        lambda place: observation(number, place=place, launch=None, **_NOTHING), places
    )
    return whole | gone


_TICKETS = st.integers(1, 30)
_NOTHING: dict[str, Any] = dict.fromkeys(("details", "attribution", "server", "origin"))


def changes(
    number: int = 1, tickets: st.SearchStrategy[int] = _TICKETS
) -> st.SearchStrategy[Change]:
    """Any write of one server."""
    return st.builds(change_of, _observations(number), tickets)


def histories(number: int = 1) -> st.SearchStrategy[list[Change]]:
    """Writes of one server in the order they arrive; each
    ticket writes a server once, as in life.
    """
    return st.lists(changes(number), min_size=1, max_size=8, unique_by=lambda it: it.version)
