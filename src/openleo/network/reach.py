"""CAN: for every site and slot, the satellite that would serve it and the length of its path to the Internet.

Joins the steps of the network over a run of slots: ephemeris ─► visibility ─► topology ─► routing ─► serving satellite.
Reach answers with nobody else on the network and without any rule. Slots come in chunks, so that a day of the whole
Earth fits in memory; within a chunk, slots are routed and blocks of sites are served on as many threads as given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network import chain, ephemeris, failures
from openleo.network.admission import NO_LIMITS, GroundLimits
from openleo.network.constellation import Constellation
from openleo.network.failures import Failures
from openleo.network.ground.gateways import Gateways
from openleo.network.jamming import masks_deg
from openleo.network.kernels import paths, serving
from openleo.network.routing import Positions, Routes, SlotNetwork, routes
from openleo.network.serving_pops import ServingPops
from openleo.network.side_by_side import executor_of
from openleo.network.topology import Topology
from openleo.network.visibility import Sites, cell_sites, single_sites
from openleo.units import EARTH_RADIUS_KM, LIGHT_KM_PER_S, MS_PER_S, SECONDS_PER_DAY

Floats = NDArray[np.float64]

HAND_OVER_POLICIES = {
    "highest": serving.HIGHEST,
    "least_rtt": serving.LEAST_RTT,
    "longest_remaining": serving.LONGEST_REMAINING,
    "least_change": serving.LEAST_CHANGE,
}
# "middle" counts time as it is: the share of slots with a link is the share of time with one. "both_ends" asks for
# links that last their slot, as an assignment fixed for 15 s needs; it loses the passes that are shorter.
MASK_AT = ("middle", "both_ends")
CHUNK_BYTES = 96 * 2**20  # of positions and routes at a time
MOST_SLOTS_IN_CHUNK = 96
RADIUS_MARGIN_KM = 20.0  # SGP4's radius swings by ±10 km about the mean semi-major axis of a near-circular orbit


@dataclass(frozen=True)
class Network:
    """All that can serve: satellites, their links, gateways, masks and the hand-over policy."""

    constellation: Constellation
    topology: Topology
    gateways: Gateways
    user_elevation_deg: float
    gateway_elevation_deg: float
    mask_at: str  # one of MASK_AT: when in a slot a link must be above its mask
    hand_over: str
    processing_ms: float
    limits: GroundLimits = NO_LIMITS  # what ground links must meet beside the two masks
    failures: Failures = failures.NONE
    chain: chain.Constants | None = None  # None: light's time and processing_ms
    serving: ServingPops | None = None  # None: every gateway hands its traffic to the PoP nearest to it
    oldest_days: float = np.inf  # with older elements a satellite is not used, in a network that runs


@dataclass(frozen=True)
class Reach:
    """Axes (slot, site) over slots `first_slot`, `first_slot` + 1, …

    satellite: who serves, −1 for nobody; rtt_ms: infinite then; seen: satellites above the mask. A site that sees
    satellites and has no server has no gateway. gateway, pop: where its traffic lands and is handed over, −1 for none;
    None where nobody looked.
    """

    first_slot: int
    satellite: NDArray[np.int32]
    rtt_ms: NDArray[np.float32]
    seen: NDArray[np.int16]
    failures: tuple[ephemeris.Failure, ...] = ()
    gateway: NDArray[np.int16] | None = None
    pop: NDArray[np.int16] | None = None


def highest_km(constellation: Constellation) -> float:
    """A distance from the Earth's centre that no satellite exceeds."""
    if constellation.shells:
        return float(constellation.semi_major_axis_km.max()) + RADIUS_MARGIN_KM
    if constellation.ephemerides is not None:
        return float(np.linalg.norm(constellation.ephemerides.position_km, axis=-1).max()) * 1.005 + RADIUS_MARGIN_KM
    apogee_radii = max(1.0 + one.satrec.alta for one in constellation.elements)
    # The Moon and the Sun raise a high apogee by some ten kilometres a month.
    return float(apogee_radii * EARTH_RADIUS_KM) * 1.005 + RADIUS_MARGIN_KM


