"""Who serves whom: the beams, channels and sub-slots of one slot.

Takes the candidates, the caps, the ways as a forest, what each cell asks for and who served it before; gives an
Assignment: rows of cell, satellite, channel and the sub-slots in which they hold. An auction (`kernels.beams`) sells
beam time in quanta, one beam for one sub-slot; then channels are placed so that nobody disturbs anybody
(`kernels.channels`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.caps import Caps
from openleo.network.capacity.forest import Forest
from openleo.network.kernels import beams, channels, fair_beams, forest
from openleo.network.kernels.beams import Market

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

OBJECTIVES = ("max_min", "total", "min_cost_flow")
EPSILON = 0.02  # of a middling quantum: by how much prices rise at least, so how far from the best a quantum may be
# Where there are few satellites there is time for more: chains of any length, more levels.
FEW = 64
FAR = 4  # cells move on, one for the other, in chains shorter than this
LEVELS, LEVELS_OF_FEW = 8, 30  # at which fair shares wait for each other, from 0.03 to 10 times the mean
ROUNDS = 3
SOFTNESS, SWEEPS, GUESSED = (0.5, 0.02), 20, 0.88  # of a middling quantum, at first and at last; of the guessed prices
SALES_FOR_A_QUANTUM = 8  # on average, at most
HOP_COST = 0.002  # of a quantum's worth for every inter-satellite link, with `min_cost_flow`


@dataclass(frozen=True, eq=False)
class Assignment:
    """Rows, axes (row,), by cell: satellite `satellite` serves `cell` on `channel` in the sub-slots of `sub_slots`,
    bit t for sub-slot t, so with a share of their number / `shares`. `link`: the number of the row's candidate.
    """

    cell: Ints
    satellite: Ints
    channel: Ints
    sub_slots: NDArray[np.uint32]
    shares: int
    link: NDArray[np.int64]

    @property
    def share(self) -> Floats:
        """The part of the time in which each row holds."""
        lit = self.sub_slots[:, None] >> np.arange(self.shares, dtype=np.uint32) & np.uint32(1)
        return np.asarray(lit.sum(axis=1) / self.shares, np.float64)


@dataclass(frozen=True, eq=False)
class Sold:
    """What the sale ended with. Axes (candidate,): quanta, and planned_mbps (down) of them; sales, and `lost` quanta
    that fitted on no channel. shut (candidate,): would be free, but for interference. used (satellite,): quanta. The
    nodes that could bind on a satellite's way are path_offsets[s]:path_offsets[s + 1] of path.
    """

    assignment: Assignment
    quanta: Ints
    planned_mbps: Floats
    shut: NDArray[np.bool_]
    used: Ints
    path_offsets: NDArray[np.int64]
    path: Ints
    sales: int
    lost: int


def assign(
    candidates: Candidates,
    caps: Caps,
    ways: Forest,
    tiers_mbps: Floats,
    weight: Floats,
    neighbours: Ints,
    objective: str,
    previous: Assignment | None = None,
    keep: float = 0.0,
) -> Sold:
    """Sell the beam time of one slot.

    tiers_mbps (tier, cell): what cells ask for (down), the most urgent classes first; each tier is sold before the
    next, and keeps what it has got. weight (tier, cell), above 0. neighbours (cell, k): adjacent cells, −1 for none.
    A satellite that served a cell in `previous` counts (1 + keep) times as much there.
    """
    market, by_worth = _market(candidates, caps, ways, tiers_mbps, objective, previous, keep)
    some = market.quantum_mbps[market.quantum_mbps > beams.LEAST_MBPS]
    middling = float(np.median(some)) if some.size else 1.0
    budget = SALES_FOR_A_QUANTUM * (int(market.most_of_satellite.sum()) + candidates.cells) + 1000
    far = FAR if ways.satellites > FEW else ways.satellites + 1
    sales = 0
    for asked, weighs in zip(np.cumsum(tiers_mbps, axis=0), weight, strict=True):
        market.demand_mbps[:] = asked
        market.weight[:] = weighs
        if objective == "max_min":
            sales += fair_beams.sell_fairly(market, _levels(market), far, budget)
        else:
            soft = SOFTNESS[0] * middling, SOFTNESS[1] * middling
            beams.guess_prices(market, *soft, SWEEPS)
            market.price[:] *= GUESSED
            sales += beams.sell_for_total(market, by_worth, EPSILON * middling, ROUNDS, budget)
        market.fixed[:] = market.quanta
    return _with_channels(market, candidates, caps, neighbours, objective, sales)


def _market(
    candidates: Candidates, caps: Caps, ways: Forest, tiers_mbps: Floats, objective: str,
    previous: Assignment | None, keep: float,
) -> tuple[Market, NDArray[np.int64]]:  # fmt: skip
    cells, links, satellites = candidates.cells, len(candidates.satellite), ways.satellites
    quantum = candidates.down_mbps / caps.shares
    favour = np.ones(links)
    if objective == "min_cost_flow":
        favour -= np.minimum(HOP_COST * np.maximum(ways.hops[candidates.satellite], 0), 0.5)
    if previous is not None and keep > 0.0:
        favour[kept(candidates, previous)] *= 1.0 + keep
    total = tiers_mbps.sum(axis=0)
    path_offsets, path = _paths(candidates, caps, ways, total)
    most = caps.beams_of(satellites) * np.int32(caps.shares)
    fastest = np.zeros(cells)
    np.maximum.at(fastest, candidates.cell, candidates.down_mbps)
    by_rate = (total < caps.channels * fastest) & (objective != "max_min")
    market = Market(
        offsets=candidates.offsets,
        cell=candidates.cell.astype(np.int32),
        satellite=candidates.satellite,
        quantum_mbps=quantum,
        favour=favour,
        demand_mbps=np.zeros(cells),
        weight=np.ones(cells),
        by_rate=by_rate,
        most_of_cell=np.full(cells, caps.channels * caps.shares, np.int32),
        most_of_satellite=most,
        path_offsets=path_offsets,
        path=path,
        room_mbps=ways.down_mbps.copy(),
        held=np.empty((satellites, max(int(most.max(initial=0)), 1)), np.int32),
        held_count=np.zeros(satellites, np.int32),
        place=np.zeros(links, np.int32),
        quanta=np.zeros(links, np.int32),
        fixed=np.zeros(links, np.int32),
        load_mbps=np.zeros(links),
        paid=np.zeros(links),
        used=np.zeros(satellites, np.int32),
        given=np.zeros(cells, np.int32),
        rate_mbps=np.zeros(cells),
        price=np.zeros(satellites),
    )
    worth = np.minimum(quantum, total[market.cell]) * favour
    by_worth = np.argsort(-worth, kind="stable") if objective != "max_min" else np.empty(0, np.int64)
    return market, by_worth


def _levels(market: Market) -> Floats:
    """Levels (Mbit/s for a unit of weight) about what the beams would give if all were alike."""
    if not market.quantum_mbps.size:
        return np.array([np.inf])
    seen = np.unique(market.satellite)
    each_mbps = market.most_of_satellite[seen] * float(np.mean(market.quantum_mbps))
    total_mbps = float(np.minimum(each_mbps, market.room_mbps[seen]).sum())
    steps = np.logspace(-1.5, 1.0, LEVELS if market.used.size > FEW else LEVELS_OF_FEW)
    return np.append(steps * max(total_mbps, 1.0) / float(market.weight.sum()), np.inf)


def kept(candidates: Candidates, previous: Assignment) -> NDArray[np.bool_]:
    """Which candidates served their cells in the slot before, axes (candidate,)."""
    most = int(max(candidates.satellite.max(initial=-1), previous.satellite.max(initial=-1))) + 1
    here = candidates.cell * most + candidates.satellite
    return np.isin(here, previous.cell.astype(np.int64) * most + previous.satellite)


def _paths(
    candidates: Candidates, caps: Caps, ways: Forest, asked_mbps: Floats
) -> tuple[NDArray[np.int64], Ints]:  # fmt: skip
    """The nodes on each satellite's way that could ever be full, given what beams can carry and cells ask for."""
    satellites, beams_of = ways.satellites, caps.beams_of(ways.satellites)
    fastest, wanted = np.zeros(satellites), np.zeros(satellites)
    np.maximum.at(fastest, candidates.satellite, candidates.down_mbps)
    np.add.at(wanted, candidates.satellite, asked_mbps[candidates.cell])
    own = np.minimum(beams_of * fastest, wanted)
    load = ways.loads(np.minimum(own, ways.down_mbps[:satellites]))
    load[:satellites] = own
    binds = load > ways.down_mbps
    fastest_up = np.zeros(satellites)
    np.maximum.at(fastest_up, candidates.satellite, candidates.up_mbps)
    binds |= ways.loads(beams_of * fastest_up) > ways.up_mbps
    start = np.arange(satellites, dtype=np.int32)
    offsets, room = np.zeros(satellites + 1, np.int64), 8 * satellites
    while True:
        path = np.empty(room, np.int32)
        found = forest.binding_paths(ways.parent, start, binds, offsets, path)
        if found <= room:
            return offsets, path[:found]
        room = found


