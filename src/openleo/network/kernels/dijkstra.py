"""Shortest ways over links in no order: Dijkstra's algorithm with a queue of buckets.

Satellites wait in buckets by their distance and leave from the nearest bucket on. Within a bucket they leave in any
order, so a bucket that is wider than a link in it may have to be gone through again; it seldom is. A distance stands
only when nothing shortens it any more (Bellman's condition), and is a sum made from the seed on, as `paths.settle` and
`pairs.settle_many` make it: so all give the same to the last bit.

E. W. Dijkstra, Numerische Mathematik 1 (1959); buckets: R. B. Dial, Communications of the ACM 12 (1969), algorithm 360;
wide ones: U. Meyer and P. Sanders, Journal of Algorithms 49 (2003).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels.paths import LANDS_HERE, NO_WAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]

BUCKETS = 128  # a power of two; with 64 or 256 a tree of 10,080 satellites takes as long, with 1,024 longer
LANES = 8  # sources taken out of (satellite, source) and put back together: as many as a line of the cache holds
NOBODY = -1
PROBES, SWEEPS = 4, 32  # measured with 64 sources: from so many sweeps on, the queue is as quick for each source


@njit(cache=True, nogil=True, error_model="numpy")
def swept_soon(neighbours: Ints) -> bool:
    """Whether numbers follow the links (satellite, k), so that sweeps in their order settle sooner than a queue.

    Counts the sweeps to tell the hops from PROBES satellites. Numbered by plane and slot, a grid takes 3 to 5; joined
    to the nearest at one instant, a shell of 10,080 takes 60 to 80.
    """
    satellites = neighbours.shape[0]
    for probe in range(PROBES):
        hops = np.full(satellites, satellites, np.int32)
        if satellites > 0:
            hops[probe * satellites // PROBES] = 0
        changed, sweeps = satellites > 0, 0
        while changed:
            if sweeps == SWEEPS:
                return False
            changed = False
            for i in range(satellites):
                s = i if sweeps % 2 == 0 else satellites - 1 - i
                for k in range(neighbours.shape[1]):
                    n = neighbours[s, k]
                    if n >= 0 and hops[n] + 1 < hops[s]:
                        hops[s], changed = hops[n] + 1, True
            sweeps += 1
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _by_end(neighbours: Ints, length_km: Floats) -> tuple[Offsets, Ints, Floats]:
    """(offsets, start, length) of the links that there are: those that lead to satellite n, by their start, are
    offsets[n]:offsets[n + 1] of start and length.
    """
    satellites, degree = neighbours.shape
    offsets = np.zeros(satellites + 1, np.int64)
    for s in range(satellites):
        for k in range(degree):
            if neighbours[s, k] >= 0 and length_km[s, k] < np.inf:
                offsets[neighbours[s, k] + 1] += 1
    for n in range(satellites):
        offsets[n + 1] += offsets[n]
    start, link_km, free = np.empty(offsets[-1], np.int32), np.empty(offsets[-1]), offsets[:-1].copy()
    for s in range(satellites):
        for k in range(degree):
            n = neighbours[s, k]
            if n >= 0 and length_km[s, k] < np.inf:
                start[free[n]], link_km[free[n]] = s, length_km[s, k]
                free[n] += 1
    return offsets, start, link_km


@njit(cache=True, nogil=True, error_model="numpy")
def settle(seed_km: Floats, neighbours: Ints, length_km: Floats, distance_km: Floats, onward: Ints) -> None:
    """The least distance from every satellite to any seed, and the next satellite on the way there.

    As `paths.settle`, for links in no order. Where ways tie, a satellite with a seed lands; else the neighbour with the
    lowest number goes before the others that are nearer than the satellite.
    """
    offsets, start, link_km = _by_end(neighbours, length_km)
    for s in range(seed_km.size):
        distance_km[s] = seed_km[s]
        onward[s] = LANDS_HERE if seed_km[s] < np.inf else NO_WAY
    _shorten(offsets, start, link_km, _longest(link_km), distance_km, onward)


@njit(cache=True, nogil=True, error_model="numpy")
def _shorten(
    offsets: Offsets, start: Ints, link_km: Floats, longest_km: float, distance_km: Floats, onward: Ints
) -> None:  # fmt: skip
    """Shorten distances (satellite,), infinite or a seed's at first, over links as from `_by_end` until none can be."""
    places = start.size + distance_km.size  # enough unless many leave a wide bucket twice
    while not _empty_buckets(offsets, start, link_km, longest_km, places, distance_km, onward):
        places *= 2


