"""Ways to the Internet as a forest: what each node carries, and which nodes on a way can stop anything."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def carry(parent: Ints, start: Ints, amount: Floats, load: Floats) -> int:
    """Add amount[i] to every node from start[i] to its root. load (node,).

    parent (node,): −1 at a root; a start of −1 has no way. Returns −1, or the start from which the way never ends.
    """
    for i in range(start.size):
        node, steps = start[i], 0
        while node >= 0:
            load[node] += amount[i]
            node = parent[node]
            steps += 1
            if steps > parent.size:
                return i
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def binding_paths(parent: Ints, start: Ints, binds: NDArray[np.bool_], offsets: Offsets, path: Ints) -> int:
    """The nodes that can bind on the way from each start, the nearest first.

    Out: those of start i are offsets[i]:offsets[i + 1] of path. Returns how many there are; nothing is written beyond
    the array's end.
    """
    found = 0
    offsets[0] = 0
    for i in range(start.size):
        node = start[i]
        while node >= 0:
            if binds[node]:
                if found < path.size:
                    path[found] = node
                found += 1
            node = parent[node]
        offsets[i + 1] = found
    return found
