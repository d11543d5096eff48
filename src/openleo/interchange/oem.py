"""Orbit Ephemeris Messages from a constellation: CCSDS 502.0-B-2, OEM 2.0 in KVN, a segment a satellite.

Takes a constellation, some of its satellites and a span of time; gives the states, and writes them. Positions are those
that everything else here is computed from. Velocities are differences of positions over a few seconds, to the fourth
order: exact to a micrometre a second, where SGP4's own are off by up to 1 m/s from the way its positions take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import ecef_to_teme
from openleo.instants import instant_text, julian_date
from openleo.network import ephemeris
from openleo.network.constellation import Constellation, frames, only
from openleo.units import SECONDS_PER_DAY

Floats = NDArray[np.float64]

FRAMES = {"ITRF": "ITRF2000", "TEME": "TEME", "EME2000": "EME2000"}  # ours, and as the standard's annex has it
LEAST_STATES = 2
MOST_STATES = 10_000_000  # 1.2 GB of text
POSITIONS_AT_ONCE = 4_000_000
APART_S = 1.0  # between the positions that a velocity is taken from
# Weights of positions APART_S apart, by how far they stand from the instant: central, or to one side of an end.
STENCILS = (
    {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12},
    {0: -25 / 12, 1: 4.0, 2: -3.0, 3: 4 / 3, 4: -1 / 4},
    {0: 25 / 12, -1: -4.0, -2: 3.0, -3: -4 / 3, -4: 1 / 4},
)
REACH = 4  # of the stencils, in steps


@dataclass(frozen=True, eq=False)
class States:
    """Where some satellites are, and how they move. Axes (instant, satellite, xyz); `valid` (instant, satellite).

    In the frame `frame`, one of FRAMES. What is not valid is zero.
    """

    satellites: tuple[int, ...]  # their numbers in the constellation
    start: datetime
    after_s: Floats  # (instant,)
    frame: str
    position_km: Floats
    velocity_km_s: Floats
    valid: NDArray[np.bool_]


def states(
    constellation: Constellation, satellites: Sequence[int], start: datetime, after_s: Floats, frame: str
) -> States:
    """The states of some satellites at each of `after_s` after `start`. No state without a velocity is valid."""
    shape = (len(after_s), len(satellites))
    position_km, velocity_km_s, valid = np.zeros((*shape, 3)), np.zeros((*shape, 3)), np.zeros(shape, np.bool_)
    steps = np.arange(-REACH, REACH + 1)
    chosen = only(constellation, satellites)
    at_once = max(1, POSITIONS_AT_ONCE // (len(steps) * max(1, len(satellites))))
    for first in range(0, len(after_s), at_once):
        now = slice(first, first + at_once)
        around_s = after_s[now, np.newaxis] + steps * APART_S
        moved = ephemeris.positions(chosen, start, around_s.ravel())
        around_km = moved.position_km.reshape(*around_s.shape, len(satellites), 3)
        there = moved.valid.reshape(*around_s.shape, len(satellites))
        position_km[now] = around_km[:, REACH]
        velocity_km_s[now], valid[now] = _differences(around_km, there)
    if frame != "ITRF":
        jd, at_start = julian_date(start)
        fraction = at_start + after_s / SECONDS_PER_DAY
        position_km, velocity_km_s = ecef_to_teme(position_km, velocity_km_s, jd, fraction)
    if frame == "EME2000":
        turn = frames.from_eme2000(jd + fraction)  # row vectors times it: its inverse
        position_km, velocity_km_s = position_km @ turn, velocity_km_s @ turn
    position_km[~valid] = velocity_km_s[~valid] = 0.0
    return States(tuple(satellites), start, after_s, frame, position_km, velocity_km_s, valid)


def _differences(around_km: Floats, there: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """(velocity, whether there is one) from positions (instant, step, satellite, xyz) around each instant.

    By the first stencil all of whose positions are there, so that a file's first and last states have a velocity too.
    """
    velocity = np.zeros((around_km.shape[0], *around_km.shape[2:]))
    found = np.zeros((there.shape[0], there.shape[2]), np.bool_)
    for stencil in STENCILS:
        whole = there[:, [REACH, *(REACH + step for step in stencil)]].all(axis=1) & ~found
        for step, weight in stencil.items():
            velocity += np.where(whole[..., np.newaxis], weight / APART_S * around_km[:, REACH + step], 0.0)
        found |= whole
    return velocity, found


def lines(constellation: Constellation, found: States, *, created: datetime, originator: str) -> Iterator[str]:
    """The lines of the file. Where a satellite's states break off, its next ones stand in a segment of their own."""
    yield "CCSDS_OEM_VERS = 2.0"
    if found.frame == "ITRF":
        yield "COMMENT Earth-fixed by Greenwich mean sidereal time (IAU 1982) with UT1 = UTC and no polar motion"
    yield "COMMENT Velocities are fourth-order differences of the positions"
    yield f"CREATION_DATE = {_instant(created, 0.0)}"
    yield f"ORIGINATOR = {originator}"
    times = [_instant(found.start, seconds) for seconds in found.after_s.tolist()]
    ids = _ids(constellation)
    for column, satellite in enumerate(found.satellites):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], found.valid[:, column], [False]]).astype(int)))
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - first < LEAST_STATES:
                continue
            yield ""
            yield "META_START"
            yield f"OBJECT_NAME = {constellation.satellite_name[satellite]}"
            yield f"OBJECT_ID = {ids[satellite]}"
            yield "CENTER_NAME = EARTH"
            yield f"REF_FRAME = {FRAMES[found.frame]}"
            yield "TIME_SYSTEM = UTC"
            yield f"START_TIME = {times[first]}"
            yield f"STOP_TIME = {times[end - 1]}"
            yield "INTERPOLATION = HERMITE"
            yield "INTERPOLATION_DEGREE = 7"
            yield "META_STOP"
            rows = np.hstack([found.position_km[first:end, column], found.velocity_km_s[first:end, column]])
            for at, row in zip(times[first:end], rows.tolist(), strict=True):
                x, y, z, u, v, w = row
                yield f"{at} {x:.6f} {y:.6f} {z:.6f} {u:.9f} {v:.9f} {w:.9f}"


def _ids(constellation: Constellation) -> Sequence[str]:
    """Catalogue numbers, the ids of the files, or for shells the names; no international designators are known."""
    if constellation.ephemerides is not None:
        return constellation.ephemerides.ids
    if constellation.elements:
        return [str(one.id) for one in constellation.elements]
    return constellation.satellite_name


def _instant(start: datetime, seconds: float) -> str:
    return instant_text(start + timedelta(seconds=seconds)).removesuffix("Z")
