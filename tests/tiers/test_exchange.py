"""Exchanges with a real Valkey: the bytes are right, and no
failure leaves a connection in mid-reply.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from cache import mirror as mirror_module
from cache.errors import MirrorUnavailable
from cache.exchange import Command, Exchange, batch
from cache.mirror import Mirror
from local import servers
from local.processes import Process, free_port
from tests.tiers.samples import entry, server_id
from tests.tiers.scripted import scripted


def client(port: int, timeout: float = 0.25) -> Redis:
    """A client as the product builds it."""
    never = Retry(NoBackoff(), 0)
    return Redis(
        port=port,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=never,
        protocol=2,
        driver_info=None,
    )


def over(port: int, timeout: float = 0.25) -> Exchange:
    """An exchange as the product makes it: a new client each time one is needed."""
    return Exchange(lambda: client(port, timeout))


def ask(exchange: Exchange, *commands: Command, within: float = 1.0) -> list[Any]:
    """All replies."""
    batches = [batch(str(command[1]) if command[1:] else "", [command]) for command in commands]
    return [reply for (reply,) in exchange.ask(batches, monotonic() + within)]


def test_replies_come_in_the_order_of_the_commands(valkey: Process) -> None:
    """Commands of one key and of many, mixed, over several receives."""
    keys = [f"k:{number:06d}" for number in range(391)]
    wire = over(valkey.port)
    ask(wire, *(("SET", key, f"{key} Ä {'x' * 2000}".encode()) for key in keys))
    replies = ask(
        wire,
        ("PING",),
        *(("GETRANGE", key, 0, 7) for key in keys),
        ("MGET", *keys),
        ("ECHO", "last"),
    )
    assert replies[:-2] == [b"PONG", *(key.encode() for key in keys)]
    assert [it[:8].decode() for it in replies[-2]] == keys
    assert replies[-1] == b"last"


def test_no_letter_of_a_key_means_anything(valkey: Process) -> None:
    """Lengths are told in bytes, so that data is never taken for commands."""
    wire = over(valkey.port)
    keys = ["Ä", "x\r\nPING", "k\r\n$4\r\nPING", ""]
    ask(wire, *(("SET", key, number) for number, key in enumerate(keys)))
    assert ask(wire, ("MGET", *keys), ("ECHO", "e")) == [[b"0", b"1", b"2", b"3"], b"e"]


def test_an_error_of_one_command_is_its_reply(valkey: Process) -> None:
    """The others are not hurt, and the connection stays."""
    wire = over(valkey.port)
    ask(wire, ("SET", "text", "1"))
    before, error, after = ask(wire, ("ECHO", "a"), ("HGETALL", "text"), ("ECHO", "b"))
    assert (before, after) == (b"a", b"b")
    assert isinstance(error, ResponseError)
    (client_id,) = ask(wire, ("CLIENT", "ID"))
    assert ask(wire, ("CLIENT", "ID")) == [client_id]


def test_a_connection_lost_in_the_middle_of_a_reply_is_retried_on_a_new_one() -> None:
    """What was half read is forgotten: the answer comes whole from the second connection."""
    with scripted([b"*0\r\n$5\r\nhal"], [b"*0\r\n$-1\r\n", 1.0]) as port:
        assert Mirror(lambda: client(port)).read([server_id(1)]).entries == {}


def test_a_connection_that_failed_is_never_used_again() -> None:
    """The rest of its reply may still be on its way, and would answer the next question."""
    with scripted([b"$5\r\nhal", 0.4, b"lo\r\n", 1.0], [b"$5\r\nfresh\r\n", 1.0]) as port:
        wire = over(port, timeout=0.1)
        assert ask(wire, ("GET", "a")) == [b"fresh"]


def test_a_trickle_is_given_up_on() -> None:
    """Bytes that keep coming, each within the receive timeout, do not stretch the whole."""
    trickle: list[bytes | float] = [b"$1000\r\n", *([b"x", 0.05] * 200)]
    with (  # to its end the trickle would be a lost connection, and no timeout
        scripted(trickle, trickle) as port,
        pytest.raises(RedisTimeoutError, match="the deadline has passed"),
    ):
        ask(over(port), ("GET", "a"), within=0.3)


def test_a_page_waits_a_second_for_a_trickling_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """The retry is part of the second."""
    monkeypatch.setattr(mirror_module, "PATIENCE", 0.3)
    trickle: list[bytes | float] = [b"*0\r\n$1000\r\n", *([b"x", 0.05] * 200)]
    with (
        scripted(trickle, trickle) as port,
        pytest.raises(MirrorUnavailable, match="the deadline has passed"),
    ):
        Mirror(lambda: client(port)).read([server_id(1)])


def test_a_share_that_a_server_refuses_is_missed_alone() -> None:
    """As while a cluster moves a slot: the servers of the other slots are answered."""
    whole = entry(3, 2)
    raw = whole.encode()
    with scripted(
        [b"*0\r\n-TRYAGAIN the slot moves\r\n*1\r\n$%d\r\n%b\r\n" % (len(raw), raw), 1.0]
    ) as port:
        found = Mirror(lambda: client(port)).read([server_id(1), whole.server_id])
    assert found.entries == {whole.server_id: whole}
    assert found.broken == {}


def test_a_loading_server_is_away() -> None:
    """It answers every command with an error that means: not yet."""
    loading = b"-LOADING Redis is loading the dataset in memory\r\n" * 2
    with scripted(*[[loading, 1.0]] * 2) as port, pytest.raises(RedisConnectionError):
        ask(over(port), ("GET", "a"), ("GET", "b"))


@pytest.mark.timeout(30)
def test_a_reply_is_not_waited_for_as_long_as_a_connection(tmp_path: Path) -> None:
    """Connecting may take a minute here, and a server that hangs is given up on all the same."""
    server = servers.valkey(tmp_path)
    server.start()
    try:
        server.await_port()
        exchange = over(server.port, timeout=60)
        ask(exchange, ("PING",))
        server.signal(signal.SIGSTOP)
        with pytest.raises(RedisTimeoutError):
            ask(exchange, ("PING",), within=600)
        server.signal(signal.SIGCONT)
    finally:
        server.stop()


def test_idle_connections_are_dropped_before_the_retry(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """After a restart every pooled connection is stale; the
    second try must not pick another of them.
    """
    port = free_port()
    first = servers.valkey(tmp_path_factory.mktemp("first"), port=port)
    second = servers.valkey(tmp_path_factory.mktemp("second"), port=port)
    redis = client(port)
    try:
        first.start()
        first.await_port()
        pool = redis.connection_pool
        for connection in [pool.get_connection() for _ in range(5)]:
            pool.release(connection)
        first.stop()
        second.start()
        second.await_port()
        assert Mirror(lambda: redis).read([server_id(1)]).entries == {}
    finally:
        first.stop()
        second.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Two nodes, half of the slots each."""
    with ExitStack() as stack:
        nodes = [_node(tmp_path_factory.mktemp(f"node{number}")) for number in (0, 1)]
        for node, (low, high) in zip(nodes, [(0, 8191), (8192, 16383)], strict=True):
            node.start()
            stack.callback(node.stop)
            node.await_port()
            client(node.port).execute_command("CLUSTER", "ADDSLOTSRANGE", low, high)
        bus = nodes[1].argv[-1]
        client(nodes[0].port).execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, bus)
        deadline = monotonic() + 20
        while any(not _is_whole(node) for node in nodes):
            assert monotonic() < deadline, "the cluster did not form"
        with RedisCluster("127.0.0.1", nodes[0].port, socket_timeout=0.25, protocol=2) as known:
            yield known


