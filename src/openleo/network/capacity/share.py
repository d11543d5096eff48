"""The rates of cells and classes over the beams that they have, and what binds each.

Takes what was sold (`beams`), the caps and what was asked for; gives Rates each way. Beams are shared max-min by
weight, the most urgent classes first (`network.max_min`); what is left then goes to whoever can use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.network import max_min
from openleo.network.capacity.beams import Sold
from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.caps import Binding
from openleo.network.capacity.forest import Forest
from openleo.network.kernels import pouring
from openleo.network.kernels.pouring import FULL_MBPS

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


def _summed(where: NDArray[np.int64] | Ints, amount: Floats, count: int) -> Floats:
    return np.bincount(where, amount, minlength=count).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Beams:
    """The candidates with quanta, by cell: those of cell c are link[offsets[c]:offsets[c + 1]]."""

    offsets: NDArray[np.int64]
    link: NDArray[np.int64]

    @classmethod
    def of(cls, candidates: Candidates, quanta: Ints) -> Beams:
        link = np.flatnonzero(quanta)
        count = np.bincount(candidates.cell[link], minlength=candidates.cells)
        return cls(np.concatenate([[0], np.cumsum(count)]).astype(np.int64), link)


@dataclass(frozen=True, eq=False)
class Rates:
    """One way: of_class (cell, class), of_link (candidate,), of_node (node of the forest), all Mbit/s."""

    of_class: Floats
    of_link: Floats
    of_node: Floats

    @property
    def of_cell(self) -> Floats:
        return np.asarray(self.of_class.sum(axis=1))


def share(
    candidates: Candidates,
    sold: Sold,
    beams: Beams,
    ways: Forest,
    caps_mbps: Floats,
    carries_mbps: Floats,
    split_mbps: Floats,
    asked_mbps: Floats,
    limit_mbps: Floats,
    weight: Floats,
    priority: Ints,
    *,
    as_planned: bool,
) -> Rates:
    """Share the beams one way.

    caps_mbps (node,); carries_mbps (candidate,): what its quanta can carry; split_mbps (candidate,): in which parts a
    cell's traffic goes over its beams (in all, what beams are planned to carry); asked_mbps, weight (cell, class);
    limit_mbps (cell,): of all its classes together; priority (class,): the lowest first. As planned: the cells get
    what was planned, and only divide it fairly among their classes.
    """
    cells, links = candidates.cells, len(candidates.satellite)
    load = np.zeros(links)
    room = caps_mbps.copy()
    offered = np.minimum(asked_mbps.sum(axis=1), limit_mbps)
    cell_of = candidates.cell[beams.link]
    if as_planned:
        planned = np.bincount(cell_of, split_mbps[beams.link], minlength=cells)
        part = np.divide(np.minimum(planned, offered), planned, out=np.zeros(cells), where=planned > 0.0)
        load[beams.link] = (split_mbps * part[candidates.cell])[beams.link]
    else:
        _fill(candidates, beams, ways, caps_mbps, carries_mbps, split_mbps, asked_mbps, offered, weight, priority, load)
    room -= ways.loads(_summed(candidates.satellite, load, ways.satellites))
    wanted = np.maximum(offered - np.bincount(cell_of, load[beams.link], minlength=cells), 0.0)
    order = np.argsort(-wanted, kind="stable")
    order = order[wanted[order] > FULL_MBPS]
    pouring.pour(
        order, beams.link, candidates.satellite, carries_mbps, sold.path_offsets, sold.path, beams.offsets, wanted,
        room, load,
    )  # fmt: skip
    total = _summed(cell_of, load[beams.link], cells)
    of_class = among_classes(total, asked_mbps, weight, priority)
    return Rates(of_class, load, ways.loads(_summed(candidates.satellite, load, ways.satellites)))


def _fill(
    candidates: Candidates, beams: Beams, ways: Forest, caps_mbps: Floats, carries_mbps: Floats, split_mbps: Floats,
    asked_mbps: Floats, offered: Floats, weight: Floats, priority: Ints, load: Floats,
) -> None:  # fmt: skip
    """Max-min over cells and classes, each cell's traffic split over its beams as given; adds to load (candidate,)."""
    cells = candidates.cells
    cell_of = candidates.cell[beams.link]
    whole = np.bincount(cell_of, split_mbps[beams.link], minlength=cells)
    part = np.divide(split_mbps[beams.link], whole[cell_of], out=np.zeros(len(beams.link)), where=whole[cell_of] > 0.0)
    carried = np.divide(carries_mbps[beams.link], part, out=np.full(len(part), np.inf), where=part > 0.0)
    limit = np.full(cells, np.inf)
    np.minimum.at(limit, cell_of, carried)
    limit = np.where(whole > 0.0, np.minimum(limit, offered), 0.0)
    nodes = len(caps_mbps)
    binding = np.flatnonzero(np.isfinite(caps_mbps))
    number = np.full(nodes, -1, np.int32)
    number[binding] = np.arange(len(binding))
    # Uses of one flow: its cell's own link, then the finite nodes on the way of each of its beams.
    step, at, what = [np.arange(cells)], [np.arange(cells) + len(binding)], [np.ones(cells)]
    node = candidates.satellite[beams.link].astype(np.int64)
    alive = part > 0.0
    while alive.any():
        real = alive & (number[node] >= 0)
        step.append(cell_of[real])
        at.append(number[node[real]].astype(np.int64))
        what.append(part[real])
        node = np.where(alive, ways.parent[node], node)
        alive &= node >= 0
        node = np.maximum(node, 0)
    cell, link, coefficient = np.concatenate(step), np.concatenate(at), np.concatenate(what)
    by_cell = np.argsort(cell, kind="stable")
    link, coefficient = link[by_cell], coefficient[by_cell]
    begin = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=cells))]).astype(np.int64)
    capacity = np.concatenate([caps_mbps[binding], limit])
    for level in np.unique(priority):
        flow_cell, flow_class = np.nonzero((asked_mbps > 0.0) & (priority == level))
        if not len(flow_cell):
            continue
        count = np.diff(begin)[flow_cell]
        offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        uses = np.repeat(begin[flow_cell] - offsets[:-1], count) + np.arange(offsets[-1])
        shares = max_min.fill(
            offsets, link[uses], capacity, coefficient=coefficient[uses],
            demand_mbps=asked_mbps[flow_cell, flow_class], weight=weight[flow_cell, flow_class],
        )  # fmt: skip
        rate = np.bincount(flow_cell, shares.rate_mbps, minlength=cells)
        load[beams.link] += rate[cell_of] * part
        capacity = np.maximum(capacity - shares.load_mbps, 0.0)


