"""One link's budget, term by term: from what is radiated to the bits that a channel carries.

Takes the two ends of a link (`LinkEnds`), the altitude of the satellite, elevations and the climate of places; gives a
`Budget`, every term by name, each an array over the broadcast of elevations and places. Signs are those of a waterfall:
losses are negative. The Earth is a sphere of 6378.137 km, which moves a slant range by less than 0.4 %.

    Es/N0 = EIRP − scan losses − free-space loss − atmosphere + G/T − noise of rain − k − 10 log10(symbol rate)
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.network.capacity import attenuation, clear_air
from openleo.network.capacity.modcods import Modcods, rate_mbps
from openleo.network.capacity.rain_grid import Climate
from openleo.units import EARTH_RADIUS_KM, LIGHT_KM_PER_S

Floats = NDArray[np.float64]

BOLTZMANN_DBW_K_HZ = -228.599167  # 10 log10(1.380649e-23 J/K), exact by the SI
HZ_PER_MHZ, GHZ_PER_HZ, M_PER_KM = 1e6, 1e-9, 1e3
PFD_BANDWIDTH_HZ = 4e3  # of the limits of Article 21 of the Radio Regulations below 17.7 GHz
RAIN_TEMPERATURE_K = 275.0  # of the medium, P.618-13, section 3


@dataclass(frozen=True)
class LinkEnds:
    """Both ends of a link in one direction, and the channel between them."""

    frequency_ghz: float
    bandwidth_mhz: float  # of one channel
    roll_off: float
    eirp_dbw: float  # of one channel at boresight, the most
    pfd_dbw_m2_4khz: float | None  # the most on the ground, in any 4 kHz; None: no limit
    g_t_db_k: float  # of the receiver at boresight, under a clear sky
    noise_k: float  # of the whole receiver under a clear sky, which rain adds to; 0: rain adds none
    c_over_i_db: float | None  # interference, intermodulation and the other polarisation; None: not counted
    satellite_scan_exponent: float  # of the cosine of the angle off nadir; 0: the antenna turns
    ground_scan_exponent: float  # of the cosine of the angle off zenith; 0: the antenna turns
    antenna_m: float  # of the earth station, which evens scintillation out
    tilt_deg: float = attenuation.CIRCULAR_TILT_DEG  # of the polarisation
    downwards: bool = True  # rain warms the receiver on the ground alone

    @property
    def symbol_rate_hz(self) -> float:
        return self.bandwidth_mhz * HZ_PER_MHZ / (1.0 + self.roll_off)


@dataclass(frozen=True)
class Budget:
    """The terms of a link, dB where the name says nothing else; arrays broadcast to one shape."""

    elevation_deg: Floats
    slant_range_km: Floats
    eirp_dbw: Floats
    held_back_db: Floats  # by the limit on the power flux density: power that the satellite does not use
    satellite_scan_db: Floats
    free_space_db: Floats
    gases_db: Floats
    clouds_db: Floats
    rain_db: Floats
    scintillation_db: Floats
    together_db: Floats  # that wet fades and scintillation seldom fall together (P.618-13, 2.5); positive
    ground_scan_db: Floats
    g_t_db_k: Floats
    rain_noise_db: Floats
    boltzmann_db: Floats
    c_n0_dbhz: Floats
    symbol_rate_dbhz: Floats
    interference_db: Floats
    es_n0_db: Floats

    WATERFALL = (
        "eirp_dbw", "held_back_db", "satellite_scan_db", "free_space_db", "gases_db", "clouds_db", "rain_db",
        "scintillation_db", "together_db", "ground_scan_db", "g_t_db_k", "rain_noise_db", "boltzmann_db",
        "symbol_rate_dbhz", "interference_db",
    )  # fmt: skip

    def steps(self) -> tuple[tuple[str, float], ...]:
        """(name, dB) from the first term to the last, which add up to Es/N0. For a budget of one link."""
        return tuple((name, float(np.ravel(getattr(self, name))[0])) for name in self.WATERFALL)


def slant_range_km(altitude_km: ArrayLike, elevation_deg: ArrayLike) -> Floats:
    """Distance from a place at sea level to a satellite seen at `elevation_deg`, on a sphere.

    >>> slant_range_km(550.0, [90.0, 40.0, 25.0]).round(2).tolist()
    [550.0, 812.11, 1123.42]
    """
    altitude = np.asarray(altitude_km, np.float64)
    inwards = EARTH_RADIUS_KM * np.sin(np.deg2rad(np.asarray(elevation_deg, np.float64)))
    return np.asarray(np.sqrt(inwards**2 + 2.0 * EARTH_RADIUS_KM * altitude + altitude**2) - inwards)


def free_space_loss_db(range_km: ArrayLike, frequency_ghz: ArrayLike) -> Floats:
    """20 log10(4π d f / c) (ITU-R P.525).

    >>> free_space_loss_db(1123.42, [11.7, 13.5]).round(2).tolist()
    [174.82, 176.07]
    """
    metres = np.asarray(range_km, np.float64) * M_PER_KM
    hertz = np.asarray(frequency_ghz, np.float64) / GHZ_PER_HZ
    return np.asarray(20.0 * np.log10(4.0 * np.pi * metres * hertz / (LIGHT_KM_PER_S * M_PER_KM)))


def nadir_angle_deg(altitude_km: ArrayLike, elevation_deg: ArrayLike) -> Floats:
    """Angle at the satellite between the centre of the Earth and a place that sees it at `elevation_deg`."""
    ratio = EARTH_RADIUS_KM / (EARTH_RADIUS_KM + np.asarray(altitude_km, np.float64))
    return np.asarray(np.rad2deg(np.arcsin(ratio * np.cos(np.deg2rad(np.asarray(elevation_deg, np.float64))))))


def scan_loss_db(off_boresight_deg: ArrayLike, exponent: ArrayLike) -> Floats:
    """What a planar array loses off its boresight, dB ≥ 0: the gain goes with the cosine to a power of 1.2 to 1.6.

    Its face shrinks with the cosine; the rest is its elements' pattern and mismatch (Mailloux, Phased Array Antenna
    Handbook). An exponent of 0 is an antenna that turns.
    """
    cosine = np.cos(np.deg2rad(np.asarray(off_boresight_deg, np.float64)))
    return np.asarray(-10.0 * np.asarray(exponent, np.float64) * np.log10(np.maximum(cosine, 1e-6)))


def spreading_db_m2(range_km: ArrayLike) -> Floats:
    """10 log10(4π d²), d in metres: from EIRP to power flux density."""
    return np.asarray(10.0 * np.log10(4.0 * np.pi * (np.asarray(range_km, np.float64) * M_PER_KM) ** 2))


def rain_noise_db(fade_db: ArrayLike, noise_k: float) -> Floats:
    """By how much a receiver is worse because what absorbs is warm, dB ≥ 0 (P.618-13, section 3)."""
    if noise_k <= 0.0:
        return np.zeros_like(np.asarray(fade_db, np.float64))
    warmth_k = RAIN_TEMPERATURE_K * (1.0 - 10.0 ** (-np.asarray(fade_db, np.float64) / 10.0))
    return np.asarray(10.0 * np.log10(1.0 + warmth_k / noise_k))


def with_interference_db(es_n0_db: ArrayLike, c_over_i_db: float | None) -> Floats:
    """Es/(N0 + I0)."""
    thermal = np.asarray(es_n0_db, np.float64)
    if c_over_i_db is None:
        return thermal
    return np.asarray(-10.0 * np.log10(10.0 ** (-thermal / 10.0) + 10.0 ** (-c_over_i_db / 10.0)))


def budget(
    ends: LinkEnds, altitude_km: ArrayLike, elevation_deg: ArrayLike, climate: Climate | None, percent: float
) -> Budget:
    """The budget that a link keeps to for all but `percent` of an average year.

    `altitude_km`, `elevation_deg` and the climate's places broadcast. Without a climate the sky is empty.
    """
    if climate is not None and not attenuation.PERCENT_MIN <= percent <= attenuation.PERCENT_MAX:
        span = f"{attenuation.PERCENT_MIN:g} to {attenuation.PERCENT_MAX:g}"
        raise ValueError(f"a sky for {percent:g} % of the year is not defined: {span} %")
    elevation = np.asarray(elevation_deg, np.float64)
    frequency = ends.frequency_ghz
    range_km = slant_range_km(altitude_km, elevation)
    satellite_scan = scan_loss_db(nadir_angle_deg(altitude_km, elevation), ends.satellite_scan_exponent)
    ground_scan = scan_loss_db(90.0 - elevation, ends.ground_scan_exponent)
    held_back: Floats = np.zeros_like(range_km)
    symbol_rate_dbhz = 10.0 * np.log10(ends.symbol_rate_hz)
    if ends.pfd_dbw_m2_4khz is not None:
        in_4khz = ends.eirp_dbw - satellite_scan - symbol_rate_dbhz + 10.0 * np.log10(PFD_BANDWIDTH_HZ)
        held_back = np.maximum(in_4khz - spreading_db_m2(range_km) - ends.pfd_dbw_m2_4khz, 0.0)
    gases, clouds, rain, flicker = _sky(ends, elevation, climate, percent)
    fade = attenuation.total_db(gases, clouds, rain, flicker)
    noise = rain_noise_db(np.maximum(fade - gases, 0.0), ends.noise_k if ends.downwards else 0.0)
    terms = {
        "elevation_deg": elevation,
        "slant_range_km": range_km,
        "eirp_dbw": ends.eirp_dbw,
        "held_back_db": -held_back,
        "satellite_scan_db": -satellite_scan,
        "free_space_db": -free_space_loss_db(range_km, frequency),
        "gases_db": -gases,
        "clouds_db": -clouds,
        "rain_db": -rain,
        "scintillation_db": -flicker,
        "together_db": gases + clouds + rain + flicker - fade,
        "ground_scan_db": -ground_scan,
        "g_t_db_k": ends.g_t_db_k,
        "rain_noise_db": -noise,
        "boltzmann_db": -BOLTZMANN_DBW_K_HZ,
    }
    c_n0 = sum(np.asarray(terms[name]) for name in Budget.WATERFALL if name in terms)
    thermal = c_n0 - symbol_rate_dbhz
    es_n0 = with_interference_db(thermal, ends.c_over_i_db)
    terms |= {
        "c_n0_dbhz": c_n0,
        "symbol_rate_dbhz": -symbol_rate_dbhz,
        "interference_db": es_n0 - thermal,
        "es_n0_db": es_n0,
    }
    shape = np.shape(es_n0)
    return Budget(
        **{one.name: np.broadcast_to(np.asarray(terms[one.name], np.float64), shape) for one in fields(Budget)}
    )


def _sky(
    ends: LinkEnds, elevation_deg: Floats, climate: Climate | None, percent: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """(gases, clouds, rain, scintillation), dB ≥ 0."""
    if climate is None:
        nothing = np.zeros_like(elevation_deg)
        return nothing, nothing, nothing, nothing
    frequency = ends.frequency_ghz
    gases = clear_air.gases_db(
        elevation_deg=elevation_deg,
        frequency_ghz=frequency,
        station_km=climate.ground_km,
        vapour_kg_m2=climate.vapour_kg_m2(percent),
    )
    liquid = climate.liquid_kg_m2(percent)
    clouds = clear_air.clouds_db(elevation_deg=elevation_deg, frequency_ghz=frequency, liquid_kg_m2=liquid)
    rain = attenuation.rain_attenuation_db(
        elevation_deg=elevation_deg,
        frequency_ghz=frequency,
        latitude_deg=climate.latitude_deg,
        percent=percent,
        r001_mm_h=climate.r001_mm_h,
        rain_height_km=climate.rain_height_km,
        station_km=climate.ground_km,
        tilt_deg=ends.tilt_deg,
    )
    flicker = attenuation.scintillation_fade_db(
        elevation_deg=elevation_deg,
        frequency_ghz=frequency,
        percent=percent,
        wet_refractivity=climate.wet_refractivity,
        antenna_m=ends.antenna_m,
    )
    return gases, clouds, rain, np.broadcast_to(flicker, np.shape(rain)).astype(np.float64)


def channel_mbps(ends: LinkEnds, es_n0_db: ArrayLike, modcods: Modcods, margin_db: float) -> Floats:
    """What one channel of a link carries, Mbit/s; 0 where the link does not close."""
    return rate_mbps(ends.bandwidth_mhz, ends.roll_off, modcods.efficiency(es_n0_db, margin_db))
