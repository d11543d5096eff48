"""Echoes against the kernel's own answers, and packets that are none."""

from __future__ import annotations

import socket
import struct
import time

import numpy as np
import pytest

from openleo.emulator.echoes import ITS_POP, Course
from openleo.emulator.packets import checksum
from openleo.emulator.prober import COOKIE, Prober, answered, echo

RUN = b"run-0001"


def packet(content: bytes, kind: int = 0) -> bytes:
    return bytes([0x45]) + bytes(19) + bytes([kind]) + content[1:]


def test_an_echo_sums_to_nothing_as_rfc_1071_has_it() -> None:
    assert checksum(echo(7, 65_535, b"odd")) == 0


def test_only_answers_to_this_run_count() -> None:
    mine = echo(7, 9, COOKIE.pack(RUN, 3, 70_000))
    assert answered(packet(mine), RUN) == (3, 70_000)  # the number is ours: a sequence has 16 bits
    assert answered(packet(mine), b"run-0002") is None
    assert answered(packet(mine, kind=8), RUN) is None  # the request itself, as on loopback
    assert answered(packet(mine)[:40], RUN) is None
    assert answered(b"", RUN) is None


def test_echoes_to_loopback_against_its_kernel() -> None:
    try:
        raw = [socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) for _ in range(2)]
    except PermissionError:
        pytest.skip("raw sockets are root's here")
    everybody = "255.255.255.255"  # which is refused
    asked = [Course(0, ITS_POP, "127.0.0.1"), Course(3, ITS_POP, everybody), Course(0, 3, "127.0.0.2")]
    prober = Prober({0: raw[0], 3: raw[1]}, asked, time.monotonic_ns())
    prober.start()
    time.sleep(0.6)
    found = prober.stop()
    pop, lost, other = found.of(0), found.of(3), found.of(0, 3)
    assert 4 <= len(pop.sent_s) <= 9
    assert len(pop.sent_s) - len(lost.sent_s) in (0, 1)
    assert len(pop.sent_s) - len(other.sent_s) in (0, 1)
    for one in (pop, other):
        assert (one.rtt_ms < 50.0).all()
        assert (one.rtt_ms > 0.0).all()
    assert np.isnan(lost.rtt_ms).all()
    assert found.between == [(0, 3)]
    assert (np.diff(found.sent_s) > 0.0).all()
    assert found.sent_s[0] < 0.2


def test_the_kernels_stamp_is_taken_not_ours() -> None:
    from openleo.emulator.prober import SO_TIMESTAMPNS, _stamped_ns

    assert _stamped_ns([(socket.SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("qq", 5, 7))]) == 5_000_000_007
