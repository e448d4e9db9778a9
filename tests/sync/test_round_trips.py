"""What a warm page read costs, counted on the wire."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

import pytest

from services.api import Request
from services.pages import Pages
from services.plans import PlanBook
from services.settings import Settings
from services.wiring import Wiring
from tests.sync.platform import Platform

SERVERS = 1_000


@dataclass
class Wire:
    """A loopback relay that counts how often the client speaks after having been answered."""

    port: int = 0
    turns: int = 0
    last: str = "server"
    sockets: list[socket.socket] = field(default_factory=list)

    def carry(self, source: socket.socket, target: socket.socket, who: str) -> None:
        """Pass bytes on until either side closes."""
        while data := _receive(source):
            if who == "client" and self.last == "server":
                self.turns += 1
            self.last = who
            target.sendall(data)


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 20)
    except OSError:
        return b""


@contextmanager
def wire(upstream: int) -> Iterator[Wire]:
    """A relay to a port on loopback."""
    counted = Wire()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        counted.port = listener.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                server = socket.create_connection(("127.0.0.1", upstream))
                counted.sockets += [client, server]
                Thread(target=counted.carry, args=(client, server, "client"), daemon=True).start()
                Thread(target=counted.carry, args=(server, client, "server"), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield counted
        listener.shutdown(socket.SHUT_RDWR)
        for it in counted.sockets:
            it.close()


@pytest.fixture
def warm(platform: Platform) -> Platform:
    """A plan over a thousand servers, all of them synced and in the mirror."""
    machines = [platform.server() for _ in range(3)]
    for machine in machines[:2]:
        platform.launch(machine)
    ids = [it.id for it in machines] + [f"s-{platform.dice.getrandbits(68):017x}" for _ in range(SERVERS - 3)]
    wave = {"waveNumber": 1, "accountId": platform.account, "region": "us-east-1", "serverIds": ids}
    platform.row(platform.wiring.settings.recovery_plans_table, {"planId": "p", "planName": "Big", "waves": [wave]})
    platform.sync()
    return platform


def test_a_warm_page_of_a_thousand_servers_is_one_redis_round_trip_and_nothing_else(warm: Platform) -> None:
    """Its plan in memory, the read makes no call to DynamoDB, DRS or EC2; a forgotten mirror shows that we count."""
    upstream = int(warm.redis.connection_pool.connection_kwargs["port"])
    with wire(upstream) as counted:
        environment = {
            "ENVIRONMENT": warm.wiring.settings.environment,
            "REDIS_URL": f"redis://127.0.0.1:{counted.port}/0",
        }
        wiring = Wiring(Settings.from_env(environment))
        pages = Pages(
            wiring.reader, PlanBook(lambda: wiring.page_dynamodb, wiring.settings.recovery_plans_table), _nothing
        )
        request = Request("GET", "", {"planId": "p"}, {}, {}, "", "")
        pages.check_existing_instances(request)  # fills what the sync does not: servers that were never launched
        dynamodb_calls: list[str] = []
        wiring.page_dynamodb.meta.events.register(
            "before-send", lambda event_name, **_: dynamodb_calls.append(event_name)
        )
        aws_calls = len(warm.aws.calls())
        counted.turns = 0
        body = pages.check_existing_instances(request).content()
        assert b'"instanceCount":2' in body
        assert b'"unknownServerIds":[]' in body
        assert (counted.turns, dynamodb_calls, len(warm.aws.calls()) - aws_calls) == (1, [], 0)
        warm.redis.flushdb()
        pages.check_existing_instances(request)
        assert counted.turns > 2, "a cold read asks, claims and refills"
        assert any("BatchGetItem" in it for it in dynamodb_calls)


def test_a_reader_without_a_mirror_reads_the_table(warm: Platform) -> None:
    """READ_FROM=table: right answers, no Redis."""
    settings = Settings.from_env(
        {"ENVIRONMENT": warm.wiring.settings.environment, "READ_FROM": "table", "REDIS_URL": "redis://x"}
    )
    reader: Reader = Wiring(settings).reader
    ids = list(warm.wiring.table.servers_in(warm.place))
    answer = reader.read(dict.fromkeys(ids, warm.place))
    assert len(answer.entries) == 2
    assert not answer.mirror_away
