"""A server that says what its script says."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread


@contextmanager
def scripted(*answers: Sequence[bytes | float]) -> Iterator[int]:
    """A server that answers each connection with the next script
    (bytes to send, seconds to wait), then hangs up.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for script in answers:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 20)
                    _play(connection, script)

        Thread(target=serve, daemon=True).start()
        yield int(listening.getsockname()[1])


def _play(connection: socket.socket, script: Sequence[bytes | float]) -> None:
    try:
        for step in script:
            if isinstance(step, bytes):
                connection.sendall(step)
            else:
                connection.settimeout(step)
                try:
                    connection.recv(1)
                except TimeoutError:
                    continue
    except OSError:
        return
