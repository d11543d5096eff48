"""What a gateway's antenna carries to and from one satellite, and what two sites gain against rain.

Takes a satellite's and a gateway's radio, the climate of the gateways and the altitudes of shells; gives `FeederRates`
by gateway and elevation. With a second site that can take over, a site may fade more often than the pair does: the two
fade together with the probability that P.618-13, section 2.2.4.1, gives to rain at both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from openleo.errors import InputError
from openleo.network.capacity import radios
from openleo.network.capacity.attenuation import PERCENT_MAX
from openleo.network.capacity.link_budget import LinkEnds, budget, channel_mbps
from openleo.network.capacity.modcods import Modcods, dvb_s2x
from openleo.network.capacity.radios import GatewayRadio, SatelliteRadio, Side
from openleo.network.capacity.rain_grid import Climate
from openleo.network.capacity.rates import LOWEST_DEG, STEP_DEG

Floats = NDArray[np.float64]

DECORRELATION_KM = 60.0  # over which rain at two sites becomes unlike (P.618-13, section 2.2.4.1, equation for ρ_r)
FAR_DECORRELATION_KM = 700.0  # and over which whole weather systems do
NEAR_SHARE = 0.7


@dataclass(frozen=True)
class FeederRates:
    """Mbit/s of one antenna of a gateway, all channels and polarisations, for all but `percent` of an average year."""

    satellite: SatelliteRadio
    gateway: GatewayRadio
    percent: float
    altitude_km: Floats  # axes (altitude), rising
    first_deg: float
    step_deg: float
    site_percent: Floats  # axes (gateway): for which the site alone may fade
    up_mbps: NDArray[np.float32] = field(repr=False)  # axes (altitude, gateway, elevation): what users download
    down_mbps: NDArray[np.float32] = field(repr=False)  # what they upload


def feeder_rates(
    satellite: SatelliteRadio,
    gateway: GatewayRadio,
    climate: Climate,
    altitude_km: ArrayLike,
    percent: float,
    other_site_km: ArrayLike | None = None,
    modcods: Modcods | None = None,
    first_deg: float = LOWEST_DEG,
) -> FeederRates | None:
    """The table for gateways of a climate; None where the satellite's feeder links are not known.

    other_site_km: axes (gateway), the distance of the site that takes over in rain; infinite or left out: none does.
    Raises InputError where the two ends cannot be of one link (`radios.misfits`).
    """
    if satellite.feeder_up is None or satellite.feeder_down is None:
        return None
    if problems := radios.misfits(satellite, gateway, gateway.name):
        raise InputError(problems)
    table = modcods or dvb_s2x()
    altitudes = np.unique(np.asarray(altitude_km, np.float64))
    elevation = np.arange(first_deg, 90.0 + STEP_DEG / 2.0, STEP_DEG)
    allowed = np.full(len(climate), percent)
    if other_site_km is not None:
        distances = np.broadcast_to(np.asarray(other_site_km, np.float64), (len(climate),))
        allowed = np.array([site_percent(percent, float(one)) for one in distances])
    ways = (
        (satellite.feeder_up, radios.feeder_up_ends(satellite, gateway)),
        (satellite.feeder_down, radios.feeder_down_ends(satellite, gateway)),
    )
    made = []
    for side, ends in ways:
        assert ends is not None
        made.append(_antenna_mbps(side, ends, climate, altitudes, elevation, allowed, table, satellite.margin_db))
    return FeederRates(satellite, gateway, percent, altitudes, float(first_deg), STEP_DEG, allowed, *made)


def _antenna_mbps(
    side: Side,
    ends: LinkEnds,
    climate: Climate,
    altitudes_km: Floats,
    elevation_deg: Floats,
    allowed_percent: Floats,
    modcods: Modcods,
    margin_db: float,
) -> NDArray[np.float32]:
    made = np.zeros((len(altitudes_km), len(climate), len(elevation_deg)), np.float32)
    for percent in np.unique(allowed_percent):
        some = np.flatnonzero(allowed_percent == percent)
        of = climate.of(some)
        for number, altitude in enumerate(altitudes_km):
            es_n0_db = budget(ends, float(altitude), elevation_deg[:, None], of, float(percent)).es_n0_db.T
            made[number, some] = channel_mbps(ends, es_n0_db, modcods, margin_db)
    return made * np.float32(side.channels * side.polarisations)


def rain_correlation(distance_km: float) -> float:
    """Of rain at two sites in its normal form: 0.7 exp(−d/60) + 0.3 exp(−(d/700)²) (P.618-13, section 2.2.4.1)."""
    near, far = np.exp(-distance_km / DECORRELATION_KM), np.exp(-((distance_km / FAR_DECORRELATION_KM) ** 2))
    return float(NEAR_SHARE * near + (1.0 - NEAR_SHARE) * far)


def both_fade_percent(first_percent: float, second_percent: float, distance_km: float) -> float:
    """Percentage of the time in which two sites, fading for such percentages each, fade together.

    Bivariate normal, as P.618-13 has it for rain at both sites: the same site at 0 km, independent ones far away.
    """
    correlation = rain_correlation(distance_km)
    if correlation >= 1.0 - 1e-12:
        return min(first_percent, second_percent)
    bounds = ndtri(np.array([first_percent, second_percent]) / 100.0)  # lower tails, which by symmetry are the upper's
    shape = [[1.0, correlation], [correlation, 1.0]]
    return float(100.0 * multivariate_normal(mean=[0.0, 0.0], cov=shape).cdf(bounds))


def site_percent(percent: float, distance_km: float) -> float:
    """For how much of the time each of two alike sites may fade, so that both fade for `percent` of it."""
    if not np.isfinite(distance_km):
        return percent
    if both_fade_percent(PERCENT_MAX, PERCENT_MAX, distance_km) <= percent:
        return PERCENT_MAX
    most = float(
        brentq(lambda one: both_fade_percent(one, one, distance_km) - percent, percent, PERCENT_MAX, xtol=1e-4)
    )
    return round(max(most, percent), 3)
