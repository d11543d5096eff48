"""Shortest ways between many places at once.

All sources are swept together, so that the innermost loop runs over them without a branch and is vectorised: each link
costs a few instructions for eight sources. Links of a way are counted afterwards, for the pairs that are asked for.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels import VECTORISED
from openleo.network.kernels.admission import Conditions, clear

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]

# Cannot be: a distance is a ground link's, or a neighbour's and a link, and no two satellites are in one place.
ASTRAY = "a shortest way does not lead back to its source"
UNCHECKED_SWEEPS = 12  # a shell of 1,584 satellites needs as many; before that a check would only cost


@njit(cache=True, nogil=True, error_model="numpy")
def ground_links(
    site_km: Floats, site_up: Floats, sine_mask: float, conditions: Conditions, range_km: float,
    position_km: Floats, usable: NDArray[np.bool_], offsets: Offsets, satellite: Ints, length_km: Floats,
) -> int:  # fmt: skip
    """The satellites that each site has a link to: above the mask (−1 for none asked) and within the range.

    Out: the links of site i are offsets[i]:offsets[i + 1] of satellite and length_km. Returns how many there are; when
    the arrays are too short for them, nothing beyond their end is written.
    """
    satellites = position_km.shape[0]
    x, y, z = np.empty(satellites, np.float32), np.empty(satellites, np.float32), np.empty(satellites, np.float32)
    inmost = np.inf  # squared distance of the satellite nearest to the Earth's centre
    for s in range(satellites):
        if usable[s]:
            x[s], y[s], z[s] = position_km[s, 0], position_km[s, 1], position_km[s, 2]
            inmost = min(inmost, position_km[s, 0] ** 2 + position_km[s, 1] ** 2 + position_km[s, 2] ** 2)
        else:
            x[s], y[s], z[s] = np.nan, np.nan, np.nan  # never as high as asked
    words = (satellites + 7) // 8
    high = np.zeros(8 * words, np.uint8)
    eight = high.view(np.uint64)
    n = 0
    for i in range(site_km.shape[0]):
        offsets[i] = n
        px, py, pz = site_km[i, 0], site_km[i, 1], site_km[i, 2]
        ux, uy, uz = site_up[i, 0], site_up[i, 1], site_up[i, 2]
        least = _least_height_km(px * px + py * py + pz * pz, inmost, sine_mask, range_km)
        _rise(x, y, z, np.float32(ux), np.float32(uy), np.float32(uz), px * ux + py * uy + pz * uz + least, high)
        for word in range(words):
            if eight[word] == 0:
                continue
            for s in range(8 * word, min(8 * word + 8, satellites)):
                if high[s] == 0:
                    continue
                dx, dy, dz = position_km[s, 0] - px, position_km[s, 1] - py, position_km[s, 2] - pz
                distance = math.sqrt(dx * dx + dy * dy + dz * dz)
                if distance > range_km or dx * ux + dy * uy + dz * uz < sine_mask * distance:
                    continue
                if conditions.active and not clear(
                    conditions, i, s, px, py, pz, ux, uy, uz, position_km[s, 0], position_km[s, 1], position_km[s, 2]
                ):
                    continue
                if n < satellite.size:
                    satellite[n] = s
                    length_km[n] = distance
                n += 1
    offsets[site_km.shape[0]] = n
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _least_height_km(site_squared: float, inmost_squared: float, sine_mask: float, range_km: float) -> float:
    """A height above a site's horizontal plane that no satellite with a link to it is below.

    From the triangle Earth's centre – site – satellite with the satellite as far in as any. The site's vertical
    passes up to 0.2° beside the centre, hence the slack of a hundredth of the range, and a kilometre for float32.
    """
    least = -np.inf
    if range_km < np.inf:
        site = math.sqrt(site_squared)
        least = (inmost_squared - site_squared - range_km * range_km) / (2.0 * site) - 0.01 * range_km
    if sine_mask >= 0.0:
        under_root = inmost_squared - site_squared * (1.0 - sine_mask * sine_mask)
        nearest = max(0.0, math.sqrt(max(0.0, under_root)) - math.sqrt(site_squared) * sine_mask)
        least = max(least, (sine_mask - 0.01) * nearest)
    return least - 1.0


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nsz", "arcp", "contract", "reassoc"})
def _rise(
    x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32], ux: np.float32, uy: np.float32,
    uz: np.float32, least: float, high: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Mark the satellites whose height along a direction is at least so much: one pass without branches."""
    bound = np.float32(least)
    for s in range(x.size):
        high[s] = np.uint8(np.float32(x[s] * ux + y[s] * uy + z[s] * uz) >= bound)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=VECTORISED)
def _sweep(forth: bool, neighbours: Ints, length_km: Floats, distance_km: Floats) -> None:
    """A sweep that pulls only from neighbours already passed: the others have hardly anything new to give."""
    satellites, degree = neighbours.shape
    for i in range(satellites):
        s = i if forth else satellites - 1 - i
        for k in range(degree):
            n = neighbours[s, k]
            if n >= 0 and (n < s) == forth:
                w = length_km[s, k]
                for j in range(distance_km.shape[1]):
                    distance_km[s, j] = min(distance_km[s, j], distance_km[n, j] + w)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=VECTORISED)
