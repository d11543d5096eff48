"""Who can see whom.

Takes sites on the ground (cells' centres, gateways) and their elevation masks; gives Sites, in which neighbouring sites
share a block with the list of sky bins that a satellite above them can be in. With the ephemeris of a slot the kernels
then test every site's few candidates exactly, on the ellipsoid. Nothing here knows about rules or rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.geodesy import ecef_km, up
from openleo.network.admission import NO_CONDITIONS
from openleo.network.kernels import admission, sky
from openleo.network.kernels.admission import Conditions
from openleo.units import EARTH_POLAR_RADIUS_KM

Floats = NDArray[np.float64]

BLOCK_RESOLUTION = 2  # cells of one res-2 ancestor (180 km in radius) look at the same candidates
# The mask is measured from the ellipsoid's normal, the bins from the Earth's centre: the two differ by at most 0.193°.
DEFLECTION_RAD = math.radians(0.2)


@dataclass(frozen=True)
class Sites:
    """Places on the ground in the order of their blocks, ready for the kernels.

    `order[i]` is the caller's number of site i. Block b holds sites block_offsets[b]:block_offsets[b + 1] and the sky
    bins bins[bin_offsets[b]:bin_offsets[b + 1]], as runs (`kernels.sky.bins_in_reach`).
    """

    order: NDArray[np.intp]
    position_km: Floats
    up: Floats
    sine_mask: Floats
    block_offsets: NDArray[np.int64]
    bin_offsets: NDArray[np.int64]
    bins: NDArray[np.int32]
    conditions: Conditions = NO_CONDITIONS  # its horizons are in the sites' own order
    antennas: NDArray[np.int32] | None = None  # of gateways: satellites at a time, −1 for any
    spread_km: float | None = None  # of gateways: how much longer a way may be for them to carry more alike

    @property
    def blocks(self) -> int:
        return len(self.block_offsets) - 1

    def __len__(self) -> int:
        return len(self.position_km)


def reach_rad(elevation_deg: float, highest_km: float) -> float:
    """The angle at the Earth's centre within which a satellite no farther out than `highest_km` is above a mask.

    The largest anywhere on the ellipsoid: seen from its smallest radius, with the deflection of the normal added. From
    higher up the angle is smaller.
    """
    mask = math.radians(elevation_deg) - DEFLECTION_RAD
    return math.acos(min(1.0, EARTH_POLAR_RADIUS_KM * math.cos(mask) / highest_km)) - mask + DEFLECTION_RAD


def single_sites(
    latitude_deg: Floats,
    longitude_deg: Floats,
    elevation_deg: float | Floats,
    highest_km: float,
    altitude_km: Floats | float = 0.0,
    conditions: Conditions = NO_CONDITIONS,
) -> Sites:
    """Sites that each are a block of their own (gateways, a few places), with one mask or with one each.

    They keep their order, so that `conditions` may hold a horizon for each.
    """
    block = np.arange(len(latitude_deg))
    return _sites(latitude_deg, longitude_deg, block, elevation_deg, highest_km, altitude_km, conditions)


def cell_sites(
    cells: h3cells.Cells, elevation_deg: float | Floats, highest_km: float, conditions: Conditions = NO_CONDITIONS
) -> Sites:
    """The centres of cells, blocked by their res-2 ancestors, with one mask or with one each.

    `conditions` hold no horizons.
    """
    latitude, longitude = h3cells.centres_deg(cells)
    resolution = h3cells.resolution_of(cells)
    block = np.unique(h3cells.parents(cells, min(resolution, BLOCK_RESOLUTION)), return_inverse=True)[1]
    return _sites(latitude, longitude, block, elevation_deg, highest_km, 0.0, conditions)


def sites_in_blocks(
    latitude_deg: Floats, longitude_deg: Floats, block: NDArray[np.int64], elevation_deg: float, highest_km: float
) -> Sites:
    """Places in blocks of the caller's: places of one number look at the same candidates."""
    whole = np.unique(block, return_inverse=True)[1].ravel()
    return _sites(latitude_deg, longitude_deg, whole, elevation_deg, highest_km, 0.0, NO_CONDITIONS)


def admitted(sites: Sites, position_km: Floats, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the link of each site to each satellite counts: axes (site, satellite), in the sites' own order."""
    found = np.empty((len(sites), len(position_km)), np.bool_)
    position_km = np.ascontiguousarray(position_km)
    usable = np.ascontiguousarray(usable)
    admission.admitted(sites.conditions, sites.position_km, sites.up, sites.sine_mask, position_km, usable, found)
    return found


def _sites(
    latitude_deg: Floats,
    longitude_deg: Floats,
    block: NDArray[np.intp],
    elevation_deg: float | Floats,
    highest_km: float,
    altitude_km: Floats | float,
    conditions: Conditions,
) -> Sites:
    order = np.argsort(block, kind="stable")
    mask_deg = np.broadcast_to(np.asarray(elevation_deg, np.float64), len(order))[order]
    height_km = np.broadcast_to(altitude_km, order.shape)[order]
    position = ecef_km(latitude_deg[order], longitude_deg[order], height_km)
    count = np.bincount(block)
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    direction = position / np.linalg.norm(position, axis=1, keepdims=True)
    centre = np.add.reduceat(direction, offsets[:-1], axis=0)
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    off_centre = np.arccos(np.clip((direction * np.repeat(centre, count, axis=0)).sum(axis=1), -1.0, 1.0))
    spread = np.maximum.reduceat(off_centre, offsets[:-1])
    bin_offsets, bins = sky.bins_in_reach(centre, spread + reach_rad(float(mask_deg.min()), highest_km))
    return Sites(
        order,
        position,
        up(latitude_deg[order], longitude_deg[order]),
        np.array([math.sin(math.radians(deg)) for deg in mask_deg]),
        offsets,
        bin_offsets,
        bins,
        conditions,
    )
