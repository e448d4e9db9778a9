"""StartRecovery for the servers of a wave that are in no job yet.

Never twice for the same server, whatever crashed.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cache.errors import OverQuota
from cache.values import Place
from services.aws.drs import describe_source_servers
from services.aws.drs_jobs import recent_jobs, start_recovery
from services.execution.jobs import ask_for_jobs
from services.platform.execution import Execution, Server, Wave

type Alter = Callable[[Callable[[Wave], None]], None]


def jobs_of(
    client: Any, place: Place, server_ids: Sequence[str], *, is_drill: bool
) -> dict[str, list[str]]:
    """Launch jobs, each with those of these servers it took or takes part in.

    Two sources, because neither is whole: a job loses its participants after its end, and whether a
    server's last launch names a job at once is not documented.

    Raises:
        ClientError, BotoCoreError: as botocore does.
    """
    wanted = set(server_ids)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for server_id, server in describe_source_servers(client, server_ids, place).items():
        job_id, kind = server.last_launch or ("", "")
        if job_id and kind == ("DRILL" if is_drill else "RECOVERY"):
            found[job_id].add(server_id)
    for job in recent_jobs(client, "LAUNCH"):
        if job.initiated_by == ("START_DRILL" if is_drill else "START_RECOVERY"):
            found[job.job_id] |= wanted & job.servers.keys()
    return {job_id: sorted(servers) for job_id, servers in found.items() if servers}


class WaveLaunch:
    """The launch of one wave; `alter` changes the wave in its row before anything else is done."""

    def __init__(
        self, client: Any, execution: Execution, wave: Wave, alter: Alter, *, job_tags: bool
    ) -> None:
        self._client = client
        self._execution = execution
        self._wave = wave
        self._alter = alter
        self._job_tags = job_tags

    def start(self, *, is_fresh: bool) -> None:
        """Start every pending server.

        Where somebody may have been here before us, the jobs of then are found first.

        Servers over DRS's quota stay pending, for a later call.

        Raises:
            ClientError, BotoCoreError: when DRS could not be asked; a later call goes on from
            there.
        """
        pending = self._wave.servers(Server.PENDING)
        if pending and not is_fresh:
            for job_id, server_ids in self.find(pending).items():
                self.started(job_id, server_ids)
                pending = [it for it in pending if it not in server_ids]
        try:
            ask_for_jobs(self, pending)
        except OverQuota:
            return

    def ask(self, server_ids: Sequence[str]) -> str:
        """One StartRecovery call.

        Tags only where the setting says so: they need a permission of their own.
        """
        tags_of = self._execution.attribution if self._job_tags else None
        return start_recovery(
            self._client,
            server_ids,
            is_drill=self._execution.is_drill,
            tags_of=tags_of,
            snapshots=self._wave.snapshots,
        )

    def find(self, server_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Jobs of these servers that were not there when the start of this wave was decided."""
        is_drill = self._execution.is_drill
        jobs = jobs_of(self._client, self._wave.place, server_ids, is_drill=is_drill)
        return {
            job_id: servers
            for job_id, servers in jobs.items()
            if job_id not in self._wave.jobs_before
        }

    def started(self, job_id: str, server_ids: Sequence[str]) -> None:
        """Keep it in the row."""
        self._alter(lambda wave: wave.add_job(job_id, server_ids))

    def refused(self, server_ids: Sequence[str], why: str) -> None:
        """Keep it in the row."""
        self._alter(lambda wave: wave.fail(dict.fromkeys(server_ids, why)))
