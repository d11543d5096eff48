"""Where things are on, and above, a turning ellipsoid.

WGS 84 positions, the rotation from the satellites' inertial frame (TEME) to the Earth-fixed one (ECEF), and the look
angles between two points. Arrays end in an axis of length three (x, y, z) in kilometres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod

from openleo.instants import J2000_JD
from openleo.units import EARTH_FLATTENING, EARTH_MEAN_RADIUS_KM, EARTH_RADIUS_KM, SECONDS_PER_DAY

Floats = NDArray[np.float64]

ECCENTRICITY_SQUARED = EARTH_FLATTENING * (2.0 - EARTH_FLATTENING)
ARCSECOND_RAD = np.pi / 648_000.0
# How fast Greenwich mean sidereal time runs: the derivative of `gmst_rad`, without what changes within centuries.
SIDEREAL_RATE_RAD_S = 2.0 * np.pi / SECONDS_PER_DAY * (1.0 + 8_640_184.812866 / 36_525.0 / SECONDS_PER_DAY)
GEOD = Geod(ellps="WGS84")  # geodesics, by Karney's method; lengths in metres


@dataclass(frozen=True)
class EarthOrientation:
    """What the IERS publishes for a date, and what a run without it leaves at zero.

    UT1−UTC turns the Earth (at most 0.9 s, so 419 m at the equator's surface and 455 m at 550 km); the pole's x and y
    tilt it (under 0.6 arcseconds, 20 m).
    """

    ut1_minus_utc_s: float = 0.0
    pole_x_arcsec: float = 0.0
    pole_y_arcsec: float = 0.0


NO_ORIENTATION = EarthOrientation()


def up(latitude_deg: ArrayLike, longitude_deg: ArrayLike) -> Floats:
    """Unit vectors along the ellipsoid's normal (geodetic zenith), axes (…, xyz)."""
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack(np.broadcast_arrays(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=-1)


def ecef_km(latitude_deg: ArrayLike, longitude_deg: ArrayLike, altitude_km: ArrayLike = 0.0) -> Floats:
    """Geodetic to ECEF on WGS 84, axes (…, xyz)."""
    normal = up(latitude_deg, longitude_deg)
    height = np.asarray(altitude_km, dtype=np.float64)
    prime_vertical = EARTH_RADIUS_KM / np.sqrt(1.0 - ECCENTRICITY_SQUARED * normal[..., 2] ** 2)
    across = (prime_vertical + height)[..., np.newaxis] * normal
    across[..., 2] = (prime_vertical * (1.0 - ECCENTRICITY_SQUARED) + height) * normal[..., 2]
    return across


def chord_of(distance_km: float) -> float:
    """The chord of the unit sphere under a great circle on the ground; of half a turn and more, its diameter."""
    return float(2.0 * np.sin(min(distance_km / EARTH_MEAN_RADIUS_KM, np.pi) / 2.0))


def arc_km(chord: ArrayLike) -> Floats:
    """The length along a great circle of chords of the unit sphere; infinite stays infinite."""
    length = 2.0 * np.arcsin(np.minimum(chord, 2.0) / 2.0) * EARTH_MEAN_RADIUS_KM
    return np.where(np.isfinite(chord), length, np.inf)


@cache
def _wgs84_transformer() -> Any:
    from pyproj import Transformer  # 60 ms to import; most verbs never need the inverse

    return Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


def geodetic(position_km: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """ECEF to (latitude_deg, longitude_deg, altitude_km) on WGS 84."""
    x, y, z = np.moveaxis(np.asarray(position_km, dtype=np.float64) * 1000.0, -1, 0)
    longitude, latitude, altitude_m = _wgs84_transformer().transform(x, y, z)
    return np.asarray(latitude), np.asarray(longitude), np.asarray(altitude_m) / 1000.0


def gmst_rad(jd: ArrayLike, fraction: ArrayLike, ut1_minus_utc_s: float = 0.0) -> Floats:
    """Greenwich mean sidereal time (IAU 1982, the angle that belongs to TEME) of UTC Julian dates.

    Source: Vallado et al., AIAA 2006-6753, eq. 2-3. Taking UTC for UT1 turns the Earth by at most 0.9 s.
    """
    ut1_fraction = np.asarray(fraction) + ut1_minus_utc_s / SECONDS_PER_DAY
    centuries = (np.asarray(jd) - J2000_JD + ut1_fraction) / 36_525.0
    # The mean Sun moves 876,600 h of time a century: a whole turn a day. The day's own turn is kept as a fraction, so
    # that no digit is lost in a number of turns since 2000.
    turns_today = np.mod(np.asarray(jd) - J2000_JD, 1.0) + ut1_fraction
    seconds = 67_310.54841 + (8_640_184.812866 + (0.093104 - 6.2e-6 * centuries) * centuries) * centuries
    return np.mod(2.0 * np.pi * (turns_today + seconds / SECONDS_PER_DAY), 2.0 * np.pi)


def teme_to_ecef(
    position_km: Floats, jd: ArrayLike, fraction: ArrayLike, orientation: EarthOrientation = NO_ORIENTATION
) -> Floats:
    """Rotate TEME positions, axes (instant, …, xyz), to ECEF at each instant.

    By sidereal time alone unless `orientation` is given: polar motion moves a beam by under 20 m, and a cell is
    kilometres wide. With it, first-order polar motion as in Vallado et al., AIAA 2006-6753, eq. 2-4.
    """
    angle = np.atleast_1d(gmst_rad(jd, fraction, orientation.ut1_minus_utc_s))
    angle = angle.reshape((-1,) + (1,) * (position_km.ndim - 2))
    cos, sin = np.cos(angle), np.sin(angle)
    x, y, z = np.moveaxis(position_km, -1, 0)
    fixed = np.stack([cos * x + sin * y, cos * y - sin * x, np.broadcast_to(z, x.shape)], axis=-1)
    return move_pole(fixed, orientation)


def move_pole(position_km: Floats, orientation: EarthOrientation) -> Floats:
    """Positions already turned by sidereal time, in the frame of the pole of `orientation`, to the first order."""
    if not (orientation.pole_x_arcsec or orientation.pole_y_arcsec):
        return position_km
    xp, yp = orientation.pole_x_arcsec * ARCSECOND_RAD, orientation.pole_y_arcsec * ARCSECOND_RAD
    return np.asarray(position_km @ np.array([[1.0, 0.0, -xp], [0.0, 1.0, yp], [xp, -yp, 1.0]]))


def ecef_to_teme(
    position_km: Floats, velocity_km_s: Floats, jd: ArrayLike, fraction: ArrayLike
) -> tuple[Floats, Floats]:
    """(position, velocity) in TEME of ECEF states, axes (instant, …, xyz): the inverse of `teme_to_ecef`, by sidereal
    time alone, with what the Earth's turn adds to the velocity.
    """
    angle = np.atleast_1d(gmst_rad(jd, fraction))
    angle = angle.reshape((-1,) + (1,) * (position_km.ndim - 2))
    cos, sin = np.cos(angle), np.sin(angle)
    (x, y, z), (u, v, w) = np.moveaxis(position_km, -1, 0), np.moveaxis(velocity_km_s, -1, 0)
    u, v = u - SIDEREAL_RATE_RAD_S * y, v + SIDEREAL_RATE_RAD_S * x
    return (
        np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1),
        np.stack([cos * u - sin * v, sin * u + cos * v, w], axis=-1),
    )


def look_angles(
    latitude_deg: ArrayLike, longitude_deg: ArrayLike, position_km: Floats, altitude_km: ArrayLike = 0.0
) -> tuple[Floats, Floats, Floats]:
    """(azimuth_deg from north through east, elevation_deg, range_km) of ECEF positions seen from geodetic places."""
    sight = position_km - ecef_km(latitude_deg, longitude_deg, altitude_km)
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    x, y, z = np.moveaxis(sight, -1, 0)
    outward = np.cos(lon) * x + np.sin(lon) * y
    east = np.cos(lon) * y - np.sin(lon) * x
    north = np.cos(lat) * z - np.sin(lat) * outward
    zenith = np.cos(lat) * outward + np.sin(lat) * z
    distance = np.linalg.norm(sight, axis=-1)
    return (
        np.degrees(np.arctan2(east, north)) % 360.0,
        np.degrees(np.arcsin(np.clip(zenith / distance, -1.0, 1.0))),
        distance,
    )
