"""Echoes against the kernel's own answers, and packets that are none."""

from __future__ import annotations

import socket
import struct
import time

import numpy as np
import pytest

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
    prober = Prober(raw, ["127.0.0.1", "255.255.255.255"], time.monotonic_ns())  # to everybody: refused
    prober.start()
    time.sleep(0.6)
    found = prober.stop()
    mine = found.terminal == 0
    assert 4 <= mine.sum() <= 9
    assert abs(int(mine.sum()) - int((~mine).sum())) <= 1
    assert (found.rtt_ms[mine] < 50.0).all()
    assert (found.rtt_ms[mine] > 0.0).all()
    assert np.isnan(found.rtt_ms[~mine]).all()
    assert (np.diff(found.sent_s) > 0.0).all()
    assert found.sent_s[0] < 0.2


def test_the_kernels_stamp_is_taken_not_ours() -> None:
    from openleo.emulator.prober import SO_TIMESTAMPNS, _stamped_ns

    assert _stamped_ns([(socket.SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("qq", 5, 7))]) == 5_000_000_007
