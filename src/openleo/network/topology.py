"""Which satellites are joined by lasers.

Takes a constellation's planes and slots; gives the neighbours of each satellite, fixed for a run. How long a link is
follows from the ephemeris. Two satellites are joined only if both have lasers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.network.constellation import Constellation
from openleo.network.constellation.shells import DELTA_DEG
from openleo.network.kernels import paths
from openleo.network.kernels.paths import NO_LINK
from openleo.units import EARTH_RADIUS_KM, GRAZING_ALTITUDE_KM

Neighbours = NDArray[np.int32]
Floats = NDArray[np.float64]

PATTERNS = ("+grid", "none")
AHEAD, BEHIND, EAST, WEST = range(4)
LOWEST_LINK_KM = EARTH_RADIUS_KM + GRAZING_ALTITUDE_KM  # from the Earth's centre


@dataclass(frozen=True, eq=False)
class Topology:
    """Which inter-satellite links there may be, for a whole run; at an instant those hold that its limits allow.

    neighbours[satellite, k]: a satellite that it is joined to, −1 for none. A link longer than `longest_km`, or one
    that passes the Earth's centre nearer than `lowest_km`, is none. `orders`: of a grid, its satellites in the four
    orders that `kernels.torus` sweeps in, axes (order, satellite). `broken` (link, two ends): joined no longer.
    """

    neighbours: Neighbours
    lowest_km: float = LOWEST_LINK_KM
    longest_km: float = np.inf
    orders: NDArray[np.int32] | None = None
    broken: NDArray[np.int32] | None = None

    def lengths_km(self, position_km: Floats, usable: NDArray[np.bool_]) -> Floats:
        """Length of each link, axes (satellite, k), infinite where there is none, with the satellites where they are.

        position_km (satellite, xyz); `usable` (satellite): an unusable satellite has no links.
        """
        length_km = np.empty(self.neighbours.shape)
        paths.link_lengths(position_km, self.neighbours, self.lowest_km, self.longest_km, usable, length_km)
        if self.broken is not None:
            for here, there in (self.broken.T, self.broken.T[::-1]):
                link, k = np.nonzero(self.neighbours[here] == there[:, np.newaxis])
                length_km[here[link], k] = np.inf
        return length_km


def build(constellation: Constellation, pattern: str) -> Topology:
    """The links of a constellation by a pattern (one of PATTERNS)."""
    return Topology(
        neighbours(constellation, pattern), orders=grid_orders(constellation) if pattern == "+grid" else None
    )


def grid_orders(constellation: Constellation) -> NDArray[np.int32]:
    """The satellites by shell, plane and slot, with planes and slots up or down; axes (order, satellite)."""
    shell, plane, slot = constellation.shell, constellation.plane, constellation.slot_in_plane
    return np.stack([np.lexsort((down * slot, west * plane, shell)) for west in (1, -1) for down in (1, -1)]).astype(
        np.int32
    )


def neighbours(constellation: Constellation, pattern: str) -> Neighbours:
    """neighbours[satellite, k]: the satellites a satellite has links to, −1 where there is none.

    `+grid`: ahead and behind in its plane, and the nearest by argument of latitude in the planes to the east and west,
    in each shell. Phasing leaves slot s of a plane F / planes of a slot behind slot s of the next one, so the nearest
    is slot s or s − 1. Planes that span the whole turn close at the seam, where the last plane's next one is the first
    with its slots counted from F; planes over half a turn (a star) fly against each other there and stay open.
    """
    if pattern == "none":
        return np.empty((constellation.satellites, 0), dtype=np.int32)
    if pattern != "+grid":
        raise ValueError(f"no such pattern of inter-satellite links: {pattern}")
    links = np.full((constellation.satellites, 4), NO_LINK, dtype=np.int32)
    first = 0
    for shell in constellation.shells:
        number = first + np.arange(shell.satellites, dtype=np.int32).reshape(shell.planes, shell.per_plane)
        if shell.per_plane > 2:
            links[number, AHEAD] = np.roll(number, -1, axis=1)
            links[number, BEHIND] = np.roll(number, 1, axis=1)
        behind = round(shell.phasing / shell.planes)
        to_east = np.roll(np.vstack([number[1:], np.roll(number[:1], -shell.phasing, axis=1)]), behind, axis=1)
        closed = shell.raan_span_deg == DELTA_DEG and shell.planes > 2
        joined = number if closed else number[:-1]
        links[joined, EAST] = to_east[: len(joined)]
        links[to_east[: len(joined)], WEST] = joined
        first += shell.satellites
    both = constellation.has_laser[:, np.newaxis] & constellation.has_laser[links]
    return np.where(both, links, NO_LINK).astype(np.int32)
