"""Shortest ways from many places at once over a grid of planes and slots, in whole numbers.

Lengths are whole steps of 1/64 m: sums are exact, one instruction takes sixteen sources, and whether all is settled is
a comparison of integers. A way of n links is off by at most n/128 m, which is 0.000 001 ms there and back for n = 20.
Sweeps run in the four orders of a torus (planes up or down, slots up or down), each pulling from the two neighbours
just passed; a way that turns k times is found after k orders, and few turn often.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Steps = NDArray[np.uint32]  # lengths in 1/64 m

STEPS_PER_KM = 64_000.0
FAR = 2**31  # steps, 33,554 km: no way, or a longer one
NO_STEP = 2**31 - 1  # the length of a link that is none; added to FAR it still fits 32 bits
LANES = 8  # rows of sources are filled up to a multiple: a rest of a few costs as much as many
ROUNDS_BEFORE_CHECK = 4
LEAST_COLUMNS = 4

# The neighbours' columns of a grid; `topology` lays them out so.
AHEAD, BEHIND, EAST, WEST = range(4)


@njit(cache=True, nogil=True, error_model="numpy")
def in_steps(length_km: Floats, steps: Steps) -> None:
    """Lengths (satellite, k) in whole steps; what is infinite or beyond FAR is no link."""
    for s in range(length_km.shape[0]):
        for k in range(length_km.shape[1]):
            steps[s, k] = _steps(length_km[s, k])


@njit(cache=True, nogil=True, error_model="numpy")
def _steps(length_km: float) -> np.uint32:
    """A length in whole steps; of what is infinite or beyond FAR, the length of no link."""
    exact = length_km * STEPS_PER_KM + 0.5
    return np.uint32(exact) if exact < NO_STEP else np.uint32(NO_STEP)


@njit(cache=True, nogil=True, error_model="numpy")
def seed(
    first_source: int, offsets: NDArray[np.int64], satellite: Ints, range_km: Floats, distance: Steps
) -> None:  # fmt: skip
    """Start distance (satellite, source): the ground links of sources from `first_source` on, FAR elsewhere.

    No distance is ever more than FAR, so that none plus a link is more than 32 bits hold.
    """
    distance[:] = np.uint32(FAR)
    last = min(first_source + distance.shape[1], offsets.size - 1)
    for source in range(first_source, last):
        for k in range(offsets[source], offsets[source + 1]):
            steps = _steps(range_km[k])
            if steps < NO_STEP:
                distance[satellite[k], source - first_source] = steps


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(order: Ints, first: int, second: int, neighbours: Ints, steps: Steps, distance: Steps) -> None:
    """Pull every satellite's distances from two of its neighbours, in an order."""
    for i in range(order.size):
        s = order[i]
        a, b = neighbours[s, first], neighbours[s, second]
        to_a, to_b = steps[s, first], steps[s, second]
        a, b = (a if a >= 0 else s), (b if b >= 0 else s)  # from itself it gains nothing
        for j in range(distance.shape[1]):
            through_a, through_b = np.uint32(distance[a, j] + to_a), np.uint32(distance[b, j] + to_b)
            through = through_a if through_a < through_b else through_b
            known = distance[s, j]
            distance[s, j] = through if through < known else known


@njit(cache=True, nogil=True, error_model="numpy")
def _settled(neighbours: Ints, steps: Steps, distance: Steps) -> bool:
    """Bellman's condition: no link shortens any distance."""
    degree = neighbours.shape[1]
    for s in range(neighbours.shape[0]):
        shorter = np.uint32(0)
        for k in range(0, degree, 2):
            other = min(k + 1, degree - 1)
            a, b = neighbours[s, k], neighbours[s, other]
            to_a, to_b = steps[s, k], steps[s, other]
            a, b = (a if a >= 0 else s), (b if b >= 0 else s)
            for j in range(distance.shape[1]):
                through_a, through_b = np.uint32(distance[a, j] + to_a), np.uint32(distance[b, j] + to_b)
                through = through_a if through_a < through_b else through_b
                shorter |= np.uint32(through < distance[s, j])
        if shorter:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def settle(orders: Ints, neighbours: Ints, steps: Steps, distance: Steps) -> None:
    """The least distance of every satellite from each source, exact in steps; of FAR or more, FAR or a little less.

    orders (4, satellite): by plane and slot, both up; plane up and slot down; plane down and slot up; both down.
    neighbours, steps (satellite, k): LEAST_COLUMNS or more, the first AHEAD, BEHIND, EAST and WEST.
    In and out: distance (satellite, source), from `seed`.
    """
    done = 0
    while done < ROUNDS_BEFORE_CHECK or not _settled(neighbours, steps, distance):
        first, last = (0, 3) if done % 2 == 0 else (1, 2)
        ahead_last = first == 0  # slots up: the one behind has been passed
        _sweep(orders[first], BEHIND if ahead_last else AHEAD, WEST, neighbours, steps, distance)
        _sweep(orders[last], AHEAD if ahead_last else BEHIND, EAST, neighbours, steps, distance)
        for k in range(4, neighbours.shape[1]):
            _sweep(orders[first], k, k, neighbours, steps, distance)
        done += 1


@njit(cache=True, nogil=True, error_model="numpy")
def land(
    first_source: int, sources: int, offsets: NDArray[np.int64], satellite: Ints, range_km: Floats, distance: Steps,
    between_km: Floats,
) -> bool:  # fmt: skip
    """The shortest way from each source down to each site over the site's ground links.

    Out: rows first_source … first_source + sources − 1 of between_km (source, site), infinite where there is no way.
    False if a site and a source with links found none: the way between them, if any, is too long for steps.
    """
    width = distance.shape[1]
    best = np.empty(width, np.uint32)
    whole = True
    for i in range(offsets.size - 1):
        best[:] = np.uint32(FAR)
        for k in range(offsets[i], offsets[i + 1]):
            s, last = satellite[k], _steps(range_km[k])
            for j in range(width):
                through = np.uint32(distance[s, j] + last)
                best[j] = through if through < best[j] else best[j]
        for j in range(sources):
            reached = best[j] < FAR
            between_km[first_source + j, i] = best[j] / STEPS_PER_KM if reached else np.inf
            source = first_source + j
            linked = offsets[i + 1] > offsets[i] and offsets[source + 1] > offsets[source]
            whole = whole and (reached or not linked)
    return whole
