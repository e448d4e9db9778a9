"""Every alarm rings when what it watches breaks, and falls silent when that is mended.

On a whole stack.

A period of five minutes is one sync, one watch over the executions and some pages here. Our own
metrics are read from the functions' logs, as CloudWatch does; AWS's own (errors, duration, 5xx,
dead letters, throttled calls) are taken from how the same calls end. A second of the rehearsal
stands for a minute of a function's duration.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from cache.attributes import encode
from cache.values import now
from loadtests.crash import other_day
from loadtests.faults_stack import FaultyStack
from local import functions
from local.front import SCHEDULED_EVENT, SYNC, WATCH_EVENT
from local.functions import ENVIRONMENT, PROJECT
from local.seed import seed_aws
from local.stack import Stack
from local.throttling import ThrottlingDynamoDB
from local.world import EMPTY_PLAN, make_world
from services.platform.execution import Execution, Wave
from services.platform.executions import Executions
from tests.infra.alarms import Period, alarms

pytestmark = [pytest.mark.xdist_group("alarms"), pytest.mark.long]
ALARMS = alarms()
MOST_PERIODS = 5
SILENT_WITHIN = 12  # periods; breakers and processes come back at their own time when it is busy
MINUTES_A_SECOND = 60
DEPLOYMENT = f"{PROJECT}-{ENVIRONMENT}"
LONG_AGO = 1_600_000_000_000


@dataclass
class Rehearsal:
    """A stack, the periods so far, and what stands in the dead-letter queues."""

    faulty: FaultyStack
    periods: list[Period] = field(default_factory=list)
    letters: dict[str, int] = field(default_factory=dict)
    runs_sync: bool = True
    pauses: dict[str, float] = field(default_factory=dict)
    disturb: Callable[[], object] = lambda: None
    """Done before each period's pages."""
    throttling: ThrottlingDynamoDB | None = None
    _read: dict[Path, int] = field(default_factory=dict)

    def pass_a_period(self) -> None:
        """Whatever happens in five minutes."""
        period = Period()
        if self.runs_sync:
            self._event(period, SYNC, SCHEDULED_EVENT)
        self._event(period, "execution", WATCH_EVENT)
        self.disturb()
        self._pages(period)
        for queue, count in self.letters.items():
            name = f"{PROJECT}-{queue}-dead-letters-{ENVIRONMENT}"
            period.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", count, QueueName=name)
        if self.throttling:
            table = functions.TABLES["recovery-instances"]
            period.add("AWS/DynamoDB", "ReadThrottleEvents", 1, TableName=table)
        self._iterator_age(period)
        self._own_metrics(period)
        self.periods.append(period)

    def _iterator_age(self, period: Period) -> None:
        """Of the oldest change that the stream's function has not got through: a version is a time
        in milliseconds. Unlike here, a batch in AWS waits for minutes before it is tried again.
        """
        rows, entries = self.faulty.versions()
        behind = [version for it, version in rows.items() if 0 < entries.get(it, 0) < version]
        if behind:
            age = (time.time() * 1000 - min(behind)) * MINUTES_A_SECOND
            name = f"{PROJECT}-publisher-{ENVIRONMENT}"
            period.add("AWS/Lambda", "IteratorAge", age, FunctionName=name)

    def _event(self, period: Period, role: str, event: bytes) -> None:
        """An invocation that nobody waits for: what fails to its last retry is a dead letter."""
        began = time.monotonic()
        answer = self.faulty.stack.client("lambda").invoke(
            FunctionName=functions.name(role), Payload=event
        )
        failed = "FunctionError" in answer
        queue = SYNC if role == SYNC else "execution"
        if failed:
            self.letters[queue] = self.letters.get(queue, 0) + 1
        self._lambda(period, role, time.monotonic() - began, failed=failed)

    def _pages(self, period: Period) -> None:
        for role, method, path in (
            ("query", "GET", f"/recovery-plans/{self.faulty.largest}/check-existing-instances"),
            ("data-management", "GET", "/drs/recovery-instance-sync/status"),
        ):
            with self._paused(role):
                page = self.faulty.request(method, path)
            dimensions = {"ApiName": DEPLOYMENT, "Stage": ENVIRONMENT}
            period.add("AWS/ApiGateway", "5XXError", int(page.status >= 500), **dimensions)
            self._lambda(period, role, page.seconds, failed=page.status == 502)

    def _lambda(self, period: Period, role: str, seconds: float, *, failed: bool) -> None:
        name = functions.name(role)
        scale = MINUTES_A_SECOND if role == SYNC else 1
        period.add("AWS/Lambda", "Errors", int(failed), FunctionName=name)
        period.add("AWS/Lambda", "Throttles", 0, FunctionName=name)
        period.add("AWS/Lambda", "Duration", seconds * 1000 * scale, FunctionName=name)

    @contextmanager
    def _paused(self, role: str) -> Iterator[None]:
        """The function's processes stand still for a while, or for good when the pause is 0."""
        seconds = self.pauses.get(role)
        if seconds is None:
            yield
            return
        processes = self._processes(role)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + seconds

        def go_on() -> None:
            time.sleep(max(0.0, deadline - time.monotonic()))
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT if seconds else signal.SIGKILL)

        waker = Thread(target=go_on)
        waker.start()
        yield
        waker.join()

    def _processes(self, role: str) -> list[psutil.Process]:
        children = psutil.Process(self.faulty.stack.front.pid).children()
        name = functions.name(role)
        return [it for it in children if it.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name]

    def _own_metrics(self, period: Period) -> None:
        """The EMF lines that the functions wrote since the last period."""
        for log in self.faulty.directory.glob("*-dev.log"):
            text = log.read_bytes()
            lines = text[self._read.get(log, 0) :].decode(errors="replace").splitlines()
            self._read[log] = len(text)
            for line in lines:
                if '"_aws"' in line:
                    _add_emf(period, json.loads(line))


