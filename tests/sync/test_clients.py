"""AWS clients: how many are kept, and that what is left out of
botocore's models and parsers is missed by nobody.
"""

import gc
import os
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import batched
from math import inf
from threading import Barrier, get_ident
from typing import Any, cast
from weakref import ref

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.utils import parse_timestamp

from cache.protocol import Observation
from cache.values import Place
from services.aws import drs
from services.aws.session import CLIENTS_KEPT, AwsClients
from services.aws.timestamps import MEMBERS, timestamp
from services.platform.accounts import TargetAccount
from services.sync.look import Look
from tests.sync.platform import HOME, Platform

MOMENT = datetime(2026, 3, 1, 10, 0, 0, 250_000, UTC)


def accounts(n: int) -> dict[str, TargetAccount]:
    """So many accounts, each with a role of its own."""
    ids = [f"{number:012d}" for number in range(n)]
    return {
        it: TargetAccount(account_id=it, role_arn=f"arn:aws:iam::{it}:role/recovery-sync")
        for it in ids
    }


# its credentials
def test_only_the_last_used_clients_are_kept(platform: Platform) -> None:  # noqa: ARG001
    """However many places there are; and a client that is used again is not the one to go."""
    ours = accounts(CLIENTS_KEPT + 2)
    clients = AwsClients(ours)
    first, *others = (Place(it, HOME) for it in ours)
    used, unused = ref(clients.get("drs", first)), ref(clients.get("drs", others[0]))
    for place in others[1:]:
        assert clients.get("drs", first) is used()
        clients.get("drs", place)
    gc.collect()
    assert used() is not None
    assert unused() is None


def test_a_client_that_went_may_be_used_to_the_end(platform: Platform) -> None:
    """A look that still holds it asks on, and its calls are counted."""
    platform.server()
    clients = platform.wiring.sync_parts().clients
    held = clients.get("drs", platform.place)
    assert len(held.describe_source_servers()["items"]) == 1
    for number in range(CLIENTS_KEPT + 1):
        clients.get("drs", Place(platform.account, f"region-{number}"))
    assert clients.get("drs", platform.place) is not held
    assert len(held.describe_source_servers()["items"]) == 1
    assert clients.calls(platform.place) == {"DescribeSourceServers": 2}


def test_what_is_left_of_ec2s_model_is_as_it_was(platform: Platform) -> None:
    """Two operations with the input, pages and errors they had; of an instance what is read."""
    ours = platform.wiring.sync_parts().clients.get("ec2", platform.place)
    whole: Any = botocore.session.get_session().get_service_model("ec2")
    for name in ours.meta.service_model.operation_names:
        left = ours.meta.service_model.operation_model(name)
        untouched = whole.operation_model(name)
        assert shape_of(left.input_shape) == shape_of(untouched.input_shape)
        assert shape_of(left.output_shape) == thinned(shape_of(untouched.output_shape))
    assert set(ours.meta.service_model.operation_names) == {"DescribeInstances", "DescribeRegions"}
    assert ours.can_paginate("describe_instances")


def test_a_look_sees_what_botocores_own_clients_show_it(platform: Platform) -> None:
    """Of a server with its instance and origin: nothing that is left out is missed."""
    platform.launch(platform.server())
    (ours,) = observed(platform, platform.wiring.sync_parts().clients)
    (plain,) = observed(platform, cast("AwsClients", PlainClients(platform)))
    assert ours == plain
    assert ours.details
    assert ours.server
    assert ours.origin
    assert ours.origin.source_security_group_ids
    assert ours.replication
    assert ours.replication.replication_state


class PlainClients:
    """Clients as boto3 makes them, in the role of the platform's account."""

    def __init__(self, platform: Platform) -> None:
        role = {"RoleArn": platform.role["roleArn"], "ExternalId": platform.role["externalId"]}
        said = boto3.client("sts").assume_role(RoleSessionName="plain", **role)["Credentials"]
        self._session = boto3.Session(
            said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"]
        )

    def get(self, service: str, place: Place) -> Any:
        """A new one."""
        return self._session.client(service, region_name=place.region)  # type: ignore[call-overload]

    def knows(self, _account_id: str) -> bool:
        """All accounts are one here."""
        return True


