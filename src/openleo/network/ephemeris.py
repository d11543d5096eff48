"""Where the satellites are.

Takes a constellation and a list of instants; gives their positions in the Earth-fixed frame, with what could not be
propagated masked and named. Visibility and topology read it. Element sets move by SGP4 itself. Shells move on circles
at SGP4's secular rates: what they leave out are its short-period terms, at most 13 km up to 55° of inclination and
17 km for polar shells (mean 9 and 12), the same after a month as on the first day. Element sets age as much in a day.

A run whose instants follow each other closely says so (`every_s`). Element sets are then moved by SGP4 to nodes a
minute apart only, at whole minutes of UTC, and by Hermite polynomials between them: within INTERPOLATED_WITHIN_M, 1 m,
of SGP4 itself. The nodes belong to the calendar and not to the run, so an instant's positions are the same whichever
others are asked for with it. Where the metre could not be promised SGP4 itself moves on: for a satellite that falls,
is low, has an eccentricity above 0.05 or a period of 225 minutes, or that SGP4 refuses at either node.

Satellites of files of ephemerides move by quintic Hermite polynomials between the files' own states: off by 5 cm at
most where these are a minute apart, 50 cm at four minutes, 20 m at ten, the most that is taken. Beyond its states a
satellite has no position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sgp4.api import SGP4_ERRORS, SatrecArray

from openleo.geodesy import NO_ORIENTATION, EarthOrientation, gmst_rad, move_pole, teme_to_ecef
from openleo.instants import instant_text, julian_date, utc
from openleo.network.constellation.ephemeris_set import EphemerisSet
from openleo.network.constellation.model import Constellation
from openleo.network.constellation.states import LONGEST_STEP_S
from openleo.network.kernels import hermite, walker
from openleo.units import EARTH_POLAR_RADIUS_KM, SECONDS_PER_DAY

Floats = NDArray[np.float64]

# Below 100 km nothing orbits. Measured from the pole's radius, so that no satellite is refused for the
# Earth's flattening.
LOWEST_RADIUS_KM = EARTH_POLAR_RADIUS_KM + 100.0
TOO_LOW = "it is less than 100 km above the ground"
# Long after its epoch SGP4 can throw a satellite out of its orbit, to the Moon and beyond, and say that all is well.
BEYOND_APOGEE = 1.1
THROWN = -1  # beside SGP4's own codes
TOO_HIGH = "SGP4 puts it far beyond its apogee, too long after its epoch"

NODE_S = 60.0
INTERPOLATED_WITHIN_M = 1.0
LEAST_INSTANTS_A_NODE = 3  # below, nodes cost as much as they save
# A cubic is off by 0.45 m at most by its degree (at 200 km), and by 0.1 of what the velocities miss of the way.
MISSED_BETWEEN_NODES_KM = 0.005
LOWEST_NODE_KM = LOWEST_RADIUS_KM + 50.0  # within a minute nothing near a circle falls from here to the lowest radius


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
    *,
    every_s: float | None = None,
) -> Ephemeris:
    """Every satellite's position at each of `seconds` after `start`.

    `every_s`: how closely instants follow each other in the whole run, however few are asked for now. It decides
    whether element sets are interpolated; without it SGP4 moves them to every instant.
    """
    start = utc(start)
    after_s = np.atleast_1d(np.asarray(seconds, dtype=np.float64))
    jd, fraction_at_start = julian_date(start)
    fraction = fraction_at_start + after_s / SECONDS_PER_DAY
    if constellation.elements:
        if every_s is not None and every_s * LEAST_INSTANTS_A_NODE <= NODE_S:
            return _between_nodes(constellation, start, after_s, jd, fraction_at_start, orientation)
        return _of_elements(constellation, start, after_s, jd, fraction, orientation)
    if constellation.ephemerides is not None:
        return _of_ephemerides(constellation.ephemerides, start, after_s, jd, fraction, orientation)
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


def _of_ephemerides(
    sets: EphemerisSet, start: datetime, after_s: Floats, jd: float, fraction: Floats, orientation: EarthOrientation
) -> Ephemeris:
    since_s = (start - sets.midnight).total_seconds() + after_s
    teme_km, there = np.empty((len(after_s), len(sets), 3)), np.empty((len(after_s), len(sets)), np.bool_)
    hermite.quintic(
        sets.segment_first, sets.begin_s, sets.end_s, sets.node_first, sets.node_s, sets.position_km,
        sets.velocity_km_s, LONGEST_STEP_S, since_s, teme_km, there,
    )  # fmt: skip
    valid = there & (np.linalg.norm(teme_km, axis=-1) >= LOWEST_RADIUS_KM)
    teme_km[~valid] = 0.0
    position_km = teme_to_ecef(teme_km, jd, fraction, orientation)
    if sets.earth_fixed.any() and orientation != NO_ORIENTATION:
        position_km[:, sets.earth_fixed] = teme_to_ecef(teme_km[:, sets.earth_fixed], jd, fraction)
    failures = []
    for satellite in np.flatnonzero(~valid.all(axis=0)).tolist():
        first = int(np.argmin(valid[:, satellite]))
        why = TOO_LOW if there[first, satellite] else sets.why_not(satellite, float(since_s[first]))
        failures.append(
            Failure(satellite, sets.names[satellite], start + timedelta(seconds=float(after_s[first])), why)
        )
    return Ephemeris(position_km, valid, tuple(failures))


def _of_elements(
    constellation: Constellation,
    start: datetime,
    after_s: Floats,
    jd: float,
    fraction: Floats,
    orientation: EarthOrientation,
) -> Ephemeris:
    code, teme_km, valid = _by_sgp4(constellation.satrecs, constellation.apogee_km, jd, fraction)
    failures = tuple(_failures(constellation, start, after_s, code, valid))
    return Ephemeris(teme_to_ecef(teme_km, jd, fraction, orientation), valid, failures)


def _by_sgp4(
    satrecs: Any, apogee_km: Floats, jd: float, fraction: Floats
) -> tuple[NDArray[Any], Floats, NDArray[np.bool_]]:
    """(SGP4's code, −1 where it is too high; TEME position; whether there is one), axes (instant, satellite, …)."""
    code, teme_km, _ = satrecs.sgp4(np.full(len(fraction), jd), fraction)
    code, teme_km = code.T, np.ascontiguousarray(teme_km.swapaxes(0, 1))  # sgp4 puts satellites first
    propagated = (code == 0) & np.isfinite(teme_km).all(axis=-1)
    teme_km[~propagated] = 0.0
    radius_km = np.linalg.norm(teme_km, axis=-1)
    lost = propagated & (radius_km > BEYOND_APOGEE * apogee_km)
    valid = propagated & ~lost & (radius_km >= LOWEST_RADIUS_KM)
    teme_km[~valid] = 0.0
    return np.where(lost, THROWN, code.astype(np.int16)), teme_km, valid


def _between_nodes(
    constellation: Constellation,
    start: datetime,
    after_s: Floats,
    jd: float,
    fraction_at_start: float,
    orientation: EarthOrientation,
) -> Ephemeris:
    """By Hermite polynomials between nodes, and by SGP4 itself where they do not hold."""
    fraction = fraction_at_start + after_s / SECONDS_PER_DAY
    since_midnight_s = fraction_at_start * SECONDS_PER_DAY + after_s
    minute = np.floor(since_midnight_s / NODE_S)
    nodes = np.unique(np.concatenate([minute, minute + 1.0]))
    left = np.searchsorted(nodes, minute)

    code, node_km, node_km_s = constellation.satrecs.sgp4(np.full(len(nodes), jd), nodes * NODE_S / SECONDS_PER_DAY)
    node_km, node_km_s = (np.ascontiguousarray(one.swapaxes(0, 1)) for one in (node_km, node_km_s))
    thrown = np.linalg.norm(node_km, axis=-1) > BEYOND_APOGEE * constellation.apogee_km
    node_km[(code.T != 0) | thrown] = np.nan
    holds = np.empty((len(nodes) - 1, len(constellation)), np.bool_)
    hermite.smooth(node_km, node_km_s, NODE_S, LOWEST_NODE_KM, MISSED_BETWEEN_NODES_KM, holds)
    by_hermite = holds[left] & constellation.near_circular

    angle = gmst_rad(jd, fraction, orientation.ut1_minus_utc_s)
    position_km = np.empty((len(after_s), len(constellation), 3))
    share = since_midnight_s / NODE_S - minute
    hermite.cubic(node_km, node_km_s, NODE_S, left, share, np.cos(angle), np.sin(angle), position_km)
    position_km = move_pole(position_km, orientation)
    valid, codes = np.ones(by_hermite.shape, np.bool_), np.zeros(by_hermite.shape, np.int16)
    rest = np.flatnonzero(~by_hermite.all(axis=0))
    if len(rest):
        satrecs = SatrecArray([constellation.elements[n].satrec for n in rest])
        here = ~by_hermite[:, rest]
        code, teme_km, has_one = _by_sgp4(satrecs, constellation.apogee_km[rest], jd, fraction)
        exact_km = teme_to_ecef(teme_km, jd, fraction, orientation)
        position_km[:, rest] = np.where(here[..., np.newaxis], exact_km, position_km[:, rest])
        valid[:, rest], codes[:, rest] = has_one | ~here, np.where(here, code, 0)
    return Ephemeris(position_km, valid, tuple(_failures(constellation, start, after_s, codes, valid)))


def _failures(
    constellation: Constellation, start: datetime, after_s: Floats, code: NDArray[Any], valid: NDArray[np.bool_]
) -> Iterator[Failure]:
    for satellite in np.flatnonzero(~valid.all(axis=0)):
        first = int(np.argmin(valid[:, satellite]))
        of_sgp4 = int(code[first, satellite])  # 0: SGP4 was content, the height was not
        why = TOO_HIGH if of_sgp4 == THROWN else f"SGP4: {SGP4_ERRORS[of_sgp4]}" if of_sgp4 else TOO_LOW
        at = start + timedelta(seconds=float(after_s[first]))
        yield Failure(int(satellite), constellation.satellite_name[satellite], at, why)
