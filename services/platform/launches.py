"""What an execution's waves launched, kept for its report: rows of `sync-status`, a thousand
servers each.

The rows of the servers themselves forget an instance once another takes its place or none is left,
and an execution's own row has no room for it: 5,000 servers would be more than one item of DynamoDB
holds.
"""

from collections.abc import Iterable, Mapping
from itertools import batched
from typing import TYPE_CHECKING, Any

from cache.attributes import decode_item, encode, encode_item
from cache.record import Record
from cache.table import Table, translated
from services.platform.execution import Execution, Wave

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SERVERS_A_ROW = 1_000  # of some 200 bytes each; an item holds 400 kB


class LaunchLog:
    """Keeps and reads launches."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def keep(self, execution_id: str, wave: Wave, records: Mapping[str, Record]) -> None:
        """Keep what the wave's jobs launched, as these records have it. Repeating does no harm.

        Raises:
            TableUnavailable: when it could not be written.
        """
        for number, server_ids in enumerate(batched(wave.server_ids, SERVERS_A_ROW)):
            launches = {it: _launch(records[it]) for it in server_ids if _is_of(records, it, wave)}
            row = {"id": _row_id(execution_id, wave, number), "launches": launches}
            with translated(f"keep the launches of {execution_id}"):
                self._client.put_item(TableName=self._table, Item=encode_item(row))

    def read(self, execution: Execution) -> dict[str, Mapping[str, Any]]:
        """The launches of all its waves, by server.

        Raises:
            TableUnavailable: when they could not be read.
        """
        found: dict[str, Mapping[str, Any]] = {}
        for row_id in _row_ids(execution):
            with translated(f"read the launches of {execution.execution_id}"):
                item = self._client.get_item(
                    TableName=self._table, Key={"id": encode(row_id)}, ConsistentRead=True
                ).get("Item")
            found |= launches_in(decode_item(item)) if item else {}
        return found


def launches_in(row: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What a row has kept, by server; what is no launch is left out."""
    kept = row.get("launches")
    found = kept if isinstance(kept, Mapping) else {}
    return {server_id: it for server_id, it in found.items() if isinstance(it, Mapping)}


def launches_still_there(table: Table, execution: Execution) -> dict[str, Mapping[str, Any]]:
    """What the servers' own rows still have of its launches, for waves of which nothing was kept.

    Without the time of the launch: EC2's moves at every start of the instance.
    """
    records = table.read(execution.server_ids).records
    return {
        server_id: {
            name: it for name, it in _launch(records[server_id]).items() if name != "launchTime"
        }
        for wave in execution.waves
        for server_id in wave.server_ids
        if _is_of(records, server_id, wave)
    }


def _launch(record: Record) -> dict[str, Any]:
    said = {
        "sourceServerName": record.source_server_name,
        "ec2InstanceId": record.ec2_instance_id,
        "instanceType": record.instance_type,
        "launchTime": record.launch_time,
        "pointInTime": record.point_in_time,
    }
    return {name: value for name, value in said.items() if value is not None}


def _is_of(records: Mapping[str, Record], server_id: str, wave: Wave) -> bool:
    record = records.get(server_id)
    return record is not None and record.is_present and record.job_id in wave.jobs


def _row_ids(execution: Execution) -> Iterable[str]:
    for wave in execution.waves:
        for number in range(-(-len(wave.server_ids) // SERVERS_A_ROW)):
            yield _row_id(execution.execution_id, wave, number)


def _row_id(execution_id: str, wave: Wave, number: int) -> str:
    return f"launches#{execution_id}#{wave.wave_number}#{number}"
