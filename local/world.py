"""The seeded world: accounts, servers, instances, plans and executions that a stack starts with.

Same seed, same world.

Pure: what is here is loaded by `local.seed`. It also says what a right answer is
(`World.expected`), worked out from the same dice as the AWS items and never read back from them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from local.world_items import (
    Instance,
    Machine,
    origin_instance,
    recovery_ec2_instance,
    recovery_instance,
    source_network,
    source_server,
)
from local.world_plans import Plan, execution_row, job, make_plans, plan_row

OWN = "111111111111"
REGIONS = (
    "us-east-1", "eu-west-1", "eu-central-1", "ap-northeast-1", "us-east-2", "ca-central-1",
    "ap-southeast-2",
    "eu-west-2", "eu-west-3", "ap-south-1", "ap-northeast-2", "us-west-2",
)  # fmt: skip
NEVER_INITIALISED = "eu-north-1"
DENIED = "sa-east-1"
ORIGIN_REGIONS = (
    "us-west-1",
    "ap-southeast-1",
)  # where protected machines run; never looked at by a sync
NEWEST = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
LIVE_SHARE = 0.87  # of all servers have an instance
EMPTY_PLAN, WHOLE_ESTATE = "plan-never-launched", "plan-whole-estate"
WHOLE_ESTATE_SERVERS = 1_000


@dataclass
class World:
    """What there is, in the shapes in which it is loaded.

    `accounts` and `places` are bodies of the stand-in's admin calls, the rows those of the
    platform's tables, `weather` the rules that deny one region. `expected` has for every server
    None (no instance) or the fields a page and the table must show; a field that must be missing is
    None, and no security groups are an empty list.
    """

    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    weather: list[dict[str, Any]] = field(default_factory=list)
    target_accounts: list[dict[str, Any]] = field(default_factory=list)
    recovery_plans: list[dict[str, Any]] = field(default_factory=list)
    execution_history: list[dict[str, Any]] = field(default_factory=list)
    protection_groups: list[dict[str, Any]] = field(default_factory=list)
    expected: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    @property
    def alive(self) -> dict[str, dict[str, Any]]:
        """The servers that have an instance, with its expected fields."""
        return {
            server_id: fields for server_id, fields in self.expected.items() if fields is not None
        }

    def put(self, account: str, region: str, kind: str, item: Mapping[str, Any]) -> None:
        """Adds an item to a place; `kind` is a key of the stand-in's place body."""
        self.places.setdefault((account, region), {}).setdefault(kind, []).append(item)


def make_world(
    seed: int = 2026,
    servers: int = 1_200,
    places: int = 6,
    plans: int = 60,
    *,
    newest: datetime = NEWEST,
) -> World:
    """A world of so many source servers in so many places, protected by so many plans (at least
    three).

    The first plan's execution finished an hour before `newest`, the others seven hours apart before
    it.
    """
    dice = Random(seed)
    world = World()
    looked_at = [place_of(number) for number in range(places)]
    lay_accounts(world, looked_at)
    homes = origins(world, looked_at)
    machines = [
        Machine.roll(dice, number, *place, homes[place])
        for number, place in enumerate(spread(looked_at, servers, dice))
    ]
    for machine, fate in zip(machines, fates(dice, servers), strict=True):
        machine.fate = fate
        world.expected[machine.id] = None
    for number, plan in enumerate(make_plans(dice, machines, plans - 2)):
        world.recovery_plans.append(plan_row(plan))
        run_plan(world, dice, plan, newest - timedelta(hours=7 * number + 1), number)
    for machine in machines:
        world.put(machine.account, machine.region, "sourceServers", source_server(machine))
        if machine.origin:
            world.put(*machine.origin, "instances", origin_instance(machine))
    world.recovery_plans += [plan_row(plan) for plan in special_plans(machines)]
    return world


