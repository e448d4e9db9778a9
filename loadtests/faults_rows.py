"""The rows of the fault matrix: how each fault strikes, how
it ends, and what it needs around it.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import Any

import psutil

from cache.mirror import PREFIX
from loadtests.crash import other_day
from loadtests.faults_stack import FaultyStack
from local.front import SCHEDULED_EVENT, SYNC
from local.functions import name
from local.processes import Process
from local.proxy import FaultProxy
from local.seed import seed_aws
from local.servers import valkey
from local.throttling import ThrottlingDynamoDB

type Strike = Callable[[FaultyStack], Any]  # a context manager: the fault lasts as long as it does
REPLICA_SECONDS = 10.0
KEYS, ENTRIES = f"{PREFIX}*", f"{PREFIX}{{*"


@dataclass(frozen=True)
class Ask:
    """A request that a fault keeps from being met: 503, in time."""

    method: str
    path: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One row. `seconds`: how long it lasts in a full run where not as long as the others."""

    name: str
    strike: Strike
    seconds: float | None = None
    syncs: bool = True
    """Whether the schedule's event arrives while it lasts."""
    asks: Ask | None = None


def fire_sync(faulty: FaultyStack, times: int = 1) -> None:
    """The schedule's event, so many times, as EventBridge delivers it: nobody waits."""
    client = faulty.stack.client("lambda")
    for _ in range(times):
        client.invoke(FunctionName=name(SYNC), InvocationType="Event", Payload=SCHEDULED_EVENT)


def to_redis(fault: str) -> Strike:
    """The network to Redis fails in this way."""
    return partial(
        _switched, lambda it: getattr(it.to_redis, fault)(), lambda it: it.to_redis.heal()
    )


def to_dynamodb(fault: str, *arguments: float) -> Strike:
    """The mirror is emptied and the network to DynamoDB fails in
    this way: pages need what they cannot have.
    """

    def strike(faulty: FaultyStack) -> None:
        getattr(faulty.to_dynamodb, fault)(*arguments)
        faulty.valkey().flushall()

    return partial(_switched, strike, lambda it: it.to_dynamodb.heal())


def to_lambda(fault: str) -> Strike:
    """Functions cannot invoke others in this way; the schedule can."""
    return partial(
        _switched, lambda it: getattr(it.to_lambda, fault)(), lambda it: it.to_lambda.heal()
    )


def to_machines(fault: str) -> Strike:
    """The network to Step Functions fails in this way."""
    return partial(
        _switched, lambda it: getattr(it.to_machines, fault)(), lambda it: it.to_machines.heal()
    )


def both_gone(faulty: FaultyStack) -> None:
    """Neither tier takes a connection."""
    faulty.to_dynamodb.refuse()
    faulty.to_redis.refuse()


def both_silent(faulty: FaultyStack) -> None:
    """Neither tier says anything."""
    faulty.to_dynamodb.black_hole()
    faulty.to_redis.black_hole()


def paused(faulty: FaultyStack) -> Any:
    """Valkey takes connections and says nothing."""
    process = faulty.stack.valkey
    return _switched(
        lambda _: process.signal(signal.SIGSTOP), lambda _: process.signal(signal.SIGCONT), faulty
    )


def configured(**settings: str) -> Strike:
    """Valkey is set up like this; a password also cuts whoever is logged in."""

    @contextmanager
    def strike(faulty: FaultyStack) -> Iterator[None]:
        admin = faulty.valkey(single_connection_client=True)
        before = {it: admin.config_get(it)[it] for it in settings}
        for setting, value in settings.items():
            admin.config_set(setting, value)
        faulty.to_redis.lead_to(faulty.stack.valkey.port)
        if "maxmemory" in settings:
            admin.flushall()
        yield
        for setting, value in before.items():
            admin.config_set(setting, value)

    return strike


@contextmanager
def read_only(faulty: FaultyStack) -> Iterator[None]:
    """Valkey is a replica of nobody that is there, and a third of its entries have gone."""
    admin = faulty.valkey()
    for key in sorted(admin.keys(ENTRIES))[::3]:
        admin.delete(key)
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    admin.execute_command("REPLICAOF", "NO", "ONE")


def wrong_types(faulty: FaultyStack) -> None:
    """Every key holds a list."""
    admin = faulty.valkey()
    for key in admin.keys(KEYS):
        admin.delete(key)
        admin.rpush(key, "rubbish")


