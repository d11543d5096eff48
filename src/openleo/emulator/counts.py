"""What the engine counted, in shared memory: how many packets, which were dropped and why, how late it was itself.

The engine writes it a few times a second; whoever holds the same memory reads Stats (totals) and Seconds (deliveries of
each terminal and direction, second by second). A reader may see a second that is still being counted.
"""

from __future__ import annotations

import errno
import mmap
import os
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Why a packet was dropped. no_step: its step was not written in time; write: the receiver's kernel refused it.
CAUSES = ("not_served", "no_step", "outage", "loss", "queue", "no_route", "write")
NOT_SERVED, NO_STEP, OUTAGE, LOSS, QUEUE, NO_ROUTE, WRITE = range(len(CAUSES))
# Upper edges of the lateness histogram's bins, each held by the bin below it; the last bin has none.
LATENESS_EDGES_NS = (50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 50_000_000)
LATE_NS = 5_000_000  # a packet released later than this was late
LATE_SHARE_MAX = 0.01  # and where more than this share was, the run's numbers are the machine's, not the network's
UNREAD_SHARE_MAX = 0.01  # the same of packets that a device dropped before the engine read them
DELIVERY = ("packets", "bytes", "drops", "delay_ns")  # delay_ns: summed over the packets
PACKETS, BYTES, DROPS, DELAY_NS = range(len(DELIVERY))
# seconds: how many were told, which is as far as a reader looks. capture_error: an errno, 0 while none.
HEAD = ("begins_ns", "beats", "late_max_ns", "cpu_ns", "missed_ns", "no_route", "seconds", "capture_error", "waited")
BEGINS_NS, BEATS, LATE_MAX_NS, CPU_NS, MISSED_NS, STRAYS, SECONDS, CAPTURE_ERROR, WAITED = range(len(HEAD))
BINS = len(LATENESS_EDGES_NS) + 1


@dataclass(frozen=True, eq=False)
class Stats:
    """Totals. Axes: packets, bytes (terminal, direction); drops (terminal, direction, cause); lateness (bin).

    missed_ns: for how long no step was there that should have been. beats: how often the engine wrote; 0: not yet.
    no_route: packets to nobody we know, from terminals and PoPs. unread (endpoint, terminals first): packets that their
    device's queue had no room for, since the engine did not read it soon enough. waited: packets that may have been in
    it for over 5 ms before they were read, for the engine had not looked for so long, or not read all that it saw.
    capture_error: why the capture ended before the run did, as an errno; 0 where it did not.
    """

    packets: NDArray[np.int64]
    bytes: NDArray[np.int64]
    drops: NDArray[np.int64]
    lateness: NDArray[np.int64]
    late_max_ns: int
    missed_ns: int
    cpu_ns: int
    beats: int
    no_route: int
    capture_error: int = 0
    waited: int = 0
    unread: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def dropped(self, cause: str) -> int:
        return int(self.drops[:, :, CAUSES.index(cause)].sum())

    @property
    def capture_failed(self) -> str:
        """Why packets are missing in the capture, in words; empty where none are."""
        if self.capture_error == errno.ENOBUFS:
            return "the disk was slower than the packets"
        return os.strerror(self.capture_error) if self.capture_error else ""

    @property
    def late_share(self) -> float:
        """Of the packets released: how many over 5 ms late."""
        late = self.lateness[LATENESS_EDGES_NS.index(LATE_NS) + 1 :].sum()
        return float(late / max(1, self.lateness.sum()))

    @property
    def unread_share(self) -> float:
        """Of the packets sent: how many the engine never saw. (Who goes to another terminal counts twice here.)"""
        unread = self.unread.sum()
        return float(unread / max(1, unread + self.packets.sum() + self.drops.sum()))

    @property
    def waited_share(self) -> float:
        """Of the packets read: how many may have waited over 5 ms before that."""
        return float(self.waited / max(1, self.packets.sum() + self.drops.sum()))

    @property
    def invalid(self) -> str:
        """Why this run's numbers are not the network's; empty where they are."""
        reasons = []
        if self.late_share > LATE_SHARE_MAX:
            reasons.append(
                f"{self.late_share:.1%} of the packets were released more than {LATE_NS // 1_000_000} ms late "
                f"(at most {LATE_SHARE_MAX:.0%}): this machine was too busy"
            )
        if self.waited_share > LATE_SHARE_MAX:
            reasons.append(
                f"{self.waited_share:.1%} of the packets may have waited more than {LATE_NS // 1_000_000} ms "
                f"before the engine read them (at most {LATE_SHARE_MAX:.0%}): "
                "more was sent at once than this machine can carry"
            )
        if self.unread_share > UNREAD_SHARE_MAX:
            reasons.append(
                f"{self.unread_share:.1%} of the packets were dropped before the engine could read them "
                f"(at most {UNREAD_SHARE_MAX:.0%}): more was sent than this machine can carry"
            )
        if self.missed_ns:
            reasons.append(f"for {self.missed_ns / 1e9:.3f} s no step was there to carry out: it was written too late")
        return "; ".join(reasons)


