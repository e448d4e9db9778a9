"""Commands for Redis, packed: one write to each node, and all replies parsed in C.

redis-py spends four to seven times the floor on a pipeline of a thousand commands, mostly on objects and checks per
command and per reply. This goes under its pipeline, and no deeper: pools, connecting, TLS, authentication, the timeout
of each receive, the parser (hiredis) and the cluster's map of slots stay redis-py's. A connection that failed in the
middle of a reply is closed, so that nobody ever reads the rest of it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple, Protocol

from hiredis import pack_command
from redis import Redis, RedisCluster
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    RedisClusterException,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

type Command = tuple[str | bytes | int, ...]

_REDIRECTIONS = (AskError, TryAgainError, ClusterDownError)  # MOVED is a kind of ASK to redis-py
_REAL = (Connection, SSLConnection, UnixDomainSocketConnection)


class Wire(Protocol):
    """A way to send commands and receive their replies."""

    def ask(self, commands: Sequence[Command], deadline: float) -> list[Any]:
        """The replies in the order of the commands; an error of one command is its reply.

        `deadline` (monotonic seconds) bounds the whole; the client's own timeouts bound each connect and receive.

        Raises:
            redis.exceptions.RedisError, RedisClusterException: when the server could not be asked.
        """

    def renew(self) -> None:
        """Give up idle connections and what else may be out of date: the next command connects anew."""


def wire_over(client: Any) -> Wire:
    """The packed way over a redis-py client; redis-py's own pipeline where connections are not of the usual kinds."""
    if isinstance(client, PackedCluster):
        return client
    if isinstance(client, RedisCluster):
        return PackedCluster(lambda: client)
    if isinstance(client, Redis) and client.connection_pool.connection_class in _REAL:
        return PackedServer(client.connection_pool)
    return Pipelines(client)


class PackedServer:
    """One server, through its pool of connections."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def ask(self, commands: Sequence[Command], deadline: float) -> list[Any]:
        """One write, whatever the commands."""
        with _connection(self._pool) as connection:
            _send(connection, commands)
            return _replies(connection, len(commands), deadline)

    def renew(self) -> None:
        """After a restart or failover every idle connection is as stale as the one that failed."""
        self._pool.disconnect(inuse_connections=False)


class PackedCluster:
    """A cluster, asked for its nodes when it is first used: redis-py's client does so when it is made."""

    def __init__(self, connect: Callable[[], RedisCluster]) -> None:
        self._connect = connect
        self._cluster: RedisCluster | None = None

    def ask(self, commands: Sequence[Command], deadline: float) -> list[Any]:
        """One write to each node before the first reply is awaited, so that the nodes work side by side."""
        cluster = self._connected()
        shares = _shares(cluster, commands)
        replies: list[Any] = [None] * len(commands)
        with _connections(
            [cluster.get_redis_connection(it.node).connection_pool for it in shares]
        ) as connections:
            for connection, share in zip(connections, shares, strict=True):
                _send(connection, share.commands)
            for connection, share in zip(connections, shares, strict=True):
                answered = _replies(connection, len(share.places), deadline)
                for place, reply in zip(share.places, answered, strict=True):
                    replies[place] = reply
        _follow(cluster, commands, replies)
        return replies

    def renew(self) -> None:
        """The address in the settings outlives the nodes: they are asked for there again."""
        self._cluster = None

    def _connected(self) -> RedisCluster:
        if self._cluster is None:
            try:
                self._cluster = self._connect()
            except RedisClusterException as error:
                raise RedisConnectionError(f"no cluster: {error}") from error
        return self._cluster


class Pipelines:
    """redis-py's own pipeline."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ask(self, commands: Sequence[Command], deadline: float) -> list[Any]:  # noqa: ARG002
        """Only the client's own timeouts bound it."""
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        return replies

    def renew(self) -> None:
        """Nothing to give up: redis-py renews a connection it finds closed."""


class _Share(NamedTuple):
    """What one node of a cluster is asked, and where in the whole each of its replies goes."""

    node: Any
    commands: list[Command]
    places: list[int]


def _shares(cluster: RedisCluster, commands: Sequence[Command]) -> list[_Share]:
    shares: dict[str, _Share] = {}
    for place, command in enumerate(commands):
        if not (nodes := cluster.nodes_manager.slots_cache.get(key_slot(_key(command).encode()))):
            raise SlotNotCoveredError(f"no node has the slot of {_key(command)}")
        share = shares.setdefault(nodes[0].name, _Share(nodes[0], [], []))
        share.commands.append(command)
        share.places.append(place)
    return list(shares.values())


def _follow(cluster: RedisCluster, commands: Sequence[Command], replies: list[Any]) -> None:
    """Ask again, through redis-py, where a slot has moved: it follows and learns the new map."""
    moved = [place for place, reply in enumerate(replies) if isinstance(reply, _REDIRECTIONS)]
    if not moved:
        return
    pipeline = cluster.pipeline(transaction=False)  # type: ignore[no-untyped-call]  # redis-py has no hints here
    for place in moved:
        pipeline.execute_command(*commands[place])
    for place, reply in zip(moved, pipeline.execute(raise_on_error=False), strict=True):
        replies[place] = reply


def _key(command: Command) -> str:
    """The key of one of our commands: the scripts' first, else the first word after the command."""
    return str(command[3] if command[0] in ("EVALSHA", "EVAL") else command[1])


def _send(connection: Any, commands: Iterable[Command]) -> None:
    packed = b"".join(map(pack_command, commands))  # type: ignore[arg-type]  # hiredis's hints know tuples of one word
    connection.send_packed_command((packed,), check_health=False)


@contextmanager
def _connection(pool: ConnectionPool) -> Iterator[Any]:
    """A connection of the pool, given back when all replies were read and closed when anything went wrong."""
    connection = pool.get_connection()
    try:
        yield connection
    except BaseException:
        connection.disconnect()  # type: ignore[no-untyped-call]  # redis-py has no hints here
        raise
    finally:
        pool.release(connection)


@contextmanager
def _connections(pools: Sequence[ConnectionPool]) -> Iterator[list[Any]]:
    if not pools:
        yield []
        return
    with _connection(pools[0]) as first, _connections(pools[1:]) as rest:
        yield [first, *rest]


def _replies(connection: Any, awaited: int, deadline: float) -> list[Any]:
    """The replies awaited."""
    parser = connection._parser  # noqa: SLF001  redis-py's own way is one call, with all its checks, for each reply
    gets = parser._reader.gets  # noqa: SLF001
    replies: list[Any] = []
    while len(replies) < awaited:
        _receive(connection, parser, deadline)
        replies += iter(gets, NOT_ENOUGH_DATA)
    _raise_if_useless(replies)
    return replies


def _receive(connection: Any, parser: Any, deadline: float) -> None:
    if (left := deadline - monotonic()) <= 0:
        raise RedisTimeoutError("the deadline has passed")
    try:
        if connection.socket_timeout and connection.socket_timeout <= left:
            parser.read_from_socket()
        else:
            parser.read_from_socket(left)
    except OSError as error:
        raise RedisConnectionError(f"while receiving: {error}") from error


def _raise_if_useless(replies: list[Any]) -> None:
    """A server that is loading, or wants a password first, answers every command with the same error."""
    for kind in set(map(type, replies)):
        if issubclass(kind, RedisConnectionError):
            raise next(it for it in replies if isinstance(it, kind))
