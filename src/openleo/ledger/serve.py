"""A log over HTTP/1.1 with connections kept alive: for tests, and where no web server is at hand.

Any web server that hosts the exported folder does the same; one that closes each connection makes readers a hundred
times slower.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any
from urllib.parse import unquote, urlsplit

from openleo.ledger import export
from openleo.ledger.faults import LedgerError, Malformed, Missing
from openleo.ledger.tiles import Fetch, parse_path

LOOPBACK = "127.0.0.1"
CONNECTIONS_MAX = 256
IDLE_S = 30.0  # a connection that says nothing so long is closed
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


class Handler(BaseHTTPRequestHandler):
    """What the servers here share: one send for each answer, no log on stderr, nothing of the machine in headers."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    disable_nagle_algorithm = True
    server_version = "openleo"
    sys_version = ""

    def answer(self, status: int, body: bytes, type_: str = TEXT, **headers: str) -> None:
        """Send an answer whole: headers and body in two sends would wait for each other's acknowledgement."""
        self.send_response_only(status)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if self.close_connection:
            self.send_header("Connection", "close")
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer: list[bytes] = []
        self.wfile.write(head + (b"" if self.command == "HEAD" else body))

    def log_message(self, *_: object) -> None:
        """Whoever serves logs at the edge of its network."""


class Server(ThreadingHTTPServer):
    """A thread for each connection, up to so many."""

    daemon_threads = True
    request_queue_size = CONNECTIONS_MAX
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[Handler]):
        self._room = threading.BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(address, handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that hangs up is no error of ours."""


def serving(fetch: Fetch, host: str = LOOPBACK, port: int = 0) -> Server:
    """A server of a log's files, not running yet; port 0 takes a free one."""

    class Files(Handler):
        def do_GET(self) -> None:
            try:
                self._answer_file(unquote(urlsplit(self.path).path).lstrip("/"))
            except (Missing, Malformed):
                self.answer(HTTPStatus.NOT_FOUND, b"not there\n")
            except LedgerError:
                self.answer(HTTPStatus.SERVICE_UNAVAILABLE, b"not now\n")

        do_HEAD = do_GET

        def _answer_file(self, path: str) -> None:
            if path in (export.CHECKPOINT, export.VKEY):
                self.answer(HTTPStatus.OK, fetch(path), Cache_Control="no-cache")
            else:
                parse_path(path)  # nothing else is a file of a log
                kept = "public, max-age=31536000, immutable"
                self.answer(HTTPStatus.OK, fetch(path), BYTES, Cache_Control=kept)

    return Server((host, port), Files)


class Running:
    """A server in a thread of its own, for the time of a `with`."""

    def __init__(self, server: BaseServer):
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> BaseServer:
        self._thread.start()
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
