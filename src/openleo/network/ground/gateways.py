"""Gateways: earth stations with feeder links, each joined by fibre to the PoP nearest to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import GEOD
from openleo.network.ground.stations import Station
from openleo.units import FIBRE_REFRACTIVE_INDEX, M_PER_KM

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gateways:
    """Gateways with the PoP that each hands its traffic to.

    pop, fibre_km (gateway): the PoP's number and the length of the fibre, the geodesic times the stated `detour`;
    −1 and infinite for a gateway that is out or has no PoP left.
    """

    stations: tuple[Station, ...]
    latitude_deg: Floats
    longitude_deg: Floats
    pops: tuple[Station, ...]
    pop: NDArray[np.int32]
    fibre_km: Floats
    detour: float

    def __len__(self) -> int:
        return len(self.stations)

    @property
    def fibre_light_km(self) -> Floats:
        """The fibre as a length that light in vacuum covers in the same time."""
        return self.fibre_km * FIBRE_REFRACTIVE_INDEX

    def without(self, gateways_out: NDArray[np.int32], pops_out: NDArray[np.int32]) -> Gateways:
        """With some gateways and PoPs out of order: the others hand their traffic to the nearest PoP that works."""
        pop, fibre_km = self.pop, self.fibre_km
        if len(pops_out):
            works = np.setdiff1d(np.arange(len(self.pops)), pops_out)
            pop, fibre_km = np.full(len(self), -1, np.int32), np.full(len(self), np.inf)
            if len(works):
                left = join(self.stations, tuple(self.pops[p] for p in works), self.detour)
                pop, fibre_km = works[left.pop].astype(np.int32), left.fibre_km
        pop, fibre_km = pop.copy(), fibre_km.copy()
        pop[gateways_out], fibre_km[gateways_out] = -1, np.inf
        pop[self.pop < 0], fibre_km[self.pop < 0] = -1, np.inf  # what was out before stays out
        return replace(self, pop=pop, fibre_km=fibre_km)


def join(stations: tuple[Station, ...], pops: tuple[Station, ...], detour: float) -> Gateways:
    """Give every gateway the PoP that is nearest along the WGS 84 geodesic; `detour` ≥ 1 multiplies that length."""
    latitude = np.array([station.latitude_deg for station in stations])
    longitude = np.array([station.longitude_deg for station in stations])
    pop_latitude = np.array([pop.latitude_deg for pop in pops])
    pop_longitude = np.array([pop.longitude_deg for pop in pops])
    shape = (len(stations), len(pops))
    _, _, metres = GEOD.inv(
        np.repeat(longitude, len(pops)),
        np.repeat(latitude, len(pops)),
        np.tile(pop_longitude, len(stations)),
        np.tile(pop_latitude, len(stations)),
    )
    distance_km = np.asarray(metres).reshape(shape) / M_PER_KM
    pop = distance_km.argmin(axis=1).astype(np.int32)
    fibre_km = distance_km[np.arange(len(stations)), pop] * detour
    return Gateways(stations, latitude, longitude, pops, pop, fibre_km, detour)
