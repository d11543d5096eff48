"""Ephemerides of files: their frame against astropy, and positions between their states against an integrated orbit.

Authorities: astropy (GCRS → ITRS through ERFA, the IAU's routines, with the tables of astropy-iers-data, offline);
scipy's BPoly for the polynomial; scipy's DOP853 over the Earth's field to degree 4, the Moon, the Sun and drag for the
way between two states.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import GCRS, ITRS, TEME, CartesianRepresentation
from astropy.time import Time
from astropy.utils import iers
from scipy.integrate import solve_ivp
from scipy.interpolate import BPoly

from compared import apart, compared
from openleo.geodesy import EarthOrientation
from openleo.network import ephemeris
from openleo.network.constellation import frames, from_ephemerides
from openleo.network.constellation.ephemeris_set import read_ephemerides
from openleo.network.constellation.states import LONGEST_STEP_S
from openleo.network.kernels import hermite

START = datetime(2026, 8, 22, 6, tzinfo=UTC)
RADIUS_KM = 6928.0
ONE_MICROMETRE_KM = 1e-9
MU_KM3_S2, EQUATOR_KM, TURN_RAD_S = 398_600.4418, 6378.137, 7.292115e-5
# EGM96, unnormalised: zonal harmonics, and the greatest of the others (Vallado, Fundamentals of Astrodynamics, app. D).
J2, J3, J4 = 1.082_626_7e-3, -2.532_7e-6, -1.619_6e-6
C22, S22 = 1.574_5e-6, -9.038_0e-7


@pytest.fixture(autouse=True)
def offline() -> Iterator[None]:
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "warn"):
        yield


def orientation_at(time: Time) -> EarthOrientation:
    table = iers.earth_orientation_table.get()
    x, y = table.pm_xy(time)
    return EarthOrientation(
        float(table.ut1_utc(time).to_value(u.s)), float(x.to_value(u.arcsec)), float(y.to_value(u.arcsec))
    )


# --- frames -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2000, 2008, 2017, 2022, 2026])
def test_eme2000_to_teme_within_the_stated_half_metre(year: int) -> None:
    rng = np.random.default_rng(year)
    days = rng.uniform(0.0, 300.0, 20)
    time = Time(datetime(year, 1, 2, tzinfo=UTC)) + days * u.day
    points = rng.normal(size=(20, 3))
    points *= RADIUS_KM / np.linalg.norm(points, axis=1, keepdims=True)
    gcrs = GCRS(CartesianRepresentation(points.T * u.km), obstime=time)
    expected = gcrs.transform_to(TEME(obstime=time)).cartesian.xyz.to_value(u.km).T
    found, _ = frames.to_teme("EME2000", points, np.zeros((20, 3)), 0.0, time.utc.jd)
    apart(
        authority="astropy",
        what="EME2000 to TEME",
        apart=np.linalg.norm(found - expected, axis=1) * 1000.0,
        tolerance=frames.FRAME_WITHIN_M,
        unit="m",
    )


def test_a_meme_file_on_the_turning_earth(tmp_path: Path) -> None:
    """Epochs, frame and Earth orientation together: a file of an integrated orbit, every minute, in GCRS of astropy."""
    orbit = Flight(550.0, 53.0)
    at_s = np.arange(0.0, 1800.1, 60.0)
    lines = ["created:2026-08-22 06:10:52 UTC",
             "ephemeris_start:2026-08-22 06:00:00 UTC ephemeris_stop:2026-08-22 06:30:00 UTC step_size:60",
             "ephemeris_source:blend", "UVW"]  # fmt: skip
    for s, state in zip(at_s, orbit.states(at_s), strict=True):
        lines.append(
            (START + timedelta(seconds=s)).strftime("%Y%j%H%M%S.000 ") + " ".join(f"{value:.10f}" for value in state)
        )
        lines += ["1e-07 2e-07 3e-07 4e-07 5e-07 6e-07 7e-07"] * 3
    path = tmp_path / "MEME_100001_EXAMPLE-7_2340600_Operational_1471500000_UNCLASSIFIED.txt"
    path.write_text("\n".join(lines))
    constellation = from_ephemerides("one", read_ephemerides(path))
    between_s = np.arange(15.0, 1800.0, 97.0)
    time = Time(START) + between_s * u.s
    orientation = orientation_at(Time(START))
    found = ephemeris.positions(constellation, START, between_s, orientation)
    assert found.valid.all()
    gcrs = GCRS(CartesianRepresentation(orbit.states(between_s)[:, :3].T * u.km), obstime=time)
    expected = gcrs.transform_to(ITRS(obstime=time)).cartesian.xyz.to_value(u.km).T
    apart(
        authority="astropy",
        what="a MEME file's orbit on the turning Earth",
        apart=np.linalg.norm(found.position_km[:, 0] - expected, axis=1) * 1000.0,
        tolerance=frames.FRAME_WITHIN_M + 0.1,
        unit="m",
    )


# --- between states -----------------------------------------------------------------------------------------------


class Flight:
    """An orbit, integrated: a field to degree 4, the pull of the Moon and the Sun where they stand, and drag."""

    def __init__(self, altitude_km: float, inclination_deg: float, seconds: float = 7200.0, drag: float = 1e-11):
        radius, tilt = EQUATOR_KM + altitude_km, np.radians(inclination_deg)
        speed = np.sqrt(MU_KM3_S2 / radius) * 1.002  # eccentricity 0.004
        start = [radius, 0.0, 0.0, 0.0, speed * np.cos(tilt), speed * np.sin(tilt)]
        self.drag = drag  # a fraction of the speed lost in a second: 1e-11 is 1e-7 m/s²
        done = solve_ivp(self.moved, (0.0, seconds), start, "DOP853", dense_output=True, rtol=1e-13, atol=1e-10)
        self.solution = done.sol

    def states(self, at_s: np.ndarray) -> np.ndarray:
        return np.asarray(self.solution(at_s).T)

    def moved(self, at_s: float, state: np.ndarray) -> np.ndarray:
        position, velocity = state[:3], state[3:]
        pull = self.pull(at_s, position)
        for mu, far in ((4902.8, np.array([3e5, 2e5, 1.3e5])), (1.327e11, np.array([1.3e8, -6e7, -3e7]))):
            away = far - position
            pull = pull + mu * (away / np.linalg.norm(away) ** 3 - far / np.linalg.norm(far) ** 3)
        return np.concatenate([velocity, pull - self.drag * velocity])

    def pull(self, at_s: float, position: np.ndarray) -> np.ndarray:
        """The gradient of the potential, by central differences of what departs from a sphere."""
        radius = np.linalg.norm(position)
        steps = 0.05 * np.eye(3)
        slope = [(self.departure(at_s, position + h) - self.departure(at_s, position - h)) / 0.1 for h in steps]
        return -MU_KM3_S2 * position / radius**3 + np.array(slope)

    def departure(self, at_s: float, position: np.ndarray) -> float:
        """Potential in km²/s² beside the sphere's, of Legendre polynomials in the sine of the latitude."""
        radius = np.linalg.norm(position)
        s, ratio = position[2] / radius, EQUATOR_KM / radius
        zonal = (
            J2 * ratio**2 * (3 * s**2 - 1) / 2
            + J3 * ratio**3 * (5 * s**3 - 3 * s) / 2
            + J4 * ratio**4 * (35 * s**4 - 30 * s**2 + 3) / 8
        )
        longitude = np.arctan2(position[1], position[0]) - TURN_RAD_S * at_s
        tesseral = ratio**2 * 3 * (1 - s**2) * (C22 * np.cos(2 * longitude) + S22 * np.sin(2 * longitude))
        return float(MU_KM3_S2 / radius * (tesseral - zonal))


