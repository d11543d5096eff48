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
from openleo.network.constellation import Constellation
from openleo.network.kernels import pairs, paths
from openleo.network.topology import Neighbours
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """Places on the ground, ECEF; `up` is each one's zenith. Axes (place, xyz)."""

    names: tuple[str, ...]
    position_km: Floats
    up: Floats


@dataclass(frozen=True)
class ByElevation:
    """A ground link counts above this elevation."""

    elevation_deg: float


@dataclass(frozen=True)
class ByRange:
    """A ground link counts up to this slant range, wherever the horizon is."""

    range_km: float


@dataclass(frozen=True)
class Sky:
    """What the pairs are computed over. `lowest_link_km` and `longest_link_km` bound inter-satellite links."""

    constellation: Constellation
    neighbours: Neighbours
    admitted: ByElevation | ByRange
    lowest_link_km: float
    longest_link_km: float = np.inf


@dataclass(frozen=True)
class PairTimes:
    """Axes (from, to). rtt_ms: infinite where there is no way and on the diagonal; hops: links, −1 then."""

    at: datetime
    rtt_ms: Floats
    hops: NDArray[np.int32]


def rtt_between(sky: Sky, places: Places, start: datetime, seconds: Sequence[float]) -> Iterator[PairTimes]:
    """The times between all ordered pairs at each of `seconds` after `start`, in the order given."""
    for after_s in seconds:
        at = start + timedelta(seconds=after_s)
        moved = ephemeris.positions(sky.constellation, start, after_s)
        position_km, usable = moved.position_km[0], moved.valid[0]
        length_km = np.empty(sky.neighbours.shape)
        paths.link_lengths(position_km, sky.neighbours, sky.lowest_link_km, length_km)
        length_km[~usable] = np.inf
        length_km[length_km > sky.longest_link_km] = np.inf
        offsets, satellite, range_km = _ground_links(sky, places, position_km, usable)
        distance_km = np.full((len(position_km), len(places.names)), np.inf)
        hops = np.zeros(distance_km.shape, np.int16)
        place = np.repeat(np.arange(len(places.names)), np.diff(offsets))
        distance_km[satellite, place] = range_km
        hops[satellite, place] = 1
        pairs.settle_many(sky.neighbours, length_km, distance_km, hops)
        between_km = np.empty((len(places.names), len(places.names)))
        between_hops = np.empty(between_km.shape, np.int32)
        pairs.land(offsets, satellite, range_km, distance_km, hops, between_km, between_hops)
        np.fill_diagonal(between_km, np.inf)
        np.fill_diagonal(between_hops, -1)
        yield PairTimes(at, between_km * (2.0 * MS_PER_S / LIGHT_KM_PER_S), between_hops)


def _ground_links(
    sky: Sky, places: Places, position_km: Floats, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """(offsets, satellite, range) of the links of every place, in the places' order."""
    sight = position_km - places.position_km[:, np.newaxis]
    distance = np.linalg.norm(sight, axis=-1)
    if isinstance(sky.admitted, ByRange):
        linked = distance <= sky.admitted.range_km
    else:
        mask = np.sin(np.radians(sky.admitted.elevation_deg))
        linked = np.einsum("psk,pk->ps", sight, places.up) >= mask * distance
    linked &= usable
    place, satellite = np.nonzero(linked)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(places.names)))]).astype(np.int64)
    return offsets, satellite.astype(np.int32), distance[place, satellite]
