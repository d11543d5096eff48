"""The climate that fades links, at any place on Earth, from coarse embedded grids.

`Climate` holds what `attenuation` and `clear_air` ask for: rain exceeded for 0.01 % of the year, how often it rains at
all, rain height, height of the ground, columns of water vapour and of cloud water by percentage of time, wet
refractivity. The grids are means over boxes of the ITU's digital maps (data/capacity/README.md has the sources and how
far off they are).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Climate:
    """What fades links at some places; every array: axes (place).

    A trailing `_1`, `_10` or `_50` is the percentage of the year for which a column is exceeded.
    """

    latitude_deg: Floats
    r001_mm_h: Floats  # rain rate exceeded for 0.01 % of the year (P.837-7)
    rain_height_km: Floats  # above mean sea level (P.839-4)
    rain_percent: Floats  # of the year in which it rains (P.837-7)
    ground_km: Floats  # mean height of the land around, 0 at sea (P.1511-2)
    vapour_1_kg_m2: Floats  # P.836-6
    vapour_50_kg_m2: Floats
    liquid_1_kg_m2: Floats  # reduced to 0 °C (P.840-8)
    liquid_10_kg_m2: Floats
    liquid_50_kg_m2: Floats
    wet_refractivity: Floats  # N-units, median of the year (P.453-14)

    def __len__(self) -> int:
        return len(self.latitude_deg)

    def of(self, places: NDArray[np.intp]) -> Climate:
        """Some of the places."""
        return Climate(**{name: column[places] for name, column in vars(self).items()})

    def vapour_kg_m2(self, percent: float) -> Floats:
        """Column of water vapour exceeded for so many percent of the year, as at 1 % below that (P.618-13, 2.5)."""
        return _between(percent, ((1.0, self.vapour_1_kg_m2), (50.0, self.vapour_50_kg_m2)))

    def liquid_kg_m2(self, percent: float) -> Floats:
        """Column of cloud water, likewise."""
        columns = ((1.0, self.liquid_1_kg_m2), (10.0, self.liquid_10_kg_m2), (50.0, self.liquid_50_kg_m2))
        return _between(percent, columns)


def _between(percent: float, columns: tuple[tuple[float, Floats], ...]) -> Floats:
    """Straight in the logarithm of the percentage; the first below the least of them, the last above the greatest."""
    at = float(np.clip(percent, columns[0][0], columns[-1][0]))
    for (low, before), (high, after) in pairwise(columns):
        if at <= high:
            share = np.log(at / low) / np.log(high / low)
            return np.asarray(before + share * (after - before))
    raise AssertionError("clipped to the last")


@cache
def _grids() -> dict[str, tuple[Floats, float]]:
    """name: (values, axes (latitude from 90 down, longitude from −180 up and closed at 180); degrees a step)."""
    with as_file(files("openleo.data") / "capacity" / "rain-climate.npz") as path, np.load(path) as stored:
        names = [name for name in stored.files if "." not in name]
        made = {}
        for name in names:
            values = stored[name] * float(stored[f"{name}.unit"])
            made[name] = np.concatenate([values, values[:, :1]], axis=1), float(stored[f"{name}.step_deg"])
    return made


def climate(latitude_deg: ArrayLike, longitude_deg: ArrayLike) -> Climate:
    """The climate of places, WGS 84: straight between the four nodes around each."""
    latitude = np.atleast_1d(np.asarray(latitude_deg, np.float64))
    longitude = (np.atleast_1d(np.asarray(longitude_deg, np.float64)) + 180.0) % 360.0
    columns = {}
    for name, (values, step_deg) in _grids().items():
        row, column = (90.0 - latitude) / step_deg, longitude / step_deg
        i = np.clip(row.astype(np.intp), 0, values.shape[0] - 2)
        j = np.clip(column.astype(np.intp), 0, values.shape[1] - 2)
        down, right = row - i, column - j
        upper = values[i, j] * (1.0 - right) + values[i, j + 1] * right
        lower = values[i + 1, j] * (1.0 - right) + values[i + 1, j + 1] * right
        columns[name] = upper * (1.0 - down) + lower * down
    return Climate(latitude_deg=latitude, **columns)
