"""Round trips as a program in a run would see them: an echo ten times a second on each course (`echoes`).

The kernel stamps each answer when it arrives in the terminal's namespace, so that neither the engine nor this thread's
own lateness is measured. Sockets are made elsewhere, within their namespaces, and handed in.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.emulator.echoes import ITS_POP, Course
from openleo.emulator.packets import checksum

RATE_HZ = 10.0
MOST_A_SECOND = 500.0  # echoes of all courses together
LAST_WAIT_S = 1.0  # for the answers to the last echoes
ECHO_REQUEST, ECHO_REPLY = 8, 0
SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
COOKIE = struct.Struct("!8sIQ")  # of this run, the course, the echo's number
TIMESPEC = struct.Struct("qq")


@dataclass(frozen=True, eq=False)
class Probes:
    """Echoes in the order in which they were sent, axes (echo,).

    sent_s: after the run's start. rtt_ms: NaN: no answer came. towards: the terminal that was asked, or ITS_POP.
    """

    terminal: NDArray[np.intp]
    sent_s: NDArray[np.float64]
    rtt_ms: NDArray[np.float64]
    towards: NDArray[np.intp]

    def of(self, terminal: int, towards: int = ITS_POP) -> Probes:
        """Those of one course."""
        return self.where((self.terminal == terminal) & (self.towards == towards))

    def where(self, flags: NDArray[np.bool_]) -> Probes:
        """Some of them."""
        return Probes(self.terminal[flags], self.sent_s[flags], self.rtt_ms[flags], self.towards[flags])

    @property
    def between(self) -> list[tuple[int, int]]:
        """The pairs of terminals of which one asked the other."""
        both = zip(self.terminal.tolist(), self.towards.tolist(), strict=True)
        return sorted({(terminal, towards) for terminal, towards in both if towards != ITS_POP})


def echo(identifier: int, sequence: int, payload: bytes) -> bytes:
    """An ICMP echo request (RFC 792)."""
    bare = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, sequence) + payload
    return bare[:2] + struct.pack("!H", checksum(bare)) + bare[4:]


def answered(packet: bytes, run: bytes) -> tuple[int, int] | None:
    """(course, number) of the echo that an IPv4 packet answers; None for what is no answer to this run."""
    if len(packet) < 20:
        return None
    icmp = packet[(packet[0] & 15) * 4 :]
    if len(icmp) < 8 + COOKIE.size or icmp[0] != ECHO_REPLY:
        return None
    of_run, course, number = COOKIE.unpack_from(icmp, 8)
    return (course, number) if of_run == run else None


class Prober:
    """A thread that sends and receives until it is stopped.

    `sockets`: by terminal, a raw ICMP socket in its namespace. `begins_ns`: the run's start by CLOCK_MONOTONIC.
    """

    def __init__(self, sockets: Mapping[int, socket.socket], courses: Sequence[Course], begins_ns: int):
        self._sockets, self._courses, self._begins_ns = dict(sockets), list(courses), begins_ns
        self._run = os.urandom(8)
        self._sent: list[tuple[int, int, int]] = []  # course, sent by CLOCK_REALTIME, received (0: not)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prober", daemon=True)
        for one in self._sockets.values():
            one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            one.setblocking(False)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> Probes:
        """Waits for the last answers, and gives all that was measured."""
        self._stopping.set()
        self._thread.join()
        for one in self._sockets.values():
            one.close()
        real_begins_ns = time.time_ns() - time.monotonic_ns() + self._begins_ns
        rows = np.array(self._sent, np.int64).reshape(-1, 3)
        trips = np.where(rows[:, 2] > 0, (rows[:, 2] - rows[:, 1]) / 1e6, np.nan)
        ends = np.array([(one.terminal, one.towards) for one in self._courses], np.intp).reshape(-1, 2)[rows[:, 0]]
        return Probes(ends[:, 0], (rows[:, 1] - real_begins_ns) / 1e9, trips, ends[:, 1])

    def _work(self) -> None:
        poll = select.poll()
        by_fd = {one.fileno(): one for one in self._sockets.values()}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        count = len(self._courses)
        if count == 0:
            return
        gap_ns = int(1e9 / min(RATE_HZ * count, MOST_A_SECOND))
        due_ns, turn = max(self._begins_ns, time.monotonic_ns()), 0
        while not self._stopping.is_set():
            self._receive(poll, by_fd, due_ns)
            if time.monotonic_ns() >= due_ns and not self._stopping.is_set():
                self._send(turn % count, len(self._sent))
                turn, due_ns = turn + 1, due_ns + gap_ns
        ends_ns = time.monotonic_ns() + int(LAST_WAIT_S * 1e9)
        while time.monotonic_ns() < ends_ns and any(received == 0 for _, _, received in self._sent[-50 * count :]):
            self._receive(poll, by_fd, min(ends_ns, time.monotonic_ns() + 50_000_000))

    def _send(self, course: int, number: int) -> None:
        packet = echo(os.getpid() & 0xFFFF, number & 0xFFFF, COOKIE.pack(self._run, course, number) + bytes(36))
        sent_ns = time.time_ns()
        self._sent.append((course, sent_ns, 0))
        goes = self._courses[course]
        try:
            self._sockets[goes.terminal].sendto(packet, (goes.address, 0))
        except OSError:  # a full queue or no route: the echo is lost, as any program's would be
            return

    def _receive(self, poll: select.poll, by_fd: dict[int, socket.socket], until_ns: int) -> None:
        """Answers that have come, waiting for them until an instant."""
        wait_ms = max(0.0, (until_ns - time.monotonic_ns()) / 1e6)
        for fd, _ in poll.poll(min(wait_ms, 100.0)):
            while True:
                try:
                    packet, notes, _, _ = by_fd[fd].recvmsg(2048, 256)
                except OSError:  # nothing left; or an error that an ICMP message told, which is no answer
                    break
                if (found := answered(packet, self._run)) is not None:
                    self._note(*found, _stamped_ns(notes))

    def _note(self, course: int, number: int, received_ns: int) -> None:
        if number < len(self._sent) and self._sent[number][0] == course and self._sent[number][2] == 0:
            self._sent[number] = (course, self._sent[number][1], received_ns)


def _stamped_ns(notes: Sequence[tuple[int, int, bytes]]) -> int:
    """When the kernel received a packet, by CLOCK_REALTIME."""
    for level, kind, content in notes:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(content) >= TIMESPEC.size:
            seconds, nanoseconds = TIMESPEC.unpack_from(content)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()