def _with_channels(
    market: Market, candidates: Candidates, caps: Caps, neighbours: Ints, objective: str, sales: int
) -> Sold:
    cells, links, satellites = candidates.cells, len(candidates.satellite), len(market.used)
    used, lit = np.zeros((cells, caps.shares), np.uint32), np.zeros((satellites, caps.shares), np.int32)
    words = np.zeros((links, caps.shares), np.uint32)
    shut = np.zeros(links, np.bool_)
    every = np.uint32((1 << caps.channels) - 1)
    cos_least = float(np.cos(np.radians(caps.interference_deg)))
    around = np.ascontiguousarray(neighbours, np.int32)
    order = np.argsort(-market.given, kind="stable")
    place = (
        around,
        candidates.cell_km,
        candidates.satellite_km,
        cos_least,
        every,
        caps.beams_of(satellites),
        used,
        words,
        lit,
    )
    lost = channels.colour(market, order, *place)
    wanting = np.flatnonzero(market.demand_mbps - market.rate_mbps > beams.LEAST_MBPS)
    order = wanting[np.argsort((market.rate_mbps / market.weight)[wanting], kind="stable")]
    channels.fill_in(market, order, objective == "max_min", *place, shut)
    return Sold(
        _rows(market, words, caps), market.quanta, market.load_mbps, shut, market.used,
        market.path_offsets, market.path, sales, lost,
    )  # fmt: skip


def _rows(market: Market, words: NDArray[np.uint32], caps: Caps) -> Assignment:
    lit = np.flatnonzero(market.quanta)
    masks = np.zeros((len(lit), caps.channels), np.uint32)
    for t in range(caps.shares):
        for k in range(caps.channels):
            masks[:, k] |= ((words[lit, t] >> np.uint32(k)) & np.uint32(1)) << np.uint32(t)
    row, channel = np.nonzero(masks)
    link = lit[row]
    return Assignment(
        market.cell[link], market.satellite[link], channel.astype(np.int32), masks[row, channel], caps.shares, link
    )
