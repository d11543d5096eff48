"""The satellites that were measured: where each was, how it moved, and how well that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.network import ephemeris
from openleo.network.constellation.model import Constellation, only
from openleo.network.ranging.errors import own_ephemeris_km

Floats = NDArray[np.float64]

_APART_S = 0.5  # a velocity is a difference of positions so long before and after: off by a mm/s


@dataclass(frozen=True, eq=False)
class Flown:
    """Of each measurement: where its satellite was; `there` is False of one that nobody knows or that has fallen."""

    position_km: Floats  # (measurement, xyz), ECEF
    velocity_km_s: Floats  # (measurement, xyz), over ground
    ephemeris_km: Floats  # (measurement,): one sigma along the track
    there: NDArray[np.bool_]


Lookup = Callable[[Sequence[int], Sequence[datetime]], Flown]


def of(
    constellation: Constellation,
    as_of: datetime,
    sigma_km: Callable[[Floats], Floats] = own_ephemeris_km,
) -> Lookup:
    """A lookup by the satellites' numbers in the constellation, whose ephemeris is as of an instant."""

    def flown(satellites: Sequence[int], at: Sequence[datetime]) -> Flown:
        numbers = np.asarray(satellites, dtype=np.int64)
        known = (numbers >= 0) & (numbers < constellation.satellites)
        since_s = np.array([(one - as_of).total_seconds() for one in at])
        position, velocity = np.zeros((len(numbers), 3)), np.zeros((len(numbers), 3))
        there = np.zeros(len(numbers), dtype=np.bool_)
        for number in np.unique(numbers[known]):
            mine = np.flatnonzero(numbers == number)
            instants = (since_s[mine, np.newaxis] + np.array([-_APART_S, 0.0, _APART_S])).ravel()
            moved = ephemeris.positions(only(constellation, [int(number)]), as_of, instants)
            path = moved.position_km[:, 0].reshape(len(mine), 3, 3)
            position[mine], velocity[mine] = path[:, 1], (path[:, 2] - path[:, 0]) / (2.0 * _APART_S)
            there[mine] = moved.valid[:, 0].reshape(len(mine), 3).all(axis=1)
        return Flown(position, velocity, np.asarray(sigma_km(np.abs(since_s))), there)

    return flown
