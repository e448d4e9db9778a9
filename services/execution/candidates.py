"""Which instances of an execution may go: rows through the index, a live look per place, and the guard rails."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from cache.errors import TableUnavailable
from cache.values import Place
from services.aws.outcome import LOOK_ERRORS
from services.execution.guard import LiveInstance, Refusal, refusal
from services.execution.live import launch_targets, living_instances, protection
from services.platform.execution import Execution, Server
from services.sync.run import SyncParts

PLACES_IN_FLIGHT = 16
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

    def body(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "sourceServerId": self.server_id,
            "ec2InstanceId": self.ec2_instance_id,
            "name": self.name or self.server_id,
            "accountId": self.place.account_id,
            "region": self.place.region,
            "isDrill": self.is_drill,
        }


@dataclass(slots=True)
class PlacePlan:
    """What is to become of the candidates of one place.

    `going` are being terminated already; `gone` have nothing alive any more, though their rows say so.
    """

    place: Place
    requested: list[Candidate] = field(default_factory=list)
    refused: list[tuple[Candidate, Refusal]] = field(default_factory=list)
    failed: list[tuple[Candidate, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    going: list[str] = field(default_factory=list)


def plan_termination(parts: SyncParts, execution: Execution, *, confirm: bool) -> list[PlacePlan]:
    """One plan per place, made side by side. Asks, changes nothing.

    Raises:
        TableUnavailable: when the rows cannot be read.
    """
    followed = {it for job in execution.open_terminations for it in job.server_ids}
    by_place: defaultdict[Place, list[Candidate]] = defaultdict(list)
    for candidate in _candidates(parts, execution):
        by_place[candidate.place].append(candidate)
    if not by_place:
        return []
    planner = _PlacePlanner(parts, followed, confirm=confirm)
    with ThreadPoolExecutor(PLACES_IN_FLIGHT, "place") as pool:
        return list(pool.map(lambda it: planner.plan(it, by_place[it]), sorted(by_place)))


def _candidates(parts: SyncParts, execution: Execution) -> list[Candidate]:
    """Servers whose row names the execution, and those it launched: a sync may have missed them, the index may lag."""
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
        """Put those gone and going into the plan; the others, with their instances, are to be judged."""
        living = living_instances(self._client(plan), [it.server_id for it in candidates])
        left: dict[Candidate, LiveInstance] = {}
        for candidate in candidates:
            instance = _instance(living.get(candidate.server_id, []), candidate)
            if instance is None:
                plan.gone += [candidate.server_id] if candidate.ec2_instance_id else []
            elif instance.job_id in candidate.jobs and (
                instance.state == GOING or instance.server_id in self._followed
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
    return max(living, key=lambda it: it.job_id in candidate.jobs, default=None)


def _seen(candidate: Candidate, instance: LiveInstance) -> Candidate:
    """The candidate with what DRS says now."""
    return replace(
        candidate,
        ec2_instance_id=instance.ec2_instance_id,
        recovery_instance_id=instance.recovery_instance_id,
        is_drill=instance.is_drill,
    )
