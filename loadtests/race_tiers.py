"""The tiers that a race runs on: a Valkey, and a table in memory or behind HTTP."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from botocore.session import get_session
from redis import Redis

from cache.looks import LookLog
from cache.table import Table
from cache.values import Place, PlaceLook, to_stamp
from local import servers
from local.memory_table import MemoryTable
from local.processes import Process
from services.platform.tables import create_tables
from services.settings import Settings


class MemoryLooks:
    """Tickets in memory; every place counts as looked at."""

    def __init__(self, table: MemoryTable, places: list[Place]) -> None:
        self.raise_fence = table.raise_fence
        self._tickets = count(1)
        self._places = {str(it): PlaceLook(1, 1, "seen") for it in places}

    def draw_ticket(self) -> int:
        """The next ticket."""
        return next(self._tickets)

    def places(self) -> dict[str, PlaceLook]:
        """All of them, looked at."""
        return self._places


@contextmanager
def tiers(kind: str, places: list[Place]) -> Iterator[tuple[Table, Any, Redis]]:
    """Fresh tiers: a Valkey, and a table in memory or behind HTTP."""
    with tempfile.TemporaryDirectory() as directory:
        valkey = servers.valkey(Path(directory))
        engine = servers.dynamodb(Path(directory)) if kind == "dynamodb" else None
        running = [it for it in (valkey, engine) if it]
        try:
            for process in running:
                process.start()
                process.await_port()
            redis = Redis(port=valkey.port, socket_timeout=5, protocol=2)
            memory = MemoryTable()
            both = _dynamodb(engine, places) if engine else (memory, MemoryLooks(memory, places))
            yield *both, redis
        finally:
            for process in running:
                process.stop()


def _dynamodb(engine: Process, places: list[Place]) -> tuple[Table, LookLog]:
    keys: Any = {"aws_access_key_id": servers.OWN_ACCOUNT, "aws_secret_access_key": "local"}
    client: Any = get_session().create_client(
        "dynamodb", servers.REGION, endpoint_url=engine.url, **keys
    )
    settings = Settings.from_env({})
    create_tables(client, settings, deletion_protection=False)
    looks = LookLog(client, settings.sync_status_table)
    for place in places:
        looks.note(place, 1, {"outcome": "seen", "endedAt": to_stamp(10**12)}, completed=True)
    return Table(client, settings.recovery_instances_table, settings.sync_status_table), looks
