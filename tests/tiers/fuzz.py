"""Rubbish that a mirror may hold: seeded, so that a failure can be run again."""

from collections.abc import Iterator
from random import Random
from zlib import crc32

from tests.tiers.samples import entry, server_id

ASKED, OTHER = server_id(1), server_id(2)
NUMBERS = [
    b"0",
    b"-1",
    b"-0",
    b"+5",
    b"1e3",
    b"0x10",
    b"9" * 15,
    b"9" * 16,
    b"9" * 400,
    b"",
    b" 7",
    b"7.0",
    b"\xd9\xa1",
]


def rubbish(seed: int, amount: int) -> Iterator[bytes]:
    """Stored values of server ASKED. Those that a careless reader would take for its entry are the most frequent."""
    random = Random(seed)
    makers = (_truncated, _flipped, _other_server, _other_schema, _numbers, _spliced, _noise, _resealed)
    for number in range(amount):
        yield makers[number % len(makers)](random)


def sealed(tail: bytes, schema: bytes = b"1") -> bytes:
    """These bytes with a checksum that fits them, as an entry has it."""
    return b"%b|%08x|%b" % (schema, crc32(tail), tail)


def _whole(random: Random, number: int = 1) -> bytes:
    return entry(random.randrange(10**15), number, random.choice(["web", "Ä🖥", "a|b\\n", ""])).encode()


def _truncated(random: Random) -> bytes:
    whole = _whole(random)
    return whole[: random.randrange(len(whole))]


def _flipped(random: Random) -> bytes:
    whole = bytearray(_whole(random))
    whole[random.randrange(len(whole))] ^= 1 << random.randrange(8)
    return bytes(whole)


def _other_server(random: Random) -> bytes:
    return _whole(random, 2)


def _other_schema(random: Random) -> bytes:
    return sealed(_whole(random)[11:], random.choice([b"0", b"2", b"11", b"", b"v1", b"\xff"]))


def _numbers(random: Random) -> bytes:
    version, seen = random.choice(NUMBERS), random.choice(NUMBERS)
    return sealed(b"%b|%b|%b|running|d|p/r\n{}" % (OTHER.encode(), version, seen))


def _spliced(random: Random) -> bytes:
    one, other = _whole(random), _whole(random, 2)
    return one[: random.randrange(1, len(one))] + other[random.randrange(1, len(other)) :]


def _noise(random: Random) -> bytes:
    return random.choice([b"null", b"{}", b"1|", b"\x80\x04]q\x00.", b"", b"\x00" * 99, random.randbytes(300)])


def _resealed(random: Random) -> bytes:
    tail = bytearray(_whole(random, 2)[11:])
    tail[random.randrange(19)] = random.randrange(256)
    return sealed(bytes(tail))
