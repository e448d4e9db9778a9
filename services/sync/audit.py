"""Looking after the mirror: fill it from the table, and compare
it with the table (and the table with AWS).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import batched
from time import monotonic

from cache.entry import Entry
from cache.errors import InvalidRow
from cache.looks import LookLog
from cache.mirror import Fresh, Mirror, Published
from cache.protocol import observed_at
from cache.record import Record
from cache.table import Table
from cache.values import PlaceLook, to_stamp
from services.aws import drs
from services.aws.outcome import LOOK_ERRORS
from services.sync.look import Look
from services.sync.places import places_of
from services.sync.run import PLACE_SECONDS, SyncParts

BATCH = 500


@dataclass(slots=True)
class Audit:
    """What was compared, and the servers whose two sides differ, each with what differs.

    A server without an entry is no difference: entries expire, and the next read brings them back.
    """

    compared: int = 0
    missing: int = 0
    differences: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def warm(table: Table, looks: LookLog, mirror: Mirror, tell: Callable[[int], None]) -> Published:
    """Publish every record of the table; `tell` hears of each batch's size.

    An entry is dated by a look at its place only if that look was known before the record was read.

    Raises:
        TableUnavailable, MirrorUnavailable: when a tier cannot be asked.
    """
    total, places = Published(), looks.places()
    for batch in _records(table, []):
        got = mirror.publish([Fresh(_dated(record, places), at) for record, at in batch])
        total = Published(
            total.taken + got.taken,
            total.refused + got.refused,
            total.dropped + got.dropped,
            total.failed + got.failed,
        )
        tell(len(batch))
    return total


def audit_mirror(
    table: Table,
    looks: LookLog,
    mirror: Mirror,
    tell: Callable[[int], None],
    *,
    repair: bool = False,
) -> Audit:
    """Compare every record with its entry.

    With `repair`, an entry that differs is replaced by the table's.

    The mirror is read before the table's second word on each suspect, so a write in between is no
    difference.

    Raises:
        TableUnavailable, MirrorUnavailable: when a tier cannot be asked.
    """
    audit, places = Audit(), looks.places()
    for batch in _records(table, audit.unreadable):
        records = {record.source_server_id: record for record, _ in batch}
        found = mirror.read(list(records))
        raw = found.broken | {it: entry.encode() for it, entry in found.entries.items()}
        suspects = [it for it in raw if _differs(found.entries.get(it), records[it])]
        again = table.read(suspects)
        wrong = {
            it: record
            for it, record in again.records.items()
            if _differs(found.entries.get(it), record)
        }
        for it, record in wrong.items():
            held = (
                f"version {found.entries[it].version}" if it in found.entries else "no valid entry"
            )
            audit.differences[it] = f"mirror holds {held}, table version {record.version}"
        audit.compared += len(records)
        audit.missing += len(records) - len(raw)
        if repair:
            mirror.publish(
                [Fresh(_dated(record, places), again.at, raw[it]) for it, record in wrong.items()]
            )
        tell(len(records))
    return audit


def _dated(record: Record, places: Mapping[str, PlaceLook]) -> Entry:
    return record.entry(observed_at=observed_at(record, places.get(record.place)))


def _differs(entry: Entry | None, record: Record) -> bool:
    """Whether the entry says anything else than the record; when a
    look confirmed it last is its own word.
    """
    if entry is None:
        return True
    expected = record.entry(entry.confirmed, to_stamp(entry.observed_at))
    return entry.encode() != expected.encode()


def audit_table(parts: SyncParts, tell: Callable[[int], None]) -> Audit:
    """Compare the table with what DRS says now, place by place. A sync is what repairs it.

    Raises:
        TableUnavailable: when the table cannot be read.
    """
    audit = Audit()
    for place in places_of(parts.accounts.values(), parts.clients):
        look = Look(place, parts.clients, parts.history(), monotonic() + PLACE_SECONDS)
        try:
            listing = drs.list_recovery_instances(look.drs_client, look.check)
        except LOOK_ERRORS as error:
            audit.unreadable.append(f"{place}: {error}")
            continue
        launches = {
            it: launch
            for it, launch in listing.launches.items()
            if launch.ec2_instance_state.is_alive
        }
        here = [
            it for it, presence in parts.table.servers_in(place).items() if presence == "present"
        ]
        rows = parts.table.read([*here, *launches]).records
        for server_id in sorted({*here, *launches}):
            row = rows.get(server_id)
            stored = (
                row.ec2_instance_id if row and row.is_present and row.place == str(place) else None
            )
            live = launches[server_id].ec2_instance_id if server_id in launches else None
            if stored != live:
                audit.differences[server_id] = (
                    f"table holds {stored or 'none'}, DRS in {place} says {live or 'none'}"
                )
        audit.compared += len({*here, *launches})
        tell(1)
    return audit


def _records(table: Table, unreadable: list[str]) -> Iterator[list[tuple[Record, float]]]:
    """The table's records in batches, each with when it was asked
    for; rows that are no records are named.
    """
    at = monotonic()
    for rows in batched(table.scan(), BATCH):
        batch = []
        for row in rows:
            try:
                batch.append((Record.from_row(row), at))
            except InvalidRow as error:
                unreadable.append(str(error))
        yield batch
        at = monotonic()