def scripts_flushed(faulty: FaultyStack) -> None:
    """No script is known any more, and every other entry has gone, so that readers need one."""
    admin = faulty.valkey()
    admin.script_flush()
    for key in sorted(admin.keys(ENTRIES))[::2]:
        admin.delete(key)


def _replica_of(faulty: FaultyStack, port: int) -> Process:
    """A second Valkey, in step with the one at this port."""
    (faulty.directory / "replica").mkdir(exist_ok=True)
    replica = valkey(faulty.directory / "replica", ["--replicaof", "127.0.0.1", str(port)])
    replica.start()
    replica.await_port()
    _await_in_step(faulty, replica)
    return replica


def _await_in_step(faulty: FaultyStack, replica: Process) -> None:
    of = faulty.valkey(port=replica.port)
    _await(lambda: of.info("replication")["master_link_status"] == "up")


@contextmanager
def failover_to_a_lagging_replica(faulty: FaultyStack) -> Iterator[None]:
    """The replica that takes over has not heard of the last sync.

    What it holds is of before, until the next sync.
    """
    today, primary = faulty.world, faulty.stack.valkey
    link = FaultProxy(primary.port)
    replica = _replica_of(faulty, link.port)

    def undo() -> None:
        faulty.before, faulty.world = dict(faulty.world.expected), today
        faulty.stack.valkey = primary
        faulty.to_redis.lead_to(primary.port)
        seed_aws(faulty.stack.standin, today)
        faulty.stack.sync()
        replica.stop()
        link.close()

    faulty.undo.append(undo)
    link.black_hole()
    faulty.before, faulty.world = dict(today.expected), other_day(today)
    seed_aws(faulty.stack.standin, faulty.world)
    faulty.stack.sync()
    faulty.valkey(port=replica.port).execute_command("REPLICAOF", "NO", "ONE")
    faulty.stack.valkey = replica
    faulty.to_redis.lead_to(replica.port)
    yield
    faulty.stack.sync()


@contextmanager
def failover_that_closes_nothing(faulty: FaultyStack) -> Iterator[None]:
    """The primary becomes its replica's replica under open connections; new ones lead to the new
    primary.

    A third of the entries go, so that pages claim and refill, and the world changes, so that a sync
    publishes.
    """
    today, primary = faulty.world, faulty.stack.valkey
    replica = _replica_of(faulty, primary.port)

    def undo() -> None:
        faulty.before, faulty.world = dict(faulty.world.expected), today
        faulty.valkey(port=primary.port).execute_command("REPLICAOF", "NO", "ONE")
        faulty.stack.valkey = primary
        faulty.to_redis.lead_to(primary.port)
        seed_aws(faulty.stack.standin, today)
        faulty.stack.sync()
        replica.stop()

    faulty.undo.append(undo)
    faulty.valkey(port=replica.port).execute_command("REPLICAOF", "NO", "ONE")
    faulty.to_redis.upstream = replica.port  # not lead_to: what is open stays open
    faulty.valkey(port=primary.port).replicaof("127.0.0.1", str(replica.port))
    _await_in_step(faulty, primary)
    faulty.stack.valkey = replica
    admin = faulty.valkey()
    for key in sorted(admin.keys(ENTRIES))[::3]:
        admin.delete(key)
    faulty.before, faulty.world = dict(today.expected), other_day(today)
    seed_aws(faulty.stack.standin, faulty.world)
    faulty.stack.sync()
    sleep(1)  # pages under way are answered, and the old primary has heard of it from the new one
    faulty.before = {}
    yield


def throttling(*, refused: float = 0.0, unprocessed: float = 0.0) -> Strike:
    """The mirror is emptied, and DynamoDB refuses this share of
    calls or holds back that share of keys.
    """

    @contextmanager
    def strike(faulty: FaultyStack) -> Iterator[None]:
        between = ThrottlingDynamoDB(
            faulty.stack.dynamodb.url, refused=refused, unprocessed=unprocessed
        )
        faulty.to_dynamodb.lead_to(between.port)
        faulty.valkey().flushall()
        yield
        faulty.to_dynamodb.lead_to(faulty.stack.dynamodb.port)
        between.close()

    return strike


def weather(*rules: dict[str, Any], cold: bool = False) -> Strike:
    """AWS misbehaves. `cold`: the sync function has just started and knows no credentials."""

    def strike(faulty: FaultyStack) -> None:
        faulty.stack.standin.weather([*rules, *faulty.world.weather])
        if cold:
            restart_sync_function(faulty)

    return partial(_switched, strike, lambda it: it.stack.standin.weather(it.world.weather))


