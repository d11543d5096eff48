"""The ground that simulated terminals move on: towns, borders, and what policy would say of a position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.places.gazetteer import towns_of
from openleo.places.points import where_each
from openleo.units import EARTH_MEAN_RADIUS_KM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERMITTED = ("AUT", "CZE", "DEU", "HUN", "POL", "SVK", "SVN")  # where the simulated operator serves
OTHERS = ("BLR", "CHE", "HRV", "ITA", "LTU", "ROU", "SRB", "UKR")  # around it, where it does not
KM_PER_DEGREE = np.pi * EARTH_MEAN_RADIUS_KM / 180.0
SQUARE_DEG = 0.1
SQUARE_M = 12_000.0  # around its middle: holds it up to 60° of latitude, with circles of PRECISE_M at its edge
PRECISE_M = 2_000.0
BORDER_M = 3_000.0


@dataclass(frozen=True, eq=False)
class Places:
    """Axes (place,)."""

    latitude_deg: Floats
    longitude_deg: Floats

    def some(self, random: np.random.Generator, count: int, spread_km: float) -> tuple[Floats, Floats]:
        """Positions drawn around places drawn from them."""
        chosen = random.integers(len(self.latitude_deg), size=count)
        return shifted(self.latitude_deg[chosen], self.longitude_deg[chosen], random, spread_km)


def shifted(
    latitude_deg: Floats, longitude_deg: Floats, random: np.random.Generator, sigma_km: float | Floats
) -> tuple[Floats, Floats]:
    """Positions moved by normal errors of `sigma_km` along each axis."""
    north_km, east_km = random.normal(size=(2, len(latitude_deg))) * sigma_km
    return moved(latitude_deg, longitude_deg, north_km, east_km)


def moved(latitude_deg: Floats, longitude_deg: Floats, north_km: Floats, east_km: Floats) -> tuple[Floats, Floats]:
    """Positions moved by some kilometres; flat, as errors and detours are short."""
    across = KM_PER_DEGREE * np.cos(np.radians(latitude_deg))
    return latitude_deg + north_km / KM_PER_DEGREE, (longitude_deg + east_km / across + 180.0) % 360.0 - 180.0


def flat_km(latitude_deg: Floats, longitude_deg: Floats, latitude: float | Floats, longitude: float | Floats) -> Floats:
    """Distances, flat: for who is within some hundred kilometres of whom."""
    across = np.cos(np.radians(latitude))
    return np.asarray(np.hypot(latitude_deg - latitude, (longitude_deg - longitude) * across) * KM_PER_DEGREE)


class World:
    """Towns to live in and to visit, places near borders, and the territory of any position."""

    def __init__(self, random: np.random.Generator) -> None:
        self.home, self.elsewhere = towns(PERMITTED), towns(OTHERS)
        self.labels: list[str] = []
        self._number: dict[str, int] = {}
        self._square: dict[int, int] = {}  # one label that holds all of it, or −1
        self.border = self._near_borders(random)
        self.inner_elsewhere = self._of_square(self.elsewhere)

    def _of_square(self, places: Places) -> Places:
        """Those whose square touches one territory alone: deep inside it."""
        number = self._squares(places.latitude_deg, places.longitude_deg)
        deep = number >= 0
        return Places(places.latitude_deg[deep], places.longitude_deg[deep])

    def _near_borders(self, random: np.random.Generator) -> Places:
        """Places in the permitted area whose surroundings of 3 km touch a border."""
        latitude, longitude = self.home.some(random, 20_000, 25.0)
        around = where_each(latitude, longitude, np.full(len(latitude), BORDER_M))
        here = where_each(latitude, longitude, np.zeros(len(latitude)))
        several = np.array([len({land(one) for one in where.labels}) > 1 for where in around.wheres])
        ours = np.array([all(one in PERMITTED for one in where.labels) for where in here.wheres])
        near = several[around.number] & ours[here.number]
        return Places(latitude[near], longitude[near])

    def territory(self, latitude: Floats, longitude: Floats, uncertainty_m: Floats) -> Ints:
        """Which label's the whole circle is, by its number in `labels`; −1: several, or not known."""
        found = np.full(len(latitude), -1)
        known = np.flatnonzero(~np.isnan(latitude) & (uncertainty_m <= PRECISE_M))
        found[known] = self._squares(latitude[known], longitude[known])
        left = known[found[known] < 0]
        found[left] = self._exactly(latitude[left], longitude[left], uncertainty_m[left])
        return found

    def serves(self, place: tuple[float, float]) -> bool:
        """Whether fixed terminals may be used there."""
        return self.country(place) in PERMITTED

    def country(self, place: tuple[float, float]) -> str:
        """The label of a point."""
        north, east = (np.array([one]) for one in place)
        return self.labels[int(self.territory(north, east, np.zeros(1))[0])]

    def _squares(self, latitude: Floats, longitude: Floats) -> Ints:
        row, column = (np.floor(one / SQUARE_DEG).astype(np.int64) for one in (latitude, longitude))
        keys, which = np.unique(row * 10_000 + column, return_inverse=True)
        new = np.array([key for key in keys.tolist() if key not in self._square], np.int64)
        if len(new):
            north = (((new + 5_000) // 10_000) + 0.5).astype(np.float64) * SQUARE_DEG
            east = ((new + 5_000) % 10_000 - 5_000 + 0.5).astype(np.float64) * SQUARE_DEG
            labels = self._exactly(north, east, np.full(len(new), SQUARE_M))
            self._square.update(zip(new.tolist(), labels.tolist(), strict=True))
        return np.array([self._square[key] for key in keys.tolist()], np.int64)[which]

    def _exactly(self, latitude: Floats, longitude: Floats, radius_m: Floats) -> Ints:
        if not len(latitude):
            return np.empty(0, np.int64)
        found = where_each(latitude, longitude, radius_m)
        lands = [{land(label) for label in where.labels} for where in found.wheres]
        numbers = np.array([self._of(next(iter(one))) if len(one) == 1 else -1 for one in lands] + [-1])
        return numbers[found.number]

    def _of(self, label: str) -> int:
        number = self._number.setdefault(label, len(self.labels))
        if number == len(self.labels):
            self.labels.append(label)
        return number

    def permitted(self, territory: Ints, everywhere: NDArray[np.bool_]) -> NDArray[np.int8]:
        """1, 0, or −1 in doubt; `everywhere`: classes that are served on any ground."""
        yes = np.array([label in PERMITTED for label in self.labels] + [False])[territory]
        return np.where(everywhere, 1, np.where(territory < 0, -1, yes)).astype(np.int8)


def land(label: str) -> str:
    """A country's territorial waters are as its land here."""
    return label.removesuffix(".sea12")


def towns(territories: tuple[str, ...]) -> Places:
    """All towns of some territories."""
    latitude, longitude, _ = zip(*(towns_of(one) for one in territories), strict=True)
    return Places(np.concatenate(latitude), np.concatenate(longitude))
