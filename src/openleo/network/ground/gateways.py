"""Gateways: earth stations with feeder links, each joined by fibre to the PoP nearest to it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import GEOD
from openleo.network.ground.stations import Station
from openleo.units import FIBRE_REFRACTIVE_INDEX, M_PER_KM

Floats = NDArray[np.float64]

GAP_KM = 300.0  # the ground that two satellites above 25° at 550 km seldom both leave: nearer gateways serve as well
MOST_KEPT, MATRICES_KEPT = 100_000, 16  # lengths in a matrix, and matrices, that a process remembers
ASSUMED = " (assumed gateway)"


@dataclass(frozen=True)
class Gateways:
    """Gateways with the PoP that each hands its traffic to.

    pop, fibre_km (gateway): the PoP's number and the length of the fibre, the geodesic times the stated `detour`;
    −1 and infinite for a gateway that is out or has no PoP left. `dark`: the PoPs that are out.
    """

    stations: tuple[Station, ...]
    latitude_deg: Floats
    longitude_deg: Floats
    pops: tuple[Station, ...]
    pop: NDArray[np.int32]
    fibre_km: Floats
    detour: float
    dark: tuple[int, ...] = ()
    alone: tuple[int, float] | None = None  # the one PoP that all are joined to, and the longest fibre to it

    def __len__(self) -> int:
        return len(self.stations)

    @property
    def fibre_light_km(self) -> Floats:
        """The fibre as a length that light in vacuum covers in the same time."""
        return self.fibre_km * FIBRE_REFRACTIVE_INDEX

    @property
    def fibres_sha256(self) -> str:
        """Of the lengths of all fibres, in millimetres."""
        return hashlib.sha256(self.fibre_km.round(6).tobytes()).hexdigest()

    def without(self, gateways_out: NDArray[np.int32], pops_out: NDArray[np.int32]) -> Gateways:
        """With some gateways and PoPs out of order: the others hand their traffic to the nearest PoP that works."""
        pop, fibre_km = self.pop, self.fibre_km
        dark = (*self.dark, *pops_out.tolist())
        if self.alone is not None and self.alone[0] in dark:
            other = replace(self, dark=dark).towards(*self.alone)
            pop, fibre_km = other.pop, other.fibre_km
        elif self.alone is None and len(pops_out):
            works = np.setdiff1d(np.arange(len(self.pops)), pops_out)
            pop, fibre_km = np.full(len(self), -1, np.int32), np.full(len(self), np.inf)
            if len(works):
                left = join(self.stations, tuple(self.pops[p] for p in works), self.detour)
                pop, fibre_km = works[left.pop].astype(np.int32), left.fibre_km
        pop, fibre_km = pop.copy(), fibre_km.copy()
        pop[gateways_out], fibre_km[gateways_out] = -1, np.inf
        pop[self.pop < 0], fibre_km[self.pop < 0] = -1, np.inf  # what was out before stays out
        return replace(self, pop=pop, fibre_km=fibre_km, dark=dark)

    def towards(self, pop: int, longest_km: float) -> Gateways:
        """With every gateway that works joined to one PoP alone; to the working one nearest to it, where it is out.

        A gateway farther from it than `longest_km` along the geodesic has no fibre there, and lands nothing.
        """
        alone = (pop, longest_km)
        works = [number for number in range(len(self.pops)) if number not in self.dark]
        if pop not in works:
            if not works:
                nowhere = np.full(len(self), -1, np.int32)
                return replace(self, pop=nowhere, fibre_km=np.full(len(self), np.inf), alone=alone)
            pop = works[int(_distance_km((self.pops[pop],), [self.pops[other] for other in works])[0].argmin())]
        distance_km = _distance_km(self.stations, (self.pops[pop],))[:, 0]
        lands = (self.pop >= 0) & (distance_km <= longest_km)
        fibre_km = np.where(lands, distance_km * self.detour, np.inf)
        return replace(self, pop=np.where(lands, pop, -1).astype(np.int32), fibre_km=fibre_km, alone=alone)


def assumed(listed: Sequence[Station], pops: Sequence[Station]) -> tuple[Station, ...]:
    """A gateway in the town of each PoP that has none of a list within GAP_KM."""
    lacks = _distance_km(listed, pops).min(axis=0) > GAP_KM
    return tuple(
        Station(f"{pop.name}{ASSUMED}", pop.latitude_deg, pop.longitude_deg, pop.territory)
        for pop, alone in zip(pops, lacks, strict=True)
        if alone
    )


def join(stations: tuple[Station, ...], pops: tuple[Station, ...], detour: float) -> Gateways:
    """Give every gateway the PoP that is nearest along the WGS 84 geodesic; `detour` ≥ 1 multiplies that length."""
    latitude = np.array([station.latitude_deg for station in stations])
    longitude = np.array([station.longitude_deg for station in stations])
    distance_km = _distance_km(stations, pops)
    pop = distance_km.argmin(axis=1).astype(np.int32)
    fibre_km = distance_km[np.arange(len(stations)), pop] * detour
    return Gateways(stations, latitude, longitude, pops, pop, fibre_km, detour)


def _distance_km(stations: Sequence[Station], pops: Sequence[Station]) -> Floats:
    """Along the geodesic, axes (station, PoP)."""
    latitude, longitude = places_of(stations)
    return geodesics_km(latitude, longitude, *places_of(pops))


def places_of(stations: Sequence[Station]) -> tuple[Floats, Floats]:
    """(latitude, longitude) in degrees, axes (station,)."""
    latitude = np.array([station.latitude_deg for station in stations])
    return latitude, np.array([station.longitude_deg for station in stations])


def geodesics_km(latitude: Floats, longitude: Floats, to_latitude: Floats, to_longitude: Floats) -> Floats:
    """Lengths of the WGS 84 geodesics from places to others, degrees; axes (from, to)."""
    if len(latitude) * len(to_latitude) > MOST_KEPT:
        return _geodesics_km(latitude, longitude, to_latitude, to_longitude)
    places = (np.asarray(one, np.float64).tobytes() for one in (latitude, longitude, to_latitude, to_longitude))
    return _known_km(*places).copy()


@lru_cache(MATRICES_KEPT)
def _known_km(*places: bytes) -> Floats:
    """The same of the same places, which the stations of a scenario are each time that it is read."""
    return _geodesics_km(*(np.frombuffer(one) for one in places))


def _geodesics_km(latitude: Floats, longitude: Floats, to_latitude: Floats, to_longitude: Floats) -> Floats:
    shape = (len(latitude), len(to_latitude))
    _, _, metres = GEOD.inv(
        np.repeat(longitude, shape[1]),
        np.repeat(latitude, shape[1]),
        np.tile(to_longitude, shape[0]),
        np.tile(to_latitude, shape[0]),
    )
    return np.asarray(metres).reshape(shape) / M_PER_KM
