"""A user who moves: a ship, an aircraft, a convoy, from a table of where it was when.

Takes a CSV `t,lat,lon,alt`; gives a Track. Between two rows the user follows the WGS 84 geodesic at a steady speed and
its altitude changes steadily. Before the first row and after the last it is not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, counted
from openleo.geodesy import GEOD
from openleo.instants import parse_instant
from openleo.reading import csv_rows
from openleo.units import M_PER_KM

Floats = NDArray[np.float64]

COLUMNS = ("t", "lat", "lon", "alt")
FASTEST_KMH = 12_000.0  # nothing that stays in the air is as fast: such a row has its units wrong
LOWEST_M, HIGHEST_M = -500.0, 50_000.0  # the Dead Sea's shore, and above every balloon
# Farther apart, two places are nearly antipodes, and the shortest way leaps from side to side.
LONGEST_LEG_KM = 19_900.0


@dataclass(frozen=True)
class Whereabouts:
    """Where a user is at some instants, axes (instant,). Where `there` is False the place is the track's nearer end."""

    latitude_deg: Floats
    longitude_deg: Floats
    altitude_km: Floats
    there: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Track:
    """The rows of a track, axes (row,), at least two; `after_s` counts from `start` and increases."""

    name: str
    start: datetime
    after_s: Floats
    latitude_deg: Floats
    longitude_deg: Floats
    altitude_km: Floats

    @property
    def first(self) -> datetime:
        return self.start + timedelta(seconds=float(self.after_s[0]))

    @property
    def last(self) -> datetime:
        return self.start + timedelta(seconds=float(self.after_s[-1]))

    @cached_property
    def legs(self) -> tuple[Floats, Floats]:
        """(azimuth at the start in degrees, length in metres) of the geodesic from each row to the next."""
        return _legs(self.latitude_deg, self.longitude_deg)

    def at(self, since: datetime, seconds: Floats) -> Whereabouts:
        """Where the user is at each of `seconds` after `since`."""
        after_s = (since - self.start).total_seconds() + np.asarray(seconds, dtype=np.float64)
        row = np.clip(np.searchsorted(self.after_s, after_s, side="right") - 1, 0, len(self.after_s) - 2)
        share = np.clip((after_s - self.after_s[row]) / np.diff(self.after_s)[row], 0.0, 1.0)
        nearest = np.where(share < 1.0, row, row + 1)
        latitude, longitude = self.latitude_deg[nearest], self.longitude_deg[nearest]
        azimuth_deg, length_m = (leg[row] for leg in self.legs)
        # Whoever stands on a row, or still, is where the row says, to the last digit.
        moving = (share > 0.0) & (share < 1.0) & (length_m > 0.0)
        if moving.any():
            at = row[moving]
            there = GEOD.fwd(
                self.longitude_deg[at], self.latitude_deg[at], azimuth_deg[moving], (length_m * share)[moving]
            )
            longitude[moving], latitude[moving] = there[0], there[1]
        altitude = self.altitude_km[row] + share * np.diff(self.altitude_km)[row]
        return Whereabouts(latitude, longitude, altitude, (after_s >= self.after_s[0]) & (after_s <= self.after_s[-1]))


def _legs(latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
    azimuth, _, length = GEOD.inv(longitude_deg[:-1], latitude_deg[:-1], longitude_deg[1:], latitude_deg[1:])
    return np.asarray(azimuth), np.asarray(length)


def read_track(path: Path, start: datetime) -> Track:
    """The track of a CSV file: `t` in seconds after `start` or as instants, `alt` in metres above the ellipsoid.

    Raises InputError with every fault of the file.
    """
    file = str(path)
    way_out = "A track has t (seconds after the scenario's start, or instants), lat, lon (degrees) and alt (m)."
    rows = csv_rows(path, "--track", COLUMNS, way_out)
    problems: list[Problem] = []
    kinds = {_is_number(row["t"]) for _, row in rows}
    if len(kinds) > 1:
        problems.append(Problem(file, "t", "holds seconds and instants.", "Write all as one or all as the other."))
    if len(rows) < 2:
        problems.append(Problem(file, "", f"has {counted(len(rows), 'row')}; a track has two or more."))
    lines = np.array([line for line, _ in rows])
    read = [_row(file, line, row, start, problems) for line, row in rows]
    whole = np.array([one for one in read if one is not None], dtype=np.float64).reshape(-1, 4)
    lines = lines[[one is not None for one in read]]
    if len(kinds) <= 1 and len(whole) > 1:
        problems += _between(file, lines, whole)
    if problems:
        raise InputError(problems)
    return Track(path.stem, start, whole[:, 0], whole[:, 1], whole[:, 2], whole[:, 3] / M_PER_KM)


def _is_number(word: str | None) -> bool:
    try:
        float(word or "")
    except ValueError:
        return False
    return True


def _row(
    file: str, line: int, row: Mapping[str, str | None], start: datetime, problems: list[Problem]
) -> tuple[float, ...] | None:
    """(seconds after `start`, latitude, longitude, altitude in m), or None with the faults added."""
    faults = []
    after_s = math.nan
    t = row["t"] or ""
    try:
        after_s = float(t) if _is_number(t) else (parse_instant(t) - start).total_seconds()
    except (ValueError, TypeError):
        faults.append(f"t is {row['t']!r}; it is a number of seconds or an instant such as 2026-11-20T00:00:00Z.")
    else:
        if not math.isfinite(after_s):
            faults.append(f"t is {row['t']!r}; it must be finite.")
    values = []
    for name, low, high in (("lat", -90.0, 90.0), ("lon", -180.0, 180.0), ("alt", LOWEST_M, HIGHEST_M)):
        try:
            values.append(float(row[name] or ""))
            if not low <= values[-1] <= high:  # NaN fails too
                faults.append(f"{name} is {row[name]}; it lies within {low:g} and {high:g}.")
        except ValueError:
            faults.append(f"{name} is {row[name]!r}, which is no number.")
    problems += [Problem(file, f"line {line}", fault) for fault in faults]
    return None if faults else (after_s, *values)


def _between(file: str, lines: NDArray[np.intp], rows: Floats) -> list[Problem]:
    """What is wrong from one row to the next: time that does not increase, a speed that cannot be."""
    problems = []
    length_km = _legs(rows[:, 1], rows[:, 2])[1] / M_PER_KM
    for line, wait_s, km in zip(lines[1:], np.diff(rows[:, 0]), length_km, strict=True):
        where = f"line {line}"
        if wait_s <= 0.0:
            problems.append(Problem(file, where, "is not later than the row before.", "Sort the rows by t."))
        elif km / wait_s * 3600.0 > FASTEST_KMH:
            kmh = km / wait_s * 3600.0
            rule = f"is {km:,.0f} km from the row before, {wait_s:g} s later: {kmh:,.0f} km/h."
            way_out = f"Up to {FASTEST_KMH:,.0f} km/h are read; t is in seconds, lat and lon are in degrees."
            problems.append(Problem(file, where, rule, way_out))
        elif km > LONGEST_LEG_KM:
            rule = f"is {km:,.0f} km from the row before, more than {LONGEST_LEG_KM:,.0f} km: nearly antipodes."
            problems.append(Problem(file, where, rule, "The shortest way is uncertain; add a row between them."))
    return problems
