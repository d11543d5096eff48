"""Jammed and spoofed satellite navigation: what receivers of a whole region report while it lasts.

Forms that are known from the Baltic and the Black Sea: no fix; a circle as wide as a country; everybody on one airport;
everybody in circles around it; positions that drift away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.fleet.honest import Draw
from openleo.fleet.world import flat_km, moved
from openleo.units import M_PER_KM

Floats = NDArray[np.float64]

FORMS = ("absent", "vague", "airport", "circles", "drift")
EVERY_DAYS = 2.0  # a new one somewhere
SHADED = 0.1  # share of receivers in reach that it does not get at
FARTHEST_DRIFT_KM = 120.0
CIRCLE_SIGMAS = 2.448  # of a two-dimensional normal, at 95 %


@dataclass(frozen=True)
class Jammer:
    form: str
    from_s: float
    until_s: float
    latitude_deg: float
    longitude_deg: float
    radius_km: float
    to_latitude_deg: float  # where receivers believe to be
    to_longitude_deg: float
    speed_kmh: float
    circle_km: float
    seed: int


def jammers(draw: Draw) -> list[Jammer]:
    """Some through the days of a trace."""
    found = []
    for number in range(max(1, int(draw.days / EVERY_DAYS))):
        begins_s = draw.between(0.0, draw.end_s)
        middle = draw.place(draw.world.home)
        to = draw.near(middle, 50.0, 600.0)
        hours = float(np.exp(draw.between(np.log(0.5), np.log(120.0))))
        found.append(
            Jammer(
                FORMS[number % len(FORMS)],
                begins_s,
                begins_s + 3_600.0 * hours,
                *middle,
                draw.between(40.0, 250.0),
                *to,
                draw.between(40.0, 300.0),
                draw.between(1.0, 20.0),
                int(draw.random.integers(2**32)),
            )
        )
    return found


@dataclass(eq=False)
class Fixes:
    """What receivers report, axes (report,); jammers change it in place."""

    latitude_deg: Floats
    longitude_deg: Floats
    uncertainty_m: Floats
    speed_kmh: Floats
    jammed: NDArray[np.bool_]


def disturb(
    fixes: Fixes, several: list[Jammer], device: NDArray[np.int64], at_s: Floats, true: tuple[Floats, Floats],
    listens: NDArray[np.bool_], random: np.random.Generator,
) -> None:  # fmt: skip
    """Change the fixes of receivers in reach; `listens`: whose position comes from a receiver."""
    for jammer in several:
        when = np.flatnonzero((at_s >= jammer.from_s) & (at_s < jammer.until_s) & listens)
        if not len(when):
            continue
        reached = flat_km(true[0][when], true[1][when], jammer.latitude_deg, jammer.longitude_deg) < jammer.radius_km
        lucky = np.random.default_rng(jammer.seed).random(int(device.max()) + 1) < SHADED
        rows = when[reached & ~lucky[device[when]]]
        fixes.jammed[rows] = True
        _FORMS[jammer.form](fixes, jammer, rows, at_s[rows] - jammer.from_s, random)


def _absent(fixes: Fixes, _jammer: Jammer, rows: NDArray[np.int64], _s: Floats, _random: np.random.Generator) -> None:
    for values in (fixes.latitude_deg, fixes.longitude_deg, fixes.uncertainty_m, fixes.speed_kmh):
        values[rows] = np.nan


def _vague(fixes: Fixes, _jammer: Jammer, rows: NDArray[np.int64], _s: Floats, random: np.random.Generator) -> None:
    fixes.uncertainty_m[rows] = random.uniform(5_000.0, 300_000.0, len(rows))
    sigma_km = fixes.uncertainty_m[rows] / (CIRCLE_SIGMAS * M_PER_KM)
    north, east = random.normal(size=(2, len(rows))) * sigma_km
    _put(fixes, rows, fixes.latitude_deg[rows], fixes.longitude_deg[rows], north, east)


def _airport(fixes: Fixes, jammer: Jammer, rows: NDArray[np.int64], _s: Floats, random: np.random.Generator) -> None:
    """One spot, to a metre or so: many come out identical."""
    north, east = random.normal(size=(2, len(rows))) * 0.001
    _to(fixes, jammer, rows, north, east)
    fixes.speed_kmh[rows] = 0.0


def _circles(fixes: Fixes, jammer: Jammer, rows: NDArray[np.int64], s: Floats, _random: np.random.Generator) -> None:
    angle = s * jammer.speed_kmh / 3_600.0 / jammer.circle_km
    _to(fixes, jammer, rows, jammer.circle_km * np.cos(angle), jammer.circle_km * np.sin(angle))
    fixes.speed_kmh[rows] = jammer.speed_kmh


def _drift(fixes: Fixes, jammer: Jammer, rows: NDArray[np.int64], s: Floats, _random: np.random.Generator) -> None:
    """Away from where they are, at some speed, then back again."""
    gone_km = s * jammer.speed_kmh / 3_600.0 % (2.0 * FARTHEST_DRIFT_KM)
    off_km = FARTHEST_DRIFT_KM - np.abs(FARTHEST_DRIFT_KM - gone_km)
    _put(fixes, rows, fixes.latitude_deg[rows], fixes.longitude_deg[rows], off_km, np.zeros(len(rows)))
    fixes.speed_kmh[rows] = jammer.speed_kmh
    fixes.uncertainty_m[rows] = 30.0


def _to(fixes: Fixes, jammer: Jammer, rows: NDArray[np.int64], north_km: Floats, east_km: Floats) -> None:
    there = np.full(len(rows), jammer.to_latitude_deg), np.full(len(rows), jammer.to_longitude_deg)
    _put(fixes, rows, *there, north_km, east_km)
    fixes.uncertainty_m[rows] = 15.0


def _put(
    fixes: Fixes, rows: NDArray[np.int64], latitude: Floats, longitude: Floats, north_km: Floats, east_km: Floats
) -> None:
    fixes.latitude_deg[rows], fixes.longitude_deg[rows] = moved(latitude, longitude, north_km, east_km)


_FORMS = {"absent": _absent, "vague": _vague, "airport": _airport, "circles": _circles, "drift": _drift}
