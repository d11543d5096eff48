"""The serving satellite of many sites, slot after slot.

A block's candidates are looked at in single precision first, sixteen at a time and without a branch. That settles all
but the close cases: a satellite within a hair of the mask, two that are almost equally good. Those few are decided in
double precision, so that the answer is the same as if all were.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels import VECTORISED
from openleo.network.kernels.admission import Conditions, holds
from openleo.network.kernels.sky import gather

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]

HIGHEST, LEAST_RTT, LONGEST_REMAINING, LEAST_CHANGE = range(4)  # hand-over policies

CLOSE_SINE = 1e-5  # single precision errs by 1e-6
CLOSE_SHARE = 1e-5  # of a length, likewise
NONE = np.float32(3e38)  # the cost of a satellite that cannot serve
NONE_BITS = 0x7F61B1E6  # the same as an integer: positive floats are ordered as their bits are


@njit(cache=True, nogil=True, error_model="numpy", fastmath=VECTORISED)
def look(
    px: float, py: float, pz: float, ux: float, uy: float, uz: float,
    x: Singles, y: Singles, z: Singles, n: int, sine: Singles, range_km: Singles,
) -> None:  # fmt: skip
    """Sine of elevation and range of n satellites seen from a site with zenith u; all relative to one near point."""
    ax, ay, az = np.float32(px), np.float32(py), np.float32(pz)
    vx, vy, vz = np.float32(ux), np.float32(uy), np.float32(uz)
    for j in range(n):
        dx, dy, dz = x[j] - ax, y[j] - ay, z[j] - az
        distance = np.float32(math.sqrt(dx * dx + dy * dy + dz * dz))
        range_km[j] = distance
        sine[j] = (dx * vx + dy * vy + dz * vz) / distance


@njit(cache=True, nogil=True, error_model="numpy", fastmath=VECTORISED)
def _counts(sine: Singles, n: int, low: np.float32, high: np.float32) -> tuple[np.int32, np.int32]:
    """How many are at least `low`, and at least `high`."""
    at_low, at_high = np.int32(0), np.int32(0)
    for j in range(n):
        at_low += np.int32(sine[j] >= low)
        at_high += np.int32(sine[j] >= high)
    return at_low, at_high


@njit(cache=True, nogil=True, error_model="numpy", fastmath=VECTORISED)
def _cost_of_height(sine: Singles, lowest: Singles, onward: Singles, n: int, low: np.float32, cost: Singles) -> None:
    for j in range(n):
        cost[j] = np.float32(2.0) - sine[j] if (lowest[j] >= low) & (onward[j] < NONE) else NONE


@njit(cache=True, nogil=True, error_model="numpy", fastmath=VECTORISED)
def _cost_of_length(
    range_km: Singles, lowest: Singles, onward: Singles, n: int, low: np.float32, cost: Singles
) -> None:  # fmt: skip
    for j in range(n):
        cost[j] = range_km[j] + onward[j] if (lowest[j] >= low) & (onward[j] < NONE) else NONE


@njit(cache=True, nogil=True, error_model="numpy")
def _least(bits: Ints, n: int) -> np.int32:
    """The least of positive floats, as bits: a minimum of integers is vectorised, one of floats is not."""
    least = np.int32(NONE_BITS)
    for j in range(n):
        least = min(least, bits[j])
    return least


@njit(cache=True, nogil=True, error_model="numpy")
def _sine(px: float, py: float, pz: float, ux: float, uy: float, uz: float, at_km: Floats, s: int) -> float:
    dx, dy, dz = at_km[s, 0] - px, at_km[s, 1] - py, at_km[s, 2] - pz
    return float((dx * ux + dy * uy + dz * uz) / math.sqrt(dx * dx + dy * dy + dz * dz))


@njit(cache=True, nogil=True, error_model="numpy")
def _range_km(px: float, py: float, pz: float, at_km: Floats, s: int) -> float:
    dx, dy, dz = at_km[s, 0] - px, at_km[s, 1] - py, at_km[s, 2] - pz
    return math.sqrt(dx * dx + dy * dy + dz * dz)


@njit(cache=True, nogil=True, error_model="numpy")
def _relative(
    at_km: Floats, candidates: Ints, n: int, cx: float, cy: float, cz: float, x: Singles, y: Singles, z: Singles
) -> None:  # fmt: skip
    for j in range(n):
        s = candidates[j]
        x[j], y[j], z[j] = at_km[s, 0] - cx, at_km[s, 1] - cy, at_km[s, 2] - cz


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
    bin_offsets: NDArray[np.int64], bins: Ints,
    first: Ints, order: Ints, at_km: Floats, both_ends: bool, middle_km: Floats,
    onward_km: Floats, onward_middle_km: Floats,
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
    x, y, z = np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.float32)
    later_x, later_y, later_z = np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.float32)
    onward, range_km, unused = np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.float32)
    sine, setting, cost = np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.float32)
    lowest = setting if both_ends else sine
    bits = cost.view(np.int32)
    least_bits = np.empty(1, np.int32)
    least_cost = least_bits.view(np.float32)
    for slot in range(satellite.shape[0]):
        for block in range(first_block, last_block):
            n = gather(bins[bin_offsets[block] : bin_offsets[block + 1]], first[slot], order[slot], candidates)
            begin = block_offsets[block]
            cx, cy, cz = site_km[begin, 0], site_km[begin, 1], site_km[begin, 2]
            _relative(at_km[slot], candidates, n, cx, cy, cz, x, y, z)
            if both_ends:
                _relative(at_km[slot + 1], candidates, n, cx, cy, cz, later_x, later_y, later_z)
            for j in range(n):
                onward[j] = min(onward_km[slot, candidates[j]], NONE)
            for i in range(begin, block_offsets[block + 1]):
                px, py, pz = site_km[i, 0], site_km[i, 1], site_km[i, 2]
                ux, uy, uz = site_up[i, 0], site_up[i, 1], site_up[i, 2]
                look(px - cx, py - cy, pz - cz, ux, uy, uz, x, y, z, n, sine, range_km)
                if both_ends:
                    look(px - cx, py - cy, pz - cz, ux, uy, uz, later_x, later_y, later_z, n, setting, unused)
                    for j in range(n):
                        setting[j] = min(sine[j], setting[j])
                mask = sine_mask[i]
                low, high = np.float32(mask - CLOSE_SINE), np.float32(mask + CLOSE_SINE)
                count, sure = _counts(lowest, n, low, high)
                if count > sure:
                    for j in range(n):
                        if low <= lowest[j] < high:
                            s = candidates[j]
                            exact = _sine(px, py, pz, ux, uy, uz, at_km[slot], s)
                            if both_ends:
                                exact = min(exact, _sine(px, py, pz, ux, uy, uz, at_km[slot + 1], s))
                            if exact < mask:
                                lowest[j] = -1.0
                                count -= 1
                if conditions.active:
                    after = slot + 1 if both_ends else slot
                    for j in range(n):
                        if lowest[j] >= low and not holds(
                            conditions, i, candidates[j], site_km, site_up, at_km[slot], at_km[after]
                        ):
                            lowest[j] = -1.0
                            count -= 1
                if policy == HIGHEST:
                    _cost_of_height(sine, lowest, onward, n, low, cost)
                else:
                    _cost_of_length(range_km, lowest, onward, n, low, cost)
                least_bits[0] = _least(bits, n)
                chosen = -1
                if least_cost[0] < NONE:
                    chosen = _choose(
                        policy, px, py, pz, ux, uy, uz, mask, conditions, candidates, cost, n, least_cost[0],
                        at_km[slot],
                        at_km[slot + 1], onward_km[slot], slot_s, previous[i],
                    )  # fmt: skip
                seen[slot, i] = count
                satellite[slot, i] = chosen
                previous[i] = chosen
                path_km[slot, i] = np.inf
                if chosen >= 0:
                    up_km = _range_km(px, py, pz, middle_km[slot], chosen)
                    path_km[slot, i] = up_km + onward_middle_km[slot, chosen]


@njit(cache=True, nogil=True, error_model="numpy")
def _choose(
    policy: int, px: float, py: float, pz: float, ux: float, uy: float, uz: float, mask: float,
    conditions: Conditions, candidates: Ints, cost: Singles, n: int, least: np.float32, now_km: Floats,
    next_km: Floats, onward_km: Floats,
    slot_s: float, previous: int,
) -> int:  # fmt: skip
    """The satellite that a policy picks among those whose cost is not NONE; of equals the lower number.

    `least`: the least cost. Only satellites nearly as good are measured in double precision.
    """
    if policy == LEAST_CHANGE and previous >= 0:
        for j in range(n):
            if candidates[j] == previous and cost[j] < NONE:
                return previous
    if policy == LONGEST_REMAINING:
        bound = NONE
    elif policy == HIGHEST:
        bound = least + np.float32(2.0 * CLOSE_SINE)
    else:
        bound = least * np.float32(1.0 + 2.0 * CLOSE_SHARE)
    chosen, best = -1, -np.inf
    for j in range(n):
        if cost[j] > bound or cost[j] >= NONE:
            continue
        s = candidates[j]
        if policy == HIGHEST:
            score = _sine(px, py, pz, ux, uy, uz, now_km, s)
        elif policy == LONGEST_REMAINING:
            held = max(mask, conditions.satellite_sine[s]) if conditions.active else mask
            score = remaining_s(
                px, py, pz, held, now_km[s, 0], now_km[s, 1], now_km[s, 2], next_km[s, 0], next_km[s, 1],
                next_km[s, 2], slot_s,
            )  # fmt: skip
        else:
            score = -(_range_km(px, py, pz, now_km, s) + onward_km[s])
        if chosen < 0 or score > best or (score == best and s < chosen):
            chosen, best = s, score
    return chosen
