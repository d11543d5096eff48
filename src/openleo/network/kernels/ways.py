"""The satellites of shortest ways, walked back from distances that are settled (`pairs.settle_many`)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels import pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def trace(
    first_source: int, neighbours: Ints, length_km: Floats, distance_km: Floats, offsets: Offsets, satellite: Ints,
    range_km: Floats, between_km: Floats, begin: Offsets, trail: Ints,
) -> int:  # fmt: skip
    """The satellites from each source to each site, in the order light meets them.

    neighbours, length_km (satellite, k); distance_km (satellite, source); the ground links of site i are
    offsets[i]:offsets[i + 1] of satellite and range_km; between_km (source, site). Out: those of pair p = source ·
    sites + site are begin[p]:begin[p + 1] of trail: none without a way, or from a site to itself. Returns how many
    there are in all; when `trail` is too short for them, nothing beyond its end is written.

    The satellite before is the one whose distance and link add up to what comes after, to the last digit, because that
    sum is how it was set. Where two do, it is the first neighbour.
    """
    sources, sites = between_km.shape
    back = np.empty(neighbours.shape[0], np.int32)
    n = 0
    for j in range(sources):
        up_from, up_to = offsets[first_source + j], offsets[first_source + j + 1]
        farthest_km = pairs.longest(range_km, up_from, up_to)
        for i in range(sites):
            begin[j * sites + i] = n
            if i == first_source + j:
                continue
            at, until, met = offsets[i], offsets[i + 1], 0
            here = pairs.last_satellite(j, between_km[j, i], distance_km, satellite, range_km, at, until)
            while here >= 0:
                if met == back.size:
                    raise RuntimeError(pairs.ASTRAY)
                back[met] = here
                met += 1
                if pairs.rises(here, j, distance_km, farthest_km, satellite, range_km, up_from, up_to):
                    break
                here = pairs.satellite_before(here, j, neighbours, length_km, distance_km)
            for m in range(met):
                if n < trail.size:
                    trail[n] = back[met - 1 - m]
                n += 1
    begin[sources * sites] = n
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def differ(begin: Offsets, trail: Ints, other_begin: Offsets, other_trail: Ints, different: NDArray[np.bool_]) -> None:
    """Whether the satellites of each pair are not the same in two sets of ways (as from `trace`). Out: different."""
    for p in range(begin.size - 1):
        count = begin[p + 1] - begin[p]
        different[p] = other_begin[p + 1] - other_begin[p] != count
        if different[p]:
            continue
        for m in range(count):
            if trail[begin[p] + m] != other_trail[other_begin[p] + m]:
                different[p] = True
                break
