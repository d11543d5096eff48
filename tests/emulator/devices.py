"""What the tests with real packets share: whether they can run at all, a network of few endpoints, and a probe."""

import os
import select
import shutil
import socket
import struct
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
import pytest

from openleo.emulator.banks import NS, Banks, Feeder
from openleo.emulator.engine import EngineOptions, Ways, start
from openleo.emulator.namespaces import available, endpoints
from openleo.emulator.packets import checksum, pop_addresses
from openleo.emulator.table import Step

FOUND = available()
needs_devices = pytest.mark.skipif(not FOUND.ok, reason=str(FOUND))
TRIES = 3


def needs(*commands):
    missing = [command for command in commands if shutil.which(command) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def a_step(terminals=1, rtt_ms=20.0, rate_mbps=np.inf, served=True, outage_s=0.0, loss=0.0, up_share=0.5):
    delay_ns = np.empty((terminals, 2, 2), np.int64)
    delay_ns[:, 0], delay_ns[:, 1] = rtt_ms * up_share * 1e6, rtt_ms * (1 - up_share) * 1e6
    return Step(
        served=np.full(terminals, served),
        delay_ns=delay_ns,
        rate_mbps=np.full((terminals, 2), rate_mbps),
        loss=np.full((terminals, 2), loss),
        outage_s=np.full(terminals, outage_s),
        direct_ns=np.empty((0, 2), np.int64),
    )


@dataclass
class Network:
    endpoints: object
    engine: object
    feeder: object

    def wait_for(self, after_s):
        time.sleep(max(0, self.feeder.begins_ns + after_s * NS - time.monotonic_ns()) / NS)


@contextmanager
def network(steps, step_s=120.0, terminals=1, pops=1, vnet=False, queue_s=0.1, **options):
    """Every terminal at PoP 0; 5 ms of fibre between PoPs. The first step begins when all is set up."""
    fibre = tuple(tuple(0 if a == b else 5_000_000 for b in range(pops)) for a in range(pops))
    with endpoints(terminals, pops, vnet=vnet) as ends:
        banks = Banks.create(terminals)
        engine = start(ends, banks, Ways((0,) * terminals, fibre, (queue_s, queue_s)), EngineOptions(**options))
        while engine.alive and not engine.stats().beats:
            time.sleep(0.01)
        feeder = Feeder(banks, steps, time.monotonic_ns() + NS // 5, round(step_s * NS))
        feeder.start()
        try:
            made = Network(ends, engine, feeder)
            made.wait_for(0.05)
            yield made
        finally:
            engine.close()
            feeder.stop()
            banks.close()


def measured(measure):
    """A measure and its run's Stats; again only where the engine itself says that it was late."""
    for _ in range(TRIES):
        told, stats = measure()
        if not stats.invalid:
            break
    return told, stats


@dataclass
class Echoes:
    """sent_ns by sequence number (CLOCK_REALTIME), RTT in ms (NaN: lost), and the order in which they came back."""

    sent_ns: np.ndarray
    rtt_ms: np.ndarray
    order: list = field(default_factory=list)


def echoes(net, count, gap_s, terminal=0, pop=0, tail_s=0.5):
    """Ping a PoP from a terminal's namespace; the kernel says when each answer came (SO_TIMESTAMPNS)."""
    with net.endpoints.socket("terminal", terminal, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        raw.setblocking(False)
        poll = select.epoll()
        poll.register(raw, select.EPOLLIN)
        made = Echoes(np.zeros(count), np.full(count, np.nan))
        to, identifier = str(pop_addresses(pop)[0]), os.getpid() & 0xFFFF

        def collect(until):
            while True:
                with suppress(BlockingIOError):
                    while True:
                        data, ancillary, _, _ = raw.recvmsg(2048, 256)
                        if data[20] == 0 and data[24:26] == struct.pack("!H", identifier):
                            sequence = struct.unpack_from("!H", data, 26)[0]
                            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                            made.rtt_ms[sequence] = (seconds * NS + nanoseconds - made.sent_ns[sequence]) / 1e6
                            made.order.append(sequence)
                left = until - time.monotonic()
                if left <= 0:
                    return
                poll.poll(max(0.001, left))

        begin = time.monotonic()
        for n in range(count):
            collect(begin + n * gap_s)
            echo = struct.pack("!BBHHH", 8, 0, 0, identifier, n) + bytes(56)
            echo = echo[:2] + checksum(echo).to_bytes(2, "big") + echo[4:]
            made.sent_ns[n] = time.time_ns()
            raw.sendto(echo, (to, 0))
        collect(time.monotonic() + tail_s)
        poll.close()
    return made
