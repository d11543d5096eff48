"""What a gateway's antenna carries to and from one satellite, and what two sites gain against rain.

Takes a satellite's and a gateway's radio, the climate of the gateways and the altitudes of shells; gives `FeederRates`
by gateway and elevation. With a second site that can take over, a site may fade more often than the pair does: how
often both fade is P.618-13, section 2.2.4.1. Rain becomes unlike over 30 to 60 km.
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
from openleo.network.capacity.attenuation import RAIN_PERCENT_MAX
from openleo.network.capacity.link_budget import LinkEnds, budget, channel_mbps
from openleo.network.capacity.modcods import Modcods, dvb_s2x
from openleo.network.capacity.radios import GatewayRadio, SatelliteRadio, Side
from openleo.network.capacity.rain_grid import Climate
from openleo.network.capacity.rates import LOWEST_DEG, STEP_DEG, sha256_of
from openleo.network.kernels.channel_rates import rates_at

Floats = NDArray[np.float64]


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

    @property
    def sha256(self) -> str:
        """Of all that a rate is read from."""
        return sha256_of(self.altitude_km, np.array([self.first_deg, self.step_deg]), self.up_mbps, self.down_mbps)

    def of_links(
        self, gateway: NDArray[np.int32], altitude: NDArray[np.int32], elevation_deg: Floats
    ) -> tuple[Floats, Floats]:
        """(what users download, what they upload), Mbit/s of one antenna each, axes (link).

        `gateway` by its number, `altitude` by that in `altitude_km`.
        """
        up, down = np.zeros(len(elevation_deg)), np.zeros(len(elevation_deg))
        rates_at(self.up_mbps, altitude, gateway, elevation_deg, self.first_deg, self.step_deg, up)
        rates_at(self.down_mbps, altitude, gateway, elevation_deg, self.first_deg, self.step_deg, down)
        return up, down


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
        pairs = zip(climate.rain_percent, distances, strict=True)
        allowed = np.array([round(site_percent(percent, float(rains), float(one)), 3) for rains, one in pairs])
    ways = (
        (satellite.feeder_up, radios.feeder_up_ends(satellite, gateway)),
        (satellite.feeder_down, radios.feeder_down_ends(satellite, gateway)),
    )
    made = []
    for side, ends in ways:
        assert ends is not None
        made.append(
            _antenna_mbps(side, ends, climate, altitudes, elevation, allowed, table, satellite.margin_db)
            * np.float32(satellite.feeder_times)
        )
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
    """Of its raining at two sites, in normal form: 0.7 exp(−d/60) + 0.3 exp(−(d/700)²) (P.618-13, 2.2.4.1)."""
    return float(0.7 * np.exp(-distance_km / 60.0) + 0.3 * np.exp(-((distance_km / 700.0) ** 2)))


def fade_correlation(distance_km: float) -> float:
    """Of how much the rain takes where it rains at both: 0.94 exp(−d/30) + 0.06 exp(−(d/500)²) (P.618-13, 2.2.4.1)."""
    return float(0.94 * np.exp(-distance_km / 30.0) + 0.06 * np.exp(-((distance_km / 500.0) ** 2)))


def both(first: float, second: float, correlation: float) -> float:
    """Probability that two events of such probabilities come together: two normal variables, both beyond a bound."""
    if not (0.0 < first < 1.0 and 0.0 < second < 1.0):
        return first * second  # one of them never or always happens
    if correlation >= 1.0 - 1e-12:
        return min(first, second)
    bounds = ndtri(np.array([first, second]))  # lower tails, which by symmetry are the upper's
    shape = [[1.0, correlation], [correlation, 1.0]]
    return float(multivariate_normal(mean=[0.0, 0.0], cov=shape).cdf(bounds))


def both_fade_percent(
    fade_percent: tuple[float, float], rain_percent: tuple[float, float], distance_km: float
) -> float:
    """Percentage of the time in which two sites fade together, where each fades and rains for such percentages.

    P.618-13, section 2.2.4.1: that it rains at both, times that it rains so hard at both if it does. Its log-normal fit
    of attenuations cancels out, as what each fades for is given here and not the attenuation. A fade that is no rarer
    than rain is that it rains.
    """
    rain = [one / 100.0 for one in rain_percent]
    hard = [
        min(fade / rains, 1.0) if rains > 0.0 else 0.0 for fade, rains in zip(fade_percent, rain_percent, strict=True)
    ]
    raining = both(rain[0], rain[1], rain_correlation(distance_km))
    return 100.0 * raining * both(hard[0], hard[1], fade_correlation(distance_km))


def site_percent(percent: float, rain_percent: float, distance_km: float) -> float:
    """For how much of the time each of two sites of one climate may fade, so that both fade for `percent` of it.

    No more than it rains there, and than the formulas of rain hold for.
    """
    most = max(min(rain_percent, RAIN_PERCENT_MAX), percent)
    rains = (rain_percent, rain_percent)

    def too_often(one: float) -> float:
        return both_fade_percent((one, one), rains, distance_km) - percent

    if most <= percent or not np.isfinite(distance_km):
        return percent
    if too_often(most) <= 0.0:
        return most
    return float(max(brentq(too_often, percent, most, xtol=1e-4), percent)) if too_often(percent) < 0.0 else percent
