"""Where users' links are disturbed: circles in which C/N falls, and in which the low sky is hidden.

Takes circles and places; gives each place's loss and elevation mask. Where circles overlap the greater counts: powers
add, decibels do not, and the greater is the most that needs no spectrum of the jammers. Nothing here says who jams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.network.ground.gateways import geodesics_km

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Disturbed:
    """A circle along the WGS 84 geodesic. loss_db: of C/N, both ways; elevation_deg: below it the sky is hidden."""

    latitude_deg: float
    longitude_deg: float
    radius_km: float
    loss_db: float = 0.0
    elevation_deg: float = 0.0

    def holds(self, latitude_deg: Floats, longitude_deg: Floats) -> NDArray[np.bool_]:
        """Which places are within, the edge included."""
        centre = np.array([self.latitude_deg]), np.array([self.longitude_deg])
        return np.asarray(geodesics_km(latitude_deg, longitude_deg, *centre)[:, 0] <= self.radius_km, np.bool_)

    def said(self) -> str:
        """All of it, for a fingerprint."""
        parts = (self.latitude_deg, self.longitude_deg, self.radius_km, self.loss_db, self.elevation_deg)
        return " ".join(map(str, parts))


def losses_db(circles: Sequence[Disturbed], latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """By how much C/N falls at each place, dB ≥ 0."""
    lost = np.zeros(len(latitude_deg))
    for one in circles:
        lost = np.where(one.holds(latitude_deg, longitude_deg), np.maximum(lost, one.loss_db), lost)
    return lost


def masks_deg(
    circles: Sequence[Disturbed], otherwise_deg: float, latitude_deg: Floats, longitude_deg: Floats
) -> Floats:
    """Each place's mask: the greater of `otherwise_deg` and of what hides its sky."""
    mask = np.full(len(latitude_deg), otherwise_deg)
    for one in circles:
        mask = np.where(one.holds(latitude_deg, longitude_deg), np.maximum(mask, one.elevation_deg), mask)
    return mask