def _checked_sweep(forth: bool, neighbours: Ints, length_km: Floats, distance_km: Floats) -> np.int64:
    """A sweep that counts the distances it shortened."""
    satellites, degree = neighbours.shape
    shortened = np.int64(0)
    for i in range(satellites):
        s = i if forth else satellites - 1 - i
        for k in range(degree):
            n = neighbours[s, k]
            if n >= 0:
                w = length_km[s, k]
                for j in range(distance_km.shape[1]):
                    through = distance_km[n, j] + w
                    shortened += np.int64(through < distance_km[s, j])
                    distance_km[s, j] = min(distance_km[s, j], through)
    return shortened


@njit(cache=True, nogil=True, error_model="numpy")
def settle_many(neighbours: Ints, length_km: Floats, distance_km: Floats) -> None:
    """The least distance of every satellite from each source.

    In and out: distance_km (satellite, source), which starts with the lengths of the sources' ground links and infinity
    elsewhere. Sweeps forth and back until a whole sweep shortens nothing (Bellman's condition), as `paths.settle`.
    """
    forth = True
    for _ in range(UNCHECKED_SWEEPS):
        _sweep(forth, neighbours, length_km, distance_km)
        forth = not forth
    while _checked_sweep(forth, neighbours, length_km, distance_km) > 0:
        forth = not forth


@njit(cache=True, nogil=True, error_model="numpy", fastmath=VECTORISED)
def land(offsets: Offsets, satellite: Ints, range_km: Floats, distance_km: Floats, between_km: Floats) -> None:
    """The shortest way from each source down to each site over the site's ground links (as from `ground_links`).

    Out, axes (source, site): between_km, infinite where there is no way.
    """
    sources = distance_km.shape[1]
    best = np.empty(sources)
    for i in range(offsets.size - 1):
        best[:] = np.inf
        for k in range(offsets[i], offsets[i + 1]):
            s, w = satellite[k], range_km[k]
            for j in range(sources):
                best[j] = min(best[j], distance_km[s, j] + w)
        for j in range(sources):
            between_km[j, i] = best[j]


@njit(cache=True, nogil=True, error_model="numpy")
def count_links(
    first_source: int, neighbours: Ints, length_km: Floats, distance_km: Floats, offsets: Offsets, satellite: Ints,
    range_km: Floats, between_km: Floats, links: Ints,
) -> None:  # fmt: skip
    """The links of the shortest ways, both ground links included; −1 where there is none. Axes (source, site).

    Walks back from each site: the satellite before is the one whose distance and link add up to what comes after, to
    the last digit, because that sum is how it was set.
    """
    for j in range(between_km.shape[0]):
        up_from, up_to = offsets[first_source + j], offsets[first_source + j + 1]
        farthest_km = longest(range_km, up_from, up_to)
        for i in range(between_km.shape[1]):
            here = last_satellite(j, between_km[j, i], distance_km, satellite, range_km, offsets[i], offsets[i + 1])
            count = 2 if here >= 0 else -1
            while here >= 0 and not rises(here, j, distance_km, farthest_km, satellite, range_km, up_from, up_to):
                here = satellite_before(here, j, neighbours, length_km, distance_km)
                count += 1
                if count > neighbours.shape[0] + 1:
                    raise RuntimeError(ASTRAY)
            links[j, i] = count


@njit(cache=True, nogil=True, error_model="numpy")
def longest(range_km: Floats, begin: int, end: int) -> float:
    """The longest of the ground links begin:end; 0 of none."""
    found = 0.0
    for k in range(begin, end):
        found = max(found, range_km[k])
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def last_satellite(
    j: int, between_km: float, distance_km: Floats, satellite: Ints, range_km: Floats, begin: int, end: int
) -> int:  # fmt: skip
    """The satellite from which a way of source j comes down to a site, whose ground links are begin:end; −1 without."""
    if between_km < np.inf:
        for k in range(begin, end):
            if distance_km[satellite[k], j] + range_km[k] == between_km:
                return int(satellite[k])
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def rises(
    here: int, j: int, distance_km: Floats, farthest_km: float, satellite: Ints, range_km: Floats, begin: int, end: int
) -> bool:  # fmt: skip
    """Whether a satellite's distance is that of a ground link of source j; they are begin:end, none beyond farthest."""
    if distance_km[here, j] <= farthest_km:
        for k in range(begin, end):
            if satellite[k] == here and range_km[k] == distance_km[here, j]:
                return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def satellite_before(here: int, j: int, neighbours: Ints, length_km: Floats, distance_km: Floats) -> int:
    """The satellite before on the way from source j: distance and link add up to the last digit; the first, of two."""
    for k in range(neighbours.shape[1]):
        before = neighbours[here, k]
        if before >= 0 and distance_km[before, j] + length_km[here, k] == distance_km[here, j]:
            return int(before)
    raise RuntimeError(ASTRAY)
