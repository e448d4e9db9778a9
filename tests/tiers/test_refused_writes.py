"""What DynamoDB refuses (a conflict, a row, a whole request), and what becomes of each row."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import pytest

from cache.errors import TableUnavailable
from cache.looks import TRIES, LookLog
from cache.protocol import Verdict
from cache.table import WRITES, Table
from tests.tiers.conftest import Tables, dynamodb_client, table_of
from tests.tiers.faulty import Forward, Reply, faulty, reply
from tests.tiers.samples import HERE, SEEN_AT, present, server_id

MANY = 99
FACTS = {"outcome": "seen", "startedAt": SEEN_AT, "endedAt": SEEN_AT}
ERROR = "com.amazonaws.dynamodb.v20120810#"


def refusal(kind: str, **more: Any) -> Reply:
    """An error of this type."""
    return 400, json.dumps(
        {"__type": ERROR + kind, "message": "no", "Message": "no"} | more
    ).encode()


def canceled(request: dict[str, Any], code: str, wanted: Callable[[Any], bool]) -> Reply:
    """A transaction of which the actions that are wanted are the reason."""
    reasons = [{"Code": code if wanted(it) else "None"} for it in request["TransactItems"]]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


class Refusing:
    """Behaves as DynamoDB, but for calls that `refuse` answers; counts them by operation."""

    def __init__(self, refuse: Callable[[str, dict[str, Any], int], Reply | None]) -> None:
        self.calls = Counter[str]()
        self._refuse = refuse

    def __call__(self, operation: str, request: dict[str, Any], forward: Forward) -> Reply:
        """One call, the nth of its operation."""
        self.calls[operation] += 1
        no = self._refuse(operation, request, self.calls[operation])
        return no or reply(forward(request))


@contextmanager
def behind(tables: Tables, refusing: Refusing) -> Iterator[tuple[Table, LookLog]]:
    """A new deployment's table and looks, asked through what refuses."""
    settings = tables.settings()
    with faulty(tables.client.meta.endpoint_url, refusing) as url:
        client = dynamodb_client(url)
        yield table_of(client, settings), LookLog(client, settings.sync_status_table)


def write(table: Table, n: int = MANY) -> dict[str, Verdict]:
    """What became of so many new rows."""
    changes = [present(1, number=it) for it in range(n)]
    stored = table.read_rows(it.server_id for it in changes)
    return {it.change.server_id: it.verdict for it in chain(*table.write(changes, stored))}


def is_row(number: int) -> Callable[[Any], bool]:
    """Whether an action of a transaction puts this server's row."""
    wanted = {"S": server_id(number)}
    return lambda action: action.get("Put", {}).get("Item", {}).get("sourceServerId") == wanted


@pytest.mark.parametrize("by", ["row", "fence"])
def test_a_transaction_in_conflict_is_sent_again(http_tables: Tables, by: str) -> None:
    """Another transaction was using the row, or the fence: that passes."""
    wanted = is_row(3) if by == "row" else lambda action: "ConditionCheck" in action

    def twice(operation: str, request: dict[str, Any], n: int) -> Reply | None:
        is_refused = operation == "TransactWriteItems" and n <= 2
        return canceled(request, "TransactionConflict", wanted) if is_refused else None

    refusing = Refusing(twice)
    with behind(http_tables, refusing) as (table, _):
        assert set(write(table).values()) == {Verdict.REPLACE}
        assert len(table.servers_in(HERE)) == MANY
    assert refusing.calls["TransactWriteItems"] == 3


def test_a_conflict_that_never_ends_is_a_failure(http_tables: Tables) -> None:
    """Told as one, after a bounded number of tries."""

    def always(operation: str, request: dict[str, Any], _n: int) -> Reply | None:
        is_write = operation == "TransactWriteItems"
        return canceled(request, "TransactionConflict", is_row(0)) if is_write else None

    refusing = Refusing(always)
    with behind(http_tables, refusing) as (table, _):
        assert write(table, 2) == dict.fromkeys(map(server_id, range(2)), Verdict.FAILED)
    assert refusing.calls["TransactWriteItems"] == WRITES


def test_one_refused_row_does_not_cost_the_others(http_tables: Tables) -> None:
    """Whatever DynamoDB has against this row, the other 98 are written."""

    def that_one(operation: str, request: dict[str, Any], _n: int) -> Reply | None:
        there = operation == "TransactWriteItems" and any(map(is_row(7), request["TransactItems"]))
        return canceled(request, "ItemCollectionSizeLimitExceeded", is_row(7)) if there else None

    refusing = Refusing(that_one)
    with behind(http_tables, refusing) as (table, _):
        verdicts = write(table)
        assert verdicts.pop(server_id(7)) is Verdict.FAILED
        assert set(verdicts.values()) == {Verdict.REPLACE}
        assert len(table.servers_in(HERE)) == MANY - 1
    assert refusing.calls["TransactWriteItems"] == 2


def test_a_request_refused_whole_is_halved(http_tables: Tables) -> None:
    """No row is named, as where one is too large: halves find it, and the others are written."""

    def whole(operation: str, request: dict[str, Any], _n: int) -> Reply | None:
        there = operation == "TransactWriteItems" and any(map(is_row(7), request["TransactItems"]))
        return refusal("ValidationException") if there else None

    refusing = Refusing(whole)
    with behind(http_tables, refusing) as (table, _):
        verdicts = write(table)
        assert verdicts.pop(server_id(7)) is Verdict.FAILED
        assert set(verdicts.values()) == {Verdict.REPLACE}
        assert len(table.servers_in(HERE)) == MANY - 1
    assert refusing.calls["TransactWriteItems"] <= 2 * MANY.bit_length() + 1


def test_a_request_refused_for_who_asks_is_not_halved(http_tables: Tables) -> None:
    """Halves would be refused just as well."""

    def denied(operation: str, _request: dict[str, Any], _n: int) -> Reply | None:
        return refusal("AccessDeniedException") if operation == "TransactWriteItems" else None

    refusing = Refusing(denied)
    with behind(http_tables, refusing) as (table, _):
        assert set(write(table).values()) == {Verdict.FAILED}
    assert refusing.calls["TransactWriteItems"] == 1


@pytest.mark.parametrize("step", ["fence", "completion"])
def test_a_place_in_use_is_noted_a_little_later(http_tables: Tables, step: str) -> None:
    """A transaction that is checking the fence refuses the place's row for a moment."""

    def twice(operation: str, _request: dict[str, Any], n: int) -> Reply | None:
        is_refused = operation == "UpdateItem" and n <= 2
        return refusal("TransactionConflictException") if is_refused else None

    refusing = Refusing(twice)
    with behind(http_tables, refusing) as (_, looks):
        if step == "fence":
            assert looks.raise_fence(HERE, 5)
            (row,) = looks.rows()
            assert row["fence"] == 5
        else:
            assert looks.note(HERE, 5, FACTS, completed=True)
            assert looks.places()[str(HERE)].completed_ticket == 5
    assert refusing.calls["UpdateItem"] == 3


def test_a_place_always_in_use_is_a_failure(http_tables: Tables) -> None:
    """Not an overtaken look: that would be a word about newer ones."""

    def always(operation: str, _request: dict[str, Any], _n: int) -> Reply | None:
        return refusal("TransactionConflictException") if operation == "UpdateItem" else None

    refusing = Refusing(always)
    with (
        behind(http_tables, refusing) as (_, looks),
        pytest.raises(TableUnavailable, match="in use"),
    ):
        looks.raise_fence(HERE, 5)
    assert refusing.calls["UpdateItem"] == TRIES
