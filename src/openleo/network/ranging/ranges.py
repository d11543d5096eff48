"""Round trips, and how well they fit a place.

A round trip is 2 · distance / c, and what processing adds; its instant is the middle between sending and receiving,
which makes the satellite's way in between matter by less than a millimetre. What is unknown beside the place (a bias
of the processing, the height, each satellite's ephemeris) is not estimated but carried in the covariance: the residuals
of satellites that share an error are correlated, and a hundred round trips to one satellite do not wear its ephemeris'
error down.

Slopes say all of that but where a height is unknown by kilometres, or a terminal flies kilometres while it is measured:
a distance then bends. Of such a terminal the height and the way (`Ranges.about`) are estimated too, with what is known
of them before, and slopes are taken where they come out. The covariance still carries all that was not known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import SIDEREAL_RATE_RAD_S, ecef_km
from openleo.network.ranging.errors import ACROSS, ERRORS, Errors
from openleo.units import LIGHT_KM_PER_S

Floats = NDArray[np.float64]

KM_PER_NS = LIGHT_KM_PER_S * 1e-9 / 2.0  # of distance, in a round trip
KM_PER_MS = LIGHT_KM_PER_S * 1e-3 / 2.0
_ESTIMATED, _STILL = 4, 0.01  # times, at most; until less than a hundredth of a sigma changes


@dataclass(frozen=True, eq=False)
class Ranges:
    """What was measured of one terminal. Axes (measurement,), with xyz (ECEF) behind it where there are three."""

    satellite: NDArray[np.int64]
    at_s: Floats  # on any clock; a place is meant as of the middle between the first and the last
    position_km: Floats  # (measurement, xyz)
    velocity_km_s: Floats  # (measurement, xyz), over ground
    range_km: Floats
    noise_km: Floats  # one sigma, of the range
    ephemeris_km: Floats  # one sigma along the track
    errors: Errors = ERRORS
    about: tuple[float, float, float] = (0.0, 0.0, 0.0)  # km above the expected height, km/s east and north

    def __len__(self) -> int:
        return len(self.range_km)

    def of(self, rows: NDArray[np.bool_]) -> Ranges:
        """Some of the round trips."""
        columns = ("satellite", "at_s", "position_km", "velocity_km_s", "range_km", "noise_km", "ephemeris_km")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    @property
    def satellites(self) -> int:
        """How many different satellites were measured."""
        return len(np.unique(self.satellite))


def axes_at(latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats, Floats]:
    """(east, north, up) of places: unit vectors, axes (…, xyz)."""
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    sin_lat, cos_lat, sin_lon, cos_lon = np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon)
    east = np.stack([-sin_lon, cos_lon, np.zeros_like(sin_lon)], axis=-1)
    north = np.stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat], axis=-1)
    return east, north, np.stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat], axis=-1)


def residuals_km(ranges: Ranges, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """Measured less computed ranges of places at the expected height, axes (place, measurement).

    About another height and way than expected: as slopes there say that they would be at the expected.
    """
    sight = ranges.position_km - _way_km(ranges, latitude_deg, longitude_deg)
    missed = ranges.range_km - np.linalg.norm(sight, axis=-1)
    if any(ranges.about):
        slope, rise, _ = slopes(ranges, latitude_deg, longitude_deg)
        missed = missed + (_by_height_and_way(ranges, slope, rise) * np.array(ranges.about)).sum(axis=-1)
    return np.asarray(missed)


def _way_km(ranges: Ranges, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """Where a terminal of a place was at each measurement, axes (place, measurement, xyz)."""
    upward_km, *speed_km_s = ranges.about
    place = ecef_km(latitude_deg, longitude_deg, ranges.errors.height.km + upward_km)[..., np.newaxis, :]
    if not any(speed_km_s):
        return np.asarray(place)
    east, north, _ = axes_at(latitude_deg, longitude_deg)
    level = speed_km_s[0] * east + speed_km_s[1] * north
    return np.asarray(place + since_middle_s(ranges)[:, np.newaxis] * level[..., np.newaxis, :])


def since_middle_s(ranges: Ranges) -> Floats:
    """Of each measurement: seconds since the middle between the first and the last."""
    return np.asarray(ranges.at_s - (ranges.at_s.min() + ranges.at_s.max()) / 2.0)


def _by_height_and_way(ranges: Ranges, slope: Floats, rise: Floats) -> Floats:
    """How ranges change with the height and the speeds east and north, axes (place, measurement, 3)."""
    since_s = since_middle_s(ranges)
    return np.stack([rise, slope[..., 0] * since_s, slope[..., 1] * since_s], axis=-1)


def estimated(ranges: Ranges, latitude_deg: float, longitude_deg: float) -> Ranges:
    """The same round trips, about the height and way that fit a place best, with what was known of them before."""
    at, errors = (np.array([latitude_deg]), np.array([longitude_deg])), ranges.errors
    known = np.array([errors.height.sigma_km, errors.speed_km_s, errors.speed_km_s])
    for _ in range(_ESTIMATED):
        found, slope = covariance(ranges, *at)
        by = _by_height_and_way(ranges, slope, slopes(ranges, *at)[1])[0]
        about = known**2 * (by.T @ np.linalg.solve(found[0], residuals_km(ranges, *at)[0]))
        moved = np.abs(about - np.array(ranges.about)) / np.maximum(known, 1e-9)
        ranges = replace(ranges, about=(float(about[0]), float(about[1]), float(about[2])))
        if moved.max() < _STILL:
            break
    return ranges


def slopes(ranges: Ranges, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats, Floats]:
    """How ranges change with the place: (by km east and north, axes (place, measurement, 2); by km up; the unit
    vectors to the satellites).
    """
    sight = ranges.position_km - _way_km(ranges, latitude_deg, longitude_deg)
    sight = sight / np.linalg.norm(sight, axis=-1, keepdims=True)
    east, north, upward = ((sight @ axis[..., np.newaxis])[..., 0] for axis in axes_at(latitude_deg, longitude_deg))
    return -np.stack([east, north], axis=-1), -upward, sight


def covariance(ranges: Ranges, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
    """(of the residuals if the terminal is there, km², axes (place, measurement, measurement); slope of the ranges
    by km east and north, axes (place, measurement, 2)).
    """
    slope, rise, sight = slopes(ranges, latitude_deg, longitude_deg)
    ones = np.ones_like(rise)
    shared = [ones * ranges.errors.bias_ns * KM_PER_NS, rise * ranges.errors.height.sigma_km]
    went_km = ranges.errors.speed_km_s * since_middle_s(ranges)
    if ranges.errors.speed_km_s:
        shared += [slope[..., 0] * went_km, slope[..., 1] * went_km]
    same = ranges.satellite[:, np.newaxis] == ranges.satellite
    # Slopes leave out how a distance bends as its end moves aside: metres in the air, and nothing on the ground. Its
    # size is taken until height and way are estimated; about them it is small.
    aside_km2 = 0.0 if any(ranges.about) else ranges.errors.height.sigma_km**2 + went_km**2
    bent = aside_km2 / (2.0 * ranges.range_km)
    found = np.zeros((*rise.shape, len(ranges)))
    found[..., np.arange(len(ranges)), np.arange(len(ranges))] = ranges.noise_km**2
    found += bent[:, np.newaxis] * bent * same
    for column in shared:
        found += column[..., :, np.newaxis] * column[..., np.newaxis, :]
    # A satellite's error turns with it: as far along its track, above it and beside it, all the while.
    for axis, share in zip(track_axes(ranges), (1.0, ACROSS, ACROSS), strict=True):
        column = (sight * axis).sum(axis=-1) * ranges.ephemeris_km * share
        found += column[..., :, np.newaxis] * column[..., np.newaxis, :] * same
    return found, slope


def track_axes(ranges: Ranges) -> tuple[Floats, Floats, Floats]:
    """(along the track, up, across), unit vectors, axes (measurement, xyz)."""
    x, y, z = np.moveaxis(ranges.position_km, -1, 0)
    turning = SIDEREAL_RATE_RAD_S * np.stack([-y, x, np.zeros_like(z)], axis=-1)  # an orbit knows no turning Earth
    along = ranges.velocity_km_s + turning
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    upward = ranges.position_km / np.linalg.norm(ranges.position_km, axis=-1, keepdims=True)
    across = np.cross(upward, along)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    return along, np.cross(along, across), across
