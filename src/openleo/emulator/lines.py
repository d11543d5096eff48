"""When a packet leaves: a shaper's rate and queue, a delay that changes, lines that keep their order.

Pure arithmetic on nanoseconds; the clock is an argument. A shaper says when a packet departs, a line when it arrives;
`Lines` holds what is under way and gives it back in time. Nothing here knows whose packets they are.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush, heapreplace
from typing import Generic, TypeVar

FULL = -1  # instead of a time: the queue takes no more

T = TypeVar("T")


def departure_ns(now_ns: int, busy_ns: int, size: int, byte_ns: float, queue_ns: int) -> int:
    """When the last bit of a packet is out, behind those before it (`busy_ns` says when their last is); or FULL.

    Drop-tail by time: who would wait longer than `queue_ns` to begin is not taken.

    >>> departure_ns(now_ns=0, busy_ns=0, size=1500, byte_ns=80.0, queue_ns=0)   # 100 Mbit/s: 120 µs
    120000
    >>> departure_ns(now_ns=0, busy_ns=120_000, size=1500, byte_ns=80.0, queue_ns=120_000)
    240000
    >>> departure_ns(now_ns=0, busy_ns=120_000, size=1500, byte_ns=80.0, queue_ns=119_999)
    -1
    """
    begins = busy_ns if busy_ns > now_ns else now_ns
    if begins - now_ns > queue_ns:
        return FULL
    return begins + round(size * byte_ns) if byte_ns else begins


def delay_ns(at_ns: int, begins_ns: int, ends_ns: int, first_ns: int, last_ns: int) -> int:
    """One way at an instant: a straight line over a step, level outside it.

    >>> [delay_ns(at, 0, 1000, 20, 10) for at in (-5, 0, 500, 1000, 2000)]
    [20, 20, 15, 10, 10]
    """
    if at_ns <= begins_ns or first_ns == last_ns:
        return first_ns
    if at_ns >= ends_ns:
        return last_ns
    return first_ns + (last_ns - first_ns) * (at_ns - begins_ns) // (ends_ns - begins_ns)


class Lines(Generic[T]):
    """Packets under way on numbered lines: a queue for each, and a heap of the queues by their first packet's time.

    A line never lets a packet overtake: it is released with the one before it where the delay has fallen meanwhile. A
    sorted queue (netem's, by time to send) reorders here, which a radio link with one queue does not.
    """

    def __init__(self, count: int) -> None:
        self._queues: list[deque[tuple[int, T]]] = [deque() for _ in range(count)]
        self._last_ns = [0] * count
        self._heap: list[tuple[int, int]] = []

    def push(self, line: int, release_ns: int, packet: T) -> int:
        """Put a packet on its way; gives when it comes out."""
        if release_ns < self._last_ns[line]:
            release_ns = self._last_ns[line]
        else:
            self._last_ns[line] = release_ns
        queue = self._queues[line]
        queue.append((release_ns, packet))
        if len(queue) == 1:
            heappush(self._heap, (release_ns, line))
        return release_ns

    @property
    def next_ns(self) -> int | None:
        """When the next packet comes out; None where nothing is under way."""
        return self._heap[0][0] if self._heap else None

    def pop(self, now_ns: int) -> tuple[int, T] | None:
        """When the next packet should come out, and the packet; None where its time has not come."""
        heap = self._heap
        if not heap or heap[0][0] > now_ns:
            return None
        line = heap[0][1]
        queue = self._queues[line]
        released = queue.popleft()
        if queue:
            heapreplace(heap, (queue[0][0], line))
        else:
            heappop(heap)
        return released
