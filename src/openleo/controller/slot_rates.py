"""What everybody in each cell shares in one slot, where the scenario computes capacity.

Takes a network with its case of capacity, its cells and who may be served; gives Mbit/s by cell, as a run's slots are
allocated: everybody asks for what is usual at that hour. Who depends on the
terminal asks as if it were served.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openleo.instants import SlotGrid
from openleo.network.capacity import run, tally
from openleo.network.capacity.allocation import allocate
from openleo.network.capacity.case import CapacityCase
from openleo.network.capacity.demand import Demand
from openleo.network.reach import Network, cell_users, gateway_sites
from openleo.network.visibility import Sites
from openleo.places.parts import Parts
from openleo.service.rates import demand_of, loaded_with, permission

Singles = NDArray[np.float32]
MOST_KEPT = 2  # networks: each has its tables of rates


@dataclass(frozen=True, eq=False)
class CellRates:
    """Axes (cell,): Mbit/s that all in a cell share; starved: somebody asks there, and nobody gets anything.

    binding: what stops a cell from having more, a `Binding`.
    """

    down_mbps: Singles
    up_mbps: Singles
    starved: NDArray[np.bool_]
    binding: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Shared:
    """A network with everybody on it."""

    case: CapacityCase
    parts: Parts
    demand: Demand
    users: Sites
    _loaded: dict[bytes, run.Loaded] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, case: CapacityCase, network: Network, parts: Parts) -> Shared:
        return cls(case, parts, demand_of(case, parts)[0], cell_users(network, parts.cells))

    def of_network(self, network: Network) -> Shared:
        """The same everybody on satellites that fly elsewhere, with its tables made."""
        made = Shared(self.case, self.parts, self.demand, cell_users(network, self.parts.cells))
        made._loaded_of(network)
        return made

    def rates(
        self, network: Network, grid: SlotGrid, allowed: NDArray[np.bool_], classes: tuple[str, ...]
    ) -> CellRates:
        """In the first slot of a grid. allowed (cell, class): who is or may be served."""
        loaded = self._loaded_of(network)
        _, _, found, ways = tally.slot_network(network, grid, 0, self.users, gateway_sites(network), loaded)
        may = permission(allowed[self.parts.cell], classes, self.demand)
        somebody, asked = run.asking(self.demand, grid.start, may)
        made = allocate(
            found, loaded.caps, ways, asked, loaded.neighbours, objective=loaded.objective, permitted=somebody
        )
        assert somebody is not None
        wanted = somebody & ((asked.down_mbps + asked.up_mbps).sum(axis=1) > 0.0)
        down, up = made.rate_down_mbps, made.rate_up_mbps
        starved = wanted & (down + up <= 0.0)
        return CellRates(down.astype(np.float32), up.astype(np.float32), starved, made.binding.astype(np.uint8))

    def _loaded_of(self, network: Network) -> run.Loaded:
        """The tables of a network, by the gateways that it may use."""
        key = network.gateways.pop.tobytes()
        if key not in self._loaded:
            while len(self._loaded) >= MOST_KEPT:
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[key] = loaded_with(self.case, network, self.parts, self.demand)
        return self._loaded[key]
