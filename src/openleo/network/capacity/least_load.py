"""Ways that go round full feeder links: still one way for each satellite, but not always the shortest.

Takes the ways of a slot, what the terminals of each satellite ask for and what each landing's feeder link carries;
gives other ways over the same links. Ways by the shortest delay bring all that comes over inter-satellite links to the
few satellites at the edge of what gateways see. Here landings have a price in kilometres, which rises while more comes
than they carry, so that satellites farther off turn to other landings. What a landing satellite's own terminals ask for
always lands there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from openleo.network.capacity.candidates import Candidates
from openleo.network.kernels import paths
from openleo.network.routing import Positions, Routes
from openleo.network.topology import Topology

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

ROUNDS = 60
STEP_KM = 500.0  # by which a landing asked for twice what it carries gets dearer, at first; by a tenth of it at last
SLOWER = 6.0  # rounds after which steps are half as long


def spread(
    seed_km: Floats, own_mbps: Floats, carries_mbps: Floats, topology: Topology, length_km: Floats, rounds: int = ROUNDS
) -> Ints:
    """The next satellite on each one's way, `paths.LANDS_HERE` or `paths.NO_WAY`; axes (satellite,).

    seed_km: from a landing satellite to its PoP, infinite for others; carries_mbps: of its feeder link; length_km
    (satellite, k): of the links. Of all rounds the ways that land most, of equal ones the first: never less than the
    shortest ones over these landings.
    """
    lands = np.isfinite(seed_km)
    over_km = np.where(lands[:, np.newaxis], np.inf, length_km)  # who lands hands nothing on
    price_km = np.zeros(len(seed_km))
    distance_km, onward = np.empty(len(seed_km)), np.empty(len(seed_km), np.int32)
    best, most = onward, -1.0
    for number in range(rounds):
        topology.settle(seed_km + price_km, over_km, distance_km, onward)
        comes = landed_mbps(onward, own_mbps)
        landed = float(np.minimum(comes, carries_mbps)[lands].sum())
        if landed > most * (1.0 + 1e-9):
            best, most = onward.copy(), landed
        full = np.divide(comes, carries_mbps, out=np.zeros(len(comes)), where=carries_mbps > 0.0)
        step_km = STEP_KM / (1.0 + number / SLOWER)
        price_km = np.where(lands, np.maximum(price_km + step_km * np.clip(full - 1.0, -1.0, 3.0), 0.0), 0.0)
    return best


def landed_mbps(onward: Ints, own_mbps: Floats) -> Floats:
    """What comes to the satellite at the end of each way, axes (satellite,); 0 for those that do not land."""
    end = np.where(onward == paths.LANDS_HERE, np.arange(len(onward)), onward)
    while True:  # twice as far each time
        further = np.where(end >= 0, end[np.maximum(end, 0)], end)
        if (further == end).all():
            break
        end = further
    reached = end >= 0
    return np.bincount(end[reached], own_mbps[reached], minlength=len(onward)).astype(np.float64)


def own_mbps(found: Candidates, asked_mbps: Floats, satellites: int) -> Floats:
    """What the terminals of each satellite ask for, were cells (cell,) to ask all above them alike."""
    each = asked_mbps / np.maximum(np.diff(found.offsets), 1)
    return np.bincount(found.satellite, each[found.cell], minlength=satellites).astype(np.float64)


def with_least_load(
    ways: Routes, slot: int, positions: Positions, topology: Topology, own: Floats, carries_mbps: Floats
) -> Routes:
    """The ways with those of one slot spread; own, carries_mbps (satellite,) as in `spread`."""
    lands = ways.onward[slot] == paths.LANDS_HERE
    seed_km = np.where(lands, ways.decided_km[slot], np.inf)
    length_km = topology.lengths_km(positions.at_km[slot], positions.usable[slot])
    onward, decided_km = ways.onward.copy(), ways.decided_km.copy()
    onward[slot] = spread(seed_km, own, carries_mbps, topology, length_km)
    paths.lengths_along(onward[slot], seed_km, positions.at_km[slot], decided_km[slot])
    return replace(ways, onward=onward, decided_km=decided_km)
