"""What is not known of a round trip, as standard deviations: clock, processing, satellite and height.

Each has its figure and its source beside it; docs/location.md draws what they do to a position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# 3GPP's study of positioning enhancements for E-UTRA (TR 36.855), table 5.4.2.1-2: UE Rx-Tx time differences over
# 5 MHz at -3 dB miss by up to 1.7 Ts (of 32.55 ns) in a channel of pedestrians (EPA5), 1.1 Ts without fading; over
# 20 MHz by 0.8 and 0.24 Ts. Two ends of 1.7 Ts, 55 ns, each are 78 ns: rounded up.
NOISE_NS = 100.0
# Of the processing's delay, after calibration: as large as the noise, and the same in all round trips of a terminal.
# Assumed: nobody publishes it for a terminal of this kind.
BIAS_NS = 100.0

# Elements of others: the error of SGP4 on Starlink's public element sets has a median of 1 km after 6 hours and 38 km
# after 7 days (D. Jankovic, arXiv:2605.19850), a power law. A normal deviate's median is 0.674 of its sigma.
MEDIAN_KM, MEDIAN_AGE_H, LATER_KM, LATER_AGE_H = 1.0, 6.0, 38.0, 168.0
MEDIAN_OF_SIGMA = 0.674
ACROSS = 0.1  # radial and cross-track error, as a share of the error along the track. Assumed.
# The operator's own: satellites carry GNSS receivers. Assumed 20 m along the track, and that this grows by as much an
# hour as the ephemeris ages.
OWN_KM, OWN_KM_PER_H = 0.020, 0.020


@dataclass(frozen=True)
class Height:
    """What is known of a terminal's height above the ellipsoid. Of one on land anywhere: most people and land."""

    km: float = 0.5
    sigma_km: float = 0.5


AT_SEA = Height(0.0, 0.06)  # the geoid is within 107 m of the ellipsoid, a mast included
IN_THE_AIR = Height(6.0, 3.5)  # from the ground to 12 km
MOST_STRAIGHT_KM, MOST_STRAIGHT_KM_S = 1.0, 0.05  # beyond, height and way are estimated with the place


@dataclass(frozen=True)
class Errors:
    """One sigma of what all round trips of a terminal have in common; each one's own noise stands beside it."""

    bias_ns: float = BIAS_NS
    height: Height = Height()
    speed_km_s: float = 0.0  # of a terminal that may move, east and north each, steady while it is measured

    @property
    def bend(self) -> bool:
        """Whether slopes alone do not say how ranges change with what is unknown: it is kilometres."""
        return self.height.sigma_km > MOST_STRAIGHT_KM or self.speed_km_s > MOST_STRAIGHT_KM_S


ERRORS = Errors()


def own_ephemeris_km(age_s: Floats | float) -> Floats:
    """Sigma along the track of an operator's own ephemeris that is so old."""
    return OWN_KM + OWN_KM_PER_H * np.maximum(age_s, 0.0) / 3600.0


def public_elements_km(age_s: Floats | float) -> Floats:
    """Sigma along the track of public element sets that are so old; never below what their own fit misses.

    >>> [round(float(public_elements_km(hours * 3600.0)), 1) for hours in (6, 24, 168)]
    [1.5, 6.7, 56.4]
    """
    power = np.log(LATER_KM / MEDIAN_KM) / np.log(LATER_AGE_H / MEDIAN_AGE_H)
    hours = np.maximum(np.abs(age_s) / 3600.0, 1.0)
    return np.asarray(MEDIAN_KM / MEDIAN_OF_SIGMA * (hours / MEDIAN_AGE_H) ** power)
