"""What ElastiCache puts before its servers, on loopback: TLS, and IAM tokens checked before AUTH
reaches the server.

A token that proves itself becomes the password of that user in the server's ACL, with the access
string the template gives the user; from there on the server alone decides.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis import Redis


def certificate(directory: Path, *, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A new self-signed certificate for this name or address, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cache.test")])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return cert_file, key_file


@dataclass
class Front:
    """A TLS endpoint before `server_port`.

    With `check`, an AUTH passes only if `check(user, token)` raises nothing.
    """

    files: tuple[Path, Path]
    server_port: int = 0
    users: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[str, str], object] | None = None
    port: int = 0
    delay: float = 0.0  # seconds that a sign-in takes
    tokens: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            greeting = await self._admit(reader) if self.check else b""
        # whatever the check dislikes is a wrong password
        except Exception as refused:  # noqa: BLE001
            writer.write(f"-WRONGPASS {refused}\r\n".encode())
            writer.close()
            return
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.server_port)
        upstream.write(greeting)
        try:
            await asyncio.gather(_pipe(reader, upstream), _pipe(upstream_reader, writer))
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            upstream.close()
            writer.close()

    async def _admit(self, reader: asyncio.StreamReader) -> bytes:
        command, user, token = await _command(reader)
        if command.upper() != "AUTH" or self.check is None:
            raise PermissionError("authenticate first")
        await asyncio.sleep(self.delay)
        self.check(user, token)
        self.tokens.append(token)
        with Redis.from_url(
            f"redis://admin:admin@127.0.0.1:{self.server_port}?protocol=2"
        ) as admin:
            admin.acl_setuser(user, reset=True)
            admin.execute_command("ACL", "SETUSER", user, *self.users[user].split(), f">{token}")
        return b"*3\r\n" + b"".join(
            b"$%d\r\n%s\r\n" % (len(it), it.encode()) for it in (command, user, token)
        )


async def _command(reader: asyncio.StreamReader) -> list[str]:
    """The next command in the Redis protocol."""
    words = []
    for _ in range(int((await reader.readline())[1:])):
        length = int((await reader.readline())[1:])
        words.append((await reader.readexactly(length + 2))[:-2].decode())
    return words


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
