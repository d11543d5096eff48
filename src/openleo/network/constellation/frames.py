"""From the frames of ephemeris files to TEME, the frame that SGP4 and the rest of our ephemeris work in.

EME2000 turns to TEME by the IAU's precession of 1976 and the greater terms of its nutation of 1980, with the rates and
the frame bias that the model of 2000 added: within FRAME_WITHIN_M, half a metre, of astropy's GCRS for low orbits.
EME2000, ICRF and GCRF are taken as one frame: they lie 23 mas (0.8 m) apart, and files do not keep them apart.
Earth-fixed states turn by sidereal time alone, and back by the same angle, so nothing is lost.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import ARCSECOND_RAD, ecef_to_teme
from openleo.instants import J2000_JD

Floats = NDArray[np.float64]

FRAME_WITHIN_M = 0.5
TEME, INERTIAL, EARTH_FIXED = "TEME", "EME2000", "ITRF"

_KINDS = (
    (re.compile(r"TEME(OFDATE)?"), TEME),
    (re.compile(r"EME2000|J2000|MEME|ICRF[123]?|GCRF[123]?"), INERTIAL),
    (re.compile(r"ITRF[-_]?(\d\d|(19|20)\d\d)?"), EARTH_FIXED),
)
KNOWN = "TEME, EME2000, ICRF, GCRF and ITRF with or without its year"


def kind_of(frame: str) -> str | None:
    """TEME, INERTIAL or EARTH_FIXED; None for a frame that is not known."""
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(frame.strip().upper())), None)


def to_teme(
    kind: str, position_km: Floats, velocity_km_s: Floats, jd: float, fraction: Floats
) -> tuple[Floats, Floats]:
    """(position, velocity) in TEME of states, axes (state, xyz), at UTC Julian dates `jd` + `fraction` (state,).

    The axes of EME2000 drift by 50″ a year against TEME's: 0.05 mm/s of velocity, left out.
    """
    if kind == EARTH_FIXED:
        return ecef_to_teme(position_km, velocity_km_s, jd, fraction)
    if kind == INERTIAL:
        turn = from_eme2000(jd + fraction)
        return np.einsum("nij,nj->ni", turn, position_km), np.einsum("nij,nj->ni", turn, velocity_km_s)
    return position_km, velocity_km_s


def from_eme2000(jd: Floats) -> Floats:
    """Matrices (instant, 3, 3) that turn vectors from EME2000 to TEME. Taking UTC for TT moves nothing by a millimetre.

    Source: Seidelmann, IAU (1980) nutation, Celestial Mechanics 27; Lieske et al., A&A 58, for the precession; Vallado
    et al., AIAA 2006-6753, appendix C, for TEME.
    """
    t = (np.asarray(jd, dtype=np.float64) - J2000_JD) / 36_525.0
    zeta = _arcseconds(t, 0.0, 2306.2181, 0.30188, 0.017998)
    z = _arcseconds(t, 0.0, 2306.2181, 1.09468, 0.018203)
    theta = _arcseconds(t, 0.0, 2004.3109, -0.42665, -0.041833)
    in_longitude, in_obliquity = nutation_rad(t)
    # IAU 2000: corrections of the rates, and the bias of the frame (Capitaine et al., A&A 400, table 1).
    in_longitude = in_longitude + (-0.041775 - 0.29965 * t) * ARCSECOND_RAD
    in_obliquity = in_obliquity + (-0.0068192 - 0.02524 * t) * ARCSECOND_RAD
    equinoxes = in_longitude * np.cos(_obliquity_rad(t))
    mean_of_date = _about_z(-z) @ _about_y(theta) @ _about_z(-zeta)
    true_of_date = _about_x(-_obliquity_rad(t) - in_obliquity) @ _about_z(-in_longitude) @ _about_x(_obliquity_rad(t))
    return np.asarray(_about_z(equinoxes) @ true_of_date @ mean_of_date)


def nutation_rad(t: Floats) -> tuple[Floats, Floats]:
    """(in longitude, in obliquity) at Julian centuries since J2000: the terms of IAU 1980 from 1.2 mas on."""
    turn = 1_296_000.0
    arguments = np.stack(
        [
            _arcseconds(t, 485_866.733, 1325 * turn + 715_922.633, 31.310, 0.064),  # the Moon's mean anomaly
            _arcseconds(t, 1_287_099.804, 99 * turn + 1_292_581.224, -0.577, -0.012),  # the Sun's
            _arcseconds(t, 335_778.877, 1342 * turn + 295_263.137, -13.257, 0.011),  # the Moon's from its node
            _arcseconds(t, 1_072_261.307, 1236 * turn + 1_105_601.328, -6.891, 0.019),  # the Moon's from the Sun
            _arcseconds(t, 450_160.280, -5 * turn - 482_890.539, 7.455, 0.008),  # the Moon's node
        ],
        axis=-1,
    )
    angle = arguments @ _NUTATION[:, :5].T
    longitude, longitude_rate, obliquity, obliquity_rate = _NUTATION[:, 5:].T
    in_longitude = ((longitude + longitude_rate * t[..., np.newaxis]) * np.sin(angle)).sum(axis=-1)
    in_obliquity = ((obliquity + obliquity_rate * t[..., np.newaxis]) * np.cos(angle)).sum(axis=-1)
    return in_longitude * 1e-4 * ARCSECOND_RAD, in_obliquity * 1e-4 * ARCSECOND_RAD


def _arcseconds(t: Floats, *coefficients: float) -> Floats:
    """A polynomial in t whose coefficients are arcseconds, in radians."""
    return np.asarray(np.polynomial.polynomial.polyval(t, coefficients) * ARCSECOND_RAD)


def _obliquity_rad(t: Floats) -> Floats:
    return _arcseconds(t, 84_381.448, -46.8150, -0.00059, 0.001813)


def _about_x(angle: Floats) -> Floats:
    return _turn(angle, 1, 2)


def _about_y(angle: Floats) -> Floats:
    return _turn(angle, 2, 0)


def _about_z(angle: Floats) -> Floats:
    return _turn(angle, 0, 1)


def _turn(angle: Floats, first: int, second: int) -> Floats:
    """Matrices (instant, 3, 3) that turn the axes from `first` towards `second`."""
    made = np.zeros((*np.shape(angle), 3, 3)) + np.eye(3)
    made[..., first, first] = made[..., second, second] = np.cos(angle)
    made[..., first, second], made[..., second, first] = np.sin(angle), -np.sin(angle)
    return made


# l, l′, F, D, Ω; longitude and its rate a century, obliquity and its rate, in 0.1 mas.
_NUTATION = np.array(
    [
        (0, 0, 0, 0, 1, -171996, -174.2, 92025, 8.9),
        (0, 0, 2, -2, 2, -13187, -1.6, 5736, -3.1),
        (0, 0, 2, 0, 2, -2274, -0.2, 977, -0.5),
        (0, 0, 0, 0, 2, 2062, 0.2, -895, 0.5),
        (0, 1, 0, 0, 0, 1426, -3.4, 54, -0.1),
        (1, 0, 0, 0, 0, 712, 0.1, -7, 0.0),
        (0, 1, 2, -2, 2, -517, 1.2, 224, -0.6),
        (0, 0, 2, 0, 1, -386, -0.4, 200, 0.0),
        (1, 0, 2, 0, 2, -301, 0.0, 129, -0.1),
        (0, -1, 2, -2, 2, 217, -0.5, -95, 0.3),
        (1, 0, 0, -2, 0, -158, 0.0, -1, 0.0),
        (0, 0, 2, -2, 1, 129, 0.1, -70, 0.0),
        (-1, 0, 2, 0, 2, 123, 0.0, -53, 0.0),
        (1, 0, 0, 0, 1, 63, 0.1, -33, 0.0),
        (0, 0, 0, 2, 0, 63, 0.0, -2, 0.0),
        (-1, 0, 2, 2, 2, -59, 0.0, 26, 0.0),
        (-1, 0, 0, 0, 1, -58, -0.1, 32, 0.0),
        (1, 0, 2, 0, 1, -51, 0.0, 27, 0.0),
        (2, 0, 0, -2, 0, 48, 0.0, 1, 0.0),
        (-2, 0, 2, 0, 1, 46, 0.0, -24, 0.0),
        (0, 0, 2, 2, 2, -38, 0.0, 16, 0.0),
        (2, 0, 2, 0, 2, -31, 0.0, 13, 0.0),
        (2, 0, 0, 0, 0, 29, 0.0, -1, 0.0),
        (1, 0, 2, -2, 2, 29, 0.0, -12, 0.0),
        (0, 0, 2, 0, 0, 26, 0.0, -1, 0.0),
        (0, 0, 2, -2, 0, -22, 0.0, 0, 0.0),
        (-1, 0, 2, 0, 1, 21, 0.0, -10, 0.0),
        (0, 2, 0, 0, 0, 17, -0.1, 0, 0.0),
        (0, 2, 2, -2, 2, -16, 0.1, 7, 0.0),
        (-1, 0, 0, 2, 1, 16, 0.0, -8, 0.0),
        (0, 1, 0, 0, 1, -15, 0.0, 9, 0.0),
        (1, 0, 0, -2, 1, -13, 0.0, 7, 0.0),
        (0, -1, 0, 0, 1, -12, 0.0, 6, 0.0),
    ]
)