def place_of(number: int) -> tuple[str, str]:
    """The account and region of the place with this number; each account has two."""
    account = (number // 2 + 1) * int(OWN) if number < 18 else 100_000_000_000 + number // 2
    return str(account), REGIONS[number % len(REGIONS)]


def lay_accounts(world: World, looked_at: list[tuple[str, str]]) -> None:
    """Our own account and others behind roles, the second with a
    region never set up, the last with a denied one.
    """
    accounts = list(dict.fromkeys(account for account, _ in looked_at))
    for number, account in enumerate(accounts):
        regions = [region for owner, region in looked_at if owner == account]
        row: dict[str, Any] = {
            "accountId": account,
            "accountName": f"Accounts {number + 1}",
            "status": "active",
        }
        role: dict[str, str] = {}
        if account != OWN:
            role = {
                "roleArn": f"arn:aws:iam::{account}:role/recovery-sync",
                "externalId": f"external-{account[:6]}",
            }
        if number == min(1, len(accounts) - 1):
            regions.append(NEVER_INITIALISED)
            world.places[account, NEVER_INITIALISED] = {"initialized": False}
        if number == len(accounts) - 1:
            regions.append(DENIED)
            world.places[account, DENIED] = {"initialized": True}
            world.weather.append({"accountId": account, "region": DENIED, "deny": True})
        reader = {**role, "roleArn": f"{role['roleArn']}-read"} if role else {}
        roles = [it for it in (role, reader) if it]
        world.accounts[account] = {"roles": roles, "disabledRegions": []}
        world.target_accounts.append({**row, **role, "regions": regions, "stagingAccounts": []})
    for place in looked_at:
        world.places[place] = {"initialized": True, "sourceNetworks": [source_network(*place)]}


def origins(
    world: World, looked_at: list[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Where the AWS machines that each place protects run: in its own
    account or in the next, in another region.
    """
    accounts = list(world.accounts)
    return {
        place: (
            accounts[(accounts.index(place[0]) + number // 2 % 2) % len(accounts)],
            ORIGIN_REGIONS[number % 2],
        )
        for number, place in enumerate(looked_at)
    }


def spread(
    looked_at: list[tuple[str, str]], servers: int, dice: Random
) -> Iterator[tuple[str, str]]:
    """A place for every server: all of them are used, the first most."""
    weights = [1 / (rank + 1.5) for rank in range(len(looked_at))]
    yield from looked_at[:servers]
    yield from dice.choices(looked_at, weights, k=max(0, servers - len(looked_at)))


def fates(dice: Random, servers: int) -> list[str]:
    """What became of each server: exact shares, in random order."""
    live = round(servers * LIVE_SHARE)
    relaunched, gone, not_found = live // 20, (servers - live) // 4, (servers - live) // 12
    never = servers - live - gone - not_found
    shares = {
        "live": live - relaunched,
        "relaunched": relaunched,
        "terminated": gone,
        "not-found": not_found,
    }
    every = [fate for fate, count in {**shares, "never": never}.items() for _ in range(count)]
    dice.shuffle(every)
    return every


def special_plans(machines: list[Machine]) -> list[Plan]:
    """A plan whose servers were never launched, and one over most of the estate."""
    never = [machine for machine in machines if machine.fate == "never"][:12]
    plans = []
    for plan_id, name, members in [
        (EMPTY_PLAN, "Never rehearsed", never),
        (WHOLE_ESTATE, "Whole estate", machines[:WHOLE_ESTATE_SERVERS]),
    ]:
        waves: dict[tuple[str, str], list[Machine]] = {}
        for machine in members:
            waves.setdefault((machine.account, machine.region), []).append(machine)
        chunks = [wave[at : at + 100] for wave in waves.values() for at in range(0, len(wave), 100)]
        plans.append(Plan(plan_id, name, "", chunks))
    return plans


def run_plan(world: World, dice: Random, plan: Plan, finished: datetime, number: int) -> None:
    """Executes a plan once; relaunched servers have the leftover of an earlier execution beside the
    new instance.

    Every twelfth plan's execution left no row: half of them are known by their jobs' tags, the
    others (launched from the console) not at all.
    """
    if any(machine.fate == "relaunched" for machine in plan.machines):
        launch(
            world,
            dice,
            plan,
            finished - timedelta(days=40),
            drill=True,
            known_by="row",
            leftover=True,
        )
    known_by = {11: "tags", 23: "nothing"}.get(number % 24, "row")
    launch(world, dice, plan, finished, drill=number % 5 != 0, known_by=known_by, leftover=False)


def launch(  # noqa: PLR0913  an execution is this much
    world: World,
    dice: Random,
    plan: Plan,
    at: datetime,
    *,
    drill: bool,
    known_by: str,
    leftover: bool,
) -> None:
    """One execution: a job per wave, its instances, and its row.

    A leftover one launched what is long gone.
    """
    execution_id = f"exec-{dice.getrandbits(64):016x}"
    tags = {"executionId": execution_id, "planName": plan.name} if known_by == "tags" else {}
    waves: list[tuple[list[Machine], str | None]] = []
    for machines in plan.waves:
        members = [
            it
            for it in machines
            if it.fate == "relaunched" or (it.fate != "never" and not leftover)
        ]
        if not members:
            waves.append((machines, None))
            continue
        job_id = f"drsjob-{dice.getrandbits(68):017x}"
        at += timedelta(minutes=25)
        launched = [
            Instance.roll(dice, machine, job_id, at, drill=drill, leftover=leftover)
            for machine in members
        ]
        place = members[0].account, members[0].region
        world.put(*place, "jobs", job(job_id, place, launched, at, tags, drill=drill))
        for instance in launched:
            add_instance(
                world,
                instance,
                (None, None) if known_by == "nothing" else (execution_id, plan.name),
            )
        waves.append((machines, job_id))
    if known_by == "row":
        world.execution_history.append(execution_row(execution_id, plan, waves, at, drill=drill))


def add_instance(
    world: World, instance: Instance, attribution: tuple[str | None, str | None]
) -> None:
    """Puts one launched instance into DRS, into EC2 while EC2
    still knows it, and into the expectations.
    """
    machine = instance.machine
    world.put(machine.account, machine.region, "recoveryInstances", recovery_instance(instance))
    if instance.state != "not-found" and not instance.leftover:
        world.put(machine.account, machine.region, "instances", recovery_ec2_instance(instance))
    if instance.state not in {"terminated", "not-found"}:
        execution_id, plan_name = attribution
        world.expected[machine.id] = {
            **instance.expected(),
            "sourceExecutionId": execution_id,
            "sourcePlanName": plan_name,
        }
        machine.current = instance
