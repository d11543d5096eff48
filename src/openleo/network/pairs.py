"""Round-trip times between all pairs of places over the satellites alone.

Takes a constellation, its links, places and instants; gives PairTimes: there and back at the speed of light along the
shortest way ground – satellite – … – satellite – ground, nothing added and no relay on the ground. How a ground link
is admitted is the caller's choice: by an elevation mask on the ellipsoid, or by slant range as Hypatia does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from openleo.network import ephemeris
from openleo.network.admission import NO_CONDITIONS, NO_LIMITS, GroundLimits
from openleo.network.constellation import Constellation
from openleo.network.kernels import pairs
from openleo.network.topology import Topology
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]

SOURCES_AT_ONCE = 128  # their distances from 1,584 satellites fit the second-level cache
LINKS_EXPECTED = 64  # of a place; more are made room for


@dataclass(frozen=True)
class Places:
    """Places on the ground, ECEF; `up` is each one's zenith. Axes (place, xyz)."""

    names: tuple[str, ...]
    position_km: Floats
    up: Floats


@dataclass(frozen=True)
class ByElevation:
    """A ground link counts above this elevation, where it meets the other limits of terminals too."""

    elevation_deg: float
    limits: GroundLimits = NO_LIMITS


@dataclass(frozen=True)
class ByRange:
    """A ground link counts up to this slant range, wherever the horizon is."""

    range_km: float


@dataclass(frozen=True)
class Sky:
    """What the pairs are computed over."""

    constellation: Constellation
    topology: Topology
    admitted: ByElevation | ByRange


@dataclass(frozen=True)
class PairTimes:
    """Axes (from, to). rtt_ms: infinite where there is no way and on the diagonal; hops: links, −1 then."""

    at: datetime
    rtt_ms: Floats
    hops: NDArray[np.int32]


def rtt_between(sky: Sky, places: Places, start: datetime, seconds: Sequence[float]) -> Iterator[PairTimes]:
    """The times between all ordered pairs at each of `seconds` after `start`, in the order given."""
    for after_s in seconds:
        moved = ephemeris.positions(sky.constellation, start, after_s)
        between_km, links = shortest(sky, places, moved.position_km[0], moved.valid[0])
        at = start + timedelta(seconds=after_s)
        yield PairTimes(at, between_km * (2.0 * MS_PER_S / LIGHT_KM_PER_S), links)


def shortest(
    sky: Sky, places: Places, position_km: Floats, usable: NDArray[np.bool_], *, with_links: bool = True
) -> tuple[Floats, NDArray[np.int32]]:
    """(length of the shortest way in km, links on it), axes (from, to), with the satellites at given positions.

    Infinite and −1 where there is no way, and on the diagonal. Without `with_links` they are not counted: all −1.
    """
    count, satellites = len(places.names), len(position_km)
    neighbours, length_km = sky.topology.neighbours, sky.topology.lengths_km(position_km, usable)
    offsets, satellite, range_km = _ground_links(sky, places, position_km, usable)
    between_km, links = np.empty((count, count)), np.full((count, count), -1, np.int32)
    place = np.repeat(np.arange(count), np.diff(offsets))
    for first in range(0, count, SOURCES_AT_ONCE):
        block = slice(first, min(first + SOURCES_AT_ONCE, count))
        distance_km = np.full((satellites, block.stop - first), np.inf)
        mine = slice(offsets[block.start], offsets[block.stop])
        distance_km[satellite[mine], place[mine] - first] = range_km[mine]
        pairs.settle_many(neighbours, length_km, distance_km)
        pairs.land(offsets, satellite, range_km, distance_km, between_km[block])
        if with_links:
            ground = (offsets, satellite, range_km)
            pairs.count_links(first, neighbours, length_km, distance_km, *ground, between_km[block], links[block])
    np.fill_diagonal(between_km, np.inf)
    np.fill_diagonal(links, -1)
    return between_km, links


def _ground_links(
    sky: Sky, places: Places, position_km: Floats, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """(offsets, satellite, range) of the links of every place, in the places' order."""
    if isinstance(sky.admitted, ByRange):
        sine_mask, range_km, conditions = -1.0, sky.admitted.range_km, NO_CONDITIONS
    else:
        sine_mask, range_km = float(np.sin(np.radians(sky.admitted.elevation_deg))), np.inf
        conditions = sky.admitted.limits.for_users(sky.constellation, places.names)
    offsets = np.empty(len(places.names) + 1, np.int64)
    room = LINKS_EXPECTED * len(places.names)
    while True:
        satellite, length_km = np.empty(room, np.int32), np.empty(room)
        found = pairs.ground_links(
            places.position_km, places.up, sine_mask, conditions, range_km, position_km, usable,
            offsets, satellite, length_km,
        )  # fmt: skip
        if found <= room:
            return offsets, satellite[:found], length_km[:found]
        room = found
