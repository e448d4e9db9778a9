"""Plan definitions in the mirror: what answers when the table of plans cannot."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis

from cache.attributes import encode_item
from cache.errors import TableUnavailable
from cache.mirror import PLANS, Mirror
from cache.values import Place
from local.processes import free_port
from services.platform import plans as plans_module
from services.platform.plans import PlanBook, PlanTables
from services.settings import Settings
from tests.tiers.conftest import Tables, dynamodb_client, http_tables, valkey9

__all__ = ["http_tables", "valkey9"]  # fixtures
ONE, TWO = "s-" + "1" * 17, "s-" + "2" * 17


def row(plan_id: str, server: str = ONE) -> dict[str, Any]:
    """A plan of one wave."""
    wave = {
        "waveNumber": 1,
        "accountId": "111111111111",
        "region": "us-east-1",
        "serverIds": [server],
    }
    return {"planId": plan_id, "planName": f"Plan {plan_id}", "waves": [wave]}


@dataclass
class Plans:
    """The table of plans, and books of processes of their own."""

    tables: Tables
    settings: Settings
    redis: Redis

    def store(self, *rows: dict[str, Any]) -> None:
        """Put rows into the table."""
        for it in rows:
            self.tables.client.put_item(
                TableName=self.settings.recovery_plans_table, Item=encode_item(it)
            )

    def book(self, client: Any = None, *, mirrored: bool = True) -> PlanBook:
        """A new process's."""
        mirror = Mirror(lambda: self.redis) if mirrored else None
        client = client or self.tables.client
        settings = self.settings
        tables = PlanTables(
            settings.recovery_plans_table,
            settings.protection_groups_table,
            settings.sync_status_table,
        )
        return PlanBook(lambda: client, tables, mirror)

    def publish(self) -> None:
        """As a sync does."""
        self.book().publish(Mirror(lambda: self.redis))

    def cut_off(self) -> PlanBook:
        """A new process's, that cannot reach the table."""
        return self.book(dynamodb_client(f"http://127.0.0.1:{free_port()}"))


@pytest.fixture
def plans(http_tables: Tables, valkey9: Redis) -> Iterator[Plans]:
    """An empty table and an empty mirror."""
    valkey9.flushall()
    return Plans(http_tables, http_tables.settings(), valkey9)


def test_what_a_sync_published_answers_a_fresh_process(plans: Plans) -> None:
    """DynamoDB away, Redis full: every plan, and each."""
    plans.store(row("a"), row("b", TWO))
    plans.publish()
    assert [it.plan_id for it in plans.cut_off().all().value] == ["a", "b"]
    assert plans.cut_off().get("b").value == plans.book(mirrored=False).get("b").value
    assert plans.cut_off().places_of([ONE, TWO]) == dict.fromkeys(
        [ONE, TWO], Place("111111111111", "us-east-1")
    )


def test_an_old_copy_answers_only_where_the_table_cannot(
    plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says that it is stale."""
    plans.store(row("a"))
    plans.publish()
    monkeypatch.setattr(plans_module, "KEPT", 0.0)
    plans.store(row("a", TWO), row("b"))
    assert [it.plan_id for it in plans.cut_off().all().value] == ["a"]
    assert plans.cut_off().all().is_stale
    old = plans.cut_off().get("a")
    assert old.is_stale
    assert old.value
    assert ONE in old.value.servers
    new = plans.book().get("a")
    assert not new.is_stale
    assert new.value
    assert TWO in new.value.servers


def test_a_read_of_the_table_refills_the_mirror(plans: Plans) -> None:
    """Of one plan that one; all of them only when all were read."""
    plans.store(row("a"), row("b"))
    plans.book().get("a")
    assert plans.cut_off().get("a").value
    with pytest.raises(TableUnavailable):
        plans.cut_off().all()
    plans.book().all()
    assert len(plans.cut_off().all().value) == 2
    assert 0 < plans.redis.pttl(PLANS) <= 15 * 60_000


def test_a_plan_that_is_gone_goes_with_the_next_publish(plans: Plans) -> None:
    """All of them replace all."""
    plans.store(row("a"), row("b"))
    plans.publish()
    plans.tables.client.delete_item(
        TableName=plans.settings.recovery_plans_table, Key={"planId": {"S": "a"}}
    )
    plans.publish()
    assert [it.plan_id for it in plans.cut_off().all().value] == ["b"]


@pytest.mark.parametrize(
    "rubbish", [b"", b"[]", b"{}", b"[1]", b'["x", {}]', b"\xff", b"[1, 2]", b'[1, {"more": 1}]']
)
def test_rubbish_is_no_plan(plans: Plans, rubbish: bytes) -> None:
    """The table answers; without it, the other plans are not passed off as all."""
    plans.store(row("a"), row("b"))
    plans.publish()
    plans.redis.hset(PLANS, "a", rubbish)
    with pytest.raises(TableUnavailable):
        plans.cut_off().get("a")
    with pytest.raises(TableUnavailable):
        plans.cut_off().all()
    assert plans.book().get("a").value
    plans.redis.delete(PLANS)
    plans.redis.set(PLANS, rubbish)
    assert len(plans.book().all().value) == 2


def test_no_plans_at_all_is_an_answer_too(plans: Plans) -> None:
    """An empty table, published."""
    plans.publish()
    assert plans.cut_off().all().value == []
