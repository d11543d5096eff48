"""Users watched slot after slot: reach, together with where each user was and what it could have chosen from.

Takes sites that stay, or a track; gives Watched, chunk after chunk. Hand-overs are read off it. A user on a track is
where it is when a slot is decided; the round-trip time is that from where it is at mid-slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import ecef_km
from openleo.instants import SlotGrid
from openleo.network.admission import NO_CONDITIONS
from openleo.network.ground.tracks import Track, Whereabouts
from openleo.network.kernels.admission import Conditions
from openleo.network.reach import (
    Network,
    Reach,
    default_threads,
    gateway_sites,
    place_users,
    positions_over,
    reach_and_ways,
    round_trips_ms,
    serve,
    slots_in_chunk,
)
from openleo.network.routing import Positions, Routes, routes
from openleo.network.visibility import Sites

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Watched:
    """A chunk of slots: what was reached, and what it was decided from.

    position_km, up: each site's, axes (slot, site, xyz), when the slot is decided; sine_mask (site): of the elevation
    mask. there (slot, site): False where a user on a track has not set out or has arrived; nobody serves it then.
    """

    reach: Reach
    positions: Positions
    ways: Routes
    position_km: Floats
    up: Floats
    sine_mask: Floats
    there: NDArray[np.bool_]
    conditions: Conditions = NO_CONDITIONS  # what links must meet beside the mask; sites by number


def watch(network: Network, grid: SlotGrid, users: Sites | Track, threads: int | None = None) -> Iterator[Watched]:
    """Users over all slots of a grid, chunk after chunk."""
    if isinstance(users, Track):
        return watch_track(network, grid, users, threads)
    return watch_sites(network, grid, users, threads)


def watch_sites(network: Network, grid: SlotGrid, users: Sites, threads: int | None = None) -> Iterator[Watched]:
    """Sites that stay where they are, in the order they were given in."""
    back = np.argsort(users.order)
    for reached, positions, ways in reach_and_ways(network, grid, users, threads):
        shape = reached.satellite.shape
        yield Watched(
            reached,
            positions,
            ways,
            np.broadcast_to(users.position_km[back], (*shape, 3)),
            np.broadcast_to(users.up[back], (*shape, 3)),
            users.sine_mask[back],
            np.broadcast_to(np.True_, shape),
            users.conditions,
        )


def watch_track(network: Network, grid: SlotGrid, track: Track, threads: int | None = None) -> Iterator[Watched]:
    """One user on a track."""
    feeders, previous = gateway_sites(network), np.full(1, -1, np.int32)
    with ThreadPoolExecutor(threads or default_threads()) as pool:
        chunk = slots_in_chunk(network.constellation.satellites, 1)
        for first in range(0, grid.slots, chunk):
            count = min(chunk, grid.slots - first)
            positions = positions_over(network, grid, first, count)
            ways = routes(positions, network.gateways, feeders, network.topology, pool)
            yield _along(network, grid, track, first, positions, ways, previous, pool)


def whereabouts(
    track: Track, grid: SlotGrid, first: int, count: int, both_ends: bool
) -> tuple[Whereabouts, Whereabouts]:
    """Where a user is when each slot is decided, and at mid-slot. It is there in a slot if it is there at both."""
    decided = track.at(grid.start, grid.seconds(first, count, within=0.0 if both_ends else 0.5))
    middle = track.at(grid.start, grid.seconds(first, count, within=0.5)) if both_ends else decided
    there = decided.there & middle.there
    return replace(decided, there=there), replace(middle, there=there)


def _along(
    network: Network,
    grid: SlotGrid,
    track: Track,
    first: int,
    positions: Positions,
    ways: Routes,
    previous: NDArray[np.int32],
    pool: Executor,
) -> Watched:
    """Serve the user slot by slot, since it is elsewhere in each. `previous` (who served) is brought up to date."""
    slots = positions.slots
    decided, middle = whereabouts(track, grid, first, slots, positions.both_ends)
    satellite, path_km = np.full((slots, 1), -1, np.int32), np.full((slots, 1), np.inf, np.float32)
    seen = np.zeros((slots, 1), np.int16)
    for slot in range(slots):
        if not decided.there[slot]:
            previous[0] = -1
            continue
        one = slice(slot, slot + 1)
        user = place_users(network, decided.latitude_deg[one], decided.longitude_deg[one], decided.altitude_km[one])
        satellite[one], path_km[one], seen[one] = serve(
            user, _slot_of(positions, slot), _way_of(ways, slot), network.hand_over, grid.slot_s, previous, pool, 1
        )
    if positions.both_ends:
        path_km[:, 0] = _paths_km(middle, positions, ways, satellite[:, 0])
    users = place_users(network, decided.latitude_deg, decided.longitude_deg, decided.altitude_km)
    back = np.argsort(users.order)
    round_trips = round_trips_ms(network, first, path_km, satellite, positions, ways)
    reached = Reach(first, satellite, round_trips, seen, positions.failures)
    return Watched(
        reached,
        positions,
        ways,
        users.position_km[back][:, np.newaxis],
        users.up[back][:, np.newaxis],
        users.sine_mask[:1],
        decided.there[:, np.newaxis],
        users.conditions,
    )


def _paths_km(middle: Whereabouts, positions: Positions, ways: Routes, satellite: NDArray[np.int32]) -> Floats:
    """From the user at mid-slot through its satellite to the path's end, axes (slot,); infinite without one."""
    slot = np.arange(len(satellite))
    here = ecef_km(middle.latitude_deg, middle.longitude_deg, middle.altitude_km)
    dx, dy, dz = np.moveaxis(positions.middle_km[slot, satellite] - here, -1, 0)
    path_km = np.sqrt(dx * dx + dy * dy + dz * dz) + ways.middle_km[slot, satellite]
    return np.where(satellite >= 0, path_km, np.inf)


def _slot_of(positions: Positions, slot: int) -> Positions:
    """The positions of one slot of several."""
    return replace(
        positions,
        at_km=positions.at_km[slot : slot + 2],
        middle_km=positions.middle_km[slot : slot + 1],
        usable=positions.usable[slot : slot + 1],
    )


def _way_of(ways: Routes, slot: int) -> Routes:
    """The ways of one slot of several."""
    return replace(ways, **{one.name: getattr(ways, one.name)[slot : slot + 1] for one in fields(ways)})
