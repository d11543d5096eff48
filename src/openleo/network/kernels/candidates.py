"""All pairs of a site and a satellite that could serve it in one slot: the candidates that beams are chosen from."""

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
def pairs(
    block_offsets: NDArray[np.int64], site_km: Floats, site_up: Floats, sine_mask: Floats, conditions: Conditions,
    bin_offsets: NDArray[np.int64], bins: Ints, first: Ints, order: Ints,
    now_km: Floats, later_km: Floats, has_way: NDArray[np.bool_],
    offsets: NDArray[np.int64], satellite: Ints, sine: Floats,
) -> int:  # fmt: skip
    """Every satellite with a way to a gateway that stands above a site's mask at both positions.

    Sites in the order of their blocks, first and order as `sky.sort_into_bins`; has_way (satellite,). Out: the
    candidates of site i are offsets[i]:offsets[i + 1] of satellite and sine (of the elevation now). Returns how many
    there are; nothing is written beyond the arrays' end.
    """
    most = order.size
    near = np.empty(most, np.int32)
    ax, ay, az = np.empty(most), np.empty(most), np.empty(most)
    bx, by, bz = np.empty(most), np.empty(most), np.empty(most)
    found = 0
    offsets[0] = 0
    for block in range(block_offsets.size - 1):
        gathered = gather(bins[bin_offsets[block] : bin_offsets[block + 1]], first, order, near)
        n = 0
        for j in range(gathered):
            s = near[j]
            if has_way[s]:
                near[n] = s
                ax[n], ay[n], az[n] = now_km[s, 0], now_km[s, 1], now_km[s, 2]
                bx[n], by[n], bz[n] = later_km[s, 0], later_km[s, 1], later_km[s, 2]
                n += 1
        for i in range(block_offsets[block], block_offsets[block + 1]):
            px, py, pz = site_km[i, 0], site_km[i, 1], site_km[i, 2]
            ux, uy, uz = site_up[i, 0], site_up[i, 1], site_up[i, 2]
            for j in range(n):
                dx, dy, dz = ax[j] - px, ay[j] - py, az[j] - pz
                rises = (dx * ux + dy * uy + dz * uz) / math.sqrt(dx * dx + dy * dy + dz * dz)
                if rises < sine_mask[i]:
                    continue
                ex, ey, ez = bx[j] - px, by[j] - py, bz[j] - pz
                stays = (ex * ux + ey * uy + ez * uz) / math.sqrt(ex * ex + ey * ey + ez * ez)
                if stays < sine_mask[i]:
                    continue
                if conditions.active and not holds(conditions, i, near[j], site_km, site_up, now_km, later_km):
                    continue
                if found < satellite.size:
                    satellite[found], sine[found] = near[j], rises
                found += 1
            offsets[i + 1] = found
    return found
