"""What a slot with everybody on the network is allocated from.

Takes a case of capacity and a network's satellites, cells and gateways, and makes them `Loaded` (rates, caps, demand)
once a run; then, of the positions and ways of a slot, the candidates with their rates and the ways with their limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.geodesy import look_angles
from openleo.network.capacity import candidates as finding
from openleo.network.capacity import forest, generations, least_load
from openleo.network.capacity.allocation import SlotDemand
from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.caps import Caps
from openleo.network.capacity.case import SHORTEST, CapacityCase
from openleo.network.capacity.demand import Demand
from openleo.network.capacity.feeders import FeederRates
from openleo.network.capacity.forest import Forest
from openleo.network.capacity.generations import Generation
from openleo.network.capacity.rates import LOWEST_DEG, STEP_DEG, ChannelRates
from openleo.network.constellation import Constellation
from openleo.network.ground.gateways import Gateways
from openleo.network.kernels import paths
from openleo.network.routing import Positions, Routes
from openleo.network.topology import Topology
from openleo.network.visibility import Sites
from openleo.units import EARTH_RADIUS_KM

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Chunk = TypeVar("Chunk")

PRESSED_BY = "max_min"  # so that shares stay in the ratio of what is asked for, whatever objective a slot has


@dataclass(frozen=True, eq=False)
class Loaded:
    """All that slots are allocated from beside positions and ways, for the cells of a run."""

    cells: h3cells.Cells
    neighbours: Ints
    rates: ChannelRates
    feeders: FeederRates | None
    caps: Caps
    demand: Demand
    objective: str
    keep: float
    others: tuple[Generation, ...] = ()  # satellites that do not have the radio of `rates` and `feeders`
    least_load: bool = False  # ways go round feeder links that would be full; else each is the shortest


def load(
    case: CapacityCase,
    cells: h3cells.Cells,
    demand: Demand,
    constellation: Constellation,
    gateways: Gateways,
    user_elevation_deg: float,
    gateway_elevation_deg: float,
    gateway_antennas: tuple[int, ...] = (),
) -> Loaded:
    """The tables and limits of a network for some cells."""
    altitude_km = altitudes_km(constellation)
    first_deg = _lowest(user_elevation_deg), _lowest(gateway_elevation_deg)
    feeders = case.feeders(gateways, altitude_km, first_deg[1])
    unlike = generations.by_radio(case, constellation)
    others = tuple(
        generations.generation(of_it, has_it, cells, gateways, altitude_km, *first_deg) for of_it, has_it in unlike
    )
    antennas = np.array(gateway_antennas) if gateway_antennas else None
    caps = case.caps(feeders, antennas)
    for (of_it, _), one in zip(unlike, others, strict=True):  # a site carries what it does under those it hears best
        theirs = of_it.caps(one.feeders, antennas)
        caps = replace(
            caps,
            site_down_mbps=np.maximum(caps.site_down_mbps, theirs.site_down_mbps),
            site_up_mbps=np.maximum(caps.site_up_mbps, theirs.site_up_mbps),
        )
    return Loaded(
        cells,
        h3cells.neighbours(cells),
        case.rates(cells, altitude_km, first_deg[0]),
        feeders,
        generations.caps_of(caps, case.limits, unlike),
        demand,
        case.objective,
        case.keep,
        others,
        case.ways != SHORTEST,
    )


def altitudes_km(constellation: Constellation) -> Floats:
    """About where its satellites are, above the sphere of link budgets."""
    if constellation.shells:
        radius_km = constellation.semi_major_axis_km
    elif constellation.ephemerides is not None:
        radius_km = np.linalg.norm(constellation.ephemerides.position_km, axis=-1).ravel()
        radius_km = radius_km[np.isfinite(radius_km)]
    else:
        radius_km = EARTH_RADIUS_KM * np.array([one.satrec.a for one in constellation.elements])
    return np.asarray(radius_km - EARTH_RADIUS_KM, np.float64)


def _lowest(mask_deg: float) -> float:
    """Where a table of rates begins: the formulas of the sky do not hold lower."""
    return max(LOWEST_DEG, math.floor(mask_deg / STEP_DEG) * STEP_DEG)


def ready(
    users: Sites, positions: Positions, ways: Routes, slot: int, gateways: Gateways, loaded: Loaded
) -> tuple[Candidates, Forest]:
    """The candidates of a slot with their rates, and its ways with their limits."""
    found = with_rates(finding.find(users, positions, ways, slot), loaded.rates)
    for one in loaded.others:
        found = with_rates(found, one.rates, one.has_it)
    holds = positions.networks[slot].gateways if positions.networks else gateways
    trees = forest.grow(ways.onward[slot], ways.gateway[slot], holds.pop, loaded.caps, pops=len(gateways.pops))
    first = ~np.any([one.has_it for one in loaded.others], axis=0) if loaded.others else None
    for feeders, has_it in ((loaded.feeders, first), *((one.feeders, one.has_it) for one in loaded.others)):
        if feeders is not None:
            onward, gateway = ways.onward[slot], ways.gateway[slot]
            trees = with_feeders(trees, feeders, holds, positions.at_km[slot], onward, gateway, has_it)
    return found, trees


def round_full_links(
    users: Sites, positions: Positions, ways: Routes, slot: int, gateways: Gateways, topology: Topology, loaded: Loaded
) -> Routes:
    """The ways with those of one slot going round feeder links that everybody's busiest hour would fill.

    Whoever may be served: so networks under several permissions have the same ways.
    """
    found, trees = ready(users, positions, ways, slot, gateways, loaded)
    satellites = trees.satellites
    own = least_load.own_mbps(found, loaded.demand.at(None).down_mbps.sum(axis=1), satellites)
    own = np.minimum(own, trees.down_mbps[:satellites])
    there = positions.networks[slot].topology if positions.networks else topology
    return least_load.with_least_load(ways, slot, positions, there, own, trees.down_mbps[satellites : 2 * satellites])


def asking(
    demand: Demand, instant: datetime | None, permitted: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_] | None, SlotDemand]:
    """(whether anybody of each cell may be served (cell,), what cells ask for); None: everybody may.

    A cell of which nobody may be served asks all the same, to be told apart from one where nobody asks.
    """
    if permitted is None:
        return None, demand.at(instant)
    allowed = permitted if permitted.ndim == 1 else permitted.any(axis=1)
    may = np.bincount(demand.cell, allowed, minlength=demand.cells) > 0.0
    shut = ~may[demand.cell]
    return may, demand.at(instant, permitted | (shut if permitted.ndim == 1 else shut[:, None]))


def with_rates(found: Candidates, rates: ChannelRates, has_it: NDArray[np.bool_] | None = None) -> Candidates:
    """Candidates with what a channel of each carries. has_it (satellite,): whose rates alone are set."""
    if has_it is not None:
        some = np.flatnonzero(has_it[found.satellite])
        of_them = replace(
            found, satellite=found.satellite[some], elevation_deg=found.elevation_deg[some],
            offsets=np.concatenate([[0], np.cumsum(np.bincount(found.cell[some], minlength=found.cells))]),
        )  # fmt: skip
        theirs = with_rates(of_them, rates)
        down, up = found.down_mbps.copy(), found.up_mbps.copy()
        down[some], up[some] = theirs.down_mbps, theirs.up_mbps
        return found.with_rates(down, up)
    altitude = rates.altitude_number(np.linalg.norm(found.satellite_km, axis=1) - EARTH_RADIUS_KM)
    return found.with_rates(
        *rates.of_links(found.cell.astype(np.int32), altitude[found.satellite], found.elevation_deg)
    )


def with_feeders(
    trees: Forest, feeders: FeederRates, gateways: Gateways, satellite_km: Floats, onward: Ints, gateway: Ints,
    has_it: NDArray[np.bool_] | None = None,
) -> Forest:  # fmt: skip
    """The feeder links' limits as elevation and rain of their gateways have them, where they are the lower.

    has_it (satellite,): whose; all by default.
    """
    lands = np.flatnonzero((onward == paths.LANDS_HERE) if has_it is None else (onward == paths.LANDS_HERE) & has_it)
    at = gateway[lands]
    _, elevation, _ = look_angles(gateways.latitude_deg[at], gateways.longitude_deg[at], satellite_km[lands])
    above = np.linalg.norm(satellite_km[lands], axis=1) - EARTH_RADIUS_KM
    altitude = np.abs(above[:, None] - feeders.altitude_km).argmin(axis=1).astype(np.int32)
    for_download, for_upload = feeders.of_links(at.astype(np.int32), altitude, elevation)
    node = trees.satellites + lands
    download, upload = trees.down_mbps.copy(), trees.up_mbps.copy()
    download[node] = np.minimum(download[node], for_download)
    upload[node] = np.minimum(upload[node], for_upload)
    return replace(trees, down_mbps=download, up_mbps=upload)
