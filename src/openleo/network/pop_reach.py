"""Reach where each place has its PoP: places are grouped by PoP, and gateways joined to that PoP alone.

Everything else is `reach`: within a chunk the satellites are moved once, ways and serving satellites decided for every
PoP. A place that several PoPs serve goes to one in some slots and to another in the others, as often as its weights
say: its statistics are then those of all its people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network import chain
from openleo.network.ephemeris import Failure
from openleo.network.ground.gateways import Gateways, geodesics_km, places_of
from openleo.network.reach import (
    Network,
    Reach,
    cell_users,
    default_threads,
    ends_on_ground,
    fibres_km,
    gateway_sites,
    positions_over,
    rtt_ms,
    serve,
    slots_in_chunk,
)
from openleo.network.routing import Positions, SlotNetwork, routes
from openleo.network.serving_pops import LONGEST_FIBRE_KM, Served, assign
from openleo.network.side_by_side import executor_of
from openleo.network.visibility import Sites

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trips:
    """The paths over slots `first_slot`, …, axes (slot, site): −1 and infinite where nobody serves.

    path_km: the whole, at mid-slot; fibre_km: of it the fibre, in vacuum's kilometres; pop (slot, site): where it ends;
    gateway: through which.
    """

    first_slot: int
    satellite: NDArray[np.int32]
    path_km: NDArray[np.float32]
    fibre_km: NDArray[np.float32]
    seen: NDArray[np.int16]
    pop: NDArray[np.int32]
    gateway: NDArray[np.int16]
    failures: tuple[Failure, ...]


def reach_of_cells(
    network: Network,
    grid: SlotGrid,
    cells: h3cells.Cells,
    labels: list[str],
    people: Floats,
    threads: int | None = None,
) -> Iterator[Reach]:
    """The reach of cells that count to territories, by the network's table of serving PoPs."""
    served = served_cells(network, cells, labels, people)
    for one in trips(network, grid, lambda which: cell_users(network, cells[which]), served, threads):
        if network.chain is None:
            rtt = rtt_ms(one.path_km, network.processing_ms)
        else:
            jitter = chain.jitters(one.first_slot, *one.path_km.shape)
            rtt = chain.rtt_ms(network.chain, one.path_km, one.fibre_km, jitter)
        pop = np.where(one.satellite >= 0, one.pop, -1).astype(np.int16)
        yield Reach(one.first_slot, one.satellite, rtt, one.seen, one.failures, one.gateway, pop)


def served_cells(network: Network, cells: h3cells.Cells, labels: list[str], people: Floats) -> Served:
    """The PoPs of cells."""
    assert network.serving is not None
    return assign(network.serving, network.gateways.pops, labels, people, *h3cells.centres_deg(cells))


def trips(
    network: Network,
    grid: SlotGrid,
    users_of: Callable[[NDArray[np.intp]], Sites],
    served: Served,
    threads: int | None = None,
) -> Iterator[Trips]:
    """The paths of places to the PoPs that serve them, chunk after chunk. `users_of`: some of the places as sites."""
    sites = int(served.place.max()) + 1 if len(served.place) else 0
    groups = [(int(pop), np.flatnonzero(served.pop == pop)) for pop in np.unique(served.pop)]
    users = [users_of(served.place[pairs]) for _, pairs in groups]
    previous = [np.full(len(one), -1, np.int32) for one in users]
    ranges = _ranges(served, sites)
    feeders, threads = gateway_sites(network), threads or default_threads()
    joined = {pop: network.gateways.towards(pop, LONGEST_FIBRE_KM) for pop, _ in groups}
    with executor_of(threads) as pool:
        chunk = slots_in_chunk(network.constellation.satellites, sites)
        for first in range(0, grid.slots, chunk):
            count = min(chunk, grid.slots - first)
            positions = positions_over(network, grid, first, count)
            made = _nobody(first, count, sites, positions)
            turn = chain.turns(first, count, sites)
            for (pop, pairs), own, last in zip(groups, users, previous, strict=True):
                towards = replace(network, gateways=joined[pop])
                there = _towards(positions, pop)
                ways = routes(there, towards.gateways, feeders, network.topology, pool)
                satellite, path_km, seen = serve(own, there, ways, network.hand_over, grid.slot_s, last, pool, threads)
                back = np.argsort(own.order)
                satellite, path_km, seen = satellite[:, back], path_km[:, back], seen[:, back]
                fibre_km = fibres_km(towards, satellite, there, ways)
                gateway, _ = ends_on_ground(towards, satellite, there, ways)
                place = served.place[pairs]
                mine = (turn[:, place] >= ranges[pairs, 0]) & (turn[:, place] < ranges[pairs, 1])
                slot, k = np.nonzero(mine)
                at = (slot, place[k])
                made.satellite[at], made.path_km[at] = satellite[slot, k], path_km[slot, k]
                made.fibre_km[at], made.seen[at], made.pop[at] = fibre_km[slot, k], seen[slot, k], pop
                made.gateway[at] = gateway[slot, k]
            yield made


def towards(network: Network, pop: int) -> Network:
    """The network as those see it whom one PoP serves: for single users."""
    return replace(network, gateways=network.gateways.towards(pop, LONGEST_FIBRE_KM), serving=None)


def pop_of_user(network: Network, label: str, latitude_deg: float, longitude_deg: float) -> int:
    """The PoP of one user in a territory or strip, as `serving_pops.assign` gives it to a place by itself.

    Of PoPs that share the place alike it is the nearest.
    """
    assert network.serving is not None
    pops, here = network.gateways.pops, (np.array([latitude_deg]), np.array([longitude_deg]))
    found = assign(network.serving, pops, [label], np.ones(1), *here)
    far_km = geodesics_km(*here, *places_of([pops[pop] for pop in found.pop]))[0]
    return int(found.pop[np.lexsort((far_km, -found.weight))[0]])


def _towards(positions: Positions, pop: int) -> Positions:
    """What holds in each slot, with gateways joined to one PoP."""
    known: dict[int, SlotNetwork] = {}
    for one in positions.networks:
        if id(one) not in known:
            gateways: Gateways = one.gateways.towards(pop, LONGEST_FIBRE_KM)
            known[id(one)] = replace(one, gateways=gateways)
    return replace(positions, networks=tuple(known[id(one)] for one in positions.networks))


def _ranges(served: Served, sites: int) -> Floats:
    """The part of [0, 1) that each (place, PoP) has, axes (pair, its two ends), by its place's weights."""
    found = np.empty((len(served.place), 2))
    used = np.zeros(sites)
    for pair, (place, weight) in enumerate(zip(served.place, served.weight, strict=True)):
        found[pair] = used[place], used[place] + weight
        used[place] += weight
    # Rounding may leave the last one short of 1.
    found[found > 1.0 - 1e-9] = 1.0
    return found


def _nobody(first: int, slots: int, sites: int, positions: Positions) -> Trips:
    shape = (slots, sites)
    return Trips(
        first,
        np.full(shape, -1, np.int32),
        np.full(shape, np.inf, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.int16),
        np.full(shape, -1, np.int32),
        np.full(shape, -1, np.int16),
        positions.failures,
    )
