"""Feeder links: which gateway each satellite lands at, tested exactly on the ellipsoid.

A link counts if the satellite stands above the gateway's elevation mask when the slot is decided and, where asked, one
slot later too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels.admission import Conditions, holds
from openleo.network.kernels.sky import gather

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def landing_links(
    site_km: Floats, site_up: Floats, sine_mask: Floats, conditions: Conditions, beyond_km: Floats,
    bin_offsets: NDArray[np.int64], bins: Ints, first: Ints, order: Ints,
    now_km: Floats, later_km: Floats, seed_km: Floats, gateway: Ints,
) -> None:  # fmt: skip
    """For each satellite the gateway through which its way down is shortest.

    beyond_km (site): what a gateway adds (its fibre as a length of light). A satellite must be above the mask at both
    positions. Out: seed_km (satellite), infinite where no gateway is in view; gateway (satellite), −1 there.
    """
    candidates = np.empty(order.size, np.int32)
    seed_km[:] = np.inf
    gateway[:] = -1
    for g in range(site_km.shape[0]):
        n = gather(bins[bin_offsets[g] : bin_offsets[g + 1]], first, order, candidates)
        for j in range(n):
            s = candidates[j]
            dx, dy, dz = now_km[s, 0] - site_km[g, 0], now_km[s, 1] - site_km[g, 1], now_km[s, 2] - site_km[g, 2]
            ex, ey, ez = later_km[s, 0] - site_km[g, 0], later_km[s, 1] - site_km[g, 1], later_km[s, 2] - site_km[g, 2]
            distance = math.sqrt(dx * dx + dy * dy + dz * dz)
            then = math.sqrt(ex * ex + ey * ey + ez * ez)
            rises = dx * site_up[g, 0] + dy * site_up[g, 1] + dz * site_up[g, 2]
            stays = ex * site_up[g, 0] + ey * site_up[g, 1] + ez * site_up[g, 2]
            if rises < sine_mask[g] * distance or stays < sine_mask[g] * then:
                continue
            if conditions.active and not holds(conditions, g, s, site_km, site_up, now_km, later_km):
                continue
            if distance + beyond_km[g] < seed_km[s]:
                seed_km[s] = distance + beyond_km[g]
                gateway[s] = g


@njit(cache=True, nogil=True, error_model="numpy")
def landings_at(
    site_km: Floats, beyond_km: Floats, gateway: Ints, position_km: Floats, landing_km: Floats
) -> None:  # fmt: skip
    """Length from each satellite through the gateway it was given, with the satellites where they are now."""
    for s in range(gateway.size):
        g = gateway[s]
        if g < 0:
            landing_km[s] = np.inf
        else:
            dx, dy = position_km[s, 0] - site_km[g, 0], position_km[s, 1] - site_km[g, 1]
            dz = position_km[s, 2] - site_km[g, 2]
            landing_km[s] = math.sqrt(dx * dx + dy * dy + dz * dz) + beyond_km[g]


@njit(cache=True, nogil=True, error_model="numpy")
def feeder_links(
    site_km: Floats, site_up: Floats, sine_mask: Floats, conditions: Conditions,
    bin_offsets: NDArray[np.int64], bins: Ints, first: Ints, order: Ints,
    now_km: Floats, later_km: Floats, length_km: Floats, site: Ints, satellite: Ints,
) -> int:  # fmt: skip
    """Every feeder link that counts, by site: its length now, its site and satellite, axes (link,).

    Returns how many there are; nothing is written beyond the arrays' end.
    """
    # The test of a link stands here and in `landing_links`: as a function of its own, which is handed the conditions'
    # arrays at every call, it made either twenty times slower (0.05 to 1.1 ms for 4,408 satellites).
    candidates = np.empty(order.size, np.int32)
    found = 0
    for g in range(site_km.shape[0]):
        n = gather(bins[bin_offsets[g] : bin_offsets[g + 1]], first, order, candidates)
        for j in range(n):
            s = candidates[j]
            dx, dy, dz = now_km[s, 0] - site_km[g, 0], now_km[s, 1] - site_km[g, 1], now_km[s, 2] - site_km[g, 2]
            ex, ey, ez = later_km[s, 0] - site_km[g, 0], later_km[s, 1] - site_km[g, 1], later_km[s, 2] - site_km[g, 2]
            distance = math.sqrt(dx * dx + dy * dy + dz * dz)
            then = math.sqrt(ex * ex + ey * ey + ez * ez)
            rises = dx * site_up[g, 0] + dy * site_up[g, 1] + dz * site_up[g, 2]
            stays = ex * site_up[g, 0] + ey * site_up[g, 1] + ez * site_up[g, 2]
            if rises < sine_mask[g] * distance or stays < sine_mask[g] * then:
                continue
            if conditions.active and not holds(conditions, g, s, site_km, site_up, now_km, later_km):
                continue
            if found < site.size:
                length_km[found], site[found], satellite[found] = distance, g, s
            found += 1
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def assign_antennas(
    ranked: NDArray[np.int64], length_km: Floats, site: Ints, satellite: Ints, beyond_km: Floats, antennas: Ints,
    seed_km: Floats, gateway: Ints,
) -> None:  # fmt: skip
    """Give antennas to feeder links in the order `ranked`, each satellite one site, each site its `antennas` (−1: any).

    Out: seed_km and gateway, as `landing_links`.
    """
    left = antennas.copy()
    seed_km[:] = np.inf
    gateway[:] = -1
    for k in ranked:
        g, s = site[k], satellite[k]
        if gateway[s] < 0 and left[g] != 0 and beyond_km[g] < np.inf:
            gateway[s] = g
            seed_km[s] = length_km[k] + beyond_km[g]
            if left[g] > 0:
                left[g] -= 1


@njit(cache=True, nogil=True, error_model="numpy")
def spread(offsets: NDArray[np.int64], site: Ints, length_km: Floats, antennas: Ints, seed_km: Floats,
           gateway: Ints) -> None:  # fmt: skip
    """Move satellites from gateways that carry many to such as carry fewer, while that makes them more alike.

    The gateways that satellite s may land at are offsets[s]:offsets[s + 1] of site, by length_km, the shortest first;
    of a satellite that is not to be moved, none. antennas (site): satellites at a time, −1 for any. In order of number
    each satellite goes to the one that carries fewest, if that is at least two fewer than its own; over and over until
    none goes. Each move makes the sum of squares less, so that it ends, and none carries more than the one that carried
    most before.
    In and out: seed_km and gateway (satellite), as `landing_links`.
    """
    carried = np.zeros(antennas.size, np.int64)  # of the satellites that may move
    held = np.zeros(antennas.size, np.int64)  # antennas
    for s in range(gateway.size):
        if gateway[s] >= 0:
            held[gateway[s]] += 1
            if offsets[s + 1] > offsets[s]:
                carried[gateway[s]] += 1
    moved = True
    while moved:
        moved = False
        for s in range(gateway.size):
            best, fewest = -1, np.int64(0)
            for k in range(offsets[s], offsets[s + 1]):
                g = site[k]
                free = antennas[g] < 0 or held[g] < antennas[g]
                if free and carried[g] + 1 < carried[gateway[s]] and (best < 0 or carried[g] < fewest):
                    best, fewest = k, carried[g]
            if best >= 0:
                for counts in (carried, held):
                    counts[gateway[s]] -= 1
                    counts[site[best]] += 1
                gateway[s], seed_km[s], moved = site[best], length_km[best], True
