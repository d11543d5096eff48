"""The engine's own process: `python -m openleo.emulator.engine_process`, its orders as one line of JSON on stdin.

Waits for packets and for the next release (epoll and timerfd: microseconds, where epoll's own timeout knows
milliseconds), reads what senders wrote to their TUN devices, writes what is due to its receiver's, and counts. One
process and one thread: two readers of a device would reorder. It imports numpy and the standard library alone, and
starts in a fraction of a second.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from openleo.emulator.banks import Banks
from openleo.emulator.capture import Capture
from openleo.emulator.carrier import NONE, Carrier, Tally
from openleo.emulator.counts import (
    BEATS,
    BEGINS_NS,
    CAPTURE_ERROR,
    CPU_NS,
    LATE_MAX_NS,
    LATE_NS,
    MISSED_NS,
    SECONDS,
    STRAYS,
    WAITED,
    WRITE,
    Counts,
)
from openleo.emulator.nat import Nat
from openleo.emulator.packets import VERSION_4, destination, endpoints_by_address, is_multicast, public_address

NS = 1_000_000_000
BEAT_NS = NS // 10  # counts are written this often; the step to come is looked for as often
AHEAD_NS = NS // 4
BATCH = 16  # packets from one device before the next one's turn, and before what is due is looked at again
SUPER_PACKET_HEADER = 10  # struct virtio_net_hdr
SUPER_PACKET = 65_536 + SUPER_PACKET_HEADER
STDIN = 0
BUSY_SHARE = 0.7  # of a core
SLEPT_NS = 20_000  # a look at the devices that took longer than this found none ready at first
PR_SET_PDEATHSIG, PR_SET_TIMERSLACK = 1, 29
TFD_NONBLOCK, TFD_TIMER_ABSTIME = 0o4000, 1

_libc = ctypes.CDLL(None, use_errno=True)


class Timer:
    """A timerfd, of which Python itself knows from 3.13 on."""

    def __init__(self) -> None:
        self.fd = int(_libc.timerfd_create(time.CLOCK_MONOTONIC, TFD_NONBLOCK))
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._value = (ctypes.c_long * 4)()  # struct itimerspec: interval, then value, each seconds and nanoseconds
        self._armed_ns = 0

    def arm(self, at_ns: int) -> None:
        if at_ns != self._armed_ns:
            self._armed_ns = at_ns
            self._value[2], self._value[3] = divmod(at_ns, NS)
            _libc.timerfd_settime(self.fd, TFD_TIMER_ABSTIME, self._value, None)


class PacketLoop:
    """One run's devices, and the carrier between them."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self._files: list[int] = [*orders["terminals"], *orders["pops"]]
        self._terminals = len(orders["terminals"])
        self._number = {fd: number for number, fd in enumerate(self._files)}
        self._address = endpoints_by_address(self._terminals, len(orders["pops"]))
        self._skip = SUPER_PACKET_HEADER if orders["vnet"] else 0
        self._read_bytes = SUPER_PACKET if orders["vnet"] else orders["mtu"]
        banks = Banks(orders["banks"], self._terminals, len(orders["pairs"]))
        chance = random.Random(orders["seed"]).random  # noqa: S311 - which packets are lost, the same each time
        self._anchor: list[int] = orders["anchor"]
        self.carrier = Carrier(
            banks, self._anchor, orders["backbone_ns"], orders["queue_ns"], orders["pairs"], chance,
            orders["outage_loss"],
        )  # fmt: skip
        self._nats = [Nat(public_address(j)) for j in range(len(orders["pops"]))] if orders["nat"] else []
        self._nat_of = {public_address(j).packed: nat for j, nat in enumerate(self._nats)}
        self._real_ns = time.time_ns() - time.monotonic_ns()
        self._counts = Counts(orders["counts"], self._terminals, orders["seconds"])
        self._urgency = Urgency()
        self._left_since_ns: dict[int, int] = {}  # of devices that had more than a batch
        # After it, so that its thread is as urgent: it holds the interpreter for microseconds, and must not be made to
        # wait with it in hand.
        self._capture = Capture(orders["capture"]) if orders["capture"] is not None else None
        self._begins_ns = time.monotonic_ns()
        if orders["second_ns"] is not None:
            self._begins_ns -= (self._begins_ns - orders["second_ns"]) % NS
        self._beat_ns = self._begins_ns
        self._counts.head[BEGINS_NS] = self._begins_ns

    def run(self) -> None:
        """Until stdin ends, which is how we are asked to."""
        timer, poll = Timer(), select.epoll()
        for fd in (*self._files, STDIN):
            poll.register(fd, select.EPOLLIN)
        poll.register(timer.fd, select.EPOLLIN | select.EPOLLET)  # told once, so that nobody need read it
        lines, now_ns, numbers = self.carrier.lines, time.monotonic_ns, self._number
        looked_ns = now_ns()
        while True:
            next_ns, asked_ns = lines.next_ns, now_ns()
            if next_ns is None:
                ready = poll.poll(BEAT_NS / NS)
            elif next_ns <= asked_ns:
                ready = poll.poll(0)
            else:
                timer.arm(next_ns)
                ready = poll.poll(BEAT_NS / NS)
            # What is there to read came after the look before this one, or ended our sleep by coming.
            before_ns, looked_ns = looked_ns, now_ns()
            since_ns = looked_ns if looked_ns - asked_ns > SLEPT_NS else before_ns
            for fd, _ in ready:
                if fd in numbers:
                    self._note_waited(fd, self._receive(numbers[fd], fd), since_ns)
                    self._release()
                elif fd == STDIN:
                    self._beat()
                    return
            self._release()
            if now_ns() >= self._beat_ns:
                self._beat()

    def _note_waited(self, fd: int, packets: int, since_ns: int) -> None:
        """Packets that were read, of which none had been there before an instant; what a batch leaves is as old."""
        since_ns = self._left_since_ns.pop(fd, since_ns)
        if packets == BATCH:
            self._left_since_ns[fd] = since_ns
        if time.monotonic_ns() - since_ns > LATE_NS:
            self.carrier.tally.waited += packets

    def _receive(self, sender: int, fd: int) -> int:
        """What a sender wrote to its device, as much as a batch; gives how many packets that was."""
        skip, accept, addresses, now_ns = self._skip, self.carrier.accept, self._address, time.monotonic_ns
        nats, read, most = self._nats, os.read, self._read_bytes
        for number in range(BATCH):
            try:
                packet = read(fd, most)
                version = packet[skip] >> 4
            except OSError:  # nothing more (EAGAIN), or a device that is going away
                return number
            except IndexError:  # nothing in it
                continue
            # As `destination`, whose call every packet would pay for.
            to = packet[skip + 16 : skip + 20] if version == VERSION_4 else destination(packet, skip)
            receiver = addresses.get(to)
            if nats:
                receiver, packet = self._translate(sender, receiver, packet, to)
            if receiver is not None and receiver != sender:
                accept(sender, receiver, packet, len(packet) - skip, now_ns())
            elif not is_multicast(to):
                self.carrier.tally.no_route += 1
        return BATCH

    def _translate(self, sender: int, receiver: int | None, packet: bytes, to: bytes) -> tuple[int | None, bytes]:
        """Behind the anchor's NAT: what leaves for a PoP gets the public address, what returns its terminal's."""
        if len(to) != 4:  # IPv6 needs none
            return receiver, packet
        if sender < self._terminals:
            if receiver is not None and receiver < self._terminals:
                return receiver, packet  # within the operator's network
            if receiver is None:
                return None, packet
            outward = self._nats[self._anchor[sender]].outward(packet, time.monotonic_ns())
            return (receiver, outward) if outward is not None else (None, packet)
        if receiver is not None and receiver < self._terminals:
            return None, packet  # nobody outside knows a terminal's own address
        if (nat := self._nat_of.get(to)) is not None:
            inward = nat.inward(packet, time.monotonic_ns())
            return (None, packet) if inward is None else (self._address.get(destination(inward)), inward)
        return receiver, packet

    def _release(self) -> None:
        """What is due goes to its receiver."""
        due, files, now_ns, capture, write = self.carrier.due, self._files, time.monotonic_ns, self._capture, os.write
        while (one := due(now_ns())) is not None:
            receiver, packet, _, shaper = one
            try:
                write(files[receiver], packet)
            except OSError:
                self._refused(shaper)
                continue
            if capture is not None:
                capture.add(packet[self._skip :], now_ns() + self._real_ns)

    def _refused(self, shaper: int) -> None:
        if shaper == NONE:
            self.carrier.tally.no_route += 1
        else:
            self.carrier.tally.drop(shaper, WRITE)

    def _beat(self) -> None:
        """Tell what was counted, and look for the step to come."""
        now = time.monotonic_ns()
        # A beat on a whole second tells of the tenth before it.
        tell(self.carrier.tally, self._counts, max(0, self._beat_ns - 1 - self._begins_ns) // NS)
        self.carrier.tally = Tally()
        self.carrier.look_ahead(now, AHEAD_NS)
        self._urgency.look()
        # Beats stand on tenths of a second, so that what is counted belongs to one second.
        self._beat_ns = now - (now - self._begins_ns) % BEAT_NS + BEAT_NS
        if self._capture is not None:
            self._capture.flush()
            self._counts.head[CAPTURE_ERROR] = self._capture.error

    def close(self) -> None:
        """What was captured is on the disk, or it is told why not."""
        if self._capture is not None:
            self._capture.close()
            self._counts.head[CAPTURE_ERROR] = self._capture.error


def tell(tally: Tally, counts: Counts, second: int) -> None:
    """Add what was counted to the totals, and to its second."""
    told = second < len(counts.by_second)
    for shaper, row in tally.passed.items():
        counts.passed[shaper // 2, shaper % 2] += row[:2]
        if told:
            counts.by_second[second, shaper // 2, shaper % 2] += row
    for (shaper, cause), dropped in tally.drops.items():
        counts.drops[shaper // 2, shaper % 2, cause] += dropped
        if told:
            counts.by_second[second, shaper // 2, shaper % 2, 2] += dropped
    if told and (tally.passed or tally.drops):
        counts.head[SECONDS] = second + 1
    counts.lateness += tally.lateness
    counts.head[LATE_MAX_NS] = max(int(counts.head[LATE_MAX_NS]), tally.late_max_ns)
    counts.head[MISSED_NS] += tally.missed_ns
    counts.head[WAITED] += tally.waited
    counts.head[STRAYS] += tally.no_route
    counts.head[CPU_NS] = time.process_time_ns()
    counts.head[BEATS] += 1


class Urgency:
    """Comes before other work, where it may: real-time while it uses little of a core, as others when it uses much.

    Measured at five times as many busy processes as cores: the 99th percentile of 20 ms is 20.6 ms in real time and 25
    to 120 ms without, with any niceness (which counts within a session's group alone). But real time through a flood
    starves the very senders, so it is given up while packets take most of a core. Who may not is late more often, and
    its counts say so.
    """

    def __init__(self) -> None:
        self._real_time, self._told = False, (time.monotonic_ns(), time.process_time_ns())
        self._set(True)

    def look(self) -> None:
        """By how much of the time since the last look was spent computing."""
        before, self._told = self._told, (time.monotonic_ns(), time.process_time_ns())
        wall, cpu = (now - then for now, then in zip(self._told, before, strict=True))
        self._set(cpu < BUSY_SHARE * wall)

    def _set(self, real_time: bool) -> None:
        if real_time != self._real_time:
            self._real_time = real_time
            with suppress(PermissionError):
                policy, priority = (os.SCHED_FIFO, 1) if real_time else (os.SCHED_OTHER, 0)
                os.sched_setscheduler(0, policy, os.sched_param(priority))


def main() -> int:
    """Run until our parent closes our stdin, or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us, who then stops us
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)  # by default a wake-up may come 50 µs late
    orders = json.loads(sys.stdin.buffer.readline())
    if os.getppid() != orders["parent"]:
        return 1
    packets = PacketLoop(orders)
    gc.collect()
    gc.freeze()
    gc.disable()  # nothing here makes cycles, and a collection is a millisecond's pause
    packets.run()
    packets.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