@njit(cache=True, nogil=True, error_model="numpy")
def _empty_buckets(
    offsets: Offsets, start: Ints, link_km: Floats, longest_km: float, places: int, distance_km: Floats, onward: Ints
) -> bool:
    """`_shorten` with a queue of so many places. False if they do not suffice: distances are as good as seeds then.

    The queue does not grow where it is filled: an array that may be another one makes the whole loop five times slower.
    """
    nearest, farthest = np.inf, 0.0
    for s in range(distance_km.size):
        if distance_km[s] < np.inf:
            nearest, farthest = min(nearest, distance_km[s]), max(farthest, distance_km[s])
    # What waits at once, all seeds at first and later what the longest link reaches, goes once round the ring.
    widest = max(longest_km, farthest - nearest)
    per_km = (BUCKETS - 2) / widest if widest > 0.0 else 0.0
    head = np.full(BUCKETS, NOBODY, np.int32)  # of each bucket's chain of places in the queue
    who, after = np.empty(places, np.int32), np.empty(places, np.int32)  # by place: a satellite, the next place
    left_at = np.full(distance_km.size, np.inf)  # the distance with which a satellite last left the queue
    used, free, waiting = 0, NOBODY, 0
    for s in range(distance_km.size):
        if distance_km[s] < np.inf:
            b = int((distance_km[s] - nearest) * per_km) & (BUCKETS - 1)
            who[used], after[used], head[b] = s, head[b], used
            used, waiting = used + 1, waiting + 1
    b = 0
    while waiting > 0:
        place = head[b]
        if place == NOBODY:
            b = (b + 1) & (BUCKETS - 1)
            continue
        head[b] = NOBODY  # whoever comes into this bucket now leaves in its next round
        while place != NOBODY:
            n, following = who[place], after[place]
            after[place], free, place = free, place, following
            waiting -= 1
            so_far = distance_km[n]
            if left_at[n] == so_far:  # came in again by a shorter way, and has left by that
                continue
            left_at[n] = so_far
            for link in range(offsets[n], offsets[n + 1]):
                s, through = start[link], so_far + link_km[link]
                if through > distance_km[s]:
                    continue
                if through == distance_km[s]:
                    if n < onward[s] and so_far < through:
                        onward[s] = n
                    continue
                distance_km[s], onward[s] = through, n
                if free != NOBODY:
                    mine, free = free, after[free]
                elif used < places:
                    mine, used = used, used + 1
                else:
                    return False
                to = int((through - nearest) * per_km) & (BUCKETS - 1)
                who[mine], after[mine], head[to] = s, head[to], mine
                waiting += 1
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _longest(link_km: Floats) -> float:
    longest = 0.0
    for link in range(link_km.size):
        longest = max(longest, link_km[link])
    return longest


@njit(cache=True, nogil=True, error_model="numpy")
def settle_many(neighbours: Ints, length_km: Floats, distance_km: Floats) -> None:
    """The least distance of every satellite from each source; as `pairs.settle_many`, for links in no order.

    In and out: distance_km (satellite, source), which starts with the lengths of the sources' ground links and infinity
    elsewhere.
    """
    satellites, sources = distance_km.shape
    offsets, start, link_km = _by_end(neighbours, length_km)
    longest_km = _longest(link_km)
    lane, onward = np.empty((LANES, satellites)), np.full(satellites, NO_WAY, np.int32)
    for first in range(0, sources, LANES):
        lanes = min(LANES, sources - first)
        for s in range(satellites):
            for j in range(lanes):
                lane[j, s] = distance_km[s, first + j]
        for j in range(lanes):
            _shorten(offsets, start, link_km, longest_km, lane[j], onward)
        for s in range(satellites):
            for j in range(lanes):
                distance_km[s, first + j] = lane[j, s]
