"""Beams to cells, fairly: quantum by quantum to the cell that has least for its weight.

A cell that finds no beam free asks those served by its satellites to move on, and they others, along the shortest chain
that ends at a beam that is free: the augmenting paths of a flow. If every quantum carries the same, the sets of quanta
that can be had together are a matroid, and giving always to the poorest who can still have one is max-min fair exactly.
Labels bound each satellite's distance from a free beam from below and only rise, so that what is far is not searched
again; R. K. Ahuja and J. B. Orlin, Naval Research Logistics 38 (1991).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels.beams import LEAST_MBPS, Market, is_open, loss_of, release, room_of, take, top_up

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def _rise(heap: Ints, spot: Ints, level: Floats, k: int) -> None:
    """Let the cell at place k of the heap rise to where it belongs: the lowest level first, then the lowest number."""
    c = heap[k]
    while k > 0:
        above = (k - 1) >> 1
        p = heap[above]
        if level[p] < level[c] or (level[p] == level[c] and p < c):
            break
        heap[k], spot[p] = p, k
        k = above
    heap[k], spot[c] = c, k


@njit(cache=True, nogil=True, error_model="numpy")
def _sink(heap: Ints, spot: Ints, level: Floats, size: int, k: int) -> None:
    """Let the cell at place k of the heap sink to where it belongs."""
    c = heap[k]
    while True:
        below = 2 * k + 1
        if below >= size:
            break
        if below + 1 < size:
            a, b = heap[below], heap[below + 1]
            if level[b] < level[a] or (level[b] == level[a] and b < a):
                below += 1
        d = heap[below]
        if level[c] < level[d] or (level[c] == level[d] and c < d):
            break
        heap[k], spot[d] = d, k
        k = below
    heap[k], spot[c] = c, k


@njit(cache=True, nogil=True, error_model="numpy")
def _open_best(m: Market, c: int) -> int:
    """The candidate of cell c with a beam free that carries most; −1 for none."""
    want = m.demand_mbps[c] - m.rate_mbps[c]
    best, most = -1, LEAST_MBPS
    for e in range(m.offsets[c], m.offsets[c + 1]):
        s = m.satellite[e]
        if m.used[s] < m.most_of_satellite[s]:
            worth = min(m.quantum_mbps[e], want) * m.favour[e]
            if worth > most:
                worth = min(worth, room_of(m, s) * m.favour[e])
                if worth > most:
                    best, most = e, worth
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest(m: Market, c: int, but: int, label: Ints, far: int) -> tuple[int, int]:
    """(candidate, label) of cell c with the least label, of equals the quickest; satellite `but` left out."""
    best, least, most = -1, far, 0.0
    for e in range(m.offsets[c], m.offsets[c + 1]):
        s = m.satellite[e]
        if s == but or m.quantum_mbps[e] <= LEAST_MBPS or label[s] > least:
            continue
        worth = m.quantum_mbps[e] * m.favour[e]
        if label[s] < least or worth > most:
            if label[s] == 0 and not is_open(m, s):
                label[s] = 1
                if least < 1 or (least == 1 and worth <= most):
                    continue
            best, least, most = e, label[s], worth
    return best, least


@njit(cache=True, nogil=True, error_model="numpy")
def _mover(m: Market, s: int, c: int, level: float, label: Ints, far: int) -> tuple[int, int, int]:
    """(candidate, the one to take instead, label of that): who of satellite s may move nearest to a beam that is free.

    Not cell c, nor one who would then have less for its weight than `level`. Of equals the one who loses least.
    """
    mover, instead, least, most = -1, -1, far, -np.inf
    for k in range(m.held_count[s]):
        e = m.held[s, k]
        v = m.cell[e]
        if v == c or m.quanta[e] <= m.fixed[e]:
            continue
        other, reached = _nearest(m, v, s, label, far)
        if other < 0 or reached > least:
            continue
        lost = loss_of(m, e)
        gain = min(m.quantum_mbps[other], m.demand_mbps[v] - m.rate_mbps[v] + lost)
        if (m.rate_mbps[v] + gain - lost) / m.weight[v] < level:
            continue
        if reached < least or gain - lost > most:
            mover, instead, least, most = e, other, reached, gain - lost
            if least == 0:
                break
    return mover, instead, least


@njit(cache=True, nogil=True, error_model="numpy")
def _move_on(m: Market, c: int, level: float, label: Ints, far: int, leaving: Ints, taking: Ints) -> int:
    """Let cell c have a quantum at the end of a chain of moves. Returns the chain's length, −1 if there is none.

    Out: who moved from candidate leaving[k] to taking[k + 1]; c has taking[0].
    """
    while True:
        first, near = _nearest(m, c, -1, label, far)
        if first < 0 or near >= far:
            return -1
        taking[0] = first
        depth = 0
        while depth >= 0:
            s = m.satellite[taking[depth]]
            if label[s] == 0:
                for k in range(depth, 0, -1):
                    v = m.cell[leaving[k - 1]]
                    release(m, v, leaving[k - 1])
                    take(m, v, taking[k])
                take(m, c, taking[0])
                return depth
            mover, instead, reached = _mover(m, s, c, level, label, far)
            if mover < 0 or reached >= label[s]:
                label[s] = min(far, reached + 1) if mover >= 0 else far
                depth -= 1
            else:
                leaving[depth], taking[depth + 1] = mover, instead
                depth += 1


@njit(cache=True, nogil=True, error_model="numpy")
def sell_fairly(m: Market, far: int, budget: int) -> int:
    """Sell one quantum at a time to the cell that has least for its weight. Returns how many sales there were.

    far: of chains of moves, the length that is too long. A cell that can have no more is out of the sale.
    """
    cells = m.rate_mbps.size
    heap, spot, level = np.empty(cells, np.int32), np.full(cells, -1, np.int32), np.empty(cells)
    label, out = np.zeros(m.price.size, np.int32), np.zeros(cells, np.bool_)
    leaving, taking = np.empty(far + 1, np.int32), np.empty(far + 2, np.int32)
    size, sales = 0, 0
    for c in range(cells):
        top_up(m, c)
        level[c] = m.rate_mbps[c] / m.weight[c]
        if m.demand_mbps[c] - m.rate_mbps[c] > LEAST_MBPS and m.given[c] < m.most_of_cell[c]:
            heap[size] = c
            size += 1
            _rise(heap, spot, level, size - 1)
    while size > 0 and sales < budget:
        c = heap[0]
        sales += 1
        moved = 0
        e = _open_best(m, c)
        if e >= 0:
            take(m, c, e)
        else:
            moved = _move_on(m, c, level[c], label, far, leaving, taking)
            out[c] = moved < 0
        level[c] = m.rate_mbps[c] / m.weight[c]
        if out[c] or m.demand_mbps[c] - m.rate_mbps[c] <= LEAST_MBPS or m.given[c] >= m.most_of_cell[c]:
            last = heap[size - 1]
            size -= 1
            spot[c] = -1
            if size > 0:
                heap[0], spot[last] = last, 0
        if size > 0:
            _sink(heap, spot, level, size, 0)
        for k in range(moved):
            v = m.cell[leaving[k]]
            level[v] = m.rate_mbps[v] / m.weight[v]
            if spot[v] >= 0:
                _rise(heap, spot, level, spot[v])
                _sink(heap, spot, level, size, spot[v])
            elif not out[v] and m.demand_mbps[v] - m.rate_mbps[v] > LEAST_MBPS:
                heap[size] = v
                size += 1
                _rise(heap, spot, level, size - 1)
    return sales
