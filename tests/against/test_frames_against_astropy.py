"""The turn from TEME to ECEF, and look angles, against others.

Authorities: astropy (TEME → ITRS through ERFA, the IAU's routines) with the IERS tables of astropy-iers-data, offline;
skyfield for look angles.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import ITRS, TEME, CartesianRepresentation
from astropy.time import Time
from astropy.utils import iers
from skyfield.api import EarthSatellite, load, wgs84
from skyfield.framelib import itrs

from compared import apart, compared
from openleo.geodesy import EarthOrientation, look_angles, teme_to_ecef
from openleo.instants import julian_date

RADIUS_KM = 6928.0  # 550 km up: the Earth turns under it at 505 m/s
ONE_MILLIMETRE_KM = 1e-6
ONE_CENTIMETRE_KM = 1e-5

INSTANTS = [
    datetime(2000, 1, 1, 12, tzinfo=UTC),
    datetime(2000, 7, 15, 23, 59, 59, 500000, tzinfo=UTC),
    datetime(2020, 6, 1, 3, 17, 41, 250000, tzinfo=UTC),
    datetime(2026, 8, 22, 6, 30, tzinfo=UTC),
]


@pytest.fixture(autouse=True)
def offline() -> Iterator[None]:
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "warn"):
        yield


def sphere_km(count: int = 400) -> np.ndarray:
    """Points all around the Earth at one height, axes (point, xyz)."""
    points = np.random.default_rng(1).normal(size=(count, 3))
    return RADIUS_KM * points / np.linalg.norm(points, axis=1, keepdims=True)


def with_astropy(position_km: np.ndarray, instant: datetime) -> tuple[np.ndarray, EarthOrientation]:
    time = Time(instant)
    table = iers.earth_orientation_table.get()
    x, y = table.pm_xy(time)
    orientation = EarthOrientation(
        float(table.ut1_utc(time).to_value(u.s)), float(x.to_value(u.arcsec)), float(y.to_value(u.arcsec))
    )
    teme = TEME(CartesianRepresentation(position_km.T * u.km), obstime=time)
    return teme.transform_to(ITRS(obstime=time)).cartesian.xyz.to_value(u.km).T, orientation


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
def test_without_earth_orientation_within_its_effect(instant: datetime) -> None:
    teme_km = sphere_km()
    expected, orientation = with_astropy(teme_km, instant)
    found = teme_to_ecef(teme_km[np.newaxis], *julian_date(instant))[0]
    error_km = np.linalg.norm(found - expected, axis=1).max()
    apart(
        authority="astropy",
        what="TEME to ECEF without Earth orientation, over the 505 m a second of UT1−UTC and 15 m for the pole",
        apart=error_km / (0.505 * abs(orientation.ut1_minus_utc_s) + 0.015),
        tolerance=1.0,
        unit="of what is allowed",
    )


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
def test_with_earth_orientation_to_a_millimetre(instant: datetime) -> None:
    teme_km = sphere_km()
    expected, orientation = with_astropy(teme_km, instant)
    found = teme_to_ecef(teme_km[np.newaxis], *julian_date(instant), orientation)[0]
    apart(
        authority="astropy",
        what="TEME to ECEF with Earth orientation, 550 km up",
        apart=np.linalg.norm(found - expected, axis=1),
        tolerance=ONE_MILLIMETRE_KM,
        unit="km",
    )


def test_the_instants_try_a_large_difference_of_the_clocks() -> None:
    assert max(abs(with_astropy(sphere_km(1), one)[1].ut1_minus_utc_s) for one in INSTANTS) > 0.2


def test_look_angles_against_skyfield() -> None:
    vanguard = EarthSatellite(
        "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
        "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
    )
    times = load.timescale(builtin=True).utc(2000, 6, 28, 0, np.arange(0, 600, 7))
    position_km = vanguard.at(times).frame_xyz(itrs).km.T  # so that frames play no part here
    places = ((25.03, 121.56, 0.0), (-53.16, -70.91, 0.3), (0.0, 0.0, 0.0), (78.2, 15.6, 0.5))
    for latitude, longitude, altitude_km in places:
        seen = (vanguard - wgs84.latlon(latitude, longitude, elevation_m=altitude_km * 1000.0)).at(times)
        elevation, azimuth, distance = seen.altaz()
        found = look_angles(latitude, longitude, position_km, altitude_km)
        turn = (found[0] - azimuth.degrees + 180.0) % 360.0 - 180.0
        # Skyfield takes the place's own pole of rotation: under a thousandth of a degree.
        across = np.abs(turn * np.cos(np.radians(found[1])))
        apart(authority="skyfield", what="azimuth, along the sky", apart=across, tolerance=1e-3, unit="°")
        compared(
            authority="skyfield", what="elevation", theirs=elevation.degrees, ours=found[1], tolerance=1e-3, unit="°"
        )
        compared(  # the same shift of the pole, on the ground
            authority="skyfield",
            what="slant range",
            theirs=distance.km,
            ours=found[2],
            tolerance=ONE_CENTIMETRE_KM * 1e3,
            unit="km",
        )
