"""Round trips as they would be measured: drawn places, satellites in view, and every error that `errors` speaks of.

For tests and for the curves of docs/location.md; nothing that runs reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from openleo.geodesy import ecef_km, look_angles
from openleo.network import ephemeris
from openleo.network.constellation.model import Constellation
from openleo.network.ranging import sky
from openleo.network.ranging.errors import ACROSS, ERRORS, NOISE_NS, OWN_KM, Errors
from openleo.network.ranging.ranges import KM_PER_NS, Ranges, axes_at, track_axes


@dataclass(frozen=True)
class Setup:
    """How a terminal is measured: so many satellites, each so often within a span of seconds."""

    satellites: int = 1
    span_s: float = 30.0
    every_s: float = 1.0
    noise_ns: float = NOISE_NS
    ephemeris_km: float = OWN_KM
    errors: Errors = ERRORS
    mask_deg: float = 25.0
    latitude_max_deg: float = 55.0
    serving: Literal["highest", "any"] = "highest"


@dataclass(frozen=True, eq=False)
class Trial:
    """What was measured, and where the terminal was."""

    ranges: Ranges
    latitude_deg: float
    longitude_deg: float


def draw(constellation: Constellation, epoch: datetime, setup: Setup, random: np.random.Generator) -> Trial:
    """One terminal anywhere between the latitudes, within a day of the epoch: the satellite that serves measures
    it, and others that it sees all the while.
    """
    lookup = sky.of(constellation, epoch, lambda age_s: np.full_like(age_s, setup.ephemeris_km))
    while True:
        top = np.sin(np.radians(setup.latitude_max_deg))
        latitude, longitude = (
            float(np.degrees(np.arcsin(random.uniform(-top, top)))),
            float(random.uniform(-180.0, 180.0)),
        )
        begins_s = float(random.uniform(0.0, 86_400.0))
        edges = ephemeris.positions(constellation, epoch, [begins_s, begins_s + setup.span_s])
        elevation = look_angles(latitude, longitude, edges.position_km)[1].min(axis=0)
        seen = np.flatnonzero(elevation >= setup.mask_deg)
        if len(seen) >= setup.satellites:
            break
    first = seen[np.argmax(elevation[seen])] if setup.serving == "highest" else random.choice(seen)
    others = random.permutation(seen[seen != first])[: setup.satellites - 1]
    after_s = begins_s + np.arange(0.0, setup.span_s + 1e-9, setup.every_s)
    satellite = np.repeat(np.array([first, *others], dtype=np.int64), len(after_s))
    instants = [epoch + timedelta(seconds=one) for one in np.tile(after_s, setup.satellites).tolist()]
    flown = lookup(satellite.tolist(), instants)
    blank = np.zeros(len(satellite))
    noise = np.full(len(satellite), setup.noise_ns * KM_PER_NS)
    at_s = np.tile(after_s, setup.satellites)
    ranges = Ranges(
        satellite, at_s, flown.position_km, flown.velocity_km_s, blank, noise, flown.ephemeris_km, setup.errors
    )
    return Trial(measured(ranges, latitude, longitude, random), latitude, longitude)


def measured(ranges: Ranges, latitude_deg: float, longitude_deg: float, random: np.random.Generator) -> Ranges:
    """The same satellites, as a terminal at a place would be measured by them, with errors drawn anew."""
    height = ranges.errors.height
    place = ecef_km(latitude_deg, longitude_deg, height.km + height.sigma_km * random.standard_normal())
    east, north, _ = axes_at(np.array(latitude_deg), np.array(longitude_deg))
    speed_km_s = ranges.errors.speed_km_s * random.standard_normal(2)
    since_s = ranges.at_s - (ranges.at_s.min() + ranges.at_s.max()) / 2.0
    place = place + since_s[:, np.newaxis] * (speed_km_s[0] * east + speed_km_s[1] * north)
    there = ranges.position_km.copy()
    _, which = np.unique(ranges.satellite, return_inverse=True)
    for axis, share in zip(track_axes(ranges), (1.0, ACROSS, ACROSS), strict=True):
        there += axis * (share * ranges.ephemeris_km * random.standard_normal(which.max() + 1)[which])[:, np.newaxis]
    bias_km = ranges.errors.bias_ns * KM_PER_NS * random.standard_normal()
    noise_km = ranges.noise_km * random.standard_normal(len(ranges))
    return replace(ranges, range_km=np.linalg.norm(there - place, axis=-1) + bias_km + noise_km)
