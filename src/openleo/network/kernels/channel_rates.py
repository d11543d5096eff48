"""Rates out of a table by elevation: what a channel carries between a place of some zone and a satellite."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def rate_at(
    table_mbps: NDArray[np.float32], altitude: int, zone: int, elevation_deg: float, first_deg: float, step_deg: float
) -> float:
    """Mbit/s at an elevation, straight between the table's; 0 beside an elevation at which the link does not close.

    table_mbps: axes (altitude, zone, elevation), from `first_deg` up in steps of `step_deg`.
    """
    at = (elevation_deg - first_deg) / step_deg
    if not at >= 0.0:  # so is a NaN
        return 0.0
    last = table_mbps.shape[2] - 1
    below = min(int(at), last)
    share = at - below
    here = float(table_mbps[altitude, zone, below])
    if below == last or share <= 0.0 or here <= 0.0:
        return here
    above = float(table_mbps[altitude, zone, below + 1])
    return here + share * (above - here) if above > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def rates_at(
    table_mbps: NDArray[np.float32],
    altitude: NDArray[np.int32],
    zone: NDArray[np.int32],
    elevation_deg: NDArray[np.float64],
    first_deg: float,
    step_deg: float,
    rate_mbps: NDArray[np.float64],
) -> None:
    """As `rate_at`, for many links; axes of the rest (link). Writes rate_mbps."""
    for link in range(len(zone)):
        rate_mbps[link] = rate_at(table_mbps, altitude[link], zone[link], elevation_deg[link], first_deg, step_deg)
