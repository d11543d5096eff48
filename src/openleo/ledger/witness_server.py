"""A witness over HTTP: POST /add-checkpoint, and nothing else but its verifier key at /vkey."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from openleo.ledger.serve import LOOPBACK, Handler, Server
from openleo.ledger.witness import REQUEST_BYTES_MAX
from openleo.ledger.witness_memory import Witness


def serving(witness: Witness, host: str = LOOPBACK, port: int = 0) -> Server:
    """A server, not running yet; port 0 takes a free one."""

    class Protocol(Handler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit() or int(length) > REQUEST_BYTES_MAX:
                self.close_connection = True  # what would follow is no request
                self.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"a request has a length, and not too large a one\n")
                return
            data = self.rfile.read(int(length))
            if urlsplit(self.path).path != "/add-checkpoint":
                self.answer(HTTPStatus.NOT_FOUND, b"not there\n")
                return
            answer = witness.add_checkpoint(data)
            self.answer(answer.status, answer.body, answer.type)

        def do_GET(self) -> None:
            if urlsplit(self.path).path == "/vkey":
                self.answer(HTTPStatus.OK, f"{witness.key}\n".encode())
            else:
                self.answer(HTTPStatus.NOT_FOUND, b"not there\n")

    return Server((host, port), Protocol)
