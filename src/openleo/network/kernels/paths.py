"""Shortest ways from every satellite down to a seed, and their lengths as the satellites move on."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Shorts = NDArray[np.int16]

NO_LINK = -1
LANDS_HERE = -1  # in `onward`: this satellite's way goes down to the ground
NO_WAY = -2  # in `onward`: no way at all
UNKNOWN = -3  # where a way lands: nobody has followed it yet
# A millimetre: a way must grow even between satellites at one place, or walking it back goes to and fro for ever.
SHORTEST_KM = 1e-6


@njit(cache=True, nogil=True, error_model="numpy")
def link_lengths(
    position_km: Floats, neighbours: Ints, lowest_km: float, longest_km: float, usable: NDArray[np.bool_],
    length_km: Floats,
) -> None:  # fmt: skip
    """length_km[satellite, k]: to neighbours[satellite, k]; infinite where there is no link.

    A link that comes nearer to the Earth's centre than `lowest_km` is none: air and ground are in its way. Nor is one
    longer than `longest_km`, or with an end that is not usable.
    """
    inmost = np.inf  # squared distance of the satellite nearest to the Earth's centre
    for s in range(position_km.shape[0]):
        if usable[s]:
            x, y, z = position_km[s, 0], position_km[s, 1], position_km[s, 2]
            inmost = min(inmost, x * x + y * y + z * z)
    # A chord's lowest point is at most half its length from one of its ends.
    surely_clear = 4.0 * (inmost - lowest_km * lowest_km)
    for s in range(neighbours.shape[0]):
        for k in range(neighbours.shape[1]):
            n = neighbours[s, k]
            if n < 0 or not usable[s] or not usable[n]:
                length_km[s, k] = np.inf
            else:
                dx = position_km[n, 0] - position_km[s, 0]
                dy = position_km[n, 1] - position_km[s, 1]
                dz = position_km[n, 2] - position_km[s, 2]
                squared = dx * dx + dy * dy + dz * dz
                length = max(math.sqrt(squared), SHORTEST_KM)
                if squared > surely_clear:
                    x, y, z = position_km[s, 0], position_km[s, 1], position_km[s, 2]
                    if _lowest_squared(x, y, z, dx, dy, dz, squared) < lowest_km * lowest_km:
                        length = np.inf
                length_km[s, k] = length if length <= longest_km else np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _lowest_squared(x: float, y: float, z: float, dx: float, dy: float, dz: float, squared: float) -> float:
    """Squared distance from the centre of the lowest point between a place and the one (dx, dy, dz) further."""
    # The foot of the perpendicular from the centre, as a share of the way.
    along = min(1.0, max(0.0, -(x * dx + y * dy + z * dz) / squared))
    x, y, z = x + along * dx, y + along * dy, z + along * dz
    return x * x + y * y + z * z


@njit(cache=True, nogil=True, error_model="numpy")
def join_in_order(here: Ints, there: Ints, links: Ints) -> None:
    """Join pairs (pair,), one after the other, while both ends have a free column (−1) in links (satellite, k)."""
    for pair in range(here.size):
        a, b = here[pair], there[pair]
        free_a, free_b = -1, -1
        for k in range(links.shape[1] - 1, -1, -1):
            if links[a, k] == b:
                free_a = -1
                break
            if links[a, k] < 0:
                free_a = k
            if links[b, k] < 0:
                free_b = k
        if a != b and free_a >= 0 and free_b >= 0:
            links[a, free_a], links[b, free_b] = b, a


@njit(cache=True, nogil=True, error_model="numpy")
def settle(seed_km: Floats, neighbours: Ints, length_km: Floats, distance_km: Floats, onward: Ints) -> None:
    """The least distance from every satellite to any seed, and the next satellite on the way there.

    Sweeps over the satellites forth and back, each pulling from its neighbours, until a whole sweep changes nothing:
    that is Bellman's condition, so the result is exact for any positive lengths. In a +Grid the order of satellites
    follows planes and slots, and a few sweeps suffice.
    """
    satellites, degree = neighbours.shape
    for s in range(satellites):
        distance_km[s] = seed_km[s]
        onward[s] = LANDS_HERE if seed_km[s] < np.inf else NO_WAY
    changed = degree > 0
    forth = True
    while changed:
        changed = False
        for i in range(satellites):
            s = i if forth else satellites - 1 - i
            best, via = distance_km[s], -1
            for k in range(degree):
                n = neighbours[s, k]
                if n >= 0 and distance_km[n] + length_km[s, k] < best:
                    best, via = distance_km[n] + length_km[s, k], n
            if via >= 0:
                distance_km[s], onward[s], changed = best, via, True
        forth = not forth


@njit(cache=True, nogil=True, error_model="numpy")
def lengths_along(onward: Ints, landing_km: Floats, position_km: Floats, distance_km: Floats) -> None:
    """Each satellite's distance along ways decided earlier, with the satellites where they are now.

    landing_km (satellite): from a satellite whose way lands, to the end on the ground.
    """
    satellites = onward.size
    trail = np.empty(satellites, np.int32)
    distance_km[:] = -1.0
    for s in range(satellites):
        here, depth = s, 0
        while distance_km[here] < 0.0:
            if onward[here] == NO_WAY:
                distance_km[here] = np.inf
            elif onward[here] == LANDS_HERE:
                distance_km[here] = landing_km[here]
            else:
                trail[depth] = here
                depth += 1
                here = onward[here]
        total = distance_km[here]
        for d in range(depth - 1, -1, -1):
            back = trail[d]
            dx = position_km[back, 0] - position_km[here, 0]
            dy = position_km[back, 1] - position_km[here, 1]
            dz = position_km[back, 2] - position_km[here, 2]
            total += math.sqrt(dx * dx + dy * dy + dz * dz)
            distance_km[back] = total
            here = back


@njit(cache=True, nogil=True, error_model="numpy")
def ends_along(onward: Ints, end: Ints) -> None:
    """end[slot, satellite]: the satellite whose feeder link ends the way by `onward` (slot, satellite); −1 for none."""
    slots, satellites = onward.shape
    for slot in range(slots):
        for s in range(satellites):
            if onward[slot, s] == NO_WAY:
                end[slot, s] = -1
                continue
            at = s
            while onward[slot, at] >= 0:
                at = onward[slot, at]
            end[slot, s] = at


@njit(cache=True, nogil=True, error_model="numpy")
def landings(onward: Ints, gateway: Ints, pop: Ints, satellite: Ints, gateway_of: Shorts, pop_of: Shorts) -> None:
    """gateway_of, pop_of[slot, site]: where the way of each site's satellite[slot, site] ends; −1 where nobody serves.

    onward, gateway (slot, satellite) as in Routes; pop (slot, gateway), or one row for all slots.
    """
    slots, sites = satellite.shape
    end = np.empty(onward.shape[1], np.int32)
    for slot in range(slots):
        end[:] = UNKNOWN
        at_gateway = pop[slot] if len(pop) > 1 else pop[0]
        for site in range(sites):
            s = satellite[slot, site]
            gateway_of[slot, site] = pop_of[slot, site] = -1
            if s < 0 or onward[slot, s] == NO_WAY:
                continue
            if end[s] == UNKNOWN:
                at = s
                while onward[slot, at] >= 0:
                    at = onward[slot, at]
                end[s] = gateway[slot, at]
            if end[s] >= 0:
                gateway_of[slot, site] = end[s]
                pop_of[slot, site] = at_gateway[end[s]]
