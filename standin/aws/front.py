"""The HTTP server in front of the stand-in."""

import contextlib
import select
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standin.aws.admin import PREFIX, Admin
from standin.aws.standin import Gone, StandIn
from standin.aws.wire import Reply, Request

_HANG = 300
"""Seconds after which a hanging call is dropped even if the client still waits."""


class Server(ThreadingHTTPServer):
    """Serves a stand-in on 127.0.0.1. Raises OSError when the port is taken."""

    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True
    """A port in TIME_WAIT may be used again; one with a listener may not."""

    def __init__(self, stand_in: StandIn, port: int) -> None:
        self.stand_in = stand_in
        self.admin = Admin(stand_in)
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        request = self._request()
        try:
            if request.path.startswith(PREFIX):
                reply = self.server.admin.answer(request)
            else:
                reply = self.server.stand_in.handle(request)
        except Gone as exc:
            self._go(exc.how)
        else:
            self._send(reply)

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names that http.server calls

    def _request(self) -> Request:
        length = int(self.headers.get("Content-Length") or 0)
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, path, query, headers, self.rfile.read(length))

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _go(self, how: str) -> None:
        self.close_connection = True
        if how == "hang":
            select.select([self.connection], [], [], _HANG)
        with contextlib.suppress(OSError):  # the client may have given up first
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """The call log is enough."""
