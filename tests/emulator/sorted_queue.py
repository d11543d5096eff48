"""What we do not do: packets under way sorted by the time they are to be sent, as netem does. It reorders."""

from heapq import heappop, heappush
from itertools import count


class SortedLines:
    """In place of `lines.Lines`: the control that the tests of order must fail on."""

    def __init__(self, lines):
        self._heap, self._number = [], count()

    def push(self, line, release_ns, packet):
        heappush(self._heap, (release_ns, next(self._number), line, packet))
        return release_ns

    @property
    def next_ns(self):
        return self._heap[0][0] if self._heap else None

    def pop(self, now_ns):
        if not self._heap or self._heap[0][0] > now_ns:
            return None
        release_ns, _, _, packet = heappop(self._heap)
        return release_ns, packet
