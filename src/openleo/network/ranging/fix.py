"""The place that fits the round trips best, and every other place that does nearly as well.

One satellite's round trips fit on both sides of its track, until the Earth's turn has bent the track enough to tell
them apart: hardly within ten seconds, mostly within a minute. So the places that fit are looked for around the whole
circle on the ground at the distance measured, each is made exact by Gauss-Newton (damped as Levenberg and Marquardt
do), and whoever asks is given all that are left. Under a satellite's track both become one long region: regions are
traced where the sum of squares has risen by its 95 % quantile, not taken from the slopes at the best place, which
there say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.stats import chi2 as chi_squared

from openleo.geodesy import GEOD, ecef_km, geodetic
from openleo.network.ranging.ellipse import Ellipse, around
from openleo.network.ranging.ranges import Ranges, covariance, estimated, residuals_km, slopes
from openleo.units import M_PER_KM

Floats = NDArray[np.float64]
Problem = Literal["", "too few", "inconsistent", "no region"]

RISE_95 = float(chi_squared.isf(0.05, 2))  # 5.99: of two unknowns
MIRROR_KEPT = float(chi_squared.isf(1e-3, 2))  # another place is dropped where it fits a thousand times worse
INCONSISTENT = 1e-6  # of honest sets of round trips are refused as fitting nowhere
MOST_KM = 200.0  # a region that reaches farther locates nobody

_RING = 48  # directions in which a place is looked for
_LEAST_ARC_KM = 20.0
_MOST_PLACES = 4
_BESIDE = 0.6
_STEPS, _CLOSE_KM = 40, 1e-4
_ESTIMATES = 6  # of height and way, each followed by a place
_LONGEST_STEP_KM = 25.0  # a longer one may leave the dip it began in
_SAME_KM = 0.5
_RAYS = 24
_MULTIPLES = np.geomspace(0.01, 10.0, 42)  # of the ellipse that the slopes give
_LEAST_AXIS_KM, _MOST_AXIS_KM = 0.01, 60.0
_CENTRING = 3  # steps


@dataclass(frozen=True)
class Place:
    """One place that fits. `misfit`: the sum of squares there, each in units of what is to be expected."""

    latitude_deg: float
    longitude_deg: float
    misfit: float
    ellipse: Ellipse


@dataclass(frozen=True)
class Fix:
    """`places`, the best first: with one, the terminal is in its ellipse with 95 %; with several, in one of them."""

    places: tuple[Place, ...]
    misfit: float  # of the best
    freedom: int
    problem: Problem = ""

    @property
    def located(self) -> bool:
        return not self.problem

    @property
    def ambiguous(self) -> bool:
        return len(self.places) > 1


def locate(ranges: Ranges, beam: tuple[float, float, float] | None = None) -> Fix:
    """Where the round trips put a terminal. `beam`: (latitude, longitude, radius in km) of what lit it: the network
    knows which beam served, and places outside are dropped.
    """
    freedom = len(ranges) - 2
    if freedom < 0 or (ranges.errors.bend and ranges.satellites < 2):  # one alone says nothing of who flies
        return Fix((), 0.0, freedom, "too few")
    latitude, longitude, misfit = _fit(ranges, *_starts(ranges))
    abouts = [ranges] * len(misfit)
    if ranges.errors.bend:
        latitude, longitude, misfit, abouts = _fit_bent(ranges, latitude, longitude, misfit)
    if beam is not None:
        blank = np.zeros_like(latitude)
        away_m = np.asarray(GEOD.inv(beam[1] + blank, beam[0] + blank, longitude, latitude)[2])
        if (inside := away_m <= (beam[2] + MOST_KM) * M_PER_KM).any():
            latitude, longitude, misfit = latitude[inside], longitude[inside], misfit[inside]
            abouts = [one for one, kept in zip(abouts, inside.tolist(), strict=True) if kept]
    best = float(misfit.min())
    if freedom and best > chi_squared.isf(INCONSISTENT, freedom):
        return Fix((), best, freedom, "inconsistent")
    places: list[Place] = []
    for number in np.argsort(misfit):
        at = float(latitude[number]), float(longitude[number])
        if misfit[number] - best > MIRROR_KEPT or any(_km(at, one) < _SAME_KM for one in places):
            continue
        ellipse = _traced(abouts[number], *at)
        if ellipse is None:
            return Fix((), best, freedom, "no region")
        places.append(Place(*at, float(misfit[number]), ellipse))
    if beam is not None:
        near = [one for one in places if _km(beam[:2], one) <= beam[2] + one.ellipse.semi_major_km]
        if not near:
            return Fix((), best, freedom, "inconsistent")
        places = near
    return Fix(tuple(places), best, freedom)


def without_one(ranges: Ranges, beam: tuple[float, float, float] | None = None) -> dict[int, tuple[Ranges, Fix]]:
    """Of round trips that fit nowhere: those left and their fix, by the satellite without which they fit somewhere.

    A satellite that has manoeuvred is not where its ephemeris has it, and all that it measures fits nowhere. Where
    several could be the one, each of the fixes is as good.
    """
    numbers = np.unique(ranges.satellite).tolist()
    left = {one: ranges.of(ranges.satellite != one) for one in numbers} if len(numbers) > 1 else {}
    fixes = {one: (some, locate(some, beam)) for one, some in left.items()}
    return {one: found for one, found in fixes.items() if found[1].located}


def _fit_bent(
    ranges: Ranges, latitude: Floats, longitude: Floats, misfit: Floats
) -> tuple[Floats, Floats, Floats, list[Ranges]]:
    """(latitude, longitude, misfit, round trips about the height and way estimated there) of each place that nearly
    fits, once more with slopes of there; of places that came to one, one.
    """
    found: list[tuple[float, float, float, Ranges]] = []
    for number in np.argsort(misfit):
        at = float(latitude[number]), float(longitude[number])
        if misfit[number] - misfit.min() > 2.0 * MIRROR_KEPT or any(_apart_km(at, one) < _SAME_KM for one in found):
            continue
        here = ranges
        for _ in range(_ESTIMATES):
            here = estimated(here, *at)
            (lat,), (lon,), (best,) = _fit(here, np.array([at[0]]), np.array([at[1]]))
            moved_km, at = _apart_km(at, (lat, lon)), (float(lat), float(lon))
            if moved_km < _CLOSE_KM:
                break
        found.append((*at, float(best), here))
    lats, lons, least = (np.array([one[column] for one in found]) for column in range(3))
    return lats, lons, least, [one[3] for one in found]


def _apart_km(at: tuple[float, float], other: Sequence[Any]) -> float:
    return float(GEOD.inv(at[1], at[0], other[1], other[0])[2]) / M_PER_KM


def _km(at: tuple[float, float], place: Place) -> float:
    return float(GEOD.inv(at[1], at[0], place.longitude_deg, place.latitude_deg)[2]) / M_PER_KM


def misfits(ranges: Ranges, latitude_deg: Floats, longitude_deg: Floats, spread_km: float = 0.0) -> Floats:
    """The sum of squares at places, axes (place,); `spread_km`: one sigma, each way, of how well each is known."""
    found, slope = covariance(ranges, latitude_deg, longitude_deg)
    found += spread_km**2 * slope @ np.swapaxes(slope, -1, -2)
    residual = residuals_km(ranges, latitude_deg, longitude_deg)[..., np.newaxis]
    return np.asarray((residual * np.linalg.solve(found, residual)).sum(axis=(-1, -2)))


def misfit_at(ranges: Ranges, latitude_deg: float, longitude_deg: float, spread_km: float) -> float:
    """As `misfits` at one place, with height and way as they fit there."""
    here = estimated(ranges, latitude_deg, longitude_deg) if ranges.errors.bend else ranges
    return float(misfits(here, np.array([latitude_deg]), np.array([longitude_deg]), spread_km)[0])


def _starts(ranges: Ranges) -> tuple[Floats, Floats]:
    """Places around the circle at the distance of one round trip, where all fit better than at its neighbours.

    The shortest: around its small circle the places that fit lie farthest apart, seen from the middle.
    """
    nearest = int(ranges.range_km.argmin())
    satellite_km, range_km = ranges.position_km[nearest], ranges.range_km[nearest]
    latitude, longitude, _ = (float(one) for one in geodetic(satellite_km))
    radius_km = np.linalg.norm(ecef_km(latitude, longitude, ranges.errors.height.km))
    from_centre_km = np.linalg.norm(satellite_km)
    cosine = (from_centre_km**2 + radius_km**2 - range_km**2) / (2.0 * from_centre_km * radius_km)
    azimuth = np.arange(_RING) * 360.0 / _RING
    arc_km = np.full(_RING, max(radius_km * np.arccos(np.clip(cosine, -1.0, 1.0)), _LEAST_ARC_KM))
    for _ in range(3):  # on the ellipsoid the circle is none
        lat, lon = _from(latitude, longitude, azimuth, arc_km)
        away_km = np.linalg.norm(satellite_km - ecef_km(lat, lon, ranges.errors.height.km), axis=-1)
        slope = from_centre_km * np.sin(arc_km / radius_km) / away_km
        arc_km = np.maximum(arc_km + (range_km - away_km) / slope, _LEAST_ARC_KM)
    lat, lon = _from(latitude, longitude, azimuth, arc_km)
    misfit = misfits(ranges, lat, lon)
    least = np.flatnonzero((misfit <= np.roll(misfit, 1)) & (misfit <= np.roll(misfit, -1)))
    least = least[np.argsort(misfit[least])][:_MOST_PLACES]
    # Two places closer than two directions are one dip here: whoever starts on either side of it comes to either.
    beside = (azimuth[least, np.newaxis] + np.array([-_BESIDE, 0.0, _BESIDE]) * 360.0 / _RING).ravel()
    return _from(latitude, longitude, beside, np.interp(beside, azimuth, arc_km, period=360.0))


def _from(latitude: float, longitude: float, azimuth: Floats, away_km: Floats) -> tuple[Floats, Floats]:
    lon, lat, _ = GEOD.fwd(
        np.full_like(azimuth, longitude), np.full_like(azimuth, latitude), azimuth, away_km * M_PER_KM
    )
    return np.asarray(lat), np.asarray(lon)


def _moved(latitude: Floats, longitude: Floats, step_km: Floats) -> tuple[Floats, Floats]:
    """Places moved by (east, north), axes (place, 2)."""
    azimuth = np.degrees(np.arctan2(step_km[..., 0], step_km[..., 1]))
    lon, lat, _ = GEOD.fwd(longitude, latitude, azimuth, np.hypot(step_km[..., 0], step_km[..., 1]) * M_PER_KM)
    return np.asarray(lat), np.asarray(lon)


def _fit(ranges: Ranges, latitude: Floats, longitude: Floats) -> tuple[Floats, Floats, Floats]:
    """(latitude, longitude, misfit) that each start leads to."""
    damping = np.full(len(latitude), 1e-6)
    for _ in range(_STEPS):
        found, slope = covariance(ranges, latitude, longitude)
        residual = residuals_km(ranges, latitude, longitude)
        weighed = np.linalg.solve(found, np.concatenate([slope, residual[..., np.newaxis]], axis=-1))
        normal = np.swapaxes(slope, -1, -2) @ weighed[..., :2]
        towards = (np.swapaxes(slope, -1, -2) @ weighed[..., 2:])[..., 0]
        now = (residual * weighed[..., 2]).sum(axis=-1)
        scale = np.trace(normal, axis1=-2, axis2=-1)[:, np.newaxis, np.newaxis] * np.eye(2)
        step = np.linalg.solve(normal + damping[:, np.newaxis, np.newaxis] * scale, towards[..., np.newaxis])[..., 0]
        step *= np.minimum(1.0, _LONGEST_STEP_KM / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-12))[:, np.newaxis]
        lat, lon = _moved(latitude, longitude, step)
        then = residuals_km(ranges, lat, lon)
        better = (then * np.linalg.solve(found, then[..., np.newaxis])[..., 0]).sum(axis=-1) <= now
        latitude, longitude = np.where(better, lat, latitude), np.where(better, lon, longitude)
        damping = np.clip(np.where(better, damping / 10.0, damping * 10.0), 1e-9, 1e3)
        if (np.hypot(step[:, 0], step[:, 1]) < _CLOSE_KM).all():
            break
    return latitude, longitude, misfits(ranges, latitude, longitude)


def _traced(ranges: Ranges, latitude: float, longitude: float) -> Ellipse | None:
    """The ellipse around where the sum of squares has risen by RISE_95; None where it reaches beyond MOST_KM.

    Rays go out from the best place in all directions, as far as that. A region can be long, thin and bent as the circle
    around one satellite is: a straight ray would leave it early, so two more go along its length, in its middle.
    """
    at = np.array([latitude]), np.array([longitude])
    found, slope = covariance(ranges, *at)
    root = np.linalg.cholesky(found[0])
    weighed = solve_triangular(root, slope[0], lower=True)
    values, vectors = np.linalg.eigh(weighed.T @ weighed)  # the longest axis first
    axes_km = np.clip(np.sqrt(RISE_95 / np.maximum(values, 1e-12)), _LEAST_AXIS_KM, _MOST_AXIS_KM)
    angle = np.arange(_RAYS) * 2.0 * np.pi / _RAYS
    ray = (np.stack([np.cos(angle), np.sin(angle)], axis=1) * axes_km) @ vectors.T  # (ray, (east, north))
    along = np.array([[1.0], [-1.0]]) * axes_km[0] * vectors[:, 0]
    straight, bent = (one[:, np.newaxis, :] * _MULTIPLES[:, np.newaxis] for one in (ray, along))
    bent = _to_the_middle(ranges, at, bent, vectors[:, 1], root)
    points = np.concatenate([straight, bent])
    lat, lon = _places(at, points)
    residual = residuals_km(ranges, np.concatenate([lat.ravel(), at[0]]), np.concatenate([lon.ravel(), at[1]]))
    squares = (solve_triangular(root, residual.T, lower=True) ** 2).sum(axis=0)
    rise = np.sqrt(np.maximum(squares[:-1] - squares[-1], 0.0)).reshape(lat.shape)
    beyond = rise > np.sqrt(RISE_95)
    if not beyond.any(axis=1).all():
        return None
    last = beyond.argmax(axis=1)  # the first beyond; between it and the one before it the root of the rise is straight
    rows, before = np.arange(len(points)), np.maximum(last - 1, 0)
    inner = np.where(last > 0, rise[rows, before], 0.0)
    nearer = np.where((last > 0)[:, np.newaxis], points[rows, before], 0.0)
    share = (np.sqrt(RISE_95) - inner) / (rise[rows, last] - inner)
    reach = nearer + share[:, np.newaxis] * (points[rows, last] - nearer)
    within = [points[row, : last[row]] for row in (_RAYS, _RAYS + 1)]
    ellipse = around(latitude, longitude, np.concatenate([reach, *within]))
    return ellipse if ellipse.semi_major_km <= MOST_KM else None


def _places(at: tuple[Floats, Floats], offset_km: Floats) -> tuple[Floats, Floats]:
    """Places so many km east and north of one, axes as of the offsets but the last."""
    latitude, longitude = (np.broadcast_to(one, offset_km.shape[:-1]) for one in at)
    return _moved(latitude, longitude, offset_km)


def _to_the_middle(
    ranges: Ranges, at: tuple[Floats, Floats], offset_km: Floats, across: Floats, root: Floats
) -> Floats:
    """Offsets moved along `across` to where they fit best; the plane's axes serve for all of a region."""
    for _ in range(_CENTRING):
        lat, lon = _places(at, offset_km)
        shape = (*lat.shape, len(ranges))
        slope = (slopes(ranges, lat, lon)[0] @ across).reshape(-1, len(ranges))
        residual = residuals_km(ranges, lat, lon).reshape(-1, len(ranges))
        side, miss = (solve_triangular(root, one.T, lower=True).T.reshape(shape) for one in (slope, residual))
        step = (side * miss).sum(axis=-1) / np.maximum((side * side).sum(axis=-1), 1e-12)
        offset_km = offset_km + np.clip(step, -_MOST_AXIS_KM, _MOST_AXIS_KM)[..., np.newaxis] * across
    return offset_km
