"""Reading horizons: a CSV of site, azimuth_deg and elevation_deg, one row a point of a site's skyline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, near_names
from openleo.places import gazetteer
from openleo.reading import csv_table

COLUMNS = ("site", "azimuth_deg", "elevation_deg")


def read(path: Path, known: Iterable[str]) -> tuple[dict[str, NDArray[np.float64]], bytes]:
    """(rows (azimuth, elevation) in degrees of each site by azimuth, the bytes they were read from).

    `known`: names that a site may have; towns and territories go by the gazetteer's.
    Raises InputError with every fault.
    """
    file, names = str(path), set(known)
    way_out = f"A horizon needs {', '.join(COLUMNS)}."
    rows, content = csv_table(path, "ground.horizons", COLUMNS, way_out)
    problems: list[Problem] = []
    points: dict[str, list[tuple[float, float]]] = {}
    for line, row in rows:
        name = str(row["site"] or "").strip()
        point, fault = _point(row)
        if fault:
            problems.append(Problem(file, f"line {line}", fault))
        points.setdefault(name, []).append(point)
    for name, found in points.items():
        problems += [Problem(file, "", rule, out) for rule, out in _faults_of(name, found, names)]
    if not rows:
        problems.append(Problem(file, "", "holds no horizon."))
    if problems:
        raise InputError(problems)
    return {name: np.array(sorted(found)) for name, found in points.items()}, content


def _faults_of(name: str, points: list[tuple[float, float]], known: set[str]) -> Iterator[tuple[str, str]]:
    """(what is wrong with a site or its skyline as a whole, the way out)."""
    place = None if name in known else gazetteer.find(name)
    if name not in known and (place is None or place.name != name):
        called = f'Write "{place.name}", as it is called here.' if place else near_names(name, known)
        yield f'there is no site "{name}".', called
    for azimuth, count in Counter(azimuth for azimuth, _ in points).items():
        if count > 1:
            yield f'"{name}" has azimuth {azimuth:g} {count} times.', "Keep one."
    ends = {azimuth: elevation for azimuth, elevation in points if azimuth in (0.0, 360.0)}
    if len(set(ends.values())) > 1:
        north = f"{ends[0.0]:g} at 0 and {ends[360.0]:g} at 360"
        yield f'"{name}" has two elevations in the north, {north}.', "Write one of them."
    if len({azimuth % 360.0 for azimuth, _ in points}) < 2:
        yield f'"{name}" has fewer than two azimuths.', "A horizon needs two or more."


def _point(row: Mapping[str, str | None]) -> tuple[tuple[float, float], str]:
    """((azimuth, elevation), what is wrong with them)."""
    try:
        azimuth, elevation = float(row["azimuth_deg"] or ""), float(row["elevation_deg"] or "")
    except ValueError:
        return (np.nan, np.nan), f"has {row['azimuth_deg']}, {row['elevation_deg']}, which are not two numbers."
    if not 0.0 <= azimuth <= 360.0:
        return (azimuth, elevation), f"has azimuth_deg {azimuth:g}; it is from 0 to 360, north through east."
    if not -90.0 <= elevation <= 90.0:
        return (azimuth, elevation), f"has elevation_deg {elevation:g}; it is from -90 to 90."
    return (azimuth, elevation), ""
