"""Which instances of an execution may go: rows through the index,
a live look per place, and the guard rails.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cache.errors import TableUnavailable
from cache.values import Place
from services.aws.drs import LiveInstance, launch_targets, list_source_servers, living_instances
from services.aws.outcome import LOOK_ERRORS
from services.aws.session import AwsClients
from services.execution.guard import Protection, Refusal, refusal
from services.platform.execution import Execution, Server
from services.sync.places import by_place, in_time
from services.sync.run import SyncParts

logger = logging.getLogger(__name__)
PLAN_SECONDS = 12.0  # of API Gateway's 29
GOING = "shutting-down"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server of the execution, and the jobs that may have launched the instance which may go."""

    server_id: str
    place: Place
    jobs: frozenset[str]
    name: str | None = None
    ec2_instance_id: str | None = None
    is_drill: bool | None = None
    recovery_instance_id: str = ""

    def facts(self) -> dict[str, Any]:
        """The fields of the contract's candidates."""
        return {
            "source_server_id": self.server_id,
            "ec2_instance_id": self.ec2_instance_id,
            "name": self.name or self.server_id,
            "account_id": self.place.account_id,
            "region": self.place.region,
            "is_drill": self.is_drill,
        }


@dataclass(slots=True)
class PlacePlan:
    """What is to become of the candidates of one place.

    `going` are being terminated already; `gone` have nothing alive any more, though their rows say
    so.
    """

    place: Place
    requested: list[Candidate] = field(default_factory=list)
    refused: list[tuple[Candidate, Refusal]] = field(default_factory=list)
    failed: list[tuple[Candidate, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    going: list[str] = field(default_factory=list)


def plan_termination(
    parts: SyncParts,
    execution: Execution,
    *,
    confirm: bool,
    only: Collection[str] | None = None,
) -> list[PlacePlan]:
    """One plan per place, made side by side. Asks, changes nothing.

    `only` are the servers it is about; None for all of the execution's.

    Raises:
        TableUnavailable: when the rows cannot be read.
    """
    followed = {it for job in execution.open_terminations for it in job.server_ids}
    planner = _PlacePlanner(parts, followed, confirm=confirm)
    found = _candidates(parts, execution)
    wanted = found if only is None else [it for it in found if it.server_id in only]
    candidates = by_place(wanted, lambda it: it.place)
    plans = in_time(lambda it: planner.plan(*it), candidates.items(), PLAN_SECONDS, late=_late)
    return sorted(plans, key=lambda plan: plan.place)


def _late(place_and_candidates: tuple[Place, list[Candidate]]) -> PlacePlan:
    place, candidates = place_and_candidates
    return PlacePlan(place, failed=[(it, f"{place} did not answer in time") for it in candidates])


def protection(clients: AwsClients, place: Place, server_ids: Iterable[str]) -> Protection:
    """What the place protects, and what the places do where these servers come from: a failback is
    set up there.

    In a disaster an origin may be dark. Then nothing is failed back to it either, so it is left
    out.

    Raises:
        ClientError, BotoCoreError, UnreadableReply: when the place itself cannot be asked.
    """
    found = list_source_servers(clients.get("drs", place), place)
    servers = [*found.items()]
    origins = {found[it].origin for it in server_ids if it in found}
    for origin in origins - {place, None}:
        if origin is None or not clients.knows(origin.account_id):
            continue
        try:
            servers += list_source_servers(clients.get("drs", origin), origin).items()
        except LOOK_ERRORS as error:
            logger.warning("What %s protects could not be asked: %s", origin, error)
    return Protection(
        failback_servers={server_id for server_id, it in servers if it.replicates_back},
        machines={it.origin_instance_id for _, it in servers if it.origin_instance_id},
    )


def _candidates(parts: SyncParts, execution: Execution) -> list[Candidate]:
    """Servers whose row names the execution, and those it launched: a
    sync may have missed them, the index may lag.
    """
    waves = {it: wave for wave in execution.waves for it in wave.servers(Server.LAUNCHED)}
    server_ids = dict.fromkeys([*parts.table.servers_of(execution.execution_id), *waves])
    rows = parts.table.read(server_ids)
    if rows.unread:
        raise TableUnavailable(f"{len(rows.unread)} rows could not be read")
    found = []
    for server_id in server_ids:
        record, wave = rows.records.get(server_id), waves.get(server_id)
        if record and record.is_present and record.source_execution_id == execution.execution_id:
            jobs = [record.job_id] if record.job_id else []
            place = Place(record.account_id, record.region)
            known = (record.ec2_instance_id, record.is_drill)
            found.append(Candidate(server_id, place, frozenset(jobs), record.name, *known))
        elif wave is not None:
            found.append(
                Candidate(
                    server_id, wave.place, frozenset(wave.jobs), record.name if record else None
                )
            )
    return found


class _PlacePlanner:
    """Judges the candidates of one place after the other; any failure is that place's alone."""

    def __init__(self, parts: SyncParts, followed: Collection[str], *, confirm: bool) -> None:
        self._parts = parts
        self._followed = followed
        self._confirm = confirm

    def plan(self, place: Place, candidates: Sequence[Candidate]) -> PlacePlan:
        """What is to become of them; all failed when the place cannot be asked."""
        if place.account_id not in self._parts.accounts:
            return PlacePlan(
                place,
                failed=[(it, f"{place.account_id} is not a target account") for it in candidates],
            )
        plan = PlacePlan(place)
        try:
            self._judge(plan, self._sort(plan, candidates))
        except LOOK_ERRORS as error:
            return PlacePlan(
                place, failed=[(it, f"{place} cannot be asked: {error}") for it in candidates]
            )
        return plan

    def _sort(
        self, plan: PlacePlan, candidates: Sequence[Candidate]
    ) -> dict[Candidate, LiveInstance]:
        """Put those gone and going into the plan; the others,
        with their instances, are to be judged.
        """
        living = living_instances(self._client(plan), [it.server_id for it in candidates])
        left: dict[Candidate, LiveInstance] = {}
        for candidate in candidates:
            instance = _instance(living.get(candidate.server_id, []), candidate)
            if instance is None:
                plan.gone += [candidate.server_id] if candidate.ec2_instance_id else []
            elif instance.launch.job_id in candidate.jobs and (
                instance.launch.ec2_instance_state == GOING or instance.server_id in self._followed
            ):
                plan.going.append(candidate.server_id)
            else:
                left[_seen(candidate, instance)] = instance
        return left

    def _judge(self, plan: PlacePlan, left: Mapping[Candidate, LiveInstance]) -> None:
        if not left:
            return
        server_ids = [it.server_id for it in left]
        protected = protection(self._parts.clients, plan.place, server_ids)
        targets = launch_targets(self._client(plan), server_ids)
        for candidate, instance in left.items():
            target = targets[candidate.server_id]
            if isinstance(target, Exception):
                plan.failed.append(
                    (candidate, f"its launch configuration cannot be read: {target}")
                )
            elif (
                why := refusal(instance, candidate.jobs, protected, target, confirm=self._confirm)
            ) is not None:
                plan.refused.append((candidate, why))
            else:
                plan.requested.append(candidate)

    def _client(self, plan: PlacePlan) -> Any:
        return self._parts.clients.get("drs", plan.place)


def _instance(living: Sequence[LiveInstance], candidate: Candidate) -> LiveInstance | None:
    """The living instance that is the execution's; else whichever there is."""
    return max(living, key=lambda it: it.launch.job_id in candidate.jobs, default=None)


def _seen(candidate: Candidate, instance: LiveInstance) -> Candidate:
    """The candidate with what DRS says now."""
    return replace(
        candidate,
        ec2_instance_id=instance.launch.ec2_instance_id,
        recovery_instance_id=instance.launch.recovery_instance_id,
        is_drill=instance.launch.is_drill,
    )