def among_classes(total: Floats, asked_mbps: Floats, weight: Floats, priority: Ints) -> Floats:
    """Divide what each cell has (cell,) among its classes: the lowest priority first, max-min by weight within."""
    given, left = np.zeros(asked_mbps.shape), total.copy()
    cells = len(asked_mbps)
    for level in np.unique(priority):
        here = np.flatnonzero(priority == level)
        if len(here) == 1:
            given[:, here[0]] = np.minimum(asked_mbps[:, here[0]], left)
        else:
            shares = max_min.fill(
                np.arange(cells * len(here) + 1), np.repeat(np.arange(cells), len(here)), left,
                demand_mbps=asked_mbps[:, here].ravel(), weight=weight[:, here].ravel(),
            )  # fmt: skip
            given[:, here] = shares.rate_mbps.reshape(cells, len(here))
        left = np.maximum(left - given[:, here].sum(axis=1), 0.0)
    return given


def what_binds(
    candidates: Candidates, sold: Sold, ways: Forest, most_of_satellite: Ints, most_of_cell: int,
    caps_mbps: Floats, channel_mbps: Floats, carries_mbps: Floats, rates: Rates, cells: NDArray[np.int64],
) -> NDArray[np.int8]:  # fmt: skip
    """The binding constraint of some cells that have less than their limit, one way."""
    found = np.empty(len(cells), np.int32)
    room = caps_mbps - rates.of_node
    room[room <= FULL_MBPS * (1.0 + caps_mbps)] = 0.0
    pouring.stops(
        candidates.offsets, candidates.satellite, channel_mbps, carries_mbps, rates.of_link, sold.shut, sold.used,
        most_of_satellite, sold.path_offsets, sold.path, room, cells, found,
    )  # fmt: skip
    quanta = np.bincount(candidates.cell, sold.quanta, minlength=candidates.cells)[cells]
    binding = np.where(found >= 0, ways.kind[np.maximum(found, 0)], Binding.BEAM).astype(np.int8)
    binding[(found == pouring.DISTURBS) | ((found < 0) & (quanta >= most_of_cell))] = Binding.CELL
    best = np.zeros(candidates.cells)
    np.maximum.at(best, candidates.cell, channel_mbps)
    binding[best[cells] <= 0.0] = Binding.NO_WAY
    return binding