def _add_emf(period: Period, line: dict[str, Any]) -> None:
    for directive in line["_aws"]["CloudWatchMetrics"]:
        dimensions = {name: str(line[name]) for name in directive["Dimensions"][0]}
        for metric in directive["Metrics"]:
            values = line[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                period.add(directive["Namespace"], metric["Name"], value, **dimensions)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One stack for all alarms; nothing rings at first."""
    world = make_world(servers=60, places=3, plans=4, newest=datetime.now(UTC))
    world.weather.clear()  # the region that is denied in the world of the demonstration
    faulty = FaultyStack(tmp_path_factory.mktemp("alarms"), world)
    faulty.stack = Stack(
        faulty.directory,
        world=world,
        schedule_seconds=0,
        speed=0,
        query_processes=1,  # two would write into one log at once
        reach=faulty.stack.reach,
    )
    faulty.start()
    try:
        faulty.settle()
        found = Rehearsal(faulty)
        for _ in range(MOST_PERIODS):
            found.pass_a_period()
        assert [name for name, it in ALARMS.items() if it.is_ringing(found.periods)] == []
        yield found
    finally:
        faulty.stop()


@contextmanager
def no_schedule(it: Rehearsal) -> Iterator[None]:
    """The rule is disabled."""
    it.runs_sync = False
    yield
    it.runs_sync = True


def weather(*rules: dict[str, object]) -> Callable[[Rehearsal], Any]:
    """AWS misbehaves."""

    @contextmanager
    def broken(it: Rehearsal) -> Iterator[None]:
        it.faulty.stack.standin.weather([*rules, *it.faulty.world.weather])
        yield
        it.faulty.stack.standin.weather(it.faulty.world.weather)

    return broken


def a_region(it: Rehearsal) -> tuple[str, str]:
    """A place that is looked at."""
    return next(iter(it.faulty.world.places))


@contextmanager
def a_region_denied(it: Rehearsal) -> Iterator[None]:
    """Its role has lost a permission."""
    with weather({"region": a_region(it)[1], "service": "drs", "deny": True})(it):
        yield


@contextmanager
def a_region_long_unseen(it: Rehearsal) -> Iterator[None]:
    """And that for half an hour."""
    place = "/".join(a_region(it))
    dynamodb, table = it.faulty.stack.client("dynamodb"), functions.TABLES["sync-status"]
    rows = dynamodb.scan(TableName=table)["Items"]
    (row,) = (row for row in rows if row.get("place") == {"S": place})
    old = {name: encode("2026-01-01T00:00:00Z") for name in ("completedAt", "listedAt")}
    dynamodb.put_item(TableName=table, Item=row | {it: old[it] for it in old.keys() & row.keys()})
    with a_region_denied(it):
        yield


@contextmanager
def a_drill_forgotten(it: Rehearsal) -> Iterator[None]:
    """One of its instances was launched months ago."""
    drill = next(drill for drill in it.faulty.world.alive.values() if drill["isDrill"])
    where = drill["accountId"], drill["region"]
    instances = it.faulty.world.places[where]["instances"]
    (machine,) = (one for one in instances if one["InstanceId"] == drill["ec2InstanceId"])
    path = f"places/{where[0]}/{where[1]}"
    old = machine | {"LaunchTime": "2026-01-01T00:00:00Z"}
    it.faulty.stack.standin.call("PUT", path, {"instances": [old]})
    yield
    it.faulty.stack.standin.call("PUT", path, {"instances": [machine]})
    it.faulty.stack.sync()


@contextmanager
def dynamodb_gone(it: Rehearsal) -> Iterator[None]:
    """Nothing can be read or recorded; the mirror has nothing either."""
    it.faulty.to_dynamodb.refuse()
    it.disturb = it.faulty.valkey().flushall
    yield
    it.faulty.to_dynamodb.heal()
    it.disturb = lambda: None
    it.letters.clear()  # somebody has read them


@contextmanager
def dynamodb_throttles(it: Rehearsal) -> Iterator[None]:
    """Nine calls in ten are refused."""
    it.throttling = ThrottlingDynamoDB(it.faulty.stack.dynamodb.url, refused=0.9)
    it.faulty.to_dynamodb.lead_to(it.throttling.port)
    yield
    it.faulty.to_dynamodb.lead_to(it.faulty.stack.dynamodb.port)
    it.throttling.close()
    it.throttling = None
    it.letters.clear()


@contextmanager
def redis_gone(it: Rehearsal) -> Iterator[None]:
    """It takes no connection."""
    it.faulty.to_redis.refuse()
    yield
    it.faulty.to_redis.heal()


@contextmanager
def changes_that_nobody_publishes(it: Rehearsal) -> Iterator[None]:
    """Redis takes no connection while instances come and go."""
    it.faulty.to_redis.refuse()
    seed_aws(it.faulty.stack.standin, other_day(it.faulty.world))
    yield
    it.faulty.to_redis.heal()
    seed_aws(it.faulty.stack.standin, it.faulty.world)
    it.faulty.stack.sync()


@contextmanager
def redis_forgets(it: Rehearsal) -> Iterator[None]:
    """It is too small for what is put into it."""
    it.disturb = it.faulty.valkey().flushall
    yield
    it.disturb = lambda: None


def paused(role: str, seconds: float) -> Callable[[Rehearsal], Any]:
    """Each call of a function takes that much longer; 0: none is answered."""

    @contextmanager
    def broken(it: Rehearsal) -> Iterator[None]:
        it.pauses[role] = seconds
        yield
        del it.pauses[role]

    return broken


@contextmanager
def a_machine_stopped(it: Rehearsal) -> Iterator[None]:
    """Somebody stops a running execution in the console."""
    body = json.dumps({"planId": EMPTY_PLAN, "executionType": "DRILL"})
    page = it.faulty.request("POST", "/executions", body)
    execution_id = page.body["executionId"]
    arn = f"arn:aws:states:us-east-1:111111111111:execution:waves:{execution_id}_1"
    it.faulty.stack.client("stepfunctions").stop_execution(executionArn=arn)
    deadline = time.monotonic() + 30
    while "endTime" not in it.faulty.get(f"/executions/{execution_id}").body:
        assert time.monotonic() < deadline, "the rule did not close it"
    yield


@contextmanager
def nobody_drives(it: Rehearsal) -> Iterator[None]:
    """An execution without a machine, and Step Functions cannot be asked about it."""
    table, turns = (functions.TABLES[name] for name in ("execution-history", "sync-status"))
    executions = Executions(it.faulty.stack.client("dynamodb"), table, turns)
    silent = Execution(
        execution_id=f"silent-{time.time_ns()}",
        plan_id="a plan of its own",
        start_time=now(),
        driven_at="2026-01-01T00:00:00Z",
        revision=0,
        waves=[Wave(wave_number=1)],
    )
    executions.begin(silent, lambda _: None)
    machines = it.faulty.to_machines
    machines.refuse()
    yield
    machines.heal()


BREAKS: dict[str, Callable[[Rehearsal], Any]] = {
    "NoLook": no_schedule,
    "AllPlacesFailed": weather({"service": "drs", "outage": "503"}),
    "PlacesFailed": a_region_denied,
    "OldData": a_region_long_unseen,
    "OldDrill": a_drill_forgotten,
    "SyncErrors": dynamodb_gone,
    "SlowSync": weather({"operation": "DescribeRecoveryInstances", "latencyMs": 2_500}),
    "ExecutionsFailed": a_machine_stopped,
    "ExecutionsAbandoned": nobody_drives,
    "DeadLetters": dynamodb_gone,
    "ServerErrors": dynamodb_gone,
    "QueryErrors": paused("query", 0),
    "SlowPages": paused("query", 3.2),
    "SlowHandler": paused("data-management", 5.2),
    "Unknowns": dynamodb_gone,
    "MirrorAway": redis_gone,
    "PublisherBehind": changes_that_nobody_publishes,
    "MissRate": redis_forgets,
    "TableThrottled": dynamodb_throttles,
}


def test_every_alarm_is_rehearsed() -> None:
    """None is added that nobody has heard."""
    assert set(BREAKS) == set(ALARMS)


@pytest.mark.parametrize("name", BREAKS)
def test_an_alarm_rings_and_falls_silent_again(rehearsal: Rehearsal, name: str) -> None:
    """Within five periods, and a dozen."""
    alarm = ALARMS[name]

    def passes_until(is_ringing: bool) -> bool:
        for _ in range(MOST_PERIODS if is_ringing else SILENT_WITHIN):
            if alarm.is_ringing(rehearsal.periods) is is_ringing:
                return True
            rehearsal.pass_a_period()
        return alarm.is_ringing(rehearsal.periods) is is_ringing

    assert passes_until(is_ringing=False), "it rings already"
    with BREAKS[name](rehearsal):
        assert passes_until(is_ringing=True), "it does not ring"
    rehearsal.faulty.settle()
    assert passes_until(is_ringing=False), "it does not stop"
