"""Asking DRS for jobs that take at most 100 servers, where
one busy server refuses the whole batch.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import batched
from typing import Protocol

from cache.errors import JobRefused, ServersBusy

SERVERS_A_JOB = 100  # DRS quota L-B827C881


class Work(Protocol):
    """What is asked for, and who hears of the result."""

    def ask(self, server_ids: Sequence[str]) -> str:
        """Ask for one job; its id."""

    def find(self, server_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Jobs of ours that these servers are in already: an earlier
        try arrived, only its answer did not.
        """

    def started(self, job_id: str, server_ids: Sequence[str]) -> None:
        """These servers are in this job. Kept before anything else is asked for."""

    def refused(self, server_ids: Sequence[str], why: str) -> None:
        """DRS does not take these, and would not another time."""


def ask_for_jobs(work: Work, server_ids: Sequence[str]) -> None:
    """Ask for jobs until every server is started or refused.

    On a conflict, jobs of ours are looked for first; then the batch is halved until the busy server
    stands alone.

    Raises:
        OverQuota: with the servers neither started nor refused left for later.
        ClientError, BotoCoreError: when DRS could not be asked, with the same.
    """
    batches = deque(batched(server_ids, SERVERS_A_JOB))
    while batches:
        batch = batches.popleft()
        try:
            work.started(work.ask(batch), batch)
        except ServersBusy as error:
            batches.extendleft(reversed(_after_conflict(work, batch, str(error))))
        except JobRefused as error:
            work.refused(batch, str(error))


def _after_conflict(work: Work, batch: Sequence[str], message: str) -> list[tuple[str, ...]]:
    """What is to be asked for instead of this batch."""
    found = work.find(batch)
    for job_id, server_ids in found.items():
        work.started(job_id, server_ids)
    if found:
        taken = {it for server_ids in found.values() for it in server_ids}
        rest = tuple(it for it in batch if it not in taken)
        return [rest] if rest else []
    if len(batch) == 1:
        work.refused(batch, message)
        return []
    half = len(batch) // 2
    return [tuple(batch[:half]), tuple(batch[half:])]