def restart_sync_function(faulty: FaultyStack) -> None:
    """Its process is killed; the front starts another."""
    for process in psutil.Process(faulty.stack.front.pid).children():
        if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name(SYNC):
            process.kill()


def once(act: Callable[[FaultyStack], Any]) -> Strike:
    """Something happens, and is over."""
    return partial(_switched, act, lambda _: None)


@contextmanager
def _switched(
    on: Callable[[FaultyStack], Any], off: Callable[[FaultyStack], Any], faulty: FaultyStack
) -> Iterator[None]:
    on(faulty)
    try:
        yield
    finally:
        off(faulty)


def _await(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + REPLICA_SECONDS
    while not holds():
        if monotonic() > deadline:
            raise TimeoutError("the replica did not follow")
        sleep(0.1)


SYNC_NOW = Ask("POST", "/drs/recovery-instance-sync", {})
START = Ask(
    "POST",
    "/executions",
    {"planId": "page-0", "executionType": "DRILL", "replaceExisting": True},
)
FAULTS = (
    Fault("none, for comparison", once(lambda _: None)),
    Fault("Redis refused", to_redis("refuse")),
    Fault("Redis black hole", to_redis("black_hole")),
    Fault("Redis paused", paused, seconds=30),
    Fault("Redis read-only, a third of the entries gone", read_only),
    Fault("Redis out of memory, emptied", configured(maxmemory="1")),
    Fault("Redis: wrong type under every key", once(wrong_types)),
    Fault("Redis: scripts flushed, half of the entries gone", once(scripts_flushed)),
    Fault("Redis: FLUSHALL", once(lambda it: it.valkey().flushall())),
    Fault("Redis killed and restarted empty", once(lambda it: it.restart_valkey())),
    Fault("Redis: failover to a lagging replica", failover_to_a_lagging_replica, syncs=False),
    Fault("Redis: failover that closes no connection", failover_that_closes_nothing, syncs=False),
    Fault("Redis: wrong password", configured(requirepass="other")),
    Fault("DynamoDB throttled (9 of 10 calls), Redis emptied", throttling(refused=0.9), seconds=60),
    Fault(
        "DynamoDB: UnprocessedKeys (half of each batch), Redis emptied", throttling(unprocessed=0.5)
    ),
    Fault("DynamoDB slow by 2 s, Redis emptied", to_dynamodb("slow", 2.0)),
    Fault("DynamoDB gone, Redis emptied", to_dynamodb("refuse")),
    Fault("DynamoDB black hole, Redis emptied", to_dynamodb("black_hole")),
    Fault("both gone", partial(_switched, both_gone, FaultyStack.mend)),
    Fault("both black holes", partial(_switched, both_silent, FaultyStack.mend)),
    Fault("DRS throttled (half of all calls)", weather({"service": "drs", "throttle": 0.5})),
    Fault("one region dark", weather({"region": "us-east-1", "outage": "refuse"})),
    Fault("one region denied", weather({"region": "us-east-1", "deny": True})),
    Fault("half a listing", weather({"service": "drs", "pageSize": 50, "failOnPage": 2})),
    Fault("garbage members from DRS", weather({"service": "drs", "garbage": True})),
    Fault("STS down, sync function cold", weather({"service": "sts", "outage": "503"}, cold=True)),
    Fault(
        "STS black hole, sync function cold",
        weather({"service": "sts", "outage": "hang"}, cold=True),
    ),
    Fault("DRS down", weather({"service": "drs", "outage": "503"})),
    Fault("DRS black hole", weather({"service": "drs", "outage": "hang"})),
    Fault("EC2 down", weather({"service": "ec2", "outage": "503"})),
    Fault("EC2 black hole", weather({"service": "ec2", "outage": "hang"})),
    Fault("Lambda refused", to_lambda("refuse"), syncs=False, asks=SYNC_NOW),
    Fault("Lambda black hole", to_lambda("black_hole"), syncs=False, asks=SYNC_NOW),
    Fault("Step Functions refused", to_machines("refuse"), asks=START),
    Fault("Step Functions black hole", to_machines("black_hole"), asks=START),
    Fault("EventBridge delivers twice", once(partial(fire_sync, times=2)), syncs=False),
)