def observed(platform: Platform, clients: AwsClients) -> list[Observation]:
    """What a look through these clients sees."""
    look = Look(platform.place, clients, platform.wiring.sync_parts().history(), inf)
    listing = drs.list_recovery_instances(look.drs_client, look.check)
    return look.observe(listing.launches, {}, "2026-11-26T00:00:00Z")


def thinned(shape: Any) -> Any:
    """The shape without the members that nobody reads."""
    if shape is None or isinstance(shape, str):
        return shape
    name, kind, serialization, inner = shape
    kept = MEMBERS.get(name, {it for it, _ in inner})
    return name, kind, serialization, sorted((it, thinned(one)) for it, one in inner if it in kept)


def shape_of(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """A shape with its members in place of their names."""
    if shape is None or shape.name in above:
        return shape and shape.name
    members = getattr(shape, "members", {})
    inner = [(name, shape_of(it, (*above, shape.name))) for name, it in members.items()]
    if shape.type_name == "list":
        inner = [("member", shape_of(shape.member, (*above, shape.name)))]
    return shape.name, shape.type_name, sorted(shape.serialization.items(), key=str), sorted(inner)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T10:00:00.250Z",
        "2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00+02:00",
        "20260301T100000Z",
        "2026-03-01",
        "2026-03-01T10:00:00.123456789Z",
        "1772359200.25",
        1772359200,
        1772359200.25,
        format_datetime(MOMENT, usegmt=True),
        MOMENT.isoformat(),
    ],
)
def test_a_moment_is_read_as_botocore_reads_it(written: object) -> None:
    """In every form that AWS may write one."""
    assert timestamp(written) == parse_timestamp(written)


@pytest.mark.parametrize(
    "written", ["Tuesday at TeaZ", "2026-13-01T10:00:00Z", "2026-03-01T25:00:00Z", ""]
)
def test_what_is_no_moment_is_refused_as_botocore_refuses_it(written: str) -> None:
    """With the error its parsers expect."""
    with pytest.raises(ValueError, match="Invalid timestamp"):
        timestamp(written)


# its stand-in
def test_what_looks_takes_the_role_that_only_reads(platform: Platform) -> None:  # noqa: ARG001
    """Named like the row's, with the suffix; and the row's own where a process acts."""
    asked = []
    for suffix in ("-read", ""):
        client = AwsClients(accounts(1), suffix).get("drs", Place("000000000000", HOME))
        with pytest.raises(ClientError) as refused:  # the stand-in knows neither
            client.describe_source_servers()
        asked.append(str(refused.value).rpartition("resource: ")[2])
    role = "arn:aws:iam::000000000000:role/recovery-sync"
    assert asked == [f"{role}-read", role]


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-2"])
def test_every_call_stays_in_a_region(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    """STS included, whose old default is one region for the whole
    world; the rest of AWS is asked in the place's.
    """
    for name in [it for it in os.environ if it.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    session = botocore.session.get_session()
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
    ours = ("sts", "dynamodb", "lambda", "stepfunctions", "drs", "ec2")
    hosts = [session.create_client(it, **keys).meta.endpoint_url for it in ours]
    assert all(f".{region}.amazonaws.com" in host for host in hosts), hosts


def test_a_look_asks_for_its_batches_a_few_at_a_time() -> None:
    """As many calls of one service side by side as its places may have, no more; in order."""
    together, workers = Barrier(drs.BATCHES_IN_FLIGHT), set[int]()

    def ask(ids: list[str]) -> list[str]:
        workers.add(get_ident())
        together.wait(10)
        return ids

    ids = [str(number) for number in range(2 * drs.BATCHES_IN_FLIGHT * drs.PAGE)]
    assert list(drs.each_batch(ask, ids)) == [list(it) for it in batched(ids, drs.PAGE)]
    assert len(workers) == drs.BATCHES_IN_FLIGHT
