"""A capture that others read."""

import errno
import os
import shutil
import struct
import subprocess
import time

import pytest

from openleo.emulator import capture as capture_module
from openleo.emulator.capture import MAGIC_NANOSECONDS, SNAP_LENGTH, Capture

PACKETS = [bytes([0x45, *bytes(27)]), bytes([0x60, *bytes(60)])]
AT_NS = 1_700_000_000_123_456_789


def read(path):
    """(time, original length, bytes) of every packet, by the format's description."""
    data = path.read_bytes()
    magic, major, minor, _, _, snap, link = struct.unpack_from("=IHHiIII", data)
    assert (magic, major, minor, snap, link) == (MAGIC_NANOSECONDS, 2, 4, SNAP_LENGTH, 101)
    at, rows = 24, []
    while at < len(data):
        seconds, nanoseconds, kept, length = struct.unpack_from("=IIII", data, at)
        rows.append((seconds * 10**9 + nanoseconds, length, data[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return rows


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "out.pcap"
    fd = os.open(made, os.O_CREAT | os.O_WRONLY)
    capture = Capture(fd)
    for n, packet in enumerate(PACKETS):
        capture.add(packet, AT_NS + n)
    capture.close()
    os.close(fd)
    return made


def test_packets_round_trip_to_the_nanosecond(path):
    assert read(path) == [(AT_NS + n, len(packet), packet) for n, packet in enumerate(PACKETS)]


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_tcpdump_reads_it(path):
    told = subprocess.run(["tcpdump", "-r", str(path), "-n"], capture_output=True, text=True, check=True)
    assert len(told.stdout.splitlines()) == 2


def test_much_is_written_whole(tmp_path):
    path = tmp_path / "much.pcap"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    capture = Capture(fd)
    for n in range(500):
        capture.add(bytes(1500), n)
    capture.close()
    os.close(fd)
    assert [row[0] for row in read(path)] == list(range(500))


def test_a_full_disk_ends_the_capture_and_nothing_else():
    fd = os.open("/dev/full", os.O_WRONLY)
    capture = Capture(fd)
    capture.add(bytes(100), 0)
    capture.close()
    os.close(fd)
    assert capture.error == errno.ENOSPC


def test_a_disk_that_stands_still_holds_nobody_up(monkeypatch):
    """A pipe that nobody reads: packets go on, memory stays bounded, and the capture is given up with a reason."""
    monkeypatch.setattr(capture_module, "END_S", 0.1)
    monkeypatch.setattr(capture_module, "WAITING_MAX", 2)
    reader, fd = os.pipe()
    capture = Capture(fd)
    began = time.monotonic()
    for n in range(2000):
        capture.add(bytes(1500), n)
    capture.close()
    assert time.monotonic() - began < 1.0
    assert capture.error == errno.ENOBUFS
    os.close(reader)  # which ends the writer, by EPIPE
    capture._writer.join(5.0)
    os.close(fd)
