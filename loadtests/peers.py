"""What a user would pick instead of the mirror's reader, each asked for the same page: the JSON of
these servers.

The three Python caches are installed, pinned by `requirements-bench.lock`, into `.cache/bench` on
first use: they are no part of the product, nor of its tests.
"""

import asyncio
import importlib
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from hiredis import Reader, pack_command

from cache.entry import HEAD
from cache.mirror import PLACES, PREFIX, entry_key, page_of
from cache.reader import Reader as OurReader
from cache.record import Record
from cache.values import Place
from loadtests.fleet import Tiers, row, server_id
from local.servers import REPOSITORY
from services.reads.pages import existing_body

type Page = Callable[[Sequence[str]], bytes]

CACHES = REPOSITORY / ".cache" / "bench"


def install_caches() -> None:
    """Makes cashews, aiocache and dogpile.cache importable."""
    if not CACHES.exists():
        uv = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--target",
            str(CACHES),
            "--no-deps",
        ]
        lock = ["--require-hashes", "-r", str(REPOSITORY / "requirements-bench.lock")]
        subprocess.run([*uv, *lock], check=True, timeout=300)  # noqa: S603  our own command line
    sys.path.append(str(CACHES))


def item(number: int) -> dict[str, object]:
    """The sixteen fields of the nth server as the page shows them."""
    return Record.from_row(row(number)).page_item()


