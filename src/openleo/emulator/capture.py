"""What receivers got, as a pcap file: the classic format with nanoseconds, raw IP packets (LINKTYPE_RAW).

The file is opened by the engine's parent and handed over, so that the engine itself opens nothing. Its times are the
machine's clock (CLOCK_REALTIME) at the moment a packet was handed to its receiver.
"""

from __future__ import annotations

import os
import struct

MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_RAW = 101  # IPv4 and IPv6, told apart by the version nibble
SNAP_LENGTH = 65_535
NS = 1_000_000_000
HELD_BYTES = 1 << 16  # before it is written


def file_header() -> bytes:
    """Version 2.4, our own byte order, which the magic number tells.

    >>> len(file_header())
    24
    """
    return struct.pack("=IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, SNAP_LENGTH, LINKTYPE_RAW)


def record(packet: bytes, at_ns: int) -> bytes:
    """One packet, cut at the snap length, whose original length is told."""
    kept = packet[:SNAP_LENGTH]
    seconds, nanoseconds = divmod(at_ns, NS)
    return struct.pack("=IIII", seconds, nanoseconds, len(kept), len(packet)) + kept


class Capture:
    """Writes to a descriptor that is somebody else's. A full disk ends the capture, never the run."""

    def __init__(self, fd: int) -> None:
        self._fd, self._held, self.failed = fd, bytearray(file_header()), False
        self.flush()

    def add(self, packet: bytes, at_ns: int) -> None:
        self._held += record(packet, at_ns)
        if len(self._held) > HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        try:
            while self._held and not self.failed:
                del self._held[: os.write(self._fd, self._held)]
        except OSError:
            self.failed = True
        self._held.clear()
