"""One look at one place: what DRS, EC2, the origin and the history say of its servers.

Reads only.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Any

from cache.errors import LookTimeout, TableUnavailable
from cache.protocol import Observation, is_same_launch
from cache.record import Attribution, Details, Launch, Replication, current
from cache.values import Place
from services.aws import drs, drs_jobs, ec2
from services.aws.outcome import LOOK_ERRORS
from services.aws.session import AwsClients
from services.platform.executions import ExecutionHistory
from services.sync.origin import describe_origins, is_due

type StoredRows = Mapping[str, Mapping[str, Any]]
type Machine = dict[str, Any]
GONE = Replication(source_server_gone=True)


@dataclass(slots=True)
class Look:
    """What the calls of one look share.

    `known` are executions by job that the caller knows already (a wave knows its own). `doubts`
    collects what could not be asked beside DRS's listing: it costs details, not completeness.
    """

    place: Place
    clients: AwsClients
    history: ExecutionHistory
    deadline: float
    known: Mapping[str, Attribution] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Stop a look that has used up its time.

        Raises:
            LookTimeout: when the deadline has passed.
        """
        if monotonic() >= self.deadline:
            raise LookTimeout(f"{self.place} took longer than it may")

    @property
    def drs_client(self) -> Any:
        """The place's DRS client."""
        return self.clients.get("drs", self.place)

    def settled(self, listing: drs.Listing) -> Mapping[str, Launch]:
        """The launch of each server; where several instances live, the one that the server itself
        names.

        Where DRS cannot be asked, or says nothing, the record of the latest point in time has to
        do. One that EC2 calls terminated is chosen last: it would hide the others.
        """
        if not listing.rivals:
            return listing.launches
        machines = self._machines(it for rivals in listing.rivals.values() for it in rivals)
        servers = self.source_servers(list(listing.rivals)) or {}
        launches = dict(listing.launches)
        for server_id, rivals in listing.rivals.items():
            left = [it for it in rivals if not _is_dead(machines.get(it.ec2_instance_id))] or rivals
            named = servers[server_id].current_of(left) if server_id in servers else None
            if chosen := named or current(left):
                launches[server_id] = chosen
        return launches

    def observe(
        self, launches: Mapping[str, Launch], stored: StoredRows, seen_at: str
    ) -> list[Observation]:
        """All there is to know of the living among these launches.

        `stored` are the rows as they stand: only a row that lacks its launch's execution makes us
        read the history. EC2's state is the fresher one: an instance it calls terminated is not
        among the living, whatever DRS says.
        """
        alive = {
            server_id: launch
            for server_id, launch in launches.items()
            if launch.ec2_instance_state.is_alive
        }
        with ThreadPoolExecutor(1, "source-servers") as pool:
            asked = pool.submit(self.source_servers, list(alive))
            machines = self._machines(alive.values())
            protected = asked.result()
        for server_id, launch in list(alive.items()):
            if machine := machines.get(launch.ec2_instance_id):
                alive[server_id] = replace(launch, ec2_instance_state=ec2.state_of(machine))
                if not alive[server_id].ec2_instance_state.is_alive:
                    del alive[server_id]
        servers = {it: one for it, one in (protected or {}).items() if it in alive}
        due = {it: one for it, one in servers.items() if is_due(stored.get(it, {}), seen_at)}
        origins = describe_origins(self.clients, due, self.check)
        undescribed = {
            it.job_id for it in alive.values() if it.job_id and it.ec2_instance_id not in machines
        }
        jobs, executions = self._jobs(alive, stored, undescribed)
        return [
            Observation(
                server_id=server_id,
                place=self.place,
                observed_at=seen_at,
                launch=launch,
                details=_details(
                    machines.get(launch.ec2_instance_id), _known_as(server_id, servers, stored)
                ),
                attribution=executions.get(launch.job_id or ""),
                server=servers[server_id].server if server_id in servers else None,
                origin=origins.get(server_id),
                replication=_replication(server_id, protected),
                launched_at=jobs[launch.job_id].started_at if launch.job_id in jobs else None,
            )
            for server_id, launch in alive.items()
        ]

    def _machines(self, launches: Iterable[Launch]) -> dict[str, Machine]:
        ids = [launch.ec2_instance_id for launch in launches]
        if not ids:
            return {}
        return self.ask(
            "EC2",
            lambda: ec2.describe_instances(self.clients.get("ec2", self.place), ids, self.check),
            {},
        )

    def source_servers(self, server_ids: list[str]) -> dict[str, drs.Protected] | None:
        """Those of these source servers that DRS has; None when it could not be asked."""
        return self.ask(
            "source servers",
            lambda: drs.describe_source_servers(
                self.drs_client, server_ids, self.place, self.check
            ),
            None,
        )

    def _jobs(
        self, launches: Mapping[str, Launch], stored: StoredRows, undescribed: set[str]
    ) -> tuple[dict[str, drs_jobs.Job], dict[str, Attribution]]:
        """The jobs somebody needs to see, and the execution of each job whose row lacks it."""
        lacking = {
            launch.job_id
            for server_id, launch in launches.items()
            if launch.job_id and not _is_attributed(stored.get(server_id), launch)
        }
        executions = {
            it: self.known[it]
            for launch in launches.values()
            if (it := launch.job_id) in self.known and it
        }
        for job_id in lacking - executions.keys():
            found = self.ask("execution history", partial(self.history.attribution, job_id), None)
            if found:
                executions[job_id] = found
        asked = sorted(undescribed | (lacking - executions.keys()))
        jobs: dict[str, drs_jobs.Job] = {}
        if asked:
            jobs = self.ask(
                "jobs", lambda: drs_jobs.describe_jobs(self.drs_client, asked, self.check), jobs
            )
        tagged = {it: jobs[it].attribution for it in asked if it in jobs}
        return jobs, {job_id: it for job_id, it in tagged.items() if it} | executions

    def ask[T, O](self, what: str, question: Callable[[], T], otherwise: O) -> T | O:
        """The answer, or `otherwise` and a doubt: without it,
        details stay as they were last known.
        """
        try:
            return question()
        except LookTimeout:
            raise
        except (*LOOK_ERRORS, TableUnavailable) as error:
            doubt = f"{what}: {error}"
            if doubt not in self.doubts:
                self.doubts.append(doubt)
            return otherwise


