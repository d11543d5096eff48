"""One slot with everybody on the network: beams, rates, and the binding constraint of every cell.

candidates, caps, forest, demand, neighbours ─► allocate ─► Allocation
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.network.capacity import beams
from openleo.network.capacity.beams import OBJECTIVES, Assignment
from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.caps import Binding, Caps
from openleo.network.capacity.forest import Forest
from openleo.network.capacity.share import Beams, Rates, share, what_binds

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

MET = 1e-6  # of what is asked for: less missing is nothing missing
LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class SlotDemand:
    """What is asked for in one slot. Axes (cell, class), but priority (class,) and terminals (cell,).

    down_mbps, up_mbps; weight: fair shares are in this ratio (by default what is asked for, so that all are served to
    the same part); priority: classes with the lowest number first, of equal ones by weight; terminals: those of a
    cell, which together take no more than the caps of one times their number.
    """

    down_mbps: Floats
    up_mbps: Floats
    weight: Floats
    priority: Ints
    terminals: Floats | None = None

    @classmethod
    def of(
        cls,
        down_mbps: ArrayLike,
        up_mbps: ArrayLike = 0.0,
        weight: ArrayLike | None = None,
        priority: ArrayLike = 0,
        terminals: ArrayLike | None = None,
    ) -> SlotDemand:
        """From arrays (cell,) or (cell, class), or numbers that hold for all. Raises ValueError for what cannot be."""
        down = np.array(down_mbps, np.float64)
        down = down[:, None] if down.ndim == 1 else down
        up = np.array(up_mbps, np.float64)
        up = np.array(np.broadcast_to(up[:, None] if up.ndim == 1 else up, down.shape))
        asked = np.maximum(down, up)
        given = asked if weight is None else np.asarray(weight, np.float64)
        weigh = np.array(np.broadcast_to(given[:, None] if given.ndim == 1 else given, down.shape))
        for name, value in (("down_mbps", down), ("up_mbps", up)):
            wrong = ~((value >= 0.0) & (value < np.inf))
            if wrong.any():
                cell = int(np.argwhere(wrong)[0, 0])
                raise ValueError(f"{name} of cell {cell} is {value[wrong][0]:g}; a demand is at least 0 and finite")
        if (~((weigh >= 0.0) & (weigh < np.inf))).any():
            raise ValueError("a weight is at least 0 and finite")
        if ((weigh <= 0.0) & (asked > 0.0)).any():
            raise ValueError("a weight of 0 stands beside a demand; it would never be served")
        count = None if terminals is None else np.array(np.broadcast_to(terminals, len(down)), np.float64)
        return cls(
            down, up, np.maximum(weigh, LEAST_WEIGHT),
            np.array(np.broadcast_to(priority, down.shape[1]), np.int32), count,
        )  # fmt: skip

    def times(self, factor: ArrayLike) -> SlotDemand:
        """So many times as much from as many terminals, factor one number or (cell,); shares stay in their ratio."""
        many = np.broadcast_to(np.asarray(factor, np.float64), self.cells)
        count = None if self.terminals is None else np.where(self.terminals > 0.0, self.terminals * many, 0.0)
        return replace(
            self, down_mbps=self.down_mbps * many[:, None], up_mbps=self.up_mbps * many[:, None], terminals=count
        )

    @property
    def cells(self) -> int:
        return len(self.down_mbps)


@dataclass(frozen=True, eq=False)
class Allocation:
    """What one slot gives. Axes (cell,): rate_down_mbps, rate_up_mbps, binding (`Binding`); the rates' parts by class
    and by node of the forest in `down` and `up`; quanta used by each satellite of its `most_quanta`.
    """

    rate_down_mbps: Floats
    rate_up_mbps: Floats
    binding: NDArray[np.int8]
    assignment: Assignment
    down: Rates
    up: Rates
    used_quanta: Ints
    most_quanta: Ints
    sales: int


def allocate(
    candidates: Candidates,
    caps: Caps,
    ways: Forest,
    demand: SlotDemand,
    neighbours: Ints,
    *,
    objective: str = "max_min",
    permitted: NDArray[np.bool_] | None = None,
    previous: Assignment | None = None,
    keep: float = 0.0,
) -> Allocation:
    """Decide one slot: who serves whom on which channel, and what everybody gets.

    neighbours (cell, k): the numbers of adjacent cells, −1 for none (`cells.neighbours`). permitted (cell,): whether it
    may be served. previous: the assignment of the slot before; a satellite that served a cell then is kept unless
    another is better by more than the part `keep`.

    objective: "max_min" gives each quantum of beam time to the cell that has least for its weight and could still have
    one; "total" makes what all get most, whoever gets it; "min_cost_flow" the same, and of ways that carry as much
    prefers those over fewer inter-satellite links. In all of them more urgent classes come first.

    One satellite of one beam stands over two cells, which ask for 300 Mbit/s each; a channel there carries 400:

    >>> from openleo.network.capacity import forest
    >>> caps = Caps(beams=1, channels=1, shares=4)
    >>> at = np.array([[6378.0, -10.0, 0.0], [6378.0, 10.0, 0.0]]), np.array([[6928.0, 0.0, 0.0]])
    >>> one = Candidates(np.array([0, 1, 2]), np.zeros(2, np.int32), np.full(2, 89.0), np.zeros(2), np.zeros(2), *at)
    >>> slot = allocate(one.with_rates(400.0, 40.0), caps, forest.grow([-1], [0], [0], caps),
    ...                 SlotDemand.of([300.0, 300.0]), np.array([[1], [0]], np.int32))
    >>> slot.rate_down_mbps.tolist(), [Binding(one).name for one in slot.binding]
    ([200.0, 200.0], ['BEAM', 'BEAM'])
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective is {objective!r}; it is one of {', '.join(OBJECTIVES)}")
    _refuse_misfits(candidates, ways, demand, neighbours)
    cells = candidates.cells
    may = np.ones(cells, np.bool_) if permitted is None else np.asarray(permitted, np.bool_)
    asked = [np.where(may[:, None], each, 0.0) for each in (demand.down_mbps, demand.up_mbps)]
    count = demand.terminals if demand.terminals is not None else np.full(cells, np.inf)
    by_terminals = [_times(count, each) for each in (caps.terminal_down_mbps, caps.terminal_up_mbps)]
    of_cell = caps.cell_down_mbps, caps.cell_up_mbps
    limit = [np.minimum(most, each) for most, each in zip(by_terminals, of_cell, strict=True)]
    tiers, weights = _tiers(candidates, asked, limit, demand)
    sold = beams.assign(candidates, caps, ways, tiers, weights, neighbours, objective, previous, keep)
    lit = Beams.of(candidates, sold.quanta)
    channel = candidates.down_mbps, candidates.up_mbps
    nodes = ways.down_mbps, ways.up_mbps
    carries = [sold.quanta * each / caps.shares for each in channel]
    down, up = (
        share(
            candidates, sold, lit, ways, nodes[way], carries[way], sold.planned_mbps if way == 0 else carries[way],
            asked[way], limit[way], demand.weight, demand.priority, as_planned=way == 0 and objective != "max_min",
        )
        for way in (0, 1)
    )  # fmt: skip
    most = caps.beams_of(ways.satellites) * np.int32(caps.shares)
    binding = np.full(cells, Binding.DEMAND, np.int8)
    for way, rates in ((1, up), (0, down)):  # what stops the way down is told, where both are stopped
        total = asked[way].sum(axis=1)
        short = total - rates.of_cell > MET * (1.0 + total)
        limited = short & (limit[way] - rates.of_cell <= MET * (1.0 + rates.of_cell))
        binding[limited] = np.where(by_terminals[way] <= limit[way], Binding.TERMINAL, Binding.CELL)[limited]
        rest = np.flatnonzero(short & ~limited)
        binding[rest] = what_binds(
            candidates, sold, ways, most, caps.channels * caps.shares, nodes[way], channel[way], carries[way], rates,
            rest,
        )  # fmt: skip
    binding[~may & (demand.down_mbps.sum(axis=1) + demand.up_mbps.sum(axis=1) > 0.0)] = Binding.POLICY
    return Allocation(
        down.of_cell, up.of_cell, binding, sold.assignment, down, up, sold.used, most, sold.sales
    )  # fmt: skip


