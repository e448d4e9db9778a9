"""A port in front of DynamoDB that counts the keys which page reads ask it for."""

import socket
from contextlib import suppress
from threading import Thread

KEY = b'"sourceServerId"'
CHUNK = 65536


class KeyCounter:
    """Passes TCP on to `upstream` and counts how often a server's key is in what clients send."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self.keys = 0
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
            Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, count: bool) -> None:
        tail = b""
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if count:
                    self.keys += (tail + data).count(KEY)
                    tail = (tail + data)[-(len(KEY) - 1) :]
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
