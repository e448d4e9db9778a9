"""Rubbish that a mirror may hold: seeded, so that a failure can be run again."""

from collections.abc import Iterator
from random import Random

from cache.entry import HEAD, SCHEMA
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
    """Stored values of server ASKED.

    Those that a careless reader would take for its entry are the most frequent.
    """
    random = Random(seed)
    makers = (
        _truncated,
        _flipped,
        _other_server,
        _other_schema,
        _numbers,
        _spliced,
        _noise,
        _almost_own,
    )
    for number in range(amount):
        yield makers[number % len(makers)](random)


def page(
    server_id: str,
    version: bytes = b"1",
    seen: bytes = b"1",
    state: bytes = b"running",
    rest: bytes = b',"name":"web"}',
) -> bytes:
    """An entry's page as it is written, whatever the numbers are."""
    numbers = b"|".join(it.zfill(15) for it in (version, version, seen))
    head = b"%b|%b|%-13b|d|%-12b|%-48b\n" % (SCHEMA.encode(), numbers, state, b"ready", b"1/eu")
    return b'%b{"sourceServerId":"%b"%b' % (head, server_id.encode(), rest)


def _whole(random: Random, number: int = 1) -> bytes:
    return entry(
        random.randrange(10**15), number, random.choice(["web", "Ä🖥", "a|b\\n", ""])
    ).encode()


def _truncated(random: Random) -> bytes:
    whole = _whole(random)
    return whole[: random.randrange(len(whole))].rstrip(b"}")


def _flipped(random: Random) -> bytes:
    """In the schema or the id: other letters may be as sound as what they were."""
    whole = bytearray(_whole(random))
    at = random.choice([random.randrange(len(SCHEMA)), HEAD + random.randrange(38)])
    whole[at] ^= 1 << random.randrange(8)
    return bytes(whole)


def _other_server(random: Random) -> bytes:
    return _whole(random, 2)


def _other_schema(random: Random) -> bytes:
    return random.choice([b"0", b"1", b"22", b"", b"v2", b"\xff"]) + _whole(random)[1:]


def _numbers(random: Random) -> bytes:
    version, seen = random.choice(NUMBERS), random.choice(NUMBERS)
    return page(OTHER, version, seen)


def _spliced(random: Random) -> bytes:
    one, other = _whole(random), _whole(random, 2)
    return one[: random.randrange(1, HEAD + 38)] + other[random.randrange(1, len(other)) :]


def _noise(random: Random) -> bytes:
    return random.choice(
        [b"null", b"{}", b"2|", b"\x80\x04]q\x00.", b"", b"\x00" * 99, random.randbytes(300)]
    )


def _almost_own(random: Random) -> bytes:
    """Another server's, whose id differs from the one asked for in two letters."""
    whole = bytearray(_whole(random, 2))
    whole[whole.index(b"s-0") + 2 + random.randrange(16)] = random.randrange(256)
    return bytes(whole)
