"""Which ground links count beyond a site's own elevation mask: masks of shells, horizons, and the geostationary arc.

The kernels test these only for satellites that already stand above the mask.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

GSO_RADIUS_KM = 42_164.2  # of the geostationary orbit (ITU-R S.1503 has 42,164.2)
ARC_STEPS = 24  # looked at first; the nearest is then made exact
REFINEMENTS = 32  # golden sections: 14° shrink to below 1e-5°
GOLDEN = 0.6180339887498949


class Conditions(NamedTuple):
    """What a link must meet beside its site's mask. With `active` false nothing else is read.

    satellite_sine (satellite,): sine of the mask of each satellite's shell, −1 for none. gso_rad: least angle to the
    arc, 0 for none. horizon[horizon_offsets[i]:horizon_offsets[i + 1]]: (azimuth, elevation) in degrees of site i, by
    azimuth and reaching from at most 0 to at least 360; both empty where no site has any.
    """

    active: bool
    satellite_sine: Floats
    gso_rad: float
    horizon_offsets: NDArray[np.int64]
    horizon: Floats


@njit(cache=True, nogil=True, error_model="numpy")
def _cos_to_arc(east: float, axis_km: float, north_km: float, dx: float, dy: float, dz: float) -> float:
    """Cosine of the angle between a unit direction and the arc's point `east` (rad) of the site's meridian."""
    x, y = GSO_RADIUS_KM * math.cos(east) - axis_km, GSO_RADIUS_KM * math.sin(east)
    return (x * dx + y * dy - north_km * dz) / math.sqrt(x * x + y * y + north_km * north_km)


@njit(cache=True, nogil=True, error_model="numpy")
def arc_angle(px: float, py: float, pz: float, ux: float, uy: float, uz: float, dx: float, dy: float, dz: float,
              enough: float) -> float:  # fmt: skip
    """The least angle (rad) between a unit direction and the arc above the site's horizon; infinite without an arc.

    Exact where it is less than `enough`; elsewhere some angle that is at least as large.
    """
    outward = math.sqrt(ux * ux + uy * uy)
    rises = px * ux + py * uy + pz * uz
    if rises >= GSO_RADIUS_KM * outward:
        return np.inf
    half = math.acos(rises / (GSO_RADIUS_KM * outward))
    # In the frame of the site's meridian: x outward from the axis, y east, z north.
    cos_east, sin_east = ux / outward, uy / outward
    axis_km = px * cos_east + py * sin_east
    out, east = dx * cos_east + dy * sin_east, dy * cos_east - dx * sin_east
    best, at, step = -2.0, 0.0, 2.0 * half / ARC_STEPS
    for k in range(ARC_STEPS + 1):
        lambda_rad = k * step - half
        cosine = _cos_to_arc(lambda_rad, axis_km, pz, out, east, dz)
        if cosine > best:
            best, at = cosine, lambda_rad
    coarse = math.acos(max(-1.0, min(1.0, best)))
    # The arc is at least 35,780 km away: it moves at most 1.18 times as fast across the sky as around the Earth.
    if coarse - 0.6 * step > enough:
        return coarse - 0.6 * step
    low, high = max(-half, at - step), min(half, at + step)
    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_a, at_b = _cos_to_arc(a, axis_km, pz, out, east, dz), _cos_to_arc(b, axis_km, pz, out, east, dz)
    for _ in range(REFINEMENTS):
        if at_a > at_b:
            high, b, at_b = b, a, at_a
            a = high - GOLDEN * (high - low)
            at_a = _cos_to_arc(a, axis_km, pz, out, east, dz)
        else:
            low, a, at_a = a, b, at_b
            b = low + GOLDEN * (high - low)
            at_b = _cos_to_arc(b, axis_km, pz, out, east, dz)
    return math.acos(max(-1.0, min(1.0, max(best, at_a, at_b))))


@njit(cache=True, nogil=True, error_model="numpy")
def _horizon_deg(horizon: Floats, azimuth_deg: float) -> float:
    for k in range(1, horizon.shape[0]):
        if azimuth_deg <= horizon[k, 0]:
            span = horizon[k, 0] - horizon[k - 1, 0]
            part = (azimuth_deg - horizon[k - 1, 0]) / span if span > 0.0 else 0.0
            return float(horizon[k - 1, 1] + part * (horizon[k, 1] - horizon[k - 1, 1]))
    return float(horizon[-1, 1])


@njit(cache=True, nogil=True, error_model="numpy")
def clear(conditions: Conditions, i: int, s: int, px: float, py: float, pz: float, ux: float, uy: float, uz: float,
          x: float, y: float, z: float) -> bool:  # fmt: skip
    """Whether site i's link to satellite s at (x, y, z) meets every condition."""
    dx, dy, dz = x - px, y - py, z - pz
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / distance, dy / distance, dz / distance
    sine = dx * ux + dy * uy + dz * uz
    if sine < conditions.satellite_sine[s]:
        return False
    first, last = 0, 0
    if conditions.horizon_offsets.size:
        first, last = conditions.horizon_offsets[i], conditions.horizon_offsets[i + 1]
    if last > first:
        across = math.sqrt(ux * ux + uy * uy)
        # At a pole every way is south; east is then 90° of longitude, as elsewhere on the meridian 0.
        ex, ey = (-uy / across, ux / across) if across > 1e-12 else (0.0, 1.0)
        east = dx * ex + dy * ey
        north = dx * (-uz * ey) + dy * (uz * ex) + dz * (ux * ey - uy * ex)
        azimuth_deg = math.degrees(math.atan2(east, north)) % 360.0
        if math.degrees(math.asin(max(-1.0, min(1.0, sine)))) < _horizon_deg(
            conditions.horizon[first:last], azimuth_deg
        ):
            return False
    if conditions.gso_rad > 0.0:
        return arc_angle(px, py, pz, ux, uy, uz, dx, dy, dz, conditions.gso_rad) >= conditions.gso_rad
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def holds(
    conditions: Conditions, i: int, s: int, site_km: Floats, site_up: Floats, now_km: Floats, later_km: Floats
) -> bool:
    """Whether a link meets the conditions at both positions (satellite, xyz); `later_km` may be `now_km`."""
    px, py, pz = site_km[i, 0], site_km[i, 1], site_km[i, 2]
    ux, uy, uz = site_up[i, 0], site_up[i, 1], site_up[i, 2]
    return clear(conditions, i, s, px, py, pz, ux, uy, uz, now_km[s, 0], now_km[s, 1], now_km[s, 2]) and clear(
        conditions, i, s, px, py, pz, ux, uy, uz, later_km[s, 0], later_km[s, 1], later_km[s, 2]
    )


