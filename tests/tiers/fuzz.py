"""Rubbish that a mirror may hold: seeded, so that a failure can be run again."""

from collections.abc import Iterator
from random import Random
from zlib import crc32

from cache.entry import SEAL
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
    makers = (
        _truncated,
        _flipped,
        _other_server,
        _other_schema,
        _numbers,
        _spliced,
        _noise,
        _resealed,
    )
    for number in range(amount):
        yield makers[number % len(makers)](random)


def sealed(unsealed: bytes) -> bytes:
    """These bytes under a seal that fits them, as an entry has it: the CRC-32 of the whole is 0."""
    return unsealed + (crc32(unsealed) ^ 0x6DD90A9D).to_bytes(4, "little")


def head(
    server_id: str, version: bytes = b"1", seen: bytes = b"1", state: bytes = b"running"
) -> bytes:
    """A head of an entry as it is written, whatever the numbers are."""
    return b"3|%b|%b|%b|%b|%-13b|d|%-48b\n" % (
        server_id.encode(),
        version.zfill(15),
        version.zfill(15),
        seen.zfill(15),
        state,
        b"1/eu",
    )


def _whole(random: Random, number: int = 1) -> bytes:
    return entry(
        random.randrange(10**15), number, random.choice(["web", "Ä🖥", "a|b\\n", ""])
    ).encode()


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
    return sealed(random.choice([b"0", b"1", b"22", b"", b"v2", b"\xff"]) + _whole(random)[1:-SEAL])


def _numbers(random: Random) -> bytes:
    version, seen = random.choice(NUMBERS), random.choice(NUMBERS)
    return sealed(head(OTHER, version, seen) + b"{}\n")


def _spliced(random: Random) -> bytes:
    one, other = _whole(random), _whole(random, 2)
    return one[: random.randrange(1, len(one))] + other[random.randrange(1, len(other)) :]


def _noise(random: Random) -> bytes:
    return random.choice(
        [b"null", b"{}", b"2|", b"\x80\x04]q\x00.", b"", b"\x00" * 99, random.randbytes(300)]
    )


def _resealed(random: Random) -> bytes:
    unsealed = bytearray(_whole(random, 2)[:-SEAL])
    unsealed[2 + random.randrange(18)] = random.randrange(
        256
    )  # never the last letter: it would be a sound entry
    return sealed(bytes(unsealed))
