"""Where the satellites are.

Takes a constellation and a list of instants; gives their positions in the Earth-fixed frame, with what could not be
propagated masked and named. Visibility and topology read it. Element sets move by SGP4 itself. Shells move on circles
at SGP4's secular rates: what they leave out are its short-period terms, at most 13 km up to 55° of inclination and
17 km for polar shells (mean 9 and 12), the same after a month as on the first day. Element sets age as much in a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sgp4.api import SGP4_ERRORS

from openleo.geodesy import NO_ORIENTATION, EarthOrientation, teme_to_ecef
from openleo.instants import instant_text, julian_date, utc
from openleo.network.constellation.model import Constellation
from openleo.network.kernels import walker
from openleo.units import EARTH_POLAR_RADIUS_KM, SECONDS_PER_DAY

Floats = NDArray[np.float64]

# Below 100 km nothing orbits. Measured from the pole's radius, so that no satellite is refused for the
# Earth's flattening.
LOWEST_RADIUS_KM = EARTH_POLAR_RADIUS_KM + 100.0


@dataclass(frozen=True)
class Failure:
    """A satellite without a position, from its first such instant in the run of instants asked for."""

    satellite: int
    name: str
    at: datetime
    why: str

    def __str__(self) -> str:
        return f"{self.name}: no position at {instant_text(self.at)}: {self.why}."


@dataclass(frozen=True, eq=False)
class Ephemeris:
    """Positions at instants.

    Where `valid` is False the position is the Earth's centre: below every horizon, and finite. Whoever divides by a
    position's length, or measures between two satellites, reads `valid` first.
    """

    position_km: Floats  # axes (instant, satellite, xyz), ECEF
    valid: NDArray[np.bool_]  # axes (instant, satellite)
    failures: tuple[Failure, ...]


def positions(
    constellation: Constellation,
    start: datetime,
    seconds: ArrayLike,
    orientation: EarthOrientation = NO_ORIENTATION,
) -> Ephemeris:
    """Every satellite's position at each of `seconds` after `start`."""
    start = utc(start)
    after_s = np.atleast_1d(np.asarray(seconds, dtype=np.float64))
    jd, fraction_at_start = julian_date(start)
    fraction = fraction_at_start + after_s / SECONDS_PER_DAY
    if constellation.elements:
        return _of_elements(constellation, start, after_s, jd, fraction, orientation)
    since_epoch_s = (start - constellation.epoch).total_seconds() + after_s
    position_km = _of_shells(constellation, since_epoch_s, jd, fraction, orientation)
    return Ephemeris(position_km, np.ones(position_km.shape[:2], dtype=np.bool_), ())


def _of_shells(
    planes: Constellation, since_epoch_s: Floats, jd: float, fraction: Floats, orientation: EarthOrientation
) -> Floats:
    elapsed_s = since_epoch_s[:, np.newaxis]
    node = planes.raan_rad + planes.raan_rate_rad_s * elapsed_s  # axes (instant, plane), as all here
    turned = planes.argument_rate_rad_s * elapsed_s
    cos_node, sin_node, cos, sin = np.cos(node), np.sin(node), np.cos(turned), np.sin(turned)
    cos_i, sin_i = np.cos(planes.inclination_rad), np.sin(planes.inclination_rad)

    def on_circle(along: Floats, across: Floats) -> Floats:
        """`along` the node's line and `across` it in the plane, in km, as ECEF vectors of (instant, plane, xyz)."""
        in_teme = np.stack(
            [
                cos_node * along - sin_node * cos_i * across,
                sin_node * along + cos_node * cos_i * across,
                sin_i * across,
            ],
            axis=-1,
        )
        return teme_to_ecef(planes.semi_major_axis_km[:, np.newaxis] * in_teme, jd, fraction, orientation)

    position_km = np.empty((len(since_epoch_s), planes.satellites, 3))
    walker.positions(
        on_circle(cos, sin),
        on_circle(-sin, cos),
        np.cos(planes.argument_rad),
        np.sin(planes.argument_rad),
        planes.plane_first,
        planes.plane_count,
        position_km,
    )
    return position_km


def _of_elements(
    constellation: Constellation,
    start: datetime,
    after_s: Floats,
    jd: float,
    fraction: Floats,
    orientation: EarthOrientation,
) -> Ephemeris:
    code, teme_km, _ = constellation.satrecs.sgp4(np.full(len(after_s), jd), fraction)
    code, teme_km = code.T, np.ascontiguousarray(teme_km.swapaxes(0, 1))  # sgp4 puts satellites first
    propagated = (code == 0) & np.isfinite(teme_km).all(axis=-1)
    teme_km[~propagated] = 0.0
    valid = propagated & (np.linalg.norm(teme_km, axis=-1) >= LOWEST_RADIUS_KM)
    teme_km[~valid] = 0.0
    failures = tuple(_failures(constellation, start, after_s, code, valid))
    return Ephemeris(teme_to_ecef(teme_km, jd, fraction, orientation), valid, failures)


def _failures(
    constellation: Constellation, start: datetime, after_s: Floats, code: NDArray[Any], valid: NDArray[np.bool_]
) -> Iterator[Failure]:
    for satellite in np.flatnonzero(~valid.all(axis=0)):
        first = int(np.argmin(valid[:, satellite]))
        of_sgp4 = int(code[first, satellite])  # 0: SGP4 was content, the height was not
        why = f"SGP4: {SGP4_ERRORS[of_sgp4]}" if of_sgp4 else "it is less than 100 km above the ground"
        at = start + timedelta(seconds=float(after_s[first]))
        yield Failure(int(satellite), constellation.satellite_name[satellite], at, why)