@njit(cache=True, nogil=True, error_model="numpy")
def clear_each(
    conditions: Conditions, site: NDArray[np.intp], satellite: Ints, site_km: Floats, site_up: Floats, at_km: Floats
) -> NDArray[np.bool_]:  # fmt: skip
    """Whether links meet every condition, axes (link,); the last three (link, xyz)."""
    found = np.empty(site.size, np.bool_)
    for k in range(site.size):
        found[k] = clear(
            conditions, site[k], satellite[k], site_km[k, 0], site_km[k, 1], site_km[k, 2],
            site_up[k, 0], site_up[k, 1], site_up[k, 2], at_km[k, 0], at_km[k, 1], at_km[k, 2],
        )  # fmt: skip
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def admitted(
    conditions: Conditions, site_km: Floats, site_up: Floats, sine_mask: Floats, position_km: Floats,
    usable: NDArray[np.bool_], found: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Out: found (site, satellite), whether the link counts."""
    for i in range(site_km.shape[0]):
        px, py, pz = site_km[i, 0], site_km[i, 1], site_km[i, 2]
        ux, uy, uz = site_up[i, 0], site_up[i, 1], site_up[i, 2]
        for s in range(position_km.shape[0]):
            x, y, z = position_km[s, 0], position_km[s, 1], position_km[s, 2]
            dx, dy, dz = x - px, y - py, z - pz
            found[i, s] = usable[s] and dx * ux + dy * uy + dz * uz >= sine_mask[i] * math.sqrt(
                dx * dx + dy * dy + dz * dz
            )
            if found[i, s] and conditions.active:
                found[i, s] = clear(conditions, i, s, px, py, pz, ux, uy, uz, x, y, z)
