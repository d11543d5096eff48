"""Connections made to harm, by raw sockets: slow, endless, many, ambiguous. Only honest requests get through."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from openleo.controller.connections import Bounds, protocol

BOUNDS = {"connections": 12, "message_bytes": 200_000, "head_within_s": 1.0, "head_bytes": 8_192, "taken_within_s": 0.5,
          "piece_within_s": 0.5}  # fmt: skip
LARGE = 20_000_000  # of an answer: more than any socket buffers
GET = b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass
class Served:
    port: int
    bounds: Bounds
    seen: list[tuple[str, str]] = field(default_factory=list)

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10.0)

    def ask(self, data: bytes) -> bytes:
        """All that is answered until the connection ends."""
        with self.open() as opened:
            with contextlib.suppress(ConnectionError):  # it need not be read to its end
                opened.sendall(data)
            return _rest(opened)


def _rest(opened: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionError):  # it was let go
        while piece := opened.recv(65_536):
            found += piece
    return found


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    listening = socket.create_server(("127.0.0.1", 0))
    bounds = Bounds(**BOUNDS)  # type: ignore[arg-type]
    made = Served(listening.getsockname()[1], bounds)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        made.seen.append((scope["method"], scope["path"]))
        while (await receive()).get("more_body"):
            continue
        body = b"x" * (LARGE if scope["path"] == "/large" else 2)
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        app, http=protocol(bounds), ws="none", lifespan="off", log_config=None, timeout_keep_alive=1
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield made
    server.should_exit = True
    thread.join(10.0)
    assert not thread.is_alive()


@pytest.fixture(autouse=True)
def alone(served: Served) -> None:
    """Nobody of the test before is there."""
    until = time.monotonic() + 10.0
    while served.bounds.there.total() and time.monotonic() < until:
        time.sleep(0.02)
    assert served.bounds.there.total() == 0
    served.seen.clear()


@pytest.mark.parametrize(
    "drop", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-", b"\r\n"], ids=range(5)
)
def test_a_head_that_comes_letter_by_letter_is_not_waited_for(served: Served, drop: bytes) -> None:
    """Slowloris: each letter in time, and never the end."""
    began = time.monotonic()
    with served.open() as opened:
        opened.settimeout(0.2)
        opened.sendall(drop)
        while time.monotonic() - began < 8.0:
            try:
                opened.sendall(b"\r\n" if drop == b"\r\n" else b"a" if drop else b"")
                if opened.recv(1_000) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() - began < BOUNDS["head_within_s"] + 3.0
    assert served.seen == []


@pytest.mark.parametrize(
    "ends", [b"Content-Length: 9\r\n\r\nx", b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"], ids=range(2)
)
def test_a_body_that_does_not_come_is_not_waited_for(served: Served, ends: bytes) -> None:
    began = time.monotonic()
    assert served.ask(b"POST /small HTTP/1.1\r\nHost: a\r\n" + ends) == b""
    assert time.monotonic() - began < 5.0


def test_a_body_that_comes_slowly_is_waited_for(served: Served) -> None:
    with served.open() as opened:
        opened.sendall(b"POST /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
        for letter in b"abcd":
            time.sleep(0.25)
            opened.sendall(bytes([letter]))
        assert _rest(opened).startswith(b"HTTP/1.1 200")


def test_a_head_without_an_end_is_refused(served: Served) -> None:
    for data in (
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000, b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 9_000,
    ):  # fmt: skip
        assert served.ask(data)[:12] in (b"HTTP/1.1 431", b"")
    assert served.seen == []


def test_a_message_that_goes_on_after_its_body_is_cut_off(served: Served) -> None:
    """Trailers of a chunked body are headers too, and nothing else counts them."""
    head = b"POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
    with served.open() as opened:
        opened.sendall(head)
        with pytest.raises(ConnectionError):
            opened.sendall((b"X-More: " + b"a" * 1_000 + b"\r\n") * 20_000)  # 20 MB, of which 200 KB are taken
    assert served.seen == [("POST", "/small")]


@pytest.mark.parametrize("head", [b"", b"Connection: close\r\n"], ids=["kept open", "closed"])
def test_an_answer_that_nobody_takes_is_thrown_away(served: Served, head: bytes) -> None:
    """Asked for, a little taken, and then a byte now and then: its memory and its place are free again soon."""
    with served.open() as opened:
        opened.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n")
        assert opened.recv(10).startswith(b"HTTP/1.1")
        began = time.monotonic()
        while served.bounds.there.total() and time.monotonic() - began < 8.0:
            time.sleep(0.1)
            opened.recv(1)
        assert served.bounds.there.total() == 0
        assert len(_rest(opened)) < LARGE


def test_an_answer_that_is_taken_slowly_is_given_whole(served: Served) -> None:
    with served.open() as opened:
        opened.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        taken = 0
        while piece := opened.recv(2_000_000, socket.MSG_WAITALL):
            taken += len(piece)
            time.sleep(0.15)  # 1.5 s for all, in pieces within the time
        assert taken > LARGE


def test_more_connections_than_may_be_are_turned_away_and_come_back(served: Served) -> None:
    held = [served.open() for _ in range(int(BOUNDS["connections"]))]
    until = time.monotonic() + 5.0
    while served.bounds.there.total() < len(held) and time.monotonic() < until:
        time.sleep(0.01)
    assert served.ask(GET).startswith(b"HTTP/1.1 503")
    for one in held:
        one.close()
    while served.bounds.there.total() and time.monotonic() < until:
        time.sleep(0.01)
    assert served.ask(GET).startswith(b"HTTP/1.1 200")


def test_no_address_takes_all_connections() -> None:
    bounds = Bounds(connections=16, message_bytes=1)
    bounds.there["192.0.2.1"] = 4
    assert not bounds.takes("192.0.2.1")
    assert bounds.takes("192.0.2.2")
    bounds.there["127.0.0.1"] = 11
    assert bounds.takes("127.0.0.1")
    bounds.there["127.0.0.1"] = 12
    assert not bounds.takes("127.0.0.1")
    assert not bounds.takes("192.0.2.2")


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5, 6", b"Content-Length: +5",
        b"Content-Length: -5", b"Content-Length: 0x5", b"Content-Length : 5", b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 5", b"Transfer-Encoding:\x0bchunked\r\nContent-Length: 5",
        b"X: a\r\n Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", b"X: a\rContent-Length: 5",
        b"X: a\nContent-Length: 5",
    ],
    ids=range(15),
)  # fmt: skip
def test_a_request_of_two_lengths_smuggles_none(served: Served, headers: bytes) -> None:
    """RFC 9112 §6.3: what two readers would read differently is read by neither, and the connection ends."""
    answer = served.ask(b"POST /small HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n\r\n0\r\n\r\n" + HIDDEN)
    assert answer.startswith(b"HTTP/1.1 400"), answer[:100]
    assert ("GET", "/hidden") not in served.seen
