"""Whether a reported position can be where the round trips were made.

The test is on the measurements, not on two places: what would the round trips be if the terminal were where it says?
Their misfit there, less the misfit where they fit best, is chi-squared of two degrees of freedom for an honest
terminal, whatever the geometry, and with both sides of a satellite's track possible at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import chi2 as chi_squared

from openleo.geodesy import GEOD
from openleo.network.ranging.fix import RISE_95, Fix, misfit_at
from openleo.network.ranging.ranges import Ranges
from openleo.units import M_PER_KM

# Of the checks of an honest terminal. One check a minute is 1440 a day: one false alarm in two years of a terminal, if
# each were independent of the last (they share biases, so there are fewer, and together).
FALSE_ALARM = 1e-6


@dataclass(frozen=True)
class Agreement:
    """`away_km`: of the report from the nearest place that fits. `limit`: of the rise, at the chosen rate."""

    agrees: bool
    rise: float
    limit: float
    away_km: float


def compare(
    ranges: Ranges,
    fix: Fix,
    reported: tuple[float, float, float],
    false_alarm: float = FALSE_ALARM,
) -> Agreement:
    """`reported`: (latitude, longitude, radius in km that holds the terminal with 95 %)."""
    latitude, longitude, radius_km = reported
    sigma_km = radius_km / math.sqrt(RISE_95)
    rise = misfit_at(ranges, latitude, longitude, sigma_km) - fix.misfit
    away_km = [GEOD.inv(longitude, latitude, one.longitude_deg, one.latitude_deg)[2] / M_PER_KM for one in fix.places]
    for one, away in zip(fix.places, away_km, strict=True) if sigma_km else ():
        # The slopes at a report that is far off say little: it may as well lie where the ranges fit.
        rise = min(rise, one.misfit - fix.misfit + (away / sigma_km) ** 2)
    limit = float(chi_squared.isf(false_alarm, 2))
    return Agreement(rise <= limit, rise, limit, min(away_km, default=math.inf))
