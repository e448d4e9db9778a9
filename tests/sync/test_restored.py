"""Tables restored from a point in time: what must be done so that older never wins, tried.

The runbook says the same.
"""

from typing import Any

from cache.attributes import encode
from tests.sync.platform import Platform


def rows_of(platform: Platform, table: str) -> list[dict[str, Any]]:
    """Every item of a table as it stands."""
    return list(platform.wiring.dynamodb.scan(TableName=table)["Items"])


def restore(platform: Platform, table: str, rows: list[dict[str, Any]], key: str) -> None:
    """The table holds these items and no others, as after a restore under its old name."""
    dynamodb = platform.wiring.dynamodb
    for item in rows_of(platform, table):
        dynamodb.delete_item(TableName=table, Key={key: item[key]})
    for item in rows:
        dynamodb.put_item(TableName=table, Item=item)


def test_a_restored_table_of_instances_heals_with_one_sync(platform: Platform) -> None:
    """Its rows are old; the next look differs from them and
    writes, under a newer ticket than any.
    """
    machine, other = platform.server(number=1), platform.server(number=3)
    first = platform.launch(machine)
    platform.sync()
    table = platform.wiring.settings.recovery_instances_table
    old = rows_of(platform, table)
    platform.forget(first)
    second, third = platform.launch(machine), platform.launch(other)
    platform.sync()
    restore(platform, table, old, "sourceServerId")
    platform.redis.flushall()
    platform.sync()
    assert platform.shown(machine) == second.id
    assert platform.shown(other) == third.id


def test_a_restored_sync_status_counts_on_from_now(platform: Platform) -> None:
    """Its tickets are older than the rows, so looks would be refused; without the row of tickets,
    they are not.

    A counter that begins anew begins at the time of day, which is above all that was ever drawn.
    """
    machine = platform.server()
    first = platform.launch(machine)
    platform.sync()
    table = platform.wiring.settings.sync_status_table
    old = rows_of(platform, table)
    for _ in range(3):
        platform.sync()
    platform.forget(first)
    platform.launch(machine, state="stopped")
    platform.sync()
    restore(platform, table, old, "id")
    last = platform.launch(machine)
    report = platform.sync()
    assert platform.rows(machine)[machine.id]["ec2InstanceId"] != last.id, "older never wins"
    assert report.errors or any(it.refused for it in report.places), "and that is not hidden"
    platform.wiring.dynamodb.delete_item(TableName=table, Key={"id": encode("ticket")})
    platform.sync()
    assert platform.shown(machine) == last.id
