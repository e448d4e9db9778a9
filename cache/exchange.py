"""Exchanges with Redis: commands out in one write per node, replies back, all within a deadline.

Over redis-py's connections and its cluster's map of slots, by their public interfaces alone. Its
own pipeline builds objects for each command of a page; here a page is packed once and kept
(`docs/performance.md` has both measured). A connection that failed in the middle of a reply is
closed by redis-py, so nobody ever reads the rest of it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat, starmap
from time import monotonic
from typing import Any, NamedTuple

from hiredis import pack_command
from redis import Redis, RedisCluster
from redis.connection import ConnectionPool
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

type Command = tuple[str | bytes | int, ...]
type Client = Redis | RedisCluster

EXCHANGES_AT_ONCE = 32
SLOW = 0.05  # seconds; most exchanges take a few milliseconds
REPLY_TIMEOUT = (
    0.25  # seconds of silence; connecting takes longer and has the client's own timeouts
)
_REDIRECTIONS = (AskError, TryAgainError, ClusterDownError)  # MOVED is a kind of ASK to redis-py
# Errors about the connection, not about the command: this server is no primary (any more), or not
# yet. redis-py takes the first word off where it knows it; inside a script's error it stands in the
# text.
_OF_THE_CONNECTION = ("READONLY", "MASTERDOWN", "LOADING", "UNBLOCKED")


class Batch(NamedTuple):
    """Commands whose keys share a slot (or that go to one server), packed.

    `key` is one of the keys.
    """

    key: str
    commands: Sequence[Command]
    packed: bytes


class TooLate(RedisTimeoutError):
    """A connection is there, and its exchange's deadline has passed: nothing was sent."""


@dataclass
class _Attempt:
    """One exchange: until when it may send, and whether it has."""

    deadline: float
    has_sent: bool = False

    def begin(self) -> None:
        """Called before the first command is sent."""
        if monotonic() >= self.deadline:
            raise TooLate("the deadline has passed")
        self.has_sent = True


def batch(key: str, commands: Sequence[Command]) -> Batch:
    """These commands, ready to send as often as wanted."""
    # hiredis's hints know tuples of one word
    return Batch(key, commands, b"".join(map(pack_command, commands)))  # type: ignore[arg-type]


