"""What receivers got, as a pcap file: the classic format with nanoseconds, raw IP packets (LINKTYPE_RAW).

The file is opened by the engine's parent and handed over, so that the engine itself opens nothing. Its times are the
machine's clock (CLOCK_REALTIME) at the moment a packet was handed to its receiver. A thread of its own writes, for a
disk may take its time and packets may not.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from queue import SimpleQueue

MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_RAW = 101  # IPv4 and IPv6, told apart by the version nibble
SNAP_LENGTH = 65_535
NS = 1_000_000_000
HELD_BYTES = 1 << 18  # before it is handed to the writer
WAITING_MAX = 256  # such pieces, 64 MB, that wait for a slow disk, before the capture is given up
END_S = 10.0  # for the last of them


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
    """Writes to a descriptor that is somebody else's. A full or slow disk ends the capture, never the run.

    `error`: the errno of what ended it; 0 while all is well. ENOBUFS: the disk was too slow.
    """

    def __init__(self, fd: int) -> None:
        self._fd, self._held, self.error = fd, bytearray(file_header()), 0
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="capture", daemon=True)
        self._writer.start()

    def add(self, packet: bytes, at_ns: int) -> None:
        self._held += record(packet, at_ns)
        if len(self._held) > HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what is held to the writer."""
        if self._waiting.qsize() >= WAITING_MAX:
            self.error = self.error or errno.ENOBUFS
        if self._held and not self.error:
            self._waiting.put(bytes(self._held))
        self._held.clear()

    def close(self) -> None:
        """Until all of it is written, or the disk has had its time."""
        self.flush()
        self._waiting.put(None)
        self._writer.join(END_S)
        if self._writer.is_alive():
            self.error = self.error or errno.ENOBUFS

    def _write(self) -> None:
        while (piece := self._waiting.get()) is not None:
            try:
                while piece and not self.error:
                    piece = piece[os.write(self._fd, piece) :]
            except OSError as error:
                self.error = error.errno or errno.EIO