def positions_over(network: Network, grid: SlotGrid, first: int, count: int) -> Positions:
    """Where the satellites are when `count` slots are decided, one slot on, and in the middle of each."""
    moved = _moved(network, grid, first, count)
    if np.isfinite(network.oldest_days) and network.constellation.elements:
        after_s = grid.start.timestamp() + grid.seconds(first, count)[:, np.newaxis] - network.constellation.epochs_s
        moved = replace(moved, usable=moved.usable & (np.abs(after_s) <= network.oldest_days * SECONDS_PER_DAY))
    if not network.failures:
        return moved
    edges_s = grid.start.timestamp() + grid.seconds(first, count + 1)
    begin_s, end_s = edges_s[:-1], edges_s[1:]
    usable = moved.usable & network.failures.usable(network.constellation.satellites, begin_s, end_s)
    return replace(moved, usable=usable, networks=tuple(_networks(network, begin_s, end_s)))


def _networks(network: Network, begin_s: Floats, end_s: Floats) -> Iterator[SlotNetwork]:
    """What holds in each slot; slots alike share theirs, as joining gateways to PoPs anew takes a while."""
    known: dict[tuple[bytes, ...], SlotNetwork] = {}
    for begin, end in zip(begin_s, end_s, strict=True):
        out = network.failures
        key = tuple(spans.over(begin, end).tobytes() for spans in (out.links, out.gateways, out.pops))
        if key not in known:
            topology = replace(network.topology, broken=out.broken(begin, end))
            known[key] = SlotNetwork(topology, out.ground(network.gateways, begin, end))
        yield known[key]


def _moved(network: Network, grid: SlotGrid, first: int, count: int) -> Positions:
    def at_seconds(after_s: Floats) -> ephemeris.Ephemeris:
        return ephemeris.positions(network.constellation, grid.start, after_s, every_s=grid.slot_s)

    if network.mask_at == "middle":
        at = at_seconds(grid.seconds(first, count + 1, within=0.5))
        usable = at.valid[:-1] & at.valid[1:]
        return Positions(at.position_km, at.position_km[:-1], False, usable, at.failures)
    edges = at_seconds(grid.seconds(first, count + 1))
    middles = at_seconds(grid.seconds(first, count, within=0.5))
    usable = edges.valid[:-1] & middles.valid & edges.valid[1:]
    return Positions(edges.position_km, middles.position_km, True, usable, edges.failures + middles.failures)


