"""The sky in bins: which satellites may be above a place, without asking all of them.

Satellites are sorted into bins of about 3° by 3° under them. A block of neighbouring sites knows beforehand which bins
a satellite above any of its masks can be in; at each slot it gathers those few satellites and tests them exactly.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

BANDS = 60  # of latitude, 3° each
BAND_RAD = math.pi / BANDS
MOST_IN_BAND = 120  # bins around the equator
MOST_KEPT, SITES_KEPT = 1_000, 16  # blocks, and sets of them, that a process remembers: those of the runs of a study


def band_layout() -> tuple[Ints, Ints]:
    """(bins in each band, number of each band's first bin, closed by the total): fewer bins towards the poles."""
    middle = -math.pi / 2 + (np.arange(BANDS) + 0.5) * BAND_RAD
    count = np.maximum(1, np.round(MOST_IN_BAND * np.cos(middle))).astype(np.int32)
    return count, np.concatenate([[0], np.cumsum(count)]).astype(np.int32)


@cache
def bin_centres() -> tuple[Floats, Floats]:
    """(unit vectors of the bins' centres, axes (bin, xyz); angle from centre to the farthest corner, rad)."""
    count, _ = band_layout()
    latitude = np.repeat(-math.pi / 2 + (np.arange(BANDS) + 0.5) * BAND_RAD, count)
    around = np.concatenate([(np.arange(n) + 0.5) / n * 2.0 * math.pi - math.pi for n in count])
    half = np.repeat(math.pi / count, count)

    def unit(lat: Floats, lon: Floats) -> Floats:
        return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)

    centre = unit(latitude, around)
    corners = [unit(latitude + side * BAND_RAD / 2, around + half) for side in (-1.0, 0.0, 1.0)]
    reach = np.max([np.arccos(np.clip((centre * corner).sum(axis=1), -1.0, 1.0)) for corner in corners], axis=0)
    return centre, np.where(half > math.pi / 2, BAND_RAD, reach)


@lru_cache(SITES_KEPT)
def _known_bins(centre: bytes, reach_rad: bytes) -> tuple[NDArray[np.int64], Ints]:
    return _bins_in_reach(np.frombuffer(centre).reshape(-1, 3), np.frombuffer(reach_rad))


def bins_in_reach(centre: Floats, reach_rad: Floats) -> tuple[NDArray[np.int64], Ints]:
    """For each block (unit vector, angle): the bins a satellite within that angle can be in, as (offsets, runs).

    Runs of bins that follow each other, axes (run, first and past the last): their satellites stand together.
    """
    if len(centre) > MOST_KEPT:
        return _bins_in_reach(centre, reach_rad)
    offsets, runs = _known_bins(centre.tobytes(), reach_rad.tobytes())
    return offsets.copy(), runs.copy()


def _bins_in_reach(centre: Floats, reach_rad: Floats) -> tuple[NDArray[np.int64], Ints]:
    bins, half = bin_centres()
    found = []
    for here, angle in zip(centre, reach_rad, strict=True):
        close = bins @ here >= np.cos(np.minimum(angle + half, math.pi))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], close, [False]]).astype(np.int8)))
        found.append(edges.reshape(-1, 2).astype(np.int32))
    offsets = np.concatenate([[0], np.cumsum([len(block) for block in found])]).astype(np.int64)
    return offsets, np.concatenate(found) if found else np.empty((0, 2), np.int32)


@njit(cache=True, nogil=True, error_model="numpy")
def sort_into_bins(
    position_km: Floats, usable: NDArray[np.bool_], bins_in_band: Ints, first_of_band: Ints, first: Ints, order: Ints
) -> None:
    """Counting sort of the usable satellites by the bin under them.

    position_km (satellite, xyz); out: first (bins + 1) and order (satellite), so that those of bin b are
    order[first[b] : first[b + 1]].
    """
    satellites = position_km.shape[0]
    bin_of = np.empty(satellites, np.int32)
    first[:] = 0
    for s in range(satellites):
        bin_of[s] = -1
        if not usable[s]:
            continue
        x, y, z = position_km[s, 0], position_km[s, 1], position_km[s, 2]
        band = min(BANDS - 1, int((math.atan2(z, math.sqrt(x * x + y * y)) + math.pi / 2) / BAND_RAD))
        n = bins_in_band[band]
        along = min(n - 1, int((math.atan2(y, x) + math.pi) / (2.0 * math.pi) * n))
        bin_of[s] = first_of_band[band] + along
        first[bin_of[s] + 1] += 1
    for b in range(first.size - 1):
        first[b + 1] += first[b]
    place = first.copy()
    for s in range(satellites):
        if bin_of[s] >= 0:
            order[place[bin_of[s]]] = s
            place[bin_of[s]] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def gather(runs: Ints, first: Ints, order: Ints, candidates: Ints) -> int:
    """The satellites in some runs of bins, written to `candidates`; returns how many."""
    n = 0
    for k in range(runs.shape[0]):
        for j in range(first[runs[k, 0]], first[runs[k, 1]]):
            candidates[n] = order[j]
            n += 1
    return n