def _is_dead(machine: Machine | None) -> bool:
    """Whether EC2 knows the instance and says that it is gone."""
    return machine is not None and not ec2.state_of(machine).is_alive


def _replication(
    server_id: str, protected: Mapping[str, drs.Protected] | None
) -> Replication | None:
    """What DRS says of it; None when it could not be asked."""
    if protected is None:
        return None
    return protected[server_id].replication if server_id in protected else GONE


def _is_attributed(row: Mapping[str, Any] | None, launch: Launch) -> bool:
    return row is not None and bool(row.get("sourceExecutionId")) and is_same_launch(row, launch)


def _known_as(server_id: str, servers: Mapping[str, drs.Protected], stored: StoredRows) -> str:
    """The server's name: as DRS says now, or as it said last, or else the id."""
    if server_id in servers:
        return servers[server_id].server.source_server_name
    return str(stored.get(server_id, {}).get("sourceServerName") or server_id)


def _details(machine: Machine | None, known_as: str) -> Details | None:
    """EC2's part; None until EC2 knows the instance, which may be seconds after DRS does."""
    if machine is None or (launch_time := ec2.launch_time_of(machine)) is None:
        return None
    return Details(
        name=ec2.name_of(machine) or f"Recovery of {known_as}",
        instance_type=machine.get("InstanceType") or "unknown",
        launch_time=launch_time,
        private_ip=machine.get("PrivateIpAddress"),
        public_ip=machine.get("PublicIpAddress"),
    )
