"""What rain and turbulence take from a link through the troposphere, by percentage of an average year.

Takes where the earth station stands, the elevation of its path, a frequency and a percentage of time; gives the dB that
are exceeded for that share of the year. Rain is ITU-R P.838-3 (specific attenuation) and P.618-13, section 2.2.1.1;
scintillation P.618-13, section 2.4.1; the sum of all P.618-13, section 2.5. Gases and clouds stand in `clear_air`, the
climate of a place in `rain_grid`. Everything is vectorised: arguments broadcast against each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

PERCENT_MIN, PERCENT_MAX = 0.001, 50.0  # of the year
RAIN_PERCENT_MAX = 5.0  # P.618-13 gives none above
DRIEST_MM_H = 1e-3  # less is no rain: the formula's logarithms need some
EFFECTIVE_EARTH_RADIUS_KM = 8500.0  # P.618-13, section 2.2.1.1, with its bent rays
TURBULENCE_HEIGHT_M = 1000.0  # P.618-13, section 2.4.1, step 4

# P.838-3, tables 1 to 4: rows of (a, b, c), then (m, c) of the straight line.
_K_HORIZONTAL = (
    (
        (-5.33980, -0.10008, 1.13098),
        (-0.35351, 1.26970, 0.45400),
        (-0.23789, 0.86036, 0.15354),
        (-0.94158, 0.64552, 0.16817),
    ),
    (-0.18961, 0.71147),
)
_K_VERTICAL = (
    (
        (-3.80595, 0.56934, 0.81061),
        (-3.44965, -0.22911, 0.51059),
        (-0.39902, 0.73042, 0.11899),
        (0.50167, 1.07319, 0.27195),
    ),
    (-0.16398, 0.63297),
)
_ALPHA_HORIZONTAL = (
    (
        (-0.14318, 1.82442, -0.55187),
        (0.29591, 0.77564, 0.19822),
        (0.32177, 0.63773, 0.13164),
        (-5.37610, -0.96230, 1.47828),
        (16.1721, -3.29980, 3.43990),
    ),
    (0.67849, -1.95537),
)
_ALPHA_VERTICAL = (
    (
        (-0.07771, 2.33840, -0.76284),
        (0.56727, 0.95545, 0.54039),
        (-0.20238, 1.14520, 0.26809),
        (-48.2991, 0.791669, 0.116226),
        (48.5833, 0.791459, 0.116479),
    ),
    (-0.053739, 0.83433),
)
CIRCULAR_TILT_DEG = 45.0  # P.838-3: the tilt that stands for circular polarisation


def _curve(log_f: Floats, table: tuple[tuple[tuple[float, float, float], ...], tuple[float, float]]) -> Floats:
    bells, (slope, height) = table
    total: Floats = slope * log_f + height
    for a, b, c in bells:
        total = total + a * np.exp(-(((log_f - b) / c) ** 2))
    return total


def rain_coefficients(frequency_ghz: ArrayLike, elevation_deg: ArrayLike, tilt_deg: ArrayLike) -> tuple[Floats, Floats]:
    """(k, α) of P.838-3 for 1 to 1000 GHz. `tilt_deg`: of the polarisation against the horizontal, 45 if circular."""
    log_f = np.log10(np.asarray(frequency_ghz, np.float64))
    k_h, k_v = 10.0 ** _curve(log_f, _K_HORIZONTAL), 10.0 ** _curve(log_f, _K_VERTICAL)
    alpha_h, alpha_v = _curve(log_f, _ALPHA_HORIZONTAL), _curve(log_f, _ALPHA_VERTICAL)
    mixed = np.cos(np.deg2rad(elevation_deg)) ** 2 * np.cos(np.deg2rad(2.0 * np.asarray(tilt_deg, np.float64)))
    k = (k_h + k_v + (k_h - k_v) * mixed) / 2.0
    alpha = (k_h * alpha_h + k_v * alpha_v + (k_h * alpha_h - k_v * alpha_v) * mixed) / (2.0 * k)
    return k, alpha


def specific_attenuation_db_km(
    rain_mm_h: ArrayLike, frequency_ghz: ArrayLike, elevation_deg: ArrayLike, tilt_deg: ArrayLike = CIRCULAR_TILT_DEG
) -> Floats:
    """What a kilometre of such rain takes, dB (P.838-3, equation 1)."""
    k, alpha = rain_coefficients(frequency_ghz, elevation_deg, tilt_deg)
    return np.asarray(k * np.asarray(rain_mm_h, np.float64) ** alpha)


def rain_attenuation_db(
    *,
    latitude_deg: ArrayLike,
    elevation_deg: ArrayLike,
    frequency_ghz: ArrayLike,
    percent: ArrayLike,
    r001_mm_h: ArrayLike,
    rain_height_km: ArrayLike,
    station_km: ArrayLike,
    tilt_deg: ArrayLike = CIRCULAR_TILT_DEG,
) -> Floats:
    """Rain attenuation exceeded for `percent` of an average year, dB: P.618-13, section 2.2.1.1, steps 1 to 10.

    r001_mm_h: rain exceeded for 0.01 % of the year (P.837); rain_height_km (P.839) and station_km above mean sea level.
    Where the rain does not reach down to the station, or never rains, 0. Defined for 0.001 to 5 %; above 5 % it is
    0, as the recommendation gives none.
    """
    theta = np.deg2rad(np.asarray(elevation_deg, np.float64))
    sine, cosine = np.sin(theta), np.cos(theta)
    latitude = np.abs(np.asarray(latitude_deg, np.float64))
    p = np.asarray(percent, np.float64)
    frequency = np.asarray(frequency_ghz, np.float64)
    rain = np.asarray(r001_mm_h, np.float64)
    above_km = np.asarray(rain_height_km, np.float64) - np.asarray(station_km, np.float64)
    wet = (above_km > 0.0) & (rain > DRIEST_MM_H) & (p <= RAIN_PERCENT_MAX)
    h = np.where(above_km > 0.0, above_km, 1.0)

    bent = 2.0 * h / (np.sqrt(sine**2 + 2.0 * h / EFFECTIVE_EARTH_RADIUS_KM) + sine)  # below 5°
    slant_km = np.where(theta >= np.deg2rad(5.0), h / sine, bent)
    ground_km = slant_km * cosine
    gamma = specific_attenuation_db_km(np.where(rain > DRIEST_MM_H, rain, 1.0), frequency, elevation_deg, tilt_deg)
    narrowing = 1.0 / (1.0 + 0.78 * np.sqrt(ground_km * gamma / frequency) - 0.38 * (1.0 - np.exp(-2.0 * ground_km)))
    zeta = np.arctan2(h, ground_km * narrowing)
    rainy_km = np.where(zeta > theta, ground_km * narrowing / np.maximum(cosine, 1e-12), h / sine)
    chi = np.where(latitude < 36.0, 36.0 - latitude, 0.0)
    bowed = 31.0 * (1.0 - np.exp(-np.rad2deg(theta) / (1.0 + chi))) * np.sqrt(rainy_km * gamma) / frequency**2
    a001 = gamma * rainy_km / (1.0 + np.sqrt(sine) * (bowed - 0.45))

    steep = -0.005 * (latitude - 36.0)
    beta = np.where(np.rad2deg(theta) >= 25.0, steep, steep + 1.8 - 4.25 * sine)
    beta = np.where((p >= 1.0) | (latitude >= 36.0), 0.0, beta)
    power = -(0.655 + 0.033 * np.log(p) - 0.045 * np.log(a001) - beta * (1.0 - p) * sine)
    return np.where(wet, a001 * (p / 0.01) ** power, 0.0)


def scintillation_fade_db(
    *,
    elevation_deg: ArrayLike,
    frequency_ghz: ArrayLike,
    percent: ArrayLike,
    wet_refractivity: ArrayLike,
    antenna_m: ArrayLike,
    antenna_efficiency: ArrayLike = 0.65,
) -> Floats:
    """Fade by turbulence exceeded for `percent` of the time, dB: P.618-13, section 2.4.1; for paths above 5°.

    wet_refractivity: the median of its wet term over the year, N-units (P.453). Defined for 0.01 to 50 %: below 0.01 %
    the formula is carried on.
    """
    sine = np.sin(np.deg2rad(np.asarray(elevation_deg, np.float64)))
    frequency = np.asarray(frequency_ghz, np.float64)
    reference_db = 3.6e-3 + 1e-4 * np.asarray(wet_refractivity, np.float64)
    path_m = 2.0 * TURBULENCE_HEIGHT_M / (np.sqrt(sine**2 + 2.35e-4) + sine)
    x = 1.22 * np.asarray(antenna_efficiency) * np.asarray(antenna_m, np.float64) ** 2 * frequency / path_m
    mean_square = 3.86 * (x**2 + 1.0) ** (11.0 / 12.0) * np.sin(11.0 / 6.0 * np.arctan2(1.0, x)) - 7.08 * x ** (5.0 / 6)
    averaging = np.where(x < 7.0, np.sqrt(np.maximum(mean_square, 0.0)), 0.0)
    sigma_db = reference_db * frequency ** (7.0 / 12.0) * averaging / sine**1.2
    log_p = np.log10(np.asarray(percent, np.float64))
    return np.asarray(sigma_db * (-0.061 * log_p**3 + 0.072 * log_p**2 - 1.71 * log_p + 3.0))


def total_db(gases_db: ArrayLike, clouds_db: ArrayLike, rain_db: ArrayLike, scintillation_db: ArrayLike) -> Floats:
    """All of them together at one percentage of time (P.618-13, section 2.5): turbulence adds as a root of squares."""
    wet = np.asarray(rain_db, np.float64) + np.asarray(clouds_db, np.float64)
    return np.asarray(np.asarray(gases_db) + np.sqrt(wet**2 + np.asarray(scintillation_db) ** 2))
