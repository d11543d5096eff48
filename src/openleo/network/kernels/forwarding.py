"""Next hops towards places on the ground, and their rendering as lines of text.

Distances from every satellite to every place are settled before (`pairs.settle_many`); one pass over the neighbours
then says which link each satellite sends on. Numbers are copied into the text from tables of ready digits.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels.paths import LANDS_HERE, NO_WAY

Ints = NDArray[np.int32]
Interfaces = NDArray[np.int16]
Lengths = NDArray[np.float64] | NDArray[np.uint32]
Offsets = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def next_interfaces(
    neighbours: Ints, length: Lengths, offsets: Offsets, satellite: Ints, range_: Lengths, distance: Lengths,
    no_link: float, no_way: float, interface: Interfaces,
) -> None:  # fmt: skip
    """The link that each satellite sends on, towards each place.

    Lengths are in one unit, km or whole steps; no_link and no_way stand for none. distance (satellite, place),
    settled; offsets, satellite, range_: the places' ground links, those of place i at offsets[i]:offsets[i + 1]. Out,
    axes (satellite, place): interface, the lowest k over which the way is shortest, LANDS_HERE or NO_WAY. A ground link
    that ties with a way round is taken.
    """
    satellites, places = interface.shape
    least, best = np.empty(places, distance.dtype), np.empty(places, np.int16)
    for s in range(satellites):
        least[:] = no_way
        best[:] = NO_WAY
        for k in range(neighbours.shape[1]):
            n = neighbours[s, k]
            if n < 0 or length[s, k] >= no_link:
                continue
            w = length[s, k]
            for j in range(places):
                through = distance[n, j] + w
                shorter = through < least[j]
                best[j] = np.int16(k) if shorter else best[j]
                least[j] = through if shorter else least[j]
        for j in range(places):
            interface[s, j] = best[j]
    for i in range(places):
        for link in range(offsets[i], offsets[i + 1]):
            if range_[link] <= distance[satellite[link], i]:
                interface[satellite[link], i] = LANDS_HERE


@njit(cache=True, nogil=True, error_model="numpy")
def first_satellites(
    offsets: Offsets, satellite: Ints, range_: Lengths, first_target: int, distance: Lengths, no_way: float, first: Ints
) -> None:  # fmt: skip
    """The satellite that each place sends up to, towards each target: ground link and way on are shortest together.

    distance (satellite, target), settled; target j is place first_target + j. Out, axes (place, target): first, the
    lowest number of those that tie; −1 where there is no way, and to the place itself.
    """
    targets = first.shape[1]
    least = np.empty(targets, distance.dtype)
    for i in range(offsets.size - 1):
        least[:] = no_way
        first[i, :] = -1
        for link in range(offsets[i], offsets[i + 1]):
            s, w = satellite[link], range_[link]
            for j in range(targets):
                total = distance[s, j] + w
                if total < least[j] or (total == least[j] and total < no_way and s < first[i, j]):
                    least[j] = total
                    first[i, j] = s
        if first_target <= i < first_target + targets:
            first[i, i - first_target] = -1


@njit(cache=True, nogil=True, error_model="numpy")
def _copy(text: Bytes, length: int, out: Bytes, at: int) -> int:
    for c in range(length):
        out[at + c] = text[c]
    return at + length


@njit(cache=True, nogil=True, error_model="numpy")
def changed_lines(
    interface: Interfaces, first: Ints, was_interface: Interfaces, was_first: Ints, all_lines: bool,
    node: Bytes, node_length: Ints, onward: Bytes, onward_length: Ints, landing: Bytes, landing_length: Ints,
    rising: Bytes, rising_length: Ints, none: Bytes, out: Bytes,
) -> int:  # fmt: skip
    """Write a line `node,target,…` for each entry that is not as it was (or each, with `all_lines`).

    Entries as from the two kernels above: satellites first, then places, targets in order. The texts: node (node,
    digits); onward (satellite, interface, text) after a target; landing (satellite, text) after the target said twice;
    rising (satellite, text) after a target; none: where there is no way. Returns how much of `out` is written.
    """
    satellites, places = interface.shape
    at, comma = 0, 44
    for s in range(satellites):
        for j in range(places):
            k = interface[s, j]
            if not all_lines and k == was_interface[s, j]:
                continue
            at = _copy(node[s], node_length[s], out, at)
            out[at] = comma
            target = satellites + j
            at = _copy(node[target], node_length[target], out, at + 1)
            if k >= 0:
                at = _copy(onward[s, k], onward_length[s, k], out, at)
            elif k == LANDS_HERE:
                out[at] = comma
                at = _copy(node[target], node_length[target], out, at + 1)
                at = _copy(landing[s], landing_length[s], out, at)
            else:
                at = _copy(none, none.size, out, at)
    for i in range(places):
        for j in range(places):
            s = first[i, j]
            if i == j or (not all_lines and s == was_first[i, j]):
                continue
            at = _copy(node[satellites + i], node_length[satellites + i], out, at)
            out[at] = comma
            at = _copy(node[satellites + j], node_length[satellites + j], out, at + 1)
            at = _copy(rising[s], rising_length[s], out, at) if s >= 0 else _copy(none, none.size, out, at)
    return at
