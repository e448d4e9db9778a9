"""Plans, their executions and the DRS jobs of the seeded world."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from local.world_items import Instance, Machine, stamp

WAVE_NAMES = ("Databases", "Application servers", "Web servers", "Everything else")
PLAN_NAMES = (
    "Web shop",
    "Buchhaltung Köln",
    "支払い",
    "Warehouse",
    "Customer portal",
    "Médiathèque",
    "Reporting",
    "Mail",
)


@dataclass
class Plan:
    """A recovery plan; every wave's machines are in one place."""

    id: str
    name: str
    description: str
    waves: list[list[Machine]]

    @property
    def machines(self) -> list[Machine]:
        """All its machines."""
        return [machine for wave in self.waves for machine in wave]


def make_plans(dice: Random, machines: list[Machine], count: int) -> list[Plan]:
    """So many plans that have every machine in exactly one wave; a
    plan's waves may be in different places.
    """
    waves: list[list[Machine]] = []
    by_place: dict[tuple[str, str], list[Machine]] = {}
    for machine in machines:
        by_place.setdefault((machine.account, machine.region), []).append(machine)
    size = max(1, min(100, len(machines) // (count * 3)))
    for members in by_place.values():
        waves += [members[at : at + size] for at in range(0, len(members), size)]
    dice.shuffle(waves)
    plans = [
        Plan(
            f"plan-{number:03d}",
            f"{PLAN_NAMES[number % len(PLAN_NAMES)]} {number}",
            f"Team {number % 9}",
            [],
        )
        for number in range(count)
    ]
    for number, wave in enumerate(waves):
        plans[number % count].waves.append(wave)
    return plans


def wave_row(number: int, machines: list[Machine]) -> dict[str, Any]:
    """What a plan and an execution both say of a wave."""
    return {
        "waveNumber": number,
        "waveName": WAVE_NAMES[(number - 1) % len(WAVE_NAMES)],
        "accountId": machines[0].account,
        "region": machines[0].region,
        "serverIds": [machine.id for machine in machines],
    }


def plan_row(plan: Plan) -> dict[str, Any]:
    """The row of `recovery-plans`."""
    waves = [wave_row(number, machines) for number, machines in enumerate(plan.waves, 1)]
    return {
        "planId": plan.id,
        "planName": plan.name,
        "description": plan.description,
        "waves": waves,
    }


def _times(
    waves: list[tuple[list[Machine], str | None]], number: int, ended: datetime
) -> dict[str, str]:
    """When a wave that launched something began and ended: one
    after the other, the last when its job began.
    """
    later = sum(job_id is not None for _, job_id in waves[number:])
    began = ended - later * timedelta(minutes=25)
    return {"startTime": stamp(began), "endTime": stamp(began + timedelta(minutes=20))}


def execution_row(
    execution_id: str,
    plan: Plan,
    waves: list[tuple[list[Machine], str | None]],
    ended: datetime,
    *,
    drill: bool,
) -> dict[str, Any]:
    """The row of `execution-history` of a finished execution; a
    wave that launched nothing has no job.
    """
    return {
        "executionId": execution_id,
        "planId": plan.id,
        "planName": plan.name,
        "executionType": "DRILL" if drill else "RECOVERY",
        "status": "COMPLETED",
        "startTime": stamp(ended - timedelta(hours=2)),
        "endTime": stamp(ended + timedelta(minutes=20)),
        "waves": [
            {
                **wave_row(number, machines),
                "status": "COMPLETED" if job_id else "FAILED",
                "serverStatuses": {
                    machine.id: "LAUNCHED" if job_id else "FAILED" for machine in machines
                },
                **({"jobId": job_id, **_times(waves, number, ended)} if job_id else {}),
            }
            for number, (machines, job_id) in enumerate(waves, 1)
        ],
    }


def job(  # noqa: PLR0913  a job is this much
    job_id: str,
    place: tuple[str, str],
    launched: list[Instance],
    at: datetime,
    tags: dict[str, str],
    *,
    drill: bool,
) -> dict[str, Any]:
    """A finished DRS Job, as DescribeJobs returns it."""
    account, region = place
    return {
        "jobID": job_id,
        "arn": f"arn:aws:drs:{region}:{account}:job/{job_id}",
        "type": "LAUNCH",
        "initiatedBy": "START_DRILL" if drill else "START_RECOVERY",
        "creationDateTime": stamp(at),
        "endDateTime": stamp(at + timedelta(minutes=20)),
        "status": "COMPLETED",
        "participatingServers": [
            {
                "sourceServerID": instance.machine.id,
                "recoveryInstanceID": instance.id,
                "launchStatus": "LAUNCHED",
            }
            for instance in launched
        ],
        "tags": tags,
    }
