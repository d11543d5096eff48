"""On what most hangs: how many ways to the Internet run over each satellite, plane, gateway and PoP.

Takes a network and the first slots of a run; gives for each thing a number, by name. The
ways are those of `routing`: each satellite's shortest to a gateway and its PoP.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from openleo.cells import Cells
from openleo.instants import SlotGrid
from openleo.network.constellation import NO_PLANE
from openleo.network.failures import Kind, plane_name, satellite_names
from openleo.network.kernels import paths
from openleo.network.reach import (
    Network,
    cell_users,
    gateway_sites,
    positions_over,
    reach_and_ways,
    slots_in_chunk,
)
from openleo.network.routing import Routes, routes

Floats = NDArray[np.float64]


def loads(network: Network, grid: SlotGrid, kind: Kind, people: tuple[Cells, Floats] | None = None) -> dict[str, float]:
    """Of how many satellites × slots the way runs over each thing; with `people` (cells, people in each), of how many
    people × slots that their satellite serves.

    Each PoP is handed what the gateways nearest to it land.
    """
    of_satellite, of_gateway = np.zeros(network.constellation.satellites), np.zeros(len(network.gateways))
    for weight, ways in _weighted(replace(network, serving=None), grid, people):
        for slot, per_satellite in enumerate(weight):
            over, landed = over_satellites(per_satellite, ways, slot, len(of_gateway))
            of_satellite += over
            of_gateway += landed
    constellation, gateways = network.constellation, network.gateways
    if kind == "gateway":
        return dict(zip((one.name for one in gateways.stations), of_gateway.tolist(), strict=True))
    if kind == "pop":
        joined = gateways.pop >= 0
        of_pop = np.bincount(gateways.pop[joined], of_gateway[joined], minlength=len(gateways.pops))
        return dict(zip((one.name for one in gateways.pops), of_pop.tolist(), strict=True))
    if kind == "plane":
        placed = constellation.plane != NO_PLANE
        of_plane = np.bincount(constellation.plane[placed], of_satellite[placed], minlength=constellation.planes)
        return {plane_name(constellation, plane): float(load) for plane, load in enumerate(of_plane)}
    return dict(zip(satellite_names(constellation), of_satellite.tolist(), strict=True))


def _weighted(network: Network, grid: SlotGrid, people: tuple[Cells, Floats] | None) -> Iterator[tuple[Floats, Routes]]:
    """(what each satellite brings to its way, axes (slot, satellite); the ways) of chunks of slots."""
    if people is None:
        sites = gateway_sites(network)
        with ThreadPoolExecutor(1) as pool:
            chunk = slots_in_chunk(network.constellation.satellites, 1)
            for first in range(0, grid.slots, chunk):
                positions = positions_over(network, grid, first, min(chunk, grid.slots - first))
                ways = routes(positions, network.gateways, sites, network.topology, pool)
                yield np.isfinite(ways.decided_km).astype(np.float64), ways
        return
    (cells, in_cell), satellites = people, network.constellation.satellites
    for reached, _, ways in reach_and_ways(network, grid, cell_users(network, cells), threads=1):
        weight = np.zeros(ways.onward.shape)
        for slot, serves in enumerate(reached.satellite):
            someone = serves >= 0
            weight[slot] = np.bincount(serves[someone], in_cell[someone], minlength=satellites)
        yield weight, ways


def over_satellites(weight: Floats, ways: Routes, slot: int, gateways: int) -> tuple[Floats, Floats]:
    """(what runs over each satellite, its own and that of all whose way leads over it; what each gateway lands)."""
    over = np.where(np.isfinite(ways.decided_km[slot]), weight, 0.0)
    # The farthest first: who hands something on is farther from the Internet than whom he hands it to.
    for one in np.argsort(-ways.decided_km[slot], kind="stable"):
        onward = ways.onward[slot, one]
        if onward >= 0:
            over[onward] += over[one]
    lands = ways.onward[slot] == paths.LANDS_HERE
    return over, np.bincount(ways.gateway[slot, lands], over[lands], minlength=gateways).astype(np.float64)
