"""Links between the ground and the satellites above it, tested exactly on the ellipsoid.

A link counts if the satellite stands above the site's elevation mask when the slot is decided and, where asked, one
slot later too. Sites come in blocks that share a gathered list of candidates (see `sky`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels.admission import Conditions, clear
from openleo.network.kernels.sky import gather

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

HIGHEST, LEAST_RTT, LONGEST_REMAINING, LEAST_CHANGE = range(4)  # hand-over policies


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "arcp", "contract", "afn", "reassoc"})
def look(
    px: float, py: float, pz: float, ux: float, uy: float, uz: float,
    x: Floats, y: Floats, z: Floats, n: int, sine: Floats, range_km: Floats,
) -> None:  # fmt: skip
    """Sine of elevation and range of n satellites seen from a site with zenith u: one pass without branches."""
    for j in range(n):
        dx, dy, dz = x[j] - px, y[j] - py, z[j] - pz
        distance = math.sqrt(dx * dx + dy * dy + dz * dz)
        range_km[j] = distance
        sine[j] = (dx * ux + dy * uy + dz * uz) / distance


@njit(cache=True, nogil=True, error_model="numpy")
def _holds(
    conditions: Conditions, i: int, s: int, site_km: Floats, site_up: Floats, now_km: Floats, later_km: Floats
) -> bool:
    """Whether a link meets the conditions at both positions (satellite, xyz); `later_km` may be `now_km`."""
    px, py, pz = site_km[i, 0], site_km[i, 1], site_km[i, 2]
    ux, uy, uz = site_up[i, 0], site_up[i, 1], site_up[i, 2]
    return clear(conditions, i, s, px, py, pz, ux, uy, uz, now_km[s, 0], now_km[s, 1], now_km[s, 2]) and clear(
        conditions, i, s, px, py, pz, ux, uy, uz, later_km[s, 0], later_km[s, 1], later_km[s, 2]
    )


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
            if conditions.active and not _holds(conditions, g, s, site_km, site_up, now_km, later_km):
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
def remaining_s(
    px: float, py: float, pz: float, sine_mask: float,
    ax: float, ay: float, az: float, bx: float, by: float, bz: float, slot_s: float,
) -> float:  # fmt: skip
    """How long a satellite that moves from a to b in one slot stays above a site's mask, from when it is at a.

    On a sphere: the satellite runs along a great circle at a steady rate; it sets when the angle at the Earth's centre
    between site and satellite exceeds acos(R cos e / r) − e.
    """
    site = math.sqrt(px * px + py * py + pz * pz)
    radius = math.sqrt(ax * ax + ay * ay + az * az)
    cos_step = min(1.0, (ax * bx + ay * by + az * bz) / (radius * math.sqrt(bx * bx + by * by + bz * bz)))
    step = math.acos(cos_step)
    if step < 1e-9:
        return np.inf
    mask = math.asin(sine_mask)
    edge = math.cos(math.acos(min(1.0, site * math.cos(mask) / radius)) - mask)
    here = (px * ax + py * ay + pz * az) / (site * radius)
    there = (px * bx + py * by + pz * bz) / (site * math.sqrt(bx * bx + by * by + bz * bz))
    ahead = (there - here * cos_step) / math.sin(step)
    swing = math.sqrt(here * here + ahead * ahead)
    if swing <= edge:
        return 0.0
    return (math.atan2(ahead, here) + math.acos(edge / swing)) / step * slot_s


@njit(cache=True, nogil=True, error_model="numpy")
def serve(
    first_block: int, last_block: int, block_offsets: NDArray[np.int64],
    site_km: Floats, site_up: Floats, sine_mask: Floats, conditions: Conditions,
    bin_offsets: NDArray[np.int64], bins: Ints, first: Ints, order: Ints, at_km: Floats, both_ends: bool,
    middle_km: Floats, onward_km: Floats, onward_middle_km: Floats,
    policy: int, slot_s: float, previous: Ints,
    satellite: Ints, path_km: NDArray[np.float32], seen: NDArray[np.int16],
) -> None:  # fmt: skip
    """The serving satellite of every site in some blocks, slot after slot.

    Among the satellites above the mask that have a way to a gateway, the policy picks one by what is known when the
    slot is decided; its path's length is taken at mid-slot.

    first, order (slot, …) as `sky.sort_into_bins` when each slot is decided; at_km (slot + 1, satellite, xyz) at those
    instants and one slot on, where with `both_ends` the mask must hold too; middle_km (slot, satellite, xyz);
    onward_…km (slot, satellite) from the satellite to the path's end, when decided and at mid-slot.
    previous (site): who served before the first slot; updated. Out, axes (slot, site): satellite (−1 none), path_km
    (site to path's end; infinite when none), seen (satellites that count as above the mask).
    """
    most = order.shape[1]
    candidates = np.empty(most, np.int32)
    ax, ay, az = np.empty(most), np.empty(most), np.empty(most)
    bx, by, bz = np.empty(most), np.empty(most), np.empty(most)
    sine, later, range_km, unused = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    for slot in range(satellite.shape[0]):
        for block in range(first_block, last_block):
            n = gather(bins[bin_offsets[block] : bin_offsets[block + 1]], first[slot], order[slot], candidates)
            for j in range(n):
                s = candidates[j]
                ax[j], ay[j], az[j] = at_km[slot, s, 0], at_km[slot, s, 1], at_km[slot, s, 2]
                bx[j], by[j], bz[j] = at_km[slot + 1, s, 0], at_km[slot + 1, s, 1], at_km[slot + 1, s, 2]
            for i in range(block_offsets[block], block_offsets[block + 1]):
                px, py, pz = site_km[i, 0], site_km[i, 1], site_km[i, 2]
                ux, uy, uz = site_up[i, 0], site_up[i, 1], site_up[i, 2]
                look(px, py, pz, ux, uy, uz, ax, ay, az, n, sine, range_km)
                if both_ends:
                    look(px, py, pz, ux, uy, uz, bx, by, bz, n, later, unused)
                mask, count, chosen, best = sine_mask[i], 0, -1, -np.inf
                for j in range(n):
                    if sine[j] < mask or (both_ends and later[j] < mask):
                        continue
                    s = candidates[j]
                    if conditions.active and not _holds(
                        conditions, i, s, site_km, site_up, at_km[slot], at_km[slot + 1 if both_ends else slot]
                    ):
                        continue
                    count += 1
                    if onward_km[slot, s] == np.inf:
                        continue
                    if policy == HIGHEST:
                        score = sine[j]
                    elif policy == LONGEST_REMAINING:
                        held = max(mask, conditions.satellite_sine[s]) if conditions.active else mask
                        score = remaining_s(px, py, pz, held, ax[j], ay[j], az[j], bx[j], by[j], bz[j], slot_s)
                    elif policy == LEAST_CHANGE and s == previous[i]:
                        score = np.inf
                    else:
                        score = -(range_km[j] + onward_km[slot, s])
                    # Equal scores go to the lower number, so that the order of the candidates never shows.
                    if chosen < 0 or score > best or (score == best and s < chosen):
                        chosen, best = s, score
                seen[slot, i] = count
                satellite[slot, i] = chosen
                previous[i] = chosen
                path_km[slot, i] = np.inf
                if chosen >= 0:
                    dx, dy = middle_km[slot, chosen, 0] - px, middle_km[slot, chosen, 1] - py
                    dz = middle_km[slot, chosen, 2] - pz
                    path_km[slot, i] = math.sqrt(dx * dx + dy * dy + dz * dz) + onward_middle_km[slot, chosen]


@njit(cache=True, nogil=True, error_model="numpy")
def feeder_links(
    site_km: Floats, site_up: Floats, sine_mask: Floats, conditions: Conditions,
    bin_offsets: NDArray[np.int64], bins: Ints, first: Ints, order: Ints,
    now_km: Floats, later_km: Floats, length_km: Floats, site: Ints, satellite: Ints,
) -> int:  # fmt: skip
    """Every feeder link that counts, by site: its length now, its site and satellite, axes (link,).

    Returns how many there are; nothing is written beyond the arrays' end.
    """
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
            if conditions.active and not _holds(conditions, g, s, site_km, site_up, now_km, later_km):
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
        if gateway[s] < 0 and left[g] != 0:
            gateway[s] = g
            seed_km[s] = length_km[k] + beyond_km[g]
            if left[g] > 0:
                left[g] -= 1
