"""A port in front of a server at which the network can be made to fail: refused, black-holed, slow,
or led elsewhere.

Runs in a thread of its own, so that a test or a load generator can turn faults on and off while
others use the port.
"""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any

from local.processes import free_port

CHUNK = 65536
SWITCH_SECONDS = 10  # to turn a fault on or off


class FaultProxy:
    """Passes TCP on to the port `upstream` on loopback until told otherwise."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = free_port()
        self._delay = 0.0
        self._links: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self._full: list[socket.socket] = []
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._thread = Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()
        self.heal()

    def heal(self) -> None:
        """Everything passes again, what was held back included."""
        self._do(self._heal())

    def refuse(self) -> None:
        """Connections are refused, those that stand are reset."""
        self._do(self._refuse())

    def black_hole(self) -> None:
        """Nothing comes back: neither an answer on connections that
        stand nor one to the request for a new one.
        """
        self._do(self._black_hole())

    def slow(self, seconds: float) -> None:
        """Whatever a client sends arrives that much later."""
        self._delay = seconds

    def lead_to(self, upstream: int) -> None:
        """Connections are reset and lead to another port from now on, as after a failover."""
        self.upstream = upstream
        self._do(self._cut())

    def close(self) -> None:
        """Ends it."""
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SWITCH_SECONDS)
        self._loop.close()

    def _do(self, switch: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(switch, self._loop).result(SWITCH_SECONDS)

    async def _heal(self) -> None:
        self._delay = 0.0
        self._flowing.set()
        while self._full:
            self._full.pop().close()
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._link, "127.0.0.1", self.port, backlog=512
            )

    async def _refuse(self) -> None:
        await self._deafen()
        await self._cut()

    async def _black_hole(self) -> None:
        self._flowing.clear()
        await self._deafen()
        # A listener nobody accepts from, and its queue full: Linux then drops what asks for a
        # connection.
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(0)
        self._full = [listener]
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._full.append(filler)

    async def _deafen(self) -> None:
        while self._full:
            self._full.pop().close()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _cut(self) -> None:
        for writer in list(self._links):
            writer.transport.abort()
        self._flowing.set()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._links.add(writer)
        try:
            behind, before = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            self._drop(writer)
            return
        self._links.add(before)
        try:
            there = asyncio.create_task(self._pump(reader, before, is_request=True))
            back = asyncio.create_task(self._pump(behind, writer, is_request=False))
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            there.cancel()
            back.cancel()
        finally:
            self._drop(writer)
            self._drop(before)

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._links.discard(writer)
        writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_request: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if is_request and self._delay:
                    await asyncio.sleep(self._delay)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