@dataclass(frozen=True, eq=False)
class Seconds:
    """Deliveries. Axes (second, terminal, direction) of each array, from begins_ns (CLOCK_MONOTONIC).

    delay_ms: the mean from entering the network to leaving it, NaN where nothing did.
    """

    begins_ns: int
    packets: NDArray[np.int64]
    bytes: NDArray[np.int64]
    drops: NDArray[np.int64]
    delay_ms: NDArray[np.float64]


class Counts:
    """The memory itself: `fileno` is handed to the engine's process, which writes the arrays."""

    def __init__(self, fd: int, terminals: int, seconds: int) -> None:
        self._fd = fd
        self._memory = mmap.mmap(fd, counts_bytes(terminals, seconds))
        all_words = np.frombuffer(self._memory, np.int64)
        shapes = [
            (len(HEAD),),
            (BINS,),
            (terminals, 2, len(CAUSES)),
            (terminals, 2, 2),
            (seconds, terminals, 2, len(DELIVERY)),
        ]
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        arrays = [all_words[a:b].reshape(shape) for a, b, shape in zip(ends[:-1], ends[1:], shapes, strict=True)]
        self.head, self.lateness, self.drops, self.passed, self.by_second = arrays

    @classmethod
    def create(cls, terminals: int, seconds: int) -> Counts:
        fd = os.memfd_create("openleo-counts", os.MFD_CLOEXEC)
        os.ftruncate(fd, counts_bytes(terminals, seconds))  # pages come into being when they are written
        return cls(fd, terminals, seconds)

    def fileno(self) -> int:
        return self._fd

    def stats(self) -> Stats:
        return Stats(
            packets=self.passed[:, :, PACKETS].copy(),
            bytes=self.passed[:, :, BYTES].copy(),
            drops=self.drops.copy(),
            lateness=self.lateness.copy(),
            late_max_ns=int(self.head[LATE_MAX_NS]),
            missed_ns=int(self.head[MISSED_NS]),
            cpu_ns=int(self.head[CPU_NS]),
            beats=int(self.head[BEATS]),
            no_route=int(self.head[STRAYS]),
            capture_error=int(self.head[CAPTURE_ERROR]),
            waited=int(self.head[WAITED]),
        )

    def seconds(self) -> Seconds:
        """From the first second to the last in which anything was delivered or dropped.

        Looks at no more than was told: to read the rest would bring its pages into being.
        """
        rows = self.by_second[: int(self.head[SECONDS])].copy()
        packets = rows[..., PACKETS]
        with np.errstate(invalid="ignore"):
            delay_ms = np.where(packets > 0, rows[..., DELAY_NS] / np.maximum(packets, 1) / 1e6, np.nan)
        return Seconds(int(self.head[BEGINS_NS]), packets, rows[..., BYTES], rows[..., DROPS], delay_ms)

    def close(self) -> None:
        """Give the memory back. What `stats` and `seconds` gave stays."""
        del self.head, self.lateness, self.drops, self.passed, self.by_second
        self._memory.close()
        os.close(self._fd)


def counts_bytes(terminals: int, seconds: int) -> int:
    """What all of it takes, were it written whole."""
    by_line = 2 * (len(CAUSES) + 2) + 2 * len(DELIVERY) * seconds
    return 8 * (len(HEAD) + BINS + terminals * by_line)