def _node(directory: Path) -> Process:
    # A bus port of its own: the usual one, ten thousand higher, may lie past the last.
    return servers.valkey(
        directory, ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    )


def _is_whole(node: Process) -> bool:
    info = client(node.port, 2).execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_slots_ok:16384" in info


def test_a_cluster_is_asked_per_node_and_answers_in_order(cluster: RedisCluster) -> None:
    """One write to each node, whatever the keys' slots; single commands find theirs too."""
    keys = [f"c:{number:05d}" for number in range(500)]
    wire = Exchange(lambda: cluster)
    assert set(ask(wire, *(("SET", key, key) for key in keys))) == {b"OK"}
    assert ask(wire, ("GET", keys[3]), *(("GET", key) for key in keys)) == [
        key.encode() for key in (keys[3], *keys)
    ]
    assert {slot[0].name for slot in cluster.nodes_manager.slots_cache.values()} == {
        it.name for it in cluster.get_nodes()
    }


def test_a_moved_slot_is_followed(cluster: RedisCluster) -> None:
    """Where the map of slots is out of date, the answer is fetched from where the key now lives."""
    wire = Exchange(lambda: cluster)
    ask(wire, ("SET", "moving", "here"), ("SET", "{moving}:a", "1"), ("SET", "{moving}:b", "2"))
    slots = cluster.nodes_manager.slots_cache
    slot = cluster.keyslot("moving")
    right = slots[slot]
    other = next(it for it in cluster.get_nodes() if it.name != right[0].name)
    for command, answer in (
        (("GET", "moving"), b"here"),
        (("MGET", "{moving}:a", "{moving}:b"), [b"1", b"2"]),
    ):
        slots[slot] = [other]
        assert ask(wire, command) == [answer]
