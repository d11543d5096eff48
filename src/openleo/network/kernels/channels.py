"""Channels and sub-slots for the quanta that were sold, so that nobody disturbs anybody.

In one sub-slot a cell uses a channel once, and an adjacent cell uses it only from a satellite that stands far enough
away in the sky of both; one satellite never on both. Cells take them in a given order, the first that fit; what fits
nowhere is given back, and what is then still wanted is filled in where it fits.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.kernels.beams import LEAST_MBPS, NEVER, Market, release, room_along, take, top_up

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Words = NDArray[np.uint32]


@njit(cache=True, nogil=True, error_model="numpy")
def too_close(cell_km: Floats, satellite_km: Floats, c: int, a: int, b: int, cos_least: float) -> bool:
    """Whether two satellites stand closer together in the sky of cell c than the angle with this cosine."""
    px, py, pz = cell_km[c, 0], cell_km[c, 1], cell_km[c, 2]
    ax, ay, az = satellite_km[a, 0] - px, satellite_km[a, 1] - py, satellite_km[a, 2] - pz
    bx, by, bz = satellite_km[b, 0] - px, satellite_km[b, 1] - py, satellite_km[b, 2] - pz
    dot = ax * bx + ay * by + az * bz
    return bool(dot > cos_least * math.sqrt((ax * ax + ay * ay + az * az) * (bx * bx + by * by + bz * bz)))


@njit(cache=True, nogil=True, error_model="numpy")
def _forbidden(
    m: Market, c: int, s: int, neighbours: Ints, cell_km: Floats, satellite_km: Floats, cos_least: float,
    used: Words, words: Words, out: Words,
) -> None:  # fmt: skip
    """The channels that cell c cannot use from satellite s, as bits. Out: `out` (sub-slot,)."""
    for t in range(out.size):
        out[t] = used[c, t]
    offsets, satellite, quanta, given = m.offsets, m.satellite, m.quanta, m.given
    for k in range(neighbours.shape[1]):
        d = neighbours[c, k]
        if d < 0 or given[d] == 0:
            continue
        for e in range(offsets[d], offsets[d + 1]):
            if quanta[e] == 0:
                continue
            other = satellite[e]
            if (
                other == s
                or too_close(cell_km, satellite_km, c, s, other, cos_least)
                or too_close(cell_km, satellite_km, d, s, other, cos_least)
            ):
                for t in range(out.size):
                    out[t] |= words[e, t]


@njit(cache=True, nogil=True, error_model="numpy")
def _place(
    c: int, s: int, e: int, every: np.uint32, beams: Ints, forbidden: Words, used: Words, words: Words, lit: Ints
) -> bool:  # fmt: skip
    """Give one quantum the lowest channel free, in the sub-slot where the satellite has most beams left."""
    chosen, fewest = -1, beams[s]
    for t in range(forbidden.size):
        if (every & ~forbidden[t]) != 0 and lit[s, t] < fewest:
            chosen, fewest = t, lit[s, t]
    if chosen < 0:
        return False
    free = every & ~forbidden[chosen]
    bit = free & (~free + np.uint32(1))
    words[e, chosen] |= bit
    used[c, chosen] |= bit
    forbidden[chosen] |= bit
    lit[s, chosen] += 1
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _make_room(
    m: Market, c: int, s: int, e: int, neighbours: Ints, cell_km: Floats, satellite_km: Floats, cos_least: float,
    every: np.uint32, beams: Ints, forbidden: Words, used: Words, words: Words, lit: Ints,
) -> bool:  # fmt: skip
    """Place one quantum where satellite s has no beam left, after moving another cell of it to another sub-slot."""
    shares = used.shape[1]
    satellite, quanta, cell, held = m.satellite, m.quanta, m.cell, m.held
    theirs = np.empty(shares, np.uint32)
    for full in range(shares):
        if lit[s, full] < beams[s] or (every & ~forbidden[full]) == 0:
            continue
        for k in range(m.held_count[s]):
            other = held[s, k]
            d = cell[other]
            if d == c or quanta[other] == 0 or words[other, full] == 0 or satellite[other] != s:
                continue
            _forbidden(m, d, s, neighbours, cell_km, satellite_km, cos_least, used, words, theirs)
            for free in range(shares):
                left = every & ~theirs[free]
                if free == full or lit[s, free] >= beams[s] or left == 0:
                    continue
                taken = words[other, full] & (~words[other, full] + np.uint32(1))
                words[other, full] &= ~taken
                used[d, full] &= ~taken
                given = left & (~left + np.uint32(1))
                words[other, free] |= given
                used[d, free] |= given
                lit[s, full] -= 1
                lit[s, free] += 1
                # What d had in `full` may now be free for c; what it has in `free` may be no more.
                _forbidden(m, c, s, neighbours, cell_km, satellite_km, cos_least, used, words, forbidden)
                return _place(c, s, e, every, beams, forbidden, used, words, lit)
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def colour(
    m: Market, order: NDArray[np.int64], neighbours: Ints, cell_km: Floats, satellite_km: Floats, cos_least: float,
    every: np.uint32, beams: Ints, used: Words, words: Words, lit: Ints,
) -> int:  # fmt: skip
    """Place every quantum of the cells in `order`, one each, turn by turn; give back those that fit nowhere.

    neighbours (cell, k), −1 for none; cos_least: of the interference angle; every: the bits of all channels; beams
    (satellite,): at a time. Out, all
    zero before: used (cell, sub-slot) and words (candidate, sub-slot), channels as bits; lit (satellite, sub-slot).
    Returns how many quanta were given back.
    """
    shares = used.shape[1]
    offsets, satellite, quanta, given = m.offsets, m.satellite, m.quanta, m.given
    forbidden, placed = np.empty(shares, np.uint32), np.zeros(m.quanta.size, np.int32)
    lost, left = 0, True
    while left:
        left = False
        for k in range(order.size):
            c = order[k]
            if given[c] == 0:
                continue
            for e in range(offsets[c], offsets[c + 1]):
                if quanta[e] == placed[e]:
                    continue
                s = satellite[e]
                _forbidden(m, c, s, neighbours, cell_km, satellite_km, cos_least, used, words, forbidden)
                if _place(c, s, e, every, beams, forbidden, used, words, lit) or _make_room(
                    m, c, s, e, neighbours, cell_km, satellite_km, cos_least, every, beams, forbidden, used, words, lit
                ):  # fmt: skip
                    placed[e] += 1
                    left = True
                    break
                while quanta[e] > placed[e]:
                    release(m, c, e)
                    lost += 1
    return lost


@njit(cache=True, nogil=True, error_model="numpy")
def fill_in(
    m: Market, order: NDArray[np.int64], fairly: bool, neighbours: Ints, cell_km: Floats, satellite_km: Floats,
    cos_least: float, every: np.uint32, beams: Ints, used: Words, words: Words, lit: Ints, shut: NDArray[np.bool_],
) -> int:  # fmt: skip
    """Give cells that want more what is free and disturbs nobody, best candidates first. Returns how many quanta.

    As `colour`; with `fairly` the cells get one quantum each, turn by turn. shut (candidate,): satellites that a cell
    could have, but for interference; those are its own bound.
    """
    shares = used.shape[1]
    satellite, quantum_mbps, favour, room_mbps = m.satellite, m.quantum_mbps, m.favour, m.room_mbps
    sold, most_of, path_offsets, path = m.used, m.most_of_satellite, m.path_offsets, m.path
    forbidden = np.empty(shares, np.uint32)
    waits = np.zeros(m.rate_mbps.size, np.bool_)
    for k in range(order.size):
        waits[order[k]] = True
    given, again = 0, True
    while again:
        again = False
        for k in range(order.size):
            c = order[k]
            while waits[c]:
                top_up(m, c)
                want = m.demand_mbps[c] - m.rate_mbps[c]
                if want <= LEAST_MBPS or m.given[c] >= m.most_of_cell[c]:
                    waits[c] = False
                    break
                best, most = -1, -NEVER
                for e in range(m.offsets[c], m.offsets[c + 1]):
                    s = satellite[e]
                    if sold[s] < most_of[s] and quantum_mbps[e] > LEAST_MBPS and not shut[e]:
                        room = room_along(path_offsets, path, room_mbps, s)
                        worth = min(quantum_mbps[e], want, room) * favour[e]
                        if room > LEAST_MBPS and worth > most:
                            best, most = e, worth
                if best < 0:
                    waits[c] = False
                    break
                s = m.satellite[best]
                _forbidden(m, c, s, neighbours, cell_km, satellite_km, cos_least, used, words, forbidden)
                if _place(c, s, best, every, beams, forbidden, used, words, lit) or _make_room(
                    m, c, s, best, neighbours, cell_km, satellite_km, cos_least, every, beams, forbidden, used, words,
                    lit,
                ):  # fmt: skip
                    take(m, c, best)
                    given += 1
                    again = True
                    if fairly:
                        break
                else:
                    shut[best] = True
    return given
