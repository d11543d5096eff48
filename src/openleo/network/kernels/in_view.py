"""What each satellite sees of what places ask for, when every place asks all satellites above its mask alike.

Blocks of sites look at the same bins of the sky, as everywhere (`kernels.sky`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels.sky import gather

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def _above_mask(
    i: int, n: int, candidates: Ints, site_km: Floats, site_up: Floats, sine_mask: Floats, sine_shared: float,
    position_km: Floats, seen: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Which of n candidates are above the mask of site i, as places among the candidates.

    Returns (how many these are, how many are above the elevation that shares the demand).
    """
    found, sharing = 0, 0
    for j in range(n):
        s = candidates[j]
        dx, dy = position_km[s, 0] - site_km[i, 0], position_km[s, 1] - site_km[i, 1]
        dz = position_km[s, 2] - site_km[i, 2]
        rises = dx * site_up[i, 0] + dy * site_up[i, 1] + dz * site_up[i, 2]
        distance = math.sqrt(dx * dx + dy * dy + dz * dz)
        if rises >= sine_shared * distance:
            sharing += 1
        if rises >= sine_mask[i] * distance:
            seen[found] = j
            found += 1
    return found, sharing


@njit(cache=True, nogil=True, error_model="numpy")
def share_among_fixed_beams(
    site_km: Floats, site_up: Floats, sine_mask: Floats, sine_shared: float, asked: Floats,
    block_offsets: NDArray[np.int64], bin_offsets: NDArray[np.int64], bins: Ints, first: Ints, order: Ints,
    position_km: Floats, ahead: Floats, reach_km: Floats, in_view: Ints, shared: Floats,
) -> None:  # fmt: skip
    """Split what each site asks evenly, and by beam of those of the satellites that are above its mask.

    It is split among all above the sine `sine_shared`, no higher than the masks. What falls to those below is lost.
    A satellite's beams are strips of one width across its way. ahead (satellite, xyz): unit vector on its way, level;
    reach_km (satellite): from that level's axis to the edge of the footprint. Strip b of n begins at
    2 · reach_km · (b / n − 1/2); who is beyond an end counts with the last strip. Out: in_view (site), among
    how many it is split; shared (satellite, beam), in the unit of `asked` (site).
    """
    candidates, seen = np.empty(order.size, np.int32), np.empty(order.size, np.int32)
    beams = shared.shape[1]
    shared[:] = 0.0
    for block in range(block_offsets.size - 1):
        n = gather(bins[bin_offsets[block] : bin_offsets[block + 1]], first, order, candidates)
        for i in range(block_offsets[block], block_offsets[block + 1]):
            found, sharing = _above_mask(
                i, n, candidates, site_km, site_up, sine_mask, sine_shared, position_km, seen
            )  # fmt: skip
            in_view[i] = sharing
            for j in range(found):
                s = candidates[seen[j]]
                along = site_km[i, 0] * ahead[s, 0] + site_km[i, 1] * ahead[s, 1] + site_km[i, 2] * ahead[s, 2]
                beam = math.floor((along / reach_km[s] + 1.0) * 0.5 * beams)
                shared[s, min(max(beam, 0), beams - 1)] += asked[i] / sharing


@njit(cache=True, nogil=True, error_model="numpy")
def share_among_steered_beams(
    site_km: Floats, site_up: Floats, sine_mask: Floats, sine_shared: float, asked: Floats,
    block_offsets: NDArray[np.int64], bin_offsets: NDArray[np.int64], bins: Ints, first: Ints, order: Ints,
    position_km: Floats, beam_most: float, in_view: Ints, best: Floats,
) -> None:  # fmt: skip
    """As `share_among_fixed_beams`, where a satellite turns each beam to one block of sites: to those that ask most.

    A block asks a satellite for what its sites ask of it, at most `beam_most`. Out: in_view (site); best (satellite,
    beam), the largest of what blocks ask, in no order.
    """
    candidates, seen = np.empty(order.size, np.int32), np.empty(order.size, np.int32)
    of_block = np.empty(order.size)
    best[:] = 0.0
    least = np.zeros(best.shape[0], np.int32)  # the beam of each satellite that carries least
    for block in range(block_offsets.size - 1):
        n = gather(bins[bin_offsets[block] : bin_offsets[block + 1]], first, order, candidates)
        of_block[:n] = 0.0
        for i in range(block_offsets[block], block_offsets[block + 1]):
            found, sharing = _above_mask(
                i, n, candidates, site_km, site_up, sine_mask, sine_shared, position_km, seen
            )  # fmt: skip
            in_view[i] = sharing
            for j in range(found):
                of_block[seen[j]] += asked[i] / sharing
        for j in range(n):
            s = candidates[j]
            carried = min(of_block[j], beam_most)
            if carried > best[s, least[s]]:
                best[s, least[s]] = carried
                least[s] = np.argmin(best[s])
