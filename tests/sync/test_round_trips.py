"""What a warm page read costs, counted on the wire."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from services.api.http import Request
from services.reads.pages import Pages
from services.settings import Settings
from services.wiring import PAGE, Wiring
from tests.sync.platform import Platform

SERVERS = 1_000
ENTRY = b"\r\nri:v4:{"


@dataclass
class Wire:
    """A loopback relay that keeps what the client sends, and can hold
    back every answer until it has sent enough.
    """

    port: int = 0
    sent: bytearray = field(default_factory=bytearray)
    needed: int = 0
    """How many keys of entries must have come before anything is answered."""
    sockets: list[socket.socket] = field(default_factory=list)
    enough: Event = field(default_factory=Event)

    def hold_answers_until(self, keys: int) -> None:
        """From now on; forgets what was sent before."""
        self.sent.clear()
        self.needed = keys
        self.enough.clear()

    def ask(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what the client says, until it hangs up."""
        while data := _receive(client):
            self.sent += data
            if self.sent.count(ENTRY) >= self.needed:
                self.enough.set()
            server.sendall(data)

    def answer(self, server: socket.socket, client: socket.socket) -> None:
        """Pass on what the server says, once the client has said enough."""
        while data := _receive(server):
            self.enough.wait(30)
            client.sendall(data)


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
                Thread(target=counted.ask, args=(client, server), daemon=True).start()
                Thread(target=counted.answer, args=(server, client), daemon=True).start()

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
    ids = [it.id for it in machines] + [
        f"s-{platform.dice.getrandbits(68):017x}" for _ in range(SERVERS - 3)
    ]
    wave = {"waveNumber": 1, "accountId": platform.account, "region": "us-east-1", "serverIds": ids}
    platform.row(
        platform.wiring.settings.recovery_plans_table,
        {"planId": "p", "planName": "Big", "waves": [wave]},
    )
    platform.sync()
    return platform


def test_a_warm_page_of_a_thousand_servers_is_one_redis_round_trip_and_nothing_else(
    warm: Platform,
) -> None:
    """The wire answers nothing before it has seen all commands, so a second round trip would never
    come to an end.

    Its plan in memory, the read makes no call to DynamoDB, DRS or EC2; an emptied mirror shows that
    we count.
    """
    upstream = int(warm.redis.connection_pool.connection_kwargs["port"])
    with wire(upstream) as counted:
        redis_url = f"redis://127.0.0.1:{counted.port}/0"
        settings = Settings.from_env(
            {"ENVIRONMENT": warm.wiring.settings.environment, "REDIS_URL": redis_url}
        )
        wiring = Wiring(settings, PAGE)
        pages = Pages(wiring.reader, wiring.plans, lambda _: None)
        request = Request("GET", "", {"planId": "p"}, {}, {}, "", "")
        pages.check_existing_instances(
            request
        )  # fills what the sync does not: servers that were never launched
        dynamodb_calls: list[str] = []
        wiring.dynamodb.meta.events.register(
            "before-send", lambda event_name, **_: dynamodb_calls.append(event_name)
        )
        aws_calls = len(warm.aws.calls())
        counted.hold_answers_until(keys=SERVERS)
        body = pages.check_existing_instances(request).content()
        assert b'"instanceCount":2' in body
        assert b'"unknownServerIds":[]' in body
        assert counted.sent.count(ENTRY) == SERVERS
        assert counted.sent.count(b"\r\nEVALSHA\r\n") == 16, "one for each slot"
        assert counted.sent.count(b"HGETALL") == 1, "the looks at the places"
        assert (dynamodb_calls, len(warm.aws.calls()) - aws_calls) == ([], 0)
        warm.redis.flushdb()
        pages.check_existing_instances(request)
        assert any("BatchGetItem" in it for it in dynamodb_calls)


def test_a_reader_without_a_mirror_reads_the_table(warm: Platform) -> None:
    """READ_FROM=table: right answers, no Redis."""
    settings = Settings.from_env(
        {
            "ENVIRONMENT": warm.wiring.settings.environment,
            "READ_FROM": "table",
            "REDIS_URL": "redis://x",
        }
    )
    reader = Wiring(settings, PAGE).reader
    ids = list(warm.wiring.table.servers_in(warm.place))
    answer = reader.read(dict.fromkeys(ids, warm.place))
    assert ids
    assert set(answer.entries) == set(ids)
    assert not answer.mirror_away
