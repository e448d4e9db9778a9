"""Reads of a stack, and what they ask of its tiers."""

from typing import Any

from cache.reader import Reader
from cache.values import Place
from tests.tiers.conftest import Stack
from tests.tiers.samples import SEEN_AT


def reader(stack: Stack) -> Reader:
    """A new process's reader."""
    return Reader(stack.mirror, lambda: stack.table, lambda: stack.looks)


def complete(stack: Stack, *places: Place) -> None:
    """A complete look at each place."""
    for place in places:
        stack.looks.note(place, 5, {"outcome": "seen", "endedAt": SEEN_AT}, completed=True)


def keys_read(stack: Stack) -> list[str]:
    """The ids that the table is asked for from now on."""
    asked: list[str] = []

    def note(params: dict[str, Any], **_: object) -> None:
        for batch in params["RequestItems"].values():
            asked.extend(key["sourceServerId"]["S"] for key in batch["Keys"])

    stack.table._client.meta.events.register("provide-client-params.dynamodb.BatchGetItem", note)  # noqa: SLF001
    return asked


def mirror_reads(stack: Stack) -> int:
    """How many pages of servers the server was asked for so far."""
    stats: Any = stack.redis.info("commandstats")
    return int(stats.get("cmdstat_hget", {}).get("calls", 0))
