"""Beams to cells: an auction in which satellites' beam time has prices.

What is sold is a quantum: one beam of one satellite, on one channel, for one sub-slot of the frame. A satellite with a
beam free asks nothing. One without asks what it would cost the cheapest of those it serves to go elsewhere: the price
of everybody else at the best of their other satellites, so that a price stands for a whole chain of cells moving on.
D. P. Bertsekas, "The auction algorithm for the transportation problem", Annals of Operations Research 20 (1989): with
prices raised by at least epsilon at each sale, what the quanta are worth in all is within epsilon a quantum of the
best. Here a price is raised at once to what those who are served would bear, which takes fewer sales.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]

LEAST_MBPS = 1e-6  # less is nothing
NEVER = 1e300
CHEAPER = 0.8  # what satellites that are not sold out ask in the next round, of what they asked


class Market(NamedTuple):
    """Who may buy what, and who has what. The last eleven arrays change.

    Candidates, as `capacity.candidates`: offsets (cell + 1), cell and satellite (candidate,); quantum_mbps (candidate,)
    of one quantum; favour (candidate,): what a quantum there counts more than its Mbit/s, at least 1.
    demand_mbps, weight (cell,); by_rate (cell,): its channels suffice for what it asks for; most_of_cell (cell,),
    most_of_satellite (satellite,): quanta at most.
    The nodes that can bind on a satellite's way are path_offsets[s]:path_offsets[s + 1] of path.
    room_mbps (node,): what is left there; held (satellite, most): candidates with quanta there, held_count of them;
    place (candidate,): where in `held`; quanta, fixed (not to be taken away), load_mbps, paid (candidate,); used
    (satellite,), given (quanta) and rate_mbps (cell,); price (satellite,).
    """

    offsets: Offsets
    cell: Ints
    satellite: Ints
    quantum_mbps: Floats
    favour: Floats
    demand_mbps: Floats
    weight: Floats
    by_rate: NDArray[np.bool_]
    most_of_cell: Ints
    most_of_satellite: Ints
    path_offsets: Offsets
    path: Ints
    room_mbps: Floats
    held: Ints
    held_count: Ints
    place: Ints
    quanta: Ints
    fixed: Ints
    load_mbps: Floats
    paid: Floats
    used: Ints
    given: Ints
    rate_mbps: Floats
    price: Floats


@njit(cache=True, nogil=True, error_model="numpy")
def room_of(m: Market, s: int) -> float:
    """What the way of a satellite has left."""
    least = np.inf
    for k in range(m.path_offsets[s], m.path_offsets[s + 1]):
        least = min(least, m.room_mbps[m.path[k]])
    return float(least)


@njit(cache=True, nogil=True, error_model="numpy")
def is_open(m: Market, s: int) -> bool:
    """Whether a satellite has a quantum free and a way for it."""
    return m.used[s] < m.most_of_satellite[s] and room_of(m, s) > LEAST_MBPS


@njit(cache=True, nogil=True, error_model="numpy")
def take(m: Market, c: int, e: int) -> None:
    """Cell c gets a quantum of candidate e, whose satellite has one."""
    s = m.satellite[e]
    gain = max(0.0, min(m.quantum_mbps[e], m.demand_mbps[c] - m.rate_mbps[c], room_of(m, s)))
    if m.quanta[e] == 0:
        m.place[e] = m.held_count[s]
        m.held[s, m.held_count[s]] = e
        m.held_count[s] += 1
    m.quanta[e] += 1
    m.used[s] += 1
    m.given[c] += 1
    m.load_mbps[e] += gain
    m.rate_mbps[c] += gain
    for k in range(m.path_offsets[s], m.path_offsets[s + 1]):
        m.room_mbps[m.path[k]] -= gain


@njit(cache=True, nogil=True, error_model="numpy")
def loss_of(m: Market, e: int) -> float:
    """What a cell loses with its last quantum of candidate e."""
    return float(max(0.0, m.load_mbps[e] - (m.quanta[e] - 1) * m.quantum_mbps[e]))


@njit(cache=True, nogil=True, error_model="numpy")
def release(m: Market, c: int, e: int) -> None:
    """Cell c gives a quantum of candidate e back."""
    s, lost = m.satellite[e], loss_of(m, e)
    m.quanta[e] -= 1
    if m.quanta[e] == 0:
        lost, m.paid[e] = m.load_mbps[e], 0.0
        last = m.held[s, m.held_count[s] - 1]
        m.held[s, m.place[e]] = last
        m.place[last] = m.place[e]
        m.held_count[s] -= 1
    m.used[s] -= 1
    m.given[c] -= 1
    m.load_mbps[e] = m.load_mbps[e] - lost if m.quanta[e] else 0.0
    m.rate_mbps[c] = max(0.0, m.rate_mbps[c] - lost)
    for k in range(m.path_offsets[s], m.path_offsets[s + 1]):
        m.room_mbps[m.path[k]] += lost


@njit(cache=True, nogil=True, error_model="numpy")
def top_up(m: Market, c: int) -> None:
    """Use quanta that a cell has in full, as far as it wants more and there is room."""
    for e in range(m.offsets[c], m.offsets[c + 1]):
        if m.quanta[e] == 0:
            continue
        idle = m.quanta[e] * m.quantum_mbps[e] - m.load_mbps[e]
        gain = min(idle, m.demand_mbps[c] - m.rate_mbps[c])
        if gain > LEAST_MBPS:
            s = m.satellite[e]
            gain = min(gain, room_of(m, s))
            if gain > 0.0:
                m.load_mbps[e] += gain
                m.rate_mbps[c] += gain
                for k in range(m.path_offsets[s], m.path_offsets[s + 1]):
                    m.room_mbps[m.path[k]] -= gain


@njit(cache=True, nogil=True, error_model="numpy")
def _best(m: Market, c: int, but: int, want_mbps: float) -> tuple[int, float, float]:
    """(candidate, Mbit/s, price) of what cell c would buy at the prices of now, satellite `but` left out; −1 for none.

    A cell that could have all it wants buys where a Mbit/s costs least: it needs fewer quanta of a fast satellite. One
    that runs out of channels first buys where a quantum has most profit.
    """
    by_rate = m.by_rate[c]
    best, most, best_worth, best_price = -1, -NEVER, 0.0, 0.0
    for e in range(m.offsets[c], m.offsets[c + 1]):
        s = m.satellite[e]
        if s == but or m.quantum_mbps[e] <= LEAST_MBPS:
            continue
        worth, price = min(m.quantum_mbps[e], want_mbps) * m.favour[e], m.price[s]
        room = room_of(m, s) if m.used[s] < m.most_of_satellite[s] else 0.0
        if room > LEAST_MBPS:
            worth = min(worth, room * m.favour[e])
        elif m.held_count[s] == 0:
            continue
        score = -price / worth + 1e-6 * worth if by_rate else worth - price
        if score > most:
            best, most, best_worth, best_price = e, score, worth, price
    return best, best_worth, best_price


@njit(cache=True, nogil=True, error_model="numpy")
def _elsewhere(m: Market, c: int, but: int, lost_mbps: float) -> float:
    """The profit of cell c if it has what it loses at satellite `but` from another, or from none."""
    e, worth, price = _best(m, c, but, m.demand_mbps[c] - m.rate_mbps[c] + lost_mbps)
    if e < 0:
        return 0.0
    profit = worth - price
    if m.by_rate[c] and worth > 0.0:
        profit *= lost_mbps / worth
    return max(0.0, profit)


@njit(cache=True, nogil=True, error_model="numpy")
def _cheapest(m: Market, s: int, c: int) -> tuple[int, float]:
    """(candidate, price): whom to ask for a quantum of satellite s for cell c, and what going costs them.

    One who costs no more than the satellite's price will do.
    """
    found, least = -1, NEVER
    for k in range(m.held_count[s]):
        e = m.held[s, k]
        v = m.cell[e]
        if v == c or m.quanta[e] <= m.fixed[e]:
            continue
        lost = loss_of(m, e)
        cost = max(lost * m.favour[e] - _elsewhere(m, v, s, lost), m.paid[e])
        if cost < least:
            found, least = e, cost
            if least <= m.price[s]:
                break
    return found, least


@njit(cache=True, nogil=True, error_model="numpy")
def buy(m: Market, c: int, epsilon: float) -> tuple[int, int]:
    """Cell c buys where its profit is most; (candidate, the cell that had to give a quantum up), or −1 each.

    Of a satellite with beams free it buys as many as it can use in full, else one.
    """
    want = m.demand_mbps[c] - m.rate_mbps[c]
    while True:
        e, worth, price = _best(m, c, -1, want)
        if e < 0 or worth - price <= epsilon:
            return -1, -1
        s = m.satellite[e]
        if is_open(m, s):
            take(m, c, e)
            while m.demand_mbps[c] - m.rate_mbps[c] >= m.quantum_mbps[e] and m.given[c] < m.most_of_cell[c]:
                if m.used[s] >= m.most_of_satellite[s] or room_of(m, s) < m.quantum_mbps[e]:
                    break
                take(m, c, e)
            return e, -1
        victim, cost = _cheapest(m, s, c)
        if victim < 0:
            m.price[s] = NEVER
            continue
        if cost > m.price[s]:
            m.price[s] = cost
            if worth - cost <= epsilon:
                continue
            again, _, _ = _best(m, c, -1, want)
            if again != e:
                continue
        v = m.cell[victim]
        release(m, v, victim)
        m.paid[e] = max(m.paid[e], m.price[s] + epsilon)
        if m.used[s] < m.most_of_satellite[s] and room_of(m, s) > LEAST_MBPS:
            take(m, c, e)
            return e, v
        return -1, v


@njit(cache=True, nogil=True, error_model="numpy")
def fill_greedily(m: Market, by_worth: Offsets) -> None:
    """Give quanta in the order of candidates while satellites are open and cells want more."""
    for k in range(by_worth.size):
        e = by_worth[k]
        c, s = m.cell[e], m.satellite[e]
        while (
            m.given[c] < m.most_of_cell[c] and m.demand_mbps[c] - m.rate_mbps[c] > LEAST_MBPS
            and m.quantum_mbps[e] > LEAST_MBPS and is_open(m, s)
        ):  # fmt: skip
            take(m, c, e)


@njit(cache=True, nogil=True, error_model="numpy")
def guess_prices(m: Market, broad: float, narrow: float, sweeps: int) -> float:
    """Near which prices the sale will end, from cells that spread what they want over all their candidates.

    A cell prefers a candidate by exp(profit / softness), nothing at all by 1; then every price goes up or down by the
    logarithm of how far its satellite's beam time, or the fullest node on its way, is over or under. The softness falls
    from `broad` to `narrow` Mbit/s. These are scalings in turn as R. Sinkhorn's (1967), for an assignment.
    In and out: the prices. Returns the largest last step.
    """
    cells, satellites = m.rate_mbps.size, m.price.size
    most = 0
    for c in range(cells):
        most = max(most, m.offsets[c + 1] - m.offsets[c])
    score, over = np.empty(most), 0.0
    time, load = np.empty(satellites), np.empty(m.room_mbps.size)
    for sweep in range(sweeps):
        softness = broad * (narrow / broad) ** (sweep / max(sweeps - 1, 1))
        time[:] = 0.0
        load[:] = 0.0
        for c in range(cells):
            want = m.demand_mbps[c] - m.rate_mbps[c]
            first, last = m.offsets[c], m.offsets[c + 1]
            if want <= LEAST_MBPS or first == last:
                continue
            high, quickest = 0.0, 0.0
            for e in range(first, last):
                quickest = max(quickest, m.quantum_mbps[e])
            for e in range(first, last):
                worth = m.quantum_mbps[e] * m.favour[e]
                profit = worth - m.price[m.satellite[e]]
                if m.by_rate[c] and worth > 0.0:
                    profit *= quickest / worth
                score[e - first] = profit
                high = max(high, profit)
            total = np.exp(-high / softness)
            for e in range(first, last):
                score[e - first] = np.exp((score[e - first] - high) / softness)
                total += score[e - first]
            for e in range(first, last):
                part = score[e - first] / total
                if part > 1e-4 and m.quantum_mbps[e] > LEAST_MBPS:
                    quanta = part * min(float(m.most_of_cell[c]), want / m.quantum_mbps[e])
                    time[m.satellite[e]] += quanta
                    load[m.satellite[e]] += min(want * part, quanta * m.quantum_mbps[e])
        for s in range(satellites):  # what is carried on the way, if no satellite carries more than it can
            rate = load[s]
            if time[s] > m.most_of_satellite[s]:
                rate *= m.most_of_satellite[s] / time[s]
            for k in range(m.path_offsets[s], m.path_offsets[s + 1]):
                if m.path[k] != s:
                    load[m.path[k]] += rate
        over = 0.0
        for s in range(satellites):
            full = time[s] / max(float(m.most_of_satellite[s]), 1e-9)
            for k in range(m.path_offsets[s], m.path_offsets[s + 1]):
                full = max(full, load[m.path[k]] / max(m.room_mbps[m.path[k]], LEAST_MBPS))
            step = softness * np.log(max(full, 0.01))
            price = max(0.0, m.price[s] + step)
            over = max(over, abs(price - m.price[s]))
            m.price[s] = price
    return over


@njit(cache=True, nogil=True, error_model="numpy")
def sell_for_total(m: Market, by_worth: Offsets, epsilon: float, rounds: int, budget: int) -> int:
    """Sell so that what all get is most. Returns how many sales there were; at most `budget`.

    In each round cells bid until none has a profit to make. Satellites that are not sold out then ask less, and cells
    that would do better elsewhere at these prices give what they have back, for the next round. At last what is free
    goes to whoever can use it, best candidates first.
    """
    cells = m.rate_mbps.size
    queue, waits = np.empty(cells, np.int32), np.zeros(cells, np.bool_)
    sales = 0
    for turn in range(rounds):
        head, waiting = 0, 0
        for c in range(cells):
            queue[waiting], waits[c] = c, True
            waiting += 1
        while waiting > 0 and sales < budget:
            c = queue[head]
            head, waiting = (head + 1) % cells, waiting - 1
            waits[c] = False
            top_up(m, c)
            while m.given[c] < m.most_of_cell[c] and m.demand_mbps[c] - m.rate_mbps[c] > LEAST_MBPS and sales < budget:
                e, victim = buy(m, c, epsilon)
                sales += 1
                if victim >= 0 and not waits[victim]:
                    queue[(head + waiting) % cells] = victim
                    waits[victim] = True
                    waiting += 1
                if e < 0 and victim < 0:
                    break
        if turn + 1 < rounds:
            lowered = False
            for s in range(m.price.size):
                if m.price[s] > 0.0 and is_open(m, s):
                    m.price[s] = m.price[s] * CHEAPER if m.price[s] > epsilon else 0.0
                    lowered = True
            if not lowered:
                break
            _give_back(m, epsilon)
    fill_greedily(m, by_worth)
    return sales


@njit(cache=True, nogil=True, error_model="numpy")
def _give_back(m: Market, epsilon: float) -> int:
    """Cells give back quanta that they would rather have elsewhere at the prices of now. Returns how many."""
    given = 0
    for c in range(m.rate_mbps.size):
        for e in range(m.offsets[c], m.offsets[c + 1]):
            s = m.satellite[e]
            while m.quanta[e] > m.fixed[e]:
                lost = loss_of(m, e)
                here = lost * m.favour[e] - m.price[s]
                if _elsewhere(m, c, s, lost) <= here + 2.0 * epsilon:
                    break
                release(m, c, e)
                given += 1
    return given