def _times(count: Floats, each_mbps: float) -> Floats:
    """Infinite where either is."""
    if np.isinf(each_mbps):
        return np.full(len(count), np.inf)
    return count * each_mbps if each_mbps > 0.0 else np.zeros(len(count))


def _tiers(
    candidates: Candidates, asked: list[Floats], limit: list[Floats], demand: SlotDemand
) -> tuple[Floats, Floats]:  # fmt: skip
    """(Mbit/s down, weight), axes (tier, cell), that beams are sold for, the most urgent first.

    Beams carry both ways at once, so they are sold by what is asked for down; where what is asked for up needs more
    of them, by as much as carries that.
    """
    cells = candidates.cells
    fastest = np.zeros(cells)
    np.maximum.at(fastest, candidates.cell, np.divide(
        candidates.down_mbps, candidates.up_mbps, out=np.zeros(len(candidates.satellite)),
        where=candidates.up_mbps > 0.0,
    ))  # fmt: skip
    levels = np.unique(demand.priority)
    tiers, weights = np.zeros((len(levels), cells)), np.empty((len(levels), cells))
    so_far = np.zeros(cells)
    down, up = np.zeros(cells), np.zeros(cells)
    for number, level in enumerate(levels):
        here = demand.priority == level
        down, up = down + asked[0][:, here].sum(axis=1), up + asked[1][:, here].sum(axis=1)
        wanted = np.maximum(np.minimum(down, limit[0]), np.minimum(up, limit[1]) * fastest)
        tiers[number] = np.maximum(wanted - so_far, 0.0)
        weights[number] = demand.weight[:, here].sum(axis=1)
        so_far = np.maximum(so_far, wanted)
    return tiers, weights


def _refuse_misfits(candidates: Candidates, ways: Forest, demand: SlotDemand, neighbours: Ints) -> None:
    if demand.cells != candidates.cells or len(neighbours) != candidates.cells:
        raise ValueError(
            f"{candidates.cells} cells have candidates, {demand.cells} a demand and {len(neighbours)} neighbours"
        )
    if candidates.satellite.size and int(candidates.satellite.max()) >= ways.satellites:
        raise ValueError(f"a candidate is satellite {int(candidates.satellite.max())} of {ways.satellites}")
    rates = np.concatenate([candidates.down_mbps, candidates.up_mbps])
    if not ((rates >= 0.0) & (rates < np.inf)).all():
        raise ValueError("a candidate's rate is negative or not finite; a link that does not close carries 0")
    if (ways.hops[candidates.satellite] < 0).any():
        raise ValueError("a candidate has no way to a gateway")