def between(
    node_s: np.ndarray, states: np.ndarray, at_s: np.ndarray, longest_s: float
) -> tuple[np.ndarray, np.ndarray]:
    found, there = np.empty((len(at_s), 1, 3)), np.empty((len(at_s), 1), np.bool_)
    hermite.quintic(
        np.array([0, 1]), node_s[:1], node_s[-1:], np.array([0, len(node_s)]), node_s,
        np.ascontiguousarray(states[:, :3]), np.ascontiguousarray(states[:, 3:]), longest_s, at_s, found, there,
    )  # fmt: skip
    return found[:, 0], there[:, 0]


def test_the_quintic_against_scipy() -> None:
    rng = np.random.default_rng(3)
    node_s = np.cumsum(rng.uniform(10.0, 400.0, 12))
    states = np.hstack([rng.normal(size=(12, 3)) * 500.0 + 6900.0, rng.normal(size=(12, 3))])
    at_s = np.sort(np.concatenate([rng.uniform(node_s[0], node_s[-1], 200), node_s]))
    pull = hermite.pulls_km_s2(np.ascontiguousarray(states[:, :3]))
    expected = BPoly.from_derivatives(node_s, np.stack([states[:, :3], states[:, 3:], pull], axis=1))(at_s)
    found, there = between(node_s, states, at_s, np.inf)
    assert there.all()
    compared(
        authority="scipy",
        what="quintic Hermite polynomials between states",
        theirs=expected,
        ours=found,
        tolerance=ONE_MICROMETRE_KM,
        unit="km",
    )


def test_the_pull_against_the_potential() -> None:
    flight = Flight(550.0, 53.0, seconds=1.0)
    points = np.random.default_rng(4).normal(size=(50, 3))
    points *= 7000.0 / np.linalg.norm(points, axis=1, keepdims=True)
    expected = np.array([flight.pull(0.0, point) for point in points])
    found = hermite.pulls_km_s2(points)
    flattening_km_s2 = 1.5 * J2 * MU_KM3_S2 * EQUATOR_KM**2 / 7000.0**4
    assert np.linalg.norm(found - expected, axis=1).max() < 0.02 * flattening_km_s2  # the terms left out


@pytest.mark.parametrize(("step_s", "within_m"), [(60.0, 0.05), (240.0, 0.5), (LONGEST_STEP_S, 20.0)])
def test_between_states_within_the_stated_bound(step_s: float, within_m: float) -> None:
    worst_m = 0.0
    for altitude_km, inclination_deg, drag in ((350.0, 43.0, 1e-9), (550.0, 97.6, 1e-11), (1200.0, 87.9, 0.0)):
        flight = Flight(altitude_km, inclination_deg, drag=drag)
        node_s = np.arange(0.0, 7200.1, step_s)
        at_s = np.arange(0.0, node_s[-1], 7.0)
        found, there = between(node_s, flight.states(node_s), at_s, LONGEST_STEP_S)
        assert there.all()
        worst_m = max(worst_m, 1000.0 * np.linalg.norm(found - flight.states(at_s)[:, :3], axis=1).max())
    assert within_m / 20.0 < worst_m < within_m
