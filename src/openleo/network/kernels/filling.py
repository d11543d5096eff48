"""Progressive filling: what each flow gets when all grow together until something stops each of them.

D. Bertsekas and R. Gallager, Data Networks (2nd edition, 1992), section 6.5.2, with weights, demands, and flows that
use a link with a part or a multiple of their rate.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]

ITS_DEMAND = -1  # in `bottleneck`: nothing but its own demand stops the flow
WITHOUT_LINKS = -2  # in `bottleneck`: the flow has no links, so it never starts
SUM_AGAIN = 1.0 / 16.0  # when so little is left of a sum that was subtracted from, digits are lost: it is made anew


@njit(cache=True, nogil=True, error_model="numpy")
def fill(
    offsets: Offsets, link: Ints, coefficient: Floats, capacity: Floats, demand: Floats, weight: Floats,
    by_level: Offsets, rate: Floats, bottleneck: Ints,
) -> None:  # fmt: skip
    """The max-min fair rates of flows over links, both in one unit.

    Flow f uses the links link[offsets[f]:offsets[f + 1]], each with `coefficient` times its rate (none with 0).
    capacity (link,); demand, weight (flow,): a flow grows with the level times its weight up to its demand; by_level
    (flow,): the flows by demand / weight, the least first. Out: rate, bottleneck (flow,), a link, ITS_DEMAND or
    WITHOUT_LINKS.

    Each event stops a flow at its demand or all that are left on a link that is full. A link's level, at which it would
    be full, only rises when others stop; so the heap of links is by levels seen before, and only its top is looked at.
    Of links that are full at one level the lowest number comes first, and demands before links.

    Running sums say when to look; before a link counts as full its sums are made anew, in the order of its flows. For
    where much was taken and little is left, running sums could call it full too soon, and push the level over others.
    """
    links = capacity.size
    begin, user, part = _by_link(offsets, link, coefficient, links)
    taken, wanting, growing = np.zeros(links), np.zeros(links), np.zeros(links, np.int64)
    stopped = np.zeros(rate.size, np.bool_)
    for n in range(links):
        growing[n] = begin[n + 1] - begin[n]
        wanting[n] = _wanting(begin, user, part, weight, stopped, n)
    summed = wanting.copy()  # `wanting` when it was last made
    heap, seen = np.empty(links, np.int32), np.empty(links)
    size = 0
    for n in range(links):
        if growing[n] > 0 and capacity[n] < np.inf:
            heap[size], seen[size] = n, capacity[n] / wanting[n]
            size += 1
    for place in range(size // 2 - 1, -1, -1):
        _sink(heap, seen, size, place)
    left, following, level, full_at = rate.size, 0, 0.0, np.inf
    for f in range(rate.size):
        if offsets[f] == offsets[f + 1]:
            rate[f], bottleneck[f], stopped[f] = 0.0, WITHOUT_LINKS, True
            left -= 1
    while left > 0:
        while stopped[by_level[following]]:
            following += 1
        thirsty = by_level[following]
        met_at = demand[thirsty] / weight[thirsty]
        while size > 0 and seen[0] < met_at:
            n = heap[0]
            if growing[n] == 0:
                size -= 1
                heap[0], seen[0] = heap[size], seen[size]
            else:
                full_at = max(capacity[n] - taken[n], 0.0) / wanting[n]
                if full_at <= seen[0]:
                    full_at = _full_at(n, begin, user, part, capacity, weight, rate, stopped)
                if full_at <= seen[0]:
                    break
                seen[0] = full_at
            _sink(heap, seen, size, 0)
        if size == 0 or met_at <= seen[0]:
            level = max(level, met_at)
            rate[thirsty], bottleneck[thirsty], stopped[thirsty] = demand[thirsty], ITS_DEMAND, True
            left -= 1
            _stop(thirsty, offsets, link, coefficient, weight, rate, begin, user, part, stopped, taken, wanting,
                  growing, summed)  # fmt: skip
            continue
        n = heap[0]
        level = max(level, full_at)
        for place in range(begin[n], begin[n + 1]):
            f = user[place]
            if not stopped[f]:
                rate[f], bottleneck[f], stopped[f] = min(level * weight[f], demand[f]), n, True
                left -= 1
                _stop(f, offsets, link, coefficient, weight, rate, begin, user, part, stopped, taken, wanting,
                      growing, summed)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _by_link(offsets: Offsets, link: Ints, coefficient: Floats, links: int) -> tuple[Offsets, Ints, Floats]:
    """(begin, flow, coefficient): the uses of link n are begin[n]:begin[n + 1] of the other two, by flow."""
    begin = np.zeros(links + 1, np.int64)
    for use in range(link.size):
        if coefficient[use] > 0.0:
            begin[link[use] + 1] += 1
    for n in range(links):
        begin[n + 1] += begin[n]
    user, part, free = np.empty(begin[links], np.int32), np.empty(begin[links]), begin[:links].copy()
    for f in range(offsets.size - 1):
        for use in range(offsets[f], offsets[f + 1]):
            if coefficient[use] > 0.0:
                n = link[use]
                user[free[n]], part[free[n]] = f, coefficient[use]
                free[n] += 1
    return begin, user, part


@njit(cache=True, nogil=True, error_model="numpy")
def _wanting(
    begin: Offsets, user: Ints, part: Floats, weight: Floats, stopped: NDArray[np.bool_], n: int
) -> float:  # fmt: skip
    """What the flows that still grow take of link n for each unit of the level."""
    total = 0.0
    for place in range(begin[n], begin[n + 1]):
        if not stopped[user[place]]:
            total += part[place] * weight[user[place]]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _full_at(
    n: int, begin: Offsets, user: Ints, part: Floats, capacity: Floats, weight: Floats, rate: Floats,
    stopped: NDArray[np.bool_],
) -> float:  # fmt: skip
    """The level at which link n is full, from sums made anew."""
    taken, wanting = 0.0, 0.0
    for place in range(begin[n], begin[n + 1]):
        f = user[place]
        if stopped[f]:
            taken += part[place] * rate[f]
        else:
            wanting += part[place] * weight[f]
    return float(max(capacity[n] - taken, 0.0) / wanting)


@njit(cache=True, nogil=True, error_model="numpy")
def _stop(
    f: int, offsets: Offsets, link: Ints, coefficient: Floats, weight: Floats, rate: Floats,
    begin: Offsets, user: Ints, part: Floats, stopped: NDArray[np.bool_],
    taken: Floats, wanting: Floats, growing: Offsets, summed: Floats,
) -> None:  # fmt: skip
    """Move a flow that has just stopped from what its links' growing flows want to what is taken."""
    for use in range(offsets[f], offsets[f + 1]):
        if coefficient[use] > 0.0:
            n = link[use]
            taken[n] += coefficient[use] * rate[f]
            wanting[n] -= coefficient[use] * weight[f]
            growing[n] -= 1
    for use in range(offsets[f], offsets[f + 1]):  # only now: a flow may use a link twice
        n = link[use]
        if growing[n] > 0 and wanting[n] < SUM_AGAIN * summed[n]:
            wanting[n] = _wanting(begin, user, part, weight, stopped, n)
            summed[n] = wanting[n]


@njit(cache=True, nogil=True, error_model="numpy")
def _sink(heap: Ints, seen: Floats, size: int, place: int) -> None:
    """Let the link at a place of the heap sink to where it belongs: by level, then by number."""
    if place >= size:
        return
    n, level = heap[place], seen[place]
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        other = below + 1
        if other < size and (seen[other] < seen[below] or (seen[other] == seen[below] and heap[other] < heap[below])):
            below = other
        if level < seen[below] or (level == seen[below] and n < heap[below]):
            break
        heap[place], seen[place] = heap[below], seen[below]
        place = below
    heap[place], seen[place] = n, level
