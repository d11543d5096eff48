"""A region of uncertainty on the ground: an ellipse, and the discs that cover it.

Policy decides discs. One disc around an ellipse of 2 × 50 km would refuse whoever lives within 50 km of a border; a
row of discs along it reaches hardly farther than the ellipse itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import GEOD
from openleo.units import M_PER_KM

Floats = NDArray[np.float64]

MOST_DISCS = 16  # of one ellipse: each costs a look at the borders
ROOM = 1.002  # of a radius: distances on the plane that touches the Earth, within 200 km


@dataclass(frozen=True)
class Ellipse:
    """`azimuth_deg`: of the long axis, from north through east, below 180."""

    latitude_deg: float
    longitude_deg: float
    semi_major_km: float
    semi_minor_km: float
    azimuth_deg: float

    def holds(self, latitude_deg: float, longitude_deg: float) -> bool:
        """Whether a place lies in it."""
        azimuth, _, away_m = GEOD.inv(self.longitude_deg, self.latitude_deg, longitude_deg, latitude_deg)
        turned = math.radians(azimuth - self.azimuth_deg)
        along, across = away_m / M_PER_KM * math.cos(turned), away_m / M_PER_KM * math.sin(turned)
        return math.hypot(along / self.semi_major_km, across / self.semi_minor_km) <= 1.0

    def discs(self, most: int = MOST_DISCS) -> tuple[tuple[float, float, float], ...]:
        """(latitude, longitude, radius in m) of discs along the long axis, that cover all of it.

        Between two cuts across the axis the point farthest from the disc's centre is at a cut: the squared distance
        is convex along the edge of the ellipse, as the long axis is the longer one.
        """
        a, b = self.semi_major_km, self.semi_minor_km
        count = max(1, min(most, math.ceil(a / max(b, 1e-6))))
        half = a / count
        covering = []
        for number in range(count):
            middle = -a + (2 * number + 1) * half
            cuts = (middle - half, middle + half)
            reach_km = max(math.hypot(half, b * math.sqrt(max(0.0, 1.0 - (cut / a) ** 2))) for cut in cuts)
            longitude, latitude, _ = GEOD.fwd(
                self.longitude_deg, self.latitude_deg, self.azimuth_deg, middle * M_PER_KM
            )
            covering.append((latitude, longitude, min(reach_km, a if count == 1 else reach_km) * ROOM * M_PER_KM))
        return tuple(covering)


def around(latitude_deg: float, longitude_deg: float, offset_km: Floats) -> Ellipse:
    """An ellipse that holds all of some points, given in km east and north of a place, axes (point, 2).

    Of points on an ellipse at equal angles of its own circle it is that ellipse.
    """
    centred = offset_km - offset_km.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = offset_km @ axes  # (point, (short, long))
    low, high = turned.min(axis=0), turned.max(axis=0)
    middle, half = (low + high) / 2.0, np.maximum((high - low) / 2.0, 1e-3)
    half *= max(1.0, float(np.linalg.norm((turned - middle) / half, axis=1).max()))
    short, long = (0, 1) if half[1] >= half[0] else (1, 0)
    east, north = axes @ middle
    longitude, latitude, _ = GEOD.fwd(
        longitude_deg, latitude_deg, math.degrees(math.atan2(east, north)), math.hypot(east, north) * M_PER_KM
    )
    azimuth = math.degrees(math.atan2(axes[0, long], axes[1, long])) % 180.0
    return Ellipse(float(latitude), float(longitude), float(half[long]), float(half[short]), azimuth)
