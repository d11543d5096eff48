"""Slots with everybody on the network, one after the other, as they were decided: for whoever checks or draws them.

Takes a network with capacity, its parts, who asks for what and who may be served; gives each slot's candidates and
Allocation. A run folds the same into its tally (`network/capacity/tally`) and keeps none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.instants import SlotGrid
from openleo.network.capacity import forest, run
from openleo.network.capacity.allocation import Allocation, SlotDemand, allocate
from openleo.network.capacity.beams import Assignment
from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.case import CapacityCase
from openleo.network.capacity.demand import Demand
from openleo.network.capacity.tally import slot_network
from openleo.network.reach import Network, cell_users, gateway_sites
from openleo.places.parts import Parts
from openleo.policy.mask import Mask
from openleo.service.rates import loaded_with, permission


@dataclass(frozen=True, eq=False)
class SharedSlot:
    """One slot. may (cell,): whether anybody there may be served; lands_at (satellite,): the gateway at the end of each
    satellite's way, −1 for none; pop (gateway,).
    """

    begin_s: float
    candidates: Candidates
    asked: SlotDemand
    may: NDArray[np.bool_]
    allocation: Allocation
    lands_at: NDArray[np.int32]
    pop: NDArray[np.int32]


def shared_slots(
    case: CapacityCase, network: Network, grid: SlotGrid, first: int, count: int, parts: Parts, demand: Demand,
    mask: Mask,
) -> Iterator[SharedSlot]:  # fmt: skip
    """`count` slots of a grid from `first` on. Each but the first of them knows who served whom in the one before."""
    loaded = loaded_with(case, network, parts, demand)
    permitted = permission(mask.permitted, mask.classes, demand)
    users, feeders = cell_users(network, parts.cells), gateway_sites(network)
    previous: Assignment | None = None
    for number in range(first, first + count):
        positions, ways, found, trees = slot_network(network, grid, number, users, feeders, loaded)
        may, asked = run.asking(loaded.demand, grid.instant(number), permitted)
        assert may is not None
        made = allocate(
            found, loaded.caps, trees, asked, loaded.neighbours, objective=loaded.objective, permitted=may,
            previous=previous, keep=loaded.keep,
        )  # fmt: skip
        previous = made.assignment
        holds = positions.networks[0].gateways if positions.networks else network.gateways
        yield SharedSlot(
            number * grid.slot_s, found, asked, may, made, forest.landings(ways.onward[0], ways.gateway[0]),
            np.asarray(holds.pop, np.int32),
        )  # fmt: skip
