"""Shortest ways from many places at once: the distance of every satellite from each of them, and the best way between.

All sources are swept together, so that the innermost loop runs over them and is vectorised.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def settle_many(neighbours: Ints, length_km: Floats, distance_km: Floats, hops: NDArray[np.int16]) -> None:
    """The least distance of every satellite from each source, and the links on that way.

    In and out: distance_km (satellite, source), which starts with the lengths of the sources' ground links and infinity
    elsewhere; hops (satellite, source), 1 where a ground link is. Sweeps forth and back until a whole sweep changes
    nothing (Bellman's condition), as `paths.settle`.
    """
    satellites, degree = neighbours.shape
    sources = distance_km.shape[1]
    changed = degree > 0
    forth = True
    while changed:
        changed = False
        for i in range(satellites):
            s = i if forth else satellites - 1 - i
            for k in range(degree):
                n = neighbours[s, k]
                if n < 0:
                    continue
                w = length_km[s, k]
                for j in range(sources):
                    through = distance_km[n, j] + w
                    if through < distance_km[s, j]:
                        distance_km[s, j] = through
                        hops[s, j] = hops[n, j] + 1
                        changed = True
        forth = not forth


@njit(cache=True, nogil=True, error_model="numpy")
def land(
    offsets: NDArray[np.int64], satellite: Ints, range_km: Floats, distance_km: Floats, hops: NDArray[np.int16],
    between_km: Floats, between_hops: Ints,
) -> None:  # fmt: skip
    """The shortest way from each source down to each site over the site's ground links.

    offsets (site + 1), satellite and range_km (link): the links of site i are offsets[i]:offsets[i + 1]. Out, axes
    (source, site): between_km, infinite where there is no way; between_hops, both ground links counted.
    """
    for i in range(offsets.size - 1):
        for j in range(distance_km.shape[1]):
            best, links = np.inf, -1
            for k in range(offsets[i], offsets[i + 1]):
                total = distance_km[satellite[k], j] + range_km[k]
                if total < best:
                    best, links = total, hops[satellite[k], j] + 1
            between_km[j, i] = best
            between_hops[j, i] = links
