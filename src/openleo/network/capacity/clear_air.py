"""What gases and clouds take from a link through the troposphere, by percentage of time.

Oxygen and water vapour are ITU-R P.676, annex 2, in its slant form: zenith attenuation over the sine of the elevation
(5° and up). Oxygen's specific attenuation is the explicit approximation of P.676-10 (to 54 GHz), its equivalent height
P.676-12's; water vapour goes by its column (P.836), as P.676-12, section 2.3, has it, with the nine lines of P.676-11.
Clouds are P.840-6: the column of liquid water, reduced to 0 °C, times its mass absorption. docs/links-and-rates.md says
how far that is from the sum over all lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

STANDARD_PRESSURE_HPA = 1013.25
STANDARD_TEMPERATURE_K = 288.15
LAPSE_K_PER_KM = 6.5  # of the standard atmosphere of P.835, to 11 km
BAROMETRIC_POWER = 5.2559  # P.835: pressure by (288.15 / T)^−5.2559
REFERENCE_GHZ, REFERENCE_HPA = 20.6, 845.0  # P.676-12, section 2.3
ZERO_CELSIUS_K = 273.15
DRIEST_KG_M2 = 0.5  # the temperature that P.676-11 reads off a column falls without bound as the column goes to nothing

# P.676-11, table 2, the lines marked for annex 2: (GHz, b1 … b6).
_VAPOUR_LINES = (
    (22.235080, 0.1079, 2.144, 26.38, 0.76, 5.087, 1.00),
    (183.310087, 2.273, 0.668, 29.06, 0.77, 5.022, 0.85),
    (321.225630, 0.0470, 6.179, 24.04, 0.67, 4.398, 0.54),
    (325.152888, 1.514, 1.541, 28.23, 0.64, 4.893, 0.74),
    (380.197353, 11.67, 1.048, 28.11, 0.54, 5.063, 0.89),
    (448.001085, 10.41, 1.405, 25.64, 0.66, 5.028, 0.67),
    (556.935985, 497.0, 0.159, 30.86, 0.69, 4.552, 1.00),
    (752.033113, 243.4, 0.396, 30.86, 0.68, 4.352, 0.84),
    (1780.0, 17506.0, 0.952, 196.3, 2.00, 24.15, 5.00),
)


def pressure_hpa(altitude_km: ArrayLike) -> Floats:
    """Of dry air in the standard atmosphere (P.835-6), to 11 km."""
    warm = temperature_k(altitude_km)
    return np.asarray(STANDARD_PRESSURE_HPA * (warm / STANDARD_TEMPERATURE_K) ** BAROMETRIC_POWER)


def temperature_k(altitude_km: ArrayLike) -> Floats:
    """Of the standard atmosphere (P.835-6), to 11 km."""
    return np.asarray(STANDARD_TEMPERATURE_K - LAPSE_K_PER_KM * np.asarray(altitude_km, np.float64))


def _phi(rp: Floats, rt: Floats, a: float, b: float, c: float, d: float) -> Floats:
    return np.asarray(rp**a * rt**b * np.exp(c * (1.0 - rp) + d * (1.0 - rt)))


def oxygen_db_km(frequency_ghz: ArrayLike, air_hpa: ArrayLike, air_k: ArrayLike) -> Floats:
    """Specific attenuation of dry air below 54 GHz (P.676-10, equation 22a)."""
    f = np.asarray(frequency_ghz, np.float64)
    rp, rt = np.asarray(air_hpa, np.float64) / 1013.0, 288.0 / np.asarray(air_k, np.float64)
    xi1 = _phi(rp, rt, 0.0717, -1.8132, 0.0156, -1.6515)
    xi2 = _phi(rp, rt, 0.5146, -4.6368, -0.1921, -5.7416)
    xi3 = _phi(rp, rt, 0.3414, -6.5851, 0.2130, -8.5854)
    dry = 7.2 * rt**2.8 / (f**2 + 0.34 * rp**2 * rt**1.6)
    flank = 0.62 * xi3 / ((54.0 - f) ** (1.16 * xi1) + 0.83 * xi2)
    return np.asarray((dry + flank) * f**2 * rp**2 * 1e-3)


def vapour_db_km(frequency_ghz: ArrayLike, air_hpa: ArrayLike, air_k: ArrayLike, vapour_g_m3: ArrayLike) -> Floats:
    """Specific attenuation of water vapour to 350 GHz (P.676-11, annex 2, section 1: nine lines stand for all)."""
    theta = 300.0 / np.asarray(air_k, np.float64)
    vapour_hpa = np.asarray(vapour_g_m3, np.float64) * np.asarray(air_k, np.float64) / 216.7
    f = np.asarray(frequency_ghz, np.float64)
    refractivity: Floats = np.zeros(np.broadcast_shapes(f.shape, theta.shape, vapour_hpa.shape))
    for line, b1, b2, b3, b4, b5, b6 in _VAPOUR_LINES:
        width = b3 * 1e-4 * (np.asarray(air_hpa, np.float64) * theta**b4 + b5 * vapour_hpa * theta**b6)
        shape = f / line * (width / ((line - f) ** 2 + width**2) + width / ((line + f) ** 2 + width**2))
        refractivity = refractivity + b1 * 0.1 * vapour_hpa * theta**3.5 * np.exp(b2 * (1.0 - theta)) * shape
    return np.asarray(0.1820 * f * refractivity)


def oxygen_height_km(frequency_ghz: ArrayLike, air_hpa: ArrayLike, air_k: ArrayLike) -> Floats:
    """Equivalent height of oxygen below 70 GHz (P.676-12, equations 30 to 34; of its t2 the first line)."""
    f, rp = np.asarray(frequency_ghz, np.float64), np.asarray(air_hpa, np.float64) / STANDARD_PRESSURE_HPA
    warm = 0.7832 + 0.00709 * (np.asarray(air_k, np.float64) - ZERO_CELSIUS_K)
    t1 = 5.1040 / (1 + 0.066 * rp**-2.3) * np.exp(-(((f - 59.7) / (2.87 + 12.4 * np.exp(-7.9 * rp))) ** 2))
    t2 = 0.1597 * np.exp(2.12 * rp) / ((f - 118.750334) ** 2 + 0.025 * np.exp(2.2 * rp))
    over, under = 15.02 * f**2 - 1353.0 * f + 5.333e4, f**3 - 151.3 * f**2 + 9629.0 * f - 6803.0
    t3 = 0.0114 * f / (1 + 0.14 * rp**-2.6) * over / under
    return np.minimum(6.1 * warm / (1 + 0.17 * rp**-1.1) * (1 + t1 + t2 + t3), 10.7 * rp**0.3)


def vapour_zenith_db(frequency_ghz: ArrayLike, vapour_kg_m2: ArrayLike, station_km: ArrayLike = 0.0) -> Floats:
    """Zenith attenuation of the column of water vapour above a station (P.676-12, section 2.3)."""
    f, column = np.asarray(frequency_ghz, np.float64), np.asarray(vapour_kg_m2, np.float64)
    density = np.maximum(column, DRIEST_KG_M2) / 2.38  # g/m³
    warm = 14.0 * np.log(0.22 * density) + 3.0 + ZERO_CELSIUS_K
    here = vapour_db_km(f, REFERENCE_HPA, warm, density)
    lines = 0.2048 * np.exp(-(((f - 22.43) / 3.097) ** 2)) + 0.2326 * np.exp(-(((f - 183.5) / 4.096) ** 2)) - 0.1113
    power = 8.741e4 * np.exp(-0.587 * f) + 312.2 * f**-2.38 + 0.723
    high = 1.0 + lines * np.clip(np.asarray(station_km, np.float64), 0.0, 4.0) ** power
    zenith = 0.0176 * column * here / vapour_db_km(REFERENCE_GHZ, REFERENCE_HPA, warm, density)
    return np.where(f < 20.0, zenith, zenith * high)


def gases_db(
    *, elevation_deg: ArrayLike, frequency_ghz: ArrayLike, station_km: ArrayLike, vapour_kg_m2: ArrayLike
) -> Floats:
    """Oxygen and water vapour along a slant path from 5° up, dB, for a column of water vapour above the station."""
    air_hpa, air_k = pressure_hpa(station_km), temperature_k(station_km)
    oxygen = oxygen_db_km(frequency_ghz, air_hpa, air_k) * oxygen_height_km(frequency_ghz, air_hpa, air_k)
    zenith = oxygen + vapour_zenith_db(frequency_ghz, vapour_kg_m2, station_km)
    return np.asarray(zenith / np.sin(np.deg2rad(np.asarray(elevation_deg, np.float64))))


def liquid_water_db_per_kg_m2(frequency_ghz: ArrayLike, water_k: float = ZERO_CELSIUS_K) -> Floats:
    """Mass absorption of small drops: the double Debye model of P.840-6, equations 2 to 11; (dB/km)/(g/m³)."""
    f, theta = np.asarray(frequency_ghz, np.float64), 300.0 / water_k
    e0 = 77.66 + 103.3 * (theta - 1.0)
    e1, e2 = 0.0671 * e0, 3.52
    principal = 20.20 - 146.0 * (theta - 1.0) + 316.0 * (theta - 1.0) ** 2
    secondary = 39.8 * principal
    slow, fast = 1.0 + (f / principal) ** 2, 1.0 + (f / secondary) ** 2
    imaginary = f * (e0 - e1) / (principal * slow) + f * (e1 - e2) / (secondary * fast)
    real = (e0 - e1) / slow + (e1 - e2) / fast + e2
    eta = (2.0 + real) / imaginary
    return np.asarray(0.819 * f / (imaginary * (1.0 + eta**2)))


def clouds_db(*, elevation_deg: ArrayLike, frequency_ghz: ArrayLike, liquid_kg_m2: ArrayLike) -> Floats:
    """A column of cloud water (reduced to 0 °C) along a slant path from 5° up, dB."""
    zenith = np.asarray(liquid_kg_m2, np.float64) * liquid_water_db_per_kg_m2(frequency_ghz)
    return np.asarray(zenith / np.sin(np.deg2rad(np.asarray(elevation_deg, np.float64))))