def body(items: Sequence[object]) -> bytes:
    """The page's JSON of these items."""
    return json.dumps(
        {"existingInstances": items}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def floor(tiers: Tiers) -> Page:
    """A raw socket and hiredis on the product's own hashes, read as the product reads them: its
    script, once for each slot, packed once, the items joined.

    No pool, no checks, no deadline, no retry.
    """
    ask = _raw_socket(tiers)
    tiers.mirror.read([server_id(0)])  # the server learns the script

    def page(ids: Sequence[str]) -> bytes:
        told = page_of(tuple(ids))
        replies = ask([_PLACES, *(it.packed for it in told.reads)], 1 + len(told.reads))[1:]
        servers = chain.from_iterable(told.shares)
        return _joined(dict(zip(servers, chain.from_iterable(replies), strict=True)), ids)

    return page


def raw_hgets(tiers: Tiers) -> Page:
    """The same hashes on a raw socket, an HGET each."""
    ask = _raw_socket(tiers)

    def page(ids: Sequence[str]) -> bytes:
        pages = ask([_PLACES, _packed_hgets(tuple(ids))], 1 + len(ids))[1:]
        return _joined(dict(zip(ids, pages, strict=True)), ids)

    return page


@lru_cache
def _packed_hgets(ids: tuple[str, ...]) -> bytes:
    return b"".join([pack_command(("HGET", entry_key(it), "page")) for it in ids])


def strings(tiers: Tiers) -> Page:
    """The layout before the hashes, on a raw socket: a string per server, an MGET per slot."""
    ask = _raw_socket(tiers)

    def page(ids: Sequence[str]) -> bytes:
        told = page_of(tuple(ids))
        reads = [
            pack_command(("MGET", *(f"string:{entry_key(it)}" for it in share)))
            for share in told.shares
        ]
        pages = chain.from_iterable(ask([_PLACES, *reads], 1 + len(reads))[1:])
        servers = chain.from_iterable(told.shares)
        return _joined(dict(zip(servers, pages, strict=True)), ids)

    return page


_PLACES = pack_command(("HGETALL", PLACES))


def _raw_socket(tiers: Tiers) -> Callable[[Sequence[bytes], int], list[Any]]:
    wire = socket.create_connection(("127.0.0.1", tiers.valkey_port))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer, nothing_yet = bytearray(1 << 16), object()

    def ask(packed: Sequence[bytes], awaited: int) -> list[Any]:
        wire.sendall(b"".join(packed))
        reader, replies = Reader(notEnoughData=nothing_yet), []
        while len(replies) < awaited:
            reader.feed(buffer, 0, wire.recv_into(buffer))
            replies += iter(reader.gets, nothing_yet)
        return replies

    return ask


def _joined(pages: Mapping[str, bytes], ids: Sequence[str]) -> bytes:
    return b'{"existingInstances":[%b]}' % b",".join([pages[it][HEAD:] for it in ids])


def ours(tiers: Tiers) -> Page:
    """The product: reader and page body, for a plan whose servers the plan book holds."""
    wiring = tiers.wiring
    reader = OurReader(tiers.mirror, lambda: wiring.table, lambda: wiring.looks)

    def page(ids: Sequence[str]) -> bytes:
        servers = _plan(len(ids))
        return existing_body(reader.read(servers), servers)

    return page


@lru_cache
def _plan(size: int) -> dict[str, Place | None]:
    return {server_id(number): None for number in range(size)}


def plain_pipeline(tiers: Tiers) -> Page:
    """The same hashes through redis-py's own pipeline, an HGET each."""

    def page(ids: Sequence[str]) -> bytes:
        pipeline = tiers.redis.pipeline(transaction=False)
        for server in ids:
            pipeline.hget(entry_key(server), "page")
        return _joined(dict(zip(ids, pipeline.execute(), strict=True)), ids)

    return page


def hget_each(tiers: Tiers) -> Page:
    """The same hashes by redis-py's connection, an HGET each, packed once."""
    pool = tiers.redis.connection_pool

    def page(ids: Sequence[str]) -> bytes:
        connection = pool.get_connection()
        connection.send_packed_command([_packed_hgets(tuple(ids))], check_health=False)
        pages = [connection.read_response() for _ in ids]
        pool.release(connection)
        return _joined(dict(zip(ids, pages, strict=True)), ids)

    return page


def hgetall(tiers: Tiers) -> Page:
    """A hash per server with a field per attribute, HGETALL in a
    pipeline.
    """

    def page(ids: Sequence[str]) -> bytes:
        pipeline = tiers.redis.pipeline(transaction=False)
        for server in ids:
            pipeline.hgetall(f"hash:{server}")
        return body([{k.decode(): v.decode() for k, v in it.items()} for it in pipeline.execute()])

    return page


def cashews(tiers: Tiers) -> Page:
    """cashews, get_many."""
    library = importlib.import_module("cashews")
    cache = library.Cache()
    cache.setup(f"redis://127.0.0.1:{tiers.valkey_port}/1", client_side=False)
    loop = asyncio.new_event_loop()

    async def fetch(ids: Sequence[str]) -> Any:
        return await cache.get_many(*ids)

    for number in range(_fleet_size(tiers)):
        loop.run_until_complete(cache.set(server_id(number), item(number), expire=900))
    return lambda ids: body(loop.run_until_complete(fetch(ids)))


def aiocache(tiers: Tiers) -> Page:
    """aiocache, multi_get, its pickle serializer."""
    library = importlib.import_module("aiocache")
    serializers = importlib.import_module("aiocache.serializers")
    loop = asyncio.new_event_loop()
    cache = library.Cache(
        library.Cache.REDIS,
        endpoint="127.0.0.1",
        port=tiers.valkey_port,
        db=2,
        serializer=serializers.PickleSerializer(),
    )
    for number in range(_fleet_size(tiers)):
        loop.run_until_complete(cache.set(server_id(number), item(number), ttl=900))
    return lambda ids: body(loop.run_until_complete(cache.multi_get(ids)))


def dogpile(tiers: Tiers) -> Page:
    """dogpile.cache, get_multi."""
    library = importlib.import_module("dogpile.cache")
    region = library.make_region().configure(
        "dogpile.cache.redis", arguments={"host": "127.0.0.1", "port": tiers.valkey_port, "db": 3}
    )
    region.set_multi({server_id(number): item(number) for number in range(_fleet_size(tiers))})
    return lambda ids: body(region.get_multi(ids))


def batch_get_item(tiers: Tiers) -> Page:
    """Plain boto3: BatchGetItem, 100 keys a call, one call after the other."""
    read = TypeDeserializer().deserialize

    def page(ids: Sequence[str]) -> bytes:
        items: list[object] = []
        for at in range(0, len(ids), 100):
            keys = [{"sourceServerId": {"S": it}} for it in ids[at : at + 100]]
            answer = tiers.dynamodb.batch_get_item(
                RequestItems={tiers.table: {"Keys": keys, "ConsistentRead": True}}
            )
            items += [
                {k: str(read(v)) for k, v in it.items()} for it in answer["Responses"][tiers.table]
            ]
        return body(items)

    return page


def get_items(tiers: Tiers) -> Page:
    """Plain boto3: a GetItem per server, as the original's loop does."""
    read = TypeDeserializer().deserialize

    def page(ids: Sequence[str]) -> bytes:
        found = (
            tiers.dynamodb.get_item(TableName=tiers.table, Key={"sourceServerId": {"S": it}})
            for it in ids
        )
        return body([{k: str(read(v)) for k, v in it["Item"].items()} for it in found])

    return page


def fill(tiers: Tiers, servers: int) -> None:
    """Puts the fleet where each of them looks for it; Python caches fill themselves."""
    tiers.publish(range(servers))
    pipeline = tiers.redis.pipeline(transaction=False)
    for number in range(servers):
        server = server_id(number)
        pipeline.hset(f"hash:{server}", mapping={k: str(v) for k, v in item(number).items()})
        entry = Record.from_row(row(number)).entry().encode()
        pipeline.set(f"string:{entry_key(server)}", entry)
        if number % 1000 == 999:
            pipeline.execute()
    pipeline.execute()


def _fleet_size(tiers: Tiers) -> int:
    return sum(1 for _ in tiers.redis.scan_iter(f"{PREFIX}{{*", count=10_000))
