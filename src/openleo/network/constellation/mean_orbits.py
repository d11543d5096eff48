"""Shells and planes of satellites that are known by states alone.

Takes an EphemerisSet; gives a Placement, as the planes of element sets have it. States swing by kilometres around the
mean orbit, twice a revolution, because the Earth is flat; planes are told apart by a third of a kilometre. So to the
osculating elements of two revolutions constants are fitted beside that swing, and the constants are the mean orbit.
"""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.network.constellation.ephemeris_set import EphemerisSet
from openleo.network.constellation.planes import NO_PLANE, Orbits, Placement, Standing, place
from openleo.network.constellation.states import LONGEST_STEP_S
from openleo.network.kernels.hermite import J2, MU_KM3_S2
from openleo.network.kernels.hermite import RADIUS_KM as EARTH_KM
from openleo.units import EARTH_RADIUS_KM, SECONDS_PER_DAY

Floats = NDArray[np.float64]

REVOLUTIONS = 2.0  # that a fit looks at
LEAST_REVOLUTIONS = 0.9  # with less the swing and the constant are not told apart
LEAST_STATES = 16
MOST_ECCENTRIC = 0.05
FARTHEST_DAYS = 1.0  # from the states to the instant; a mean orbit moves on by the flattening alone


def placed(sets: EphemerisSet, at: datetime) -> Placement:
    """The shells, planes and slots at `at`; satellites whose mean orbit is not found are UNPLACED."""
    orbits = mean_orbits(sets, at)
    known = np.isfinite(orbits.altitude_km)
    found = place(Orbits(*(values[known] for values in astuple(orbits))))

    def spread(values: NDArray[np.int32], otherwise: int) -> NDArray[np.int32]:
        whole = np.full(len(sets), otherwise, values.dtype)
        whole[known] = values
        return whole

    return replace(
        found,
        orbits=orbits,
        shell=spread(found.shell, NO_PLANE),
        plane=spread(found.plane, NO_PLANE),
        slot=spread(found.slot, NO_PLANE),
        nearest_shell=spread(found.nearest_shell, NO_PLANE),
        standing=spread(found.standing.astype(np.int32), Standing.UNPLACED).astype(np.int8),
    )


def mean_orbits(sets: EphemerisSet, at: datetime) -> Orbits:
    """Mean orbits at one instant; NaN where there are too few states, too far away, or the orbit is no circle."""
    at_s = (at - sets.midnight).total_seconds()
    found = np.full((len(sets), 4), np.nan)
    for satellite in range(len(sets)):
        segment = _segment_at(sets, satellite, at_s)
        nodes = slice(sets.node_first[segment], sets.node_first[segment + 1])
        values = _mean_orbit(sets.node_s[nodes] - at_s, sets.position_km[nodes], sets.velocity_km_s[nodes])
        if values is not None:
            found[satellite] = values
    # An international designator begins with the year of launch; other ids say nothing of it.
    launched = np.array([int(one[:4]) if re.match(r"(19|20)\d\d-\d{3}", one, re.ASCII) else 0 for one in sets.ids])
    return Orbits(
        altitude_km=found[:, 0] - EARTH_RADIUS_KM,
        inclination_deg=np.degrees(found[:, 1]),
        node_deg=np.degrees(found[:, 2]) % 360.0,
        argument_deg=np.degrees(found[:, 3]) % 360.0,
        young=launched >= at.year - (at.month <= 6),
        known_launch=launched > 0,
    )


def _segment_at(sets: EphemerisSet, satellite: int, at_s: float) -> int:
    """The segment of a satellite that is nearest to an instant."""
    own = np.arange(sets.segment_first[satellite], sets.segment_first[satellite + 1])
    away_s = np.maximum(np.maximum(sets.begin_s[own] - at_s, at_s - sets.end_s[own]), 0.0)
    return int(own[np.argmin(away_s)])


def _mean_orbit(after_s: Floats, position_km: Floats, velocity_km_s: Floats) -> Floats | None:
    """(semi-major axis in km; inclination, node, argument in radians) at 0 s, from states at `after_s`."""
    axis = 1.0 / (2.0 / np.linalg.norm(position_km, axis=1) - (velocity_km_s**2).sum(axis=1) / MU_KM3_S2)
    if axis.min() <= 0.0:
        return None
    rate = float(np.sqrt(MU_KM3_S2 / np.median(axis) ** 3))
    chosen = _window(after_s, REVOLUTIONS * 2.0 * np.pi / rate)
    t, r, v, axis = after_s[chosen], position_km[chosen], velocity_km_s[chosen], axis[chosen]
    whole = len(t) >= LEAST_STATES and t[-1] - t[0] >= LEAST_REVOLUTIONS * 2.0 * np.pi / rate
    if not whole or np.diff(t).max() > LONGEST_STEP_S or np.abs(t).min() > FARTHEST_DAYS * SECONDS_PER_DAY:
        return None
    momentum = np.cross(r, v)
    swirl = np.cross(v, momentum) / MU_KM3_S2 - r / np.linalg.norm(r, axis=1, keepdims=True)
    if np.linalg.norm(swirl, axis=1).max() > MOST_ECCENTRIC:
        return None
    inclination = np.arccos(momentum[:, 2] / np.linalg.norm(momentum, axis=1))
    node = np.unwrap(np.arctan2(momentum[:, 0], -momentum[:, 1]))
    to_node = np.stack([np.cos(node), np.sin(node), np.zeros_like(node)], axis=1)
    across = np.cross(momentum, to_node) / np.linalg.norm(momentum, axis=1, keepdims=True)
    argument = np.unwrap(np.arctan2((r * across).sum(axis=1), (r * to_node).sum(axis=1)))

    middle = (t[0] + t[-1]) / 2.0
    since = (t - middle) * rate  # near one, so that the fit is well conditioned
    swing = np.stack([f(k * argument) for k in (1, 2) for f in (np.cos, np.sin)], axis=1)
    design = np.column_stack([np.ones_like(t), since, swing])
    fitted = np.linalg.lstsq(design, np.stack([axis, inclination, node, argument], axis=1), rcond=None)[0]
    mean_axis, mean_inclination = fitted[0, 0], fitted[0, 1]
    # The node moves on by the flattening (Brouwer), the argument of latitude as fitted.
    node_rate = -1.5 * J2 * (EARTH_KM / mean_axis) ** 2 * rate * np.cos(mean_inclination)
    moved = np.array([0.0, 0.0, -middle * node_rate, -middle * rate * fitted[1, 3]])
    return np.asarray(fitted[0] + moved)


def _window(after_s: Floats, longest_s: float) -> slice:
    """The states within `longest_s` that are nearest to 0 s."""
    begin = min(max(after_s[0], -longest_s / 2.0), after_s[-1] - longest_s)
    first = int(np.searchsorted(after_s, begin))
    return slice(first, int(np.searchsorted(after_s, max(begin, after_s[0]) + longest_s, "right")))