def default_threads() -> int:
    """As many threads as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cell_users(network: Network, cells: h3cells.Cells) -> Sites:
    """The centres of cells as user sites."""
    conditions = network.limits.for_users(network.constellation, ())
    mask_deg: float | Floats = network.user_elevation_deg
    if network.limits.hidden:
        mask_deg = masks_deg(network.limits.hidden, network.user_elevation_deg, *h3cells.centres_deg(cells))
    return cell_sites(cells, mask_deg, highest_km(network.constellation), conditions)


def place_users(
    network: Network,
    latitude_deg: Floats,
    longitude_deg: Floats,
    altitude_km: Floats | float = 0.0,
    names: Sequence[str] = (),
) -> Sites:
    """Single places as user sites; by their names, where given, they have their horizons."""
    top_km, conditions = highest_km(network.constellation), network.limits.for_users(network.constellation, names)
    return single_sites(latitude_deg, longitude_deg, network.user_elevation_deg, top_km, altitude_km, conditions)


def reach(network: Network, grid: SlotGrid, users: Sites, threads: int | None = None) -> Iterator[Reach]:
    """The reach of sites over all slots of a grid, chunk after chunk; sites in the order they were given in."""
    for chunk, _, _ in reach_and_ways(network, grid, users, threads):
        yield chunk


def reach_and_ways(
    network: Network, grid: SlotGrid, users: Sites, threads: int | None = None
) -> Iterator[tuple[Reach, Positions, Routes]]:
    """Each chunk of `reach`, with the satellites and the ways that it was decided from."""
    feeders = gateway_sites(network)
    back = np.argsort(users.order)
    previous = np.full(len(users), -1, np.int32)
    threads = threads or default_threads()
    with executor_of(threads) as pool:
        chunk = slots_in_chunk(network.constellation.satellites, len(users))
        for first in range(0, grid.slots, chunk):
            count = min(chunk, grid.slots - first)
            positions = positions_over(network, grid, first, count)
            ways = routes(positions, network.gateways, feeders, network.topology, pool)
            satellite, path_km, seen = serve(
                users, positions, ways, network.hand_over, grid.slot_s, previous, pool, threads
            )
            satellite, path_km = satellite[:, back], path_km[:, back]
            rtt = round_trips_ms(network, first, path_km, satellite, positions, ways)
            ground = ends_on_ground(network, satellite, positions, ways)
            yield Reach(first, satellite, rtt, seen[:, back], positions.failures, *ground), positions, ways


def gateway_sites(network: Network) -> Sites:
    """The gateways as sites."""
    gateways, top_km = network.gateways, highest_km(network.constellation)
    names = [station.name for station in gateways.stations]
    conditions = network.limits.for_gateways(network.constellation, names)
    mask_deg = network.limits.gateway_masks_deg(network.gateway_elevation_deg, len(gateways))
    sites = single_sites(gateways.latitude_deg, gateways.longitude_deg, mask_deg, top_km, conditions=conditions)
    few, spread_ms = network.limits.gateway_antennas, network.limits.gateway_spread_ms
    return replace(
        sites,
        antennas=np.array(few, np.int32) if few else None,
        spread_km=None if spread_ms is None else spread_ms * LIGHT_KM_PER_S / MS_PER_S,
    )


def rtt_ms(path_km: NDArray[Any], processing_ms: float) -> NDArray[Any]:
    """There and back at the speed of light, with the stated processing added once."""
    return (path_km * (2.0 * MS_PER_S / LIGHT_KM_PER_S) + processing_ms).astype(path_km.dtype)


def round_trips_ms(
    network: Network, first_slot: int, path_km: NDArray[Any], satellite: NDArray[np.int32], positions: Positions,
    ways: Routes,
) -> NDArray[Any]:  # fmt: skip
    """The round trips of paths over serving satellites, axes (slot, site), with all that the network adds to light."""
    if network.chain is None:
        return rtt_ms(path_km, network.processing_ms)
    fibre_km = fibres_km(network, satellite, positions, ways)
    return chain.rtt_ms(network.chain, path_km, fibre_km, chain.jitters(first_slot, *path_km.shape))


def fibres_km(network: Network, satellite: NDArray[np.int32], positions: Positions, ways: Routes) -> Floats:
    """The fibre, in vacuum's kilometres, at the end of each serving satellite's way; 0 without one."""
    slots = len(satellite)
    if positions.networks:
        light_km = np.stack([one.gateways.fibre_light_km for one in positions.networks])
    else:
        light_km = np.broadcast_to(network.gateways.fibre_light_km, (slots, len(network.gateways)))
    beyond_km = chain.fibres_beyond(ways.onward, ways.gateway, light_km)
    return np.where(satellite >= 0, beyond_km[np.arange(slots)[:, np.newaxis], np.maximum(satellite, 0)], 0.0)


def ends_on_ground(
    network: Network, satellite: NDArray[np.int32], positions: Positions, ways: Routes
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """(gateway, PoP) at the end of each serving satellite's way, axes (slot, site); −1 where nobody serves."""
    satellite = np.ascontiguousarray(satellite)
    gateway, pop = np.empty(satellite.shape, np.int16), np.empty(satellite.shape, np.int16)
    pops = np.stack([one.gateways.pop for one in positions.networks]) if positions.networks else network.gateways.pop
    paths.landings(ways.onward, ways.gateway, np.atleast_2d(pops).astype(np.int32), satellite, gateway, pop)
    return gateway, pop


def slots_in_chunk(satellites: int, sites: int) -> int:
    """How many slots are computed at a time, so that memory stays bounded."""
    slot_bytes = satellites * (2 * 3 * 8 + 2 * 8 + 12) + sites * 14
    return int(np.clip(CHUNK_BYTES // slot_bytes, 1, MOST_SLOTS_IN_CHUNK))


def serve(
    users: Sites,
    positions: Positions,
    ways: Routes,
    hand_over: str,
    slot_s: float,
    previous: NDArray[np.int32],
    pool: Executor,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int16]]:
    """(serving satellite, length of the path, satellites seen), axes (slot, site) in the sites' own order.

    `previous` (site) is who served before; it is brought up to date.
    """
    shape = (positions.slots, len(users))
    satellite, path_km, seen = np.empty(shape, np.int32), np.empty(shape, np.float32), np.empty(shape, np.int16)
    share = np.linspace(0, users.blocks, min(users.blocks, 4 * threads) + 1).astype(int)

    def run(part: int) -> None:
        serving.serve(
            share[part], share[part + 1], users.block_offsets, users.position_km, users.up, users.sine_mask,
            users.conditions, users.bin_offsets, users.bins, ways.first, ways.order, positions.at_km,
            positions.both_ends, positions.middle_km, ways.decided_km, ways.middle_km,
            HAND_OVER_POLICIES[hand_over], slot_s, previous,
            satellite, path_km, seen,
        )  # fmt: skip

    list(pool.map(run, range(len(share) - 1)))
    return satellite, path_km, seen
