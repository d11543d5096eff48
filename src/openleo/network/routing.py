"""The way from every satellite to the Internet, slot after slot.

Takes the ephemeris over some slots, the gateways and the inter-satellite links; gives Routes: from each satellite the
shortest delay down to a gateway and on to its PoP, as it is when the slot is decided and as it is at mid-slot. A fibre
counts as the length that light in vacuum covers in the same time.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.network.ephemeris import Failure
from openleo.network.ground.gateways import Gateways
from openleo.network.kernels import links, paths, sky
from openleo.network.topology import Topology
from openleo.network.visibility import Sites

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

LINKS_EXPECTED = 64  # of a gateway; more are made room for


@dataclass(frozen=True, eq=False)
class SlotNetwork:
    """What holds in one slot, where something is out of order: the links there may be, the gateways that work."""

    topology: Topology
    gateways: Gateways


@dataclass(frozen=True)
class Positions:
    """The satellites over consecutive slots, ECEF.

    at_km (slot + 1, satellite, xyz): when each slot is decided, and one slot after the last; middle_km (slot,
    satellite, xyz). With `both_ends` slots are decided at their start and a mask must hold at their end too; else they
    are decided at mid-slot. usable (slot, satellite): has a position throughout, and is not out of order. `failures`
    names those without a position; `networks` says what holds in each slot where something is out, or is empty.
    """

    at_km: Floats
    middle_km: Floats
    both_ends: bool
    usable: NDArray[np.bool_]
    failures: tuple[Failure, ...] = ()
    networks: tuple[SlotNetwork, ...] = ()

    @property
    def slots(self) -> int:
        return len(self.middle_km)


@dataclass(frozen=True)
class Routes:
    """Axes (slot, satellite). Lengths, when decided and at mid-slot, are from the satellite to its PoP; infinite where
    there is no way.

    `onward`: the next satellite on the way, `paths.LANDS_HERE` or `paths.NO_WAY`; `gateway`: where a landing
    satellite's feeder link ends, −1 for none. `first`, `order`: the satellites by sky bin, as `kernels.sky` sorts them.
    """

    decided_km: Floats
    middle_km: Floats
    onward: Ints
    gateway: Ints
    first: Ints
    order: Ints


def routes(
    positions: Positions,
    gateways: Gateways,
    sites: Sites,
    topology: Topology,
    threads: Executor,
) -> Routes:
    """Decide each slot's ways. `sites` are the gateways' own, from `visibility.single_sites`."""
    slots, satellites = positions.usable.shape
    bins_in_band, first_of_band = sky.band_layout()
    made = Routes(
        decided_km=np.empty((slots, satellites)),
        middle_km=np.empty((slots, satellites)),
        onward=np.empty((slots, satellites), np.int32),
        gateway=np.empty((slots, satellites), np.int32),
        first=np.empty((slots, int(first_of_band[-1]) + 1), np.int32),
        order=np.zeros((slots, satellites), np.int32),
    )
    always, antennas = SlotNetwork(topology, gateways), sites.antennas
    number_of = np.append(sites.order, -1).astype(np.int32)

    def decide(slot: int) -> None:
        holds = positions.networks[slot] if positions.networks else always
        beyond_km = holds.gateways.fibre_light_km[sites.order]
        now, middle = positions.at_km[slot], positions.middle_km[slot]
        later = positions.at_km[slot + 1] if positions.both_ends else now
        sky.sort_into_bins(now, positions.usable[slot], bins_in_band, first_of_band, made.first[slot], made.order[slot])
        seed_km, site = np.empty(satellites), np.empty(satellites, np.int32)
        if antennas is None:
            links.landing_links(
                sites.position_km, sites.up, sites.sine_mask, sites.conditions, beyond_km, sites.bin_offsets,
                sites.bins, made.first[slot], made.order[slot], now, later, seed_km, site,
            )  # fmt: skip
        else:
            landings(sites, beyond_km, antennas, made.first[slot], made.order[slot], now, later, seed_km, site)
        length_km = holds.topology.lengths_km(now, positions.usable[slot])
        topology.settle(seed_km, length_km, made.decided_km[slot], made.onward[slot])
        if sites.spread_km is not None:
            spread_landings(
                sites, beyond_km, made.first[slot], made.order[slot], now, later, made.onward[slot], seed_km, site
            )
            paths.lengths_along(made.onward[slot], seed_km, now, made.decided_km[slot])
        landing_km = np.empty(satellites)
        links.landings_at(sites.position_km, beyond_km, site, middle, landing_km)
        paths.lengths_along(made.onward[slot], landing_km, middle, made.middle_km[slot])
        made.gateway[slot] = number_of[site]

    list(threads.map(decide, range(slots)))
    return made


def landings(
    sites: Sites, beyond_km: Floats, antennas: Ints, first: Ints, order: Ints, now: Floats, later: Floats,
    seed_km: Floats, site: Ints,
) -> None:  # fmt: skip
    """Each satellite's gateway where gateways have few antennas: feeder links by length, the shortest first.

    Equal ones go by gateway, then by satellite. Out: seed_km and site (satellite), as `kernels.links.landing_links`.
    """
    length_km, at, satellite = _feeder_links(sites, first, order, now, later)
    ranked = np.lexsort((satellite, at, length_km))
    links.assign_antennas(ranked, length_km, at, satellite, beyond_km, antennas, seed_km, site)


def spread_landings(
    sites: Sites, beyond_km: Floats, first: Ints, order: Ints, now: Floats, later: Floats, onward: Ints,
    seed_km: Floats, site: Ints,
) -> None:  # fmt: skip
    """Spread the satellites that land over gateways whose ways are at most `sites.spread_km` longer than theirs.

    The way of every other satellite stays the one decided by `onward`. In and out: seed_km and site (satellite), as
    `kernels.links.landing_links`.
    """
    assert sites.spread_km is not None
    feeder_km, at, satellite = _feeder_links(sites, first, order, now, later)
    way_km = feeder_km + beyond_km[at]
    near = (onward[satellite] == paths.LANDS_HERE) & (way_km <= seed_km[satellite] + sites.spread_km)
    way_km, at, satellite = way_km[near], at[near], satellite[near]
    ranked = np.lexsort((at, way_km, satellite))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(satellite, minlength=len(onward)))])
    antennas = np.full(len(sites), -1, np.int32) if sites.antennas is None else sites.antennas
    links.spread(offsets, at[ranked], way_km[ranked], antennas, seed_km, site)


def _feeder_links(sites: Sites, first: Ints, order: Ints, now: Floats, later: Floats) -> tuple[Floats, Ints, Ints]:
    """(length, site, satellite) of every feeder link that counts."""
    room = LINKS_EXPECTED * len(sites)
    while True:
        length_km, at, satellite = np.empty(room), np.empty(room, np.int32), np.empty(room, np.int32)
        found = links.feeder_links(
            sites.position_km, sites.up, sites.sine_mask, sites.conditions, sites.bin_offsets, sites.bins,
            first, order, now, later, length_km, at, satellite,
        )  # fmt: skip
        if found <= room:
            return length_km[:found], at[:found], satellite[:found]
        room = found