class Exchange:
    """A way to one server or one cluster. `connect` makes a client, when one is first needed.

    `when_slow` is called while an exchange takes longer than SLOW.
    """

    def __init__(
        self, connect: Callable[[], Client], when_slow: Callable[[], None] = lambda: None
    ) -> None:
        self._connect = connect
        self._when_slow = when_slow
        self._client: Client | None = None
        self._threads = ThreadPoolExecutor(EXCHANGES_AT_ONCE, "redis")

    def ask(self, batches: Sequence[Batch], deadline: float) -> list[list[Any]]:
        """The replies to each batch, in order; an error of one command is its reply.

        `deadline` (monotonic seconds) bounds the whole, name resolution and replies that trickle
        included; the client's own timeouts bound each step of connecting. What fails for its
        connection is tried once more on a new one: a failover or restart leaves connections in the
        pool that look healthy, or lead to a server that has become a replica. A connection that is
        still being made at the deadline is left to it, for the exchanges that follow: where signing
        in takes longer than anyone waits, each would otherwise begin it anew.

        Raises:
            redis.exceptions.RedisError, RedisClusterException, OSError: when it could not be asked.
        """
        attempt = _Attempt(deadline)
        exchange = self._threads.submit(self._twice, batches, attempt)
        if not wait([exchange], SLOW).done:
            self._when_slow()
        try:
            return exchange.result(max(0.0, deadline - monotonic()))
        except TimeoutError as error:
            if exchange.done() and not exchange.cancelled():
                raise
            exchange.cancel()
            if attempt.has_sent:
                self._give_up()
            raise RedisTimeoutError("the deadline has passed") from error

    def _twice(self, batches: Sequence[Batch], attempt: _Attempt) -> list[list[Any]]:
        client = self._client
        try:
            client = self._connected()
            replies = _exchanged(client, batches, attempt)
            if not any(map(_speak_of_the_connection, replies)):
                return replies
        except (RedisConnectionError, RedisTimeoutError):
            if monotonic() >= attempt.deadline:
                raise
        if self._client is client:  # else another exchange has renewed it already
            self._client = None
        return _exchanged(self._connected(), batches, attempt)

    def _connected(self) -> Client:
        if (client := self._client) is None:
            try:
                client = self._client = self._connect()
            except RedisClusterException as error:
                raise RedisConnectionError(f"no cluster: {error}") from error
        return client

    def _give_up(self) -> None:
        """Close what is still being waited for."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _exchanged(client: Client, batches: Sequence[Batch], attempt: _Attempt) -> list[list[Any]]:
    if isinstance(client, RedisCluster):
        return _cluster(client, batches, attempt)
    with _connection(client.connection_pool) as connection:
        attempt.begin()
        _send(connection, batches)
        return _replies(connection, batches)


def _cluster(cluster: RedisCluster, batches: Sequence[Batch], attempt: _Attempt) -> list[list[Any]]:
    """One write to each node before the first reply is awaited: the nodes work side by side."""
    shares: dict[str, tuple[Any, list[int]]] = {}
    for number, one in enumerate(batches):
        # redis-py has no hints here
        node = cluster.get_node_from_key(one.key)  # type: ignore[no-untyped-call]
        shares.setdefault(node.name, (node, []))[1].append(number)
    replies: list[list[Any]] = [[]] * len(batches)
    pools = [cluster.get_redis_connection(node).connection_pool for node, _ in shares.values()]
    asked = [(numbers, [batches[it] for it in numbers]) for _, numbers in shares.values()]
    with _connections(pools) as connections:
        attempt.begin()
        for connection, (_, share) in zip(connections, asked, strict=True):
            _send(connection, share)
        for connection, (numbers, share) in zip(connections, asked, strict=True):
            for number, answers in zip(numbers, _replies(connection, share), strict=True):
                replies[number] = answers
    _follow(cluster, batches, replies)
    return replies


def _follow(cluster: RedisCluster, batches: Sequence[Batch], replies: Sequence[list[Any]]) -> None:
    """Ask again, through redis-py, where a slot has moved: it follows and learns the new map."""
    moved = [
        (answers, at, one.commands[at])
        for one, answers in zip(batches, replies, strict=True)
        for at, reply in enumerate(answers)
        if isinstance(reply, _REDIRECTIONS) and not isinstance(reply, MasterDownError)
    ]
    if not moved:
        return
    pipeline = cluster.pipeline(transaction=False)  # type: ignore[no-untyped-call]
    for _, _, command in moved:
        pipeline.execute_command(*command)
    again = pipeline.execute(raise_on_error=False)
    for (answers, at, _), reply in zip(moved, again, strict=True):
        answers[at] = reply


def _send(connection: Any, batches: Sequence[Batch]) -> None:
    packed = b"".join([one.packed for one in batches])
    connection.send_packed_command([packed], check_health=False)


def _replies(connection: Any, batches: Sequence[Batch]) -> list[list[Any]]:
    read = partial(connection.read_response, timeout=REPLY_TIMEOUT)
    return [_answers(read, len(one.commands)) for one in batches]


def _answers(read: Callable[[], Any], awaited: int) -> list[Any]:
    answers: list[Any] = []
    while len(answers) < awaited:
        try:  # what was read before an error stays
            answers.extend(starmap(read, repeat((), awaited - len(answers))))
        except ResponseError as error:
            answers.append(error)
    return answers


def _speak_of_the_connection(replies: Sequence[Any]) -> bool:
    """Whether one of them is an error that another connection may not be told."""
    errors = [it for it in set(map(type, replies)) if issubclass(it, ResponseError)]
    return bool(errors) and any(
        isinstance(it, (ReadOnlyError, MasterDownError))
        or (isinstance(it, ResponseError) and any(word in str(it) for word in _OF_THE_CONNECTION))
        for it in replies
    )


@contextmanager
def _connection(pool: ConnectionPool) -> Iterator[Any]:
    """A connection of the pool, given back when all replies were read and closed when not."""
    connection = pool.get_connection()
    try:
        yield connection
    except TooLate:
        raise
    except BaseException:
        connection.disconnect()  # type: ignore[no-untyped-call]
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
