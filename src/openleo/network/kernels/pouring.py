"""What fixed beams carry: room that is left is poured into them; and what stops a cell from having more."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]

FULL_MBPS = 1e-6  # a node with less room is full
NOTHING, NO_QUANTUM, DISTURBS = -1, -2, -3  # in `stops`, beside the numbers of nodes


@njit(cache=True, nogil=True, error_model="numpy")
def pour(
    order: Offsets, link: Offsets, satellite: Ints, carries: Floats, path_offsets: Offsets, path: Ints,
    offsets: Offsets, wanted: Floats, room: Floats, load: Floats,
) -> None:  # fmt: skip
    """Give cells what they still want over the beams they have, in `order`.

    The beams of cell c are link[offsets[c]:offsets[c + 1]], candidates, each of a satellite and carrying at most
    `carries` (candidate,). In and out: wanted (cell,), room (node,), load (candidate,).
    """
    for k in range(order.size):
        c = order[k]
        for j in range(offsets[c], offsets[c + 1]):
            e = link[j]
            s = satellite[e]
            gain = min(carries[e] - load[e], wanted[c])
            for n in range(path_offsets[s], path_offsets[s + 1]):
                gain = min(gain, room[path[n]])
            if gain > 0.0:
                load[e] += gain
                wanted[c] -= gain
                for n in range(path_offsets[s], path_offsets[s + 1]):
                    room[path[n]] -= gain


@njit(cache=True, nogil=True, error_model="numpy")
def stops(
    offsets: Offsets, satellite: Ints, rate: Floats, carries: Floats, load: Floats, shut: NDArray[np.bool_], used: Ints,
    most: Ints, path_offsets: Offsets, path: Ints, room: Floats, cells: Offsets, found: Ints,
) -> None:  # fmt: skip
    """What stops each of some cells at the best of its candidates that could carry anything.

    rate (candidate,) of a whole channel; carries, load as `pour`; shut (candidate,): free, but for interference; used
    (satellite,) quanta of `most` (satellite,). Out: found (one for each of `cells`): the node on the way that is full,
    the nearest first; NO_QUANTUM, DISTURBS, or NOTHING.
    """
    for k in range(cells.size):
        c = cells[k]
        found[k] = NOTHING
        best = 0.0
        for e in range(offsets[c], offsets[c + 1]):
            if rate[e] <= best:
                continue
            s, why = satellite[e], NOTHING
            for n in range(path_offsets[s], path_offsets[s + 1]):
                if room[path[n]] <= FULL_MBPS:
                    why = path[n]
                    break
            if why == NOTHING and carries[e] - load[e] <= FULL_MBPS:
                if used[s] >= most[s]:
                    why = NO_QUANTUM
                elif shut[e]:
                    why = DISTURBS
            if why != NOTHING:
                best, found[k] = rate[e], why
