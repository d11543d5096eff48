"""What a connection may take of us before, and while, it asks: time, bytes, and how many there are.

    accepted ─► counted ─► its head, within seconds and bytes ─► its body, piece by piece ─► the answer, taken

uvicorn waits for a head as long as it likes to come, keeps what came of it, takes any number of connections, and keeps
an answer until it is taken. Here whoever sends a letter a second, never ends a header, or takes nothing of an answer is
let go.
"""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from openleo.controller.rate_limits import neighbourhood
from openleo.controller.tls_peer import PeerCertificates

HEAD_WITHIN_S = 10.0  # from the first byte, or from being accepted, to the end of the headers
PIECE_WITHIN_S = 20.0  # from one piece of a body, or of its trailers, to the next
TAKEN_WITHIN_S = 30.0  # some of an answer that waits for its reader; the system's own buffers are filled by then
HEAD_BYTES = 32_768  # of request line and headers; browsers and proxies stay under 16 KB
PER_ADDRESS = 4  # no address has more than the fourth part of all connections
MANY = "HTTP/1.1 503 Service Unavailable"
LARGE = "HTTP/1.1 431 Request Header Fields Too Large"


@dataclass
class Bounds:
    """Of one server. `message_bytes`: of a whole request, as it comes."""

    connections: int
    message_bytes: int
    head_within_s: float = HEAD_WITHIN_S
    piece_within_s: float = PIECE_WITHIN_S
    head_bytes: int = HEAD_BYTES
    taken_within_s: float = TAKEN_WITHIN_S
    there: Counter[str] = field(default_factory=Counter)  # connections by address

    def takes(self, address: str) -> bool:
        """Whether one more may come. What runs on this machine is a proxy, and has as many as there are."""
        if self.there.total() >= self.connections:
            return False
        return _is_near(address) or self.there[address] < max(1, self.connections // PER_ADDRESS)


def protocol(bounds: Bounds) -> type[PeerCertificates]:
    """For uvicorn's `http`."""

    class Bounded(_Bounded):
        def __init__(self, *given: Any, **named: Any):
            super().__init__(*given, **named)
            self.bounds = bounds

    return Bounded


class _Bounded(PeerCertificates):
    bounds: Bounds
    _address = ""  # counted under it; "": not counted
    _in_head = True
    _bytes = 0  # of this message
    _head_timer: TimerHandle | None = None
    _piece_timer: TimerHandle | None = None
    _taken_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = neighbourhood(self.client[0]) if self.client else "local"
        if not self.bounds.takes(address):
            self._refuse(MANY)
            return
        self.bounds.there[address] += 1
        self._address = address
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        self._end_piece()
        self._end_taken()
        if self._address:
            self.bounds.there[self._address] -= 1
            self.bounds.there += Counter()  # forgets who has none
            self._address = ""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Timers are set for what did not come at once: a request in one piece, as leases are, needs none."""
        if self.transport.is_closing():
            return
        self._end_piece()
        self._bytes += len(data)
        super().data_received(data)
        if self._in_head and self._bytes > self.bounds.head_bytes:
            self._refuse(LARGE)
        elif self._bytes > self.bounds.message_bytes:
            self.transport.abort()
        elif not self._in_head:
            self._begin_piece()
        elif self._bytes:
            self._begin_head()

    def on_headers_complete(self) -> None:
        self._end_head()
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._bytes = True, 0
        super().on_message_complete()

    def _begin_piece(self) -> None:
        self._piece_timer = self.loop.call_later(self.bounds.piece_within_s, self._look_piece)

    def _look_piece(self) -> None:
        if self.flow.read_paused:  # it waits for us
            self._begin_piece()
        else:
            self.transport.abort()

    def _end_piece(self) -> None:
        if self._piece_timer is not None:
            self._piece_timer.cancel()
            self._piece_timer = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._begin_taken()

    def resume_writing(self) -> None:
        self._end_taken()
        super().resume_writing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():  # once its last answer was taken: which may be never
            self._begin_taken()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._begin_taken()

    def _begin_taken(self) -> None:
        self._end_taken()
        left = self.transport.get_write_buffer_size()
        if left:
            self._taken_timer = self.loop.call_later(self.bounds.taken_within_s, self._look_taken, left)

    def _look_taken(self, left: int) -> None:
        if self.transport.get_write_buffer_size() < left:
            self._begin_taken()
        else:
            self.transport.abort()

    def _end_taken(self) -> None:
        if self._taken_timer is not None:
            self._taken_timer.cancel()
            self._taken_timer = None

    def _begin_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.bounds.head_within_s, self.transport.abort)

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, line: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(f"{line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
            self.transport.close()


def _is_near(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return True  # a socket of this machine
