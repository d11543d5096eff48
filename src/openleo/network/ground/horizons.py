"""Reading horizons: a CSV of site, azimuth_deg and elevation_deg, one row a point of a site's skyline."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, near_names
from openleo.places import gazetteer

COLUMNS = ("site", "azimuth_deg", "elevation_deg")


def read(path: Path, known: Iterable[str]) -> tuple[dict[str, NDArray[np.float64]], bytes]:
    """(rows (azimuth, elevation) in degrees of each site by azimuth, the bytes they were read from).

    `known`: names that a site may have; towns and territories go by the gazetteer's.
    Raises InputError with every fault.
    """
    file, names = str(path), set(known)
    try:
        content = path.read_bytes()
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(Problem(file, "", f"cannot be read as CSV: {error}.")) from None
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        rule = f"lacks the columns {', '.join(missing)}."
        raise InputError(Problem(file, "", rule, f"A horizon needs {', '.join(COLUMNS)}."))
    problems: list[Problem] = []
    points: dict[str, list[tuple[float, float]]] = {}
    for line, row in rows:
        name = str(row["site"] or "").strip()
        point, fault = _point(row)
        if fault:
            problems.append(Problem(file, f"line {line}", fault))
        points.setdefault(name, []).append(point)
    for name, found in points.items():
        place = None if name in names else gazetteer.find(name)
        if name not in names and (place is None or place.name != name):
            called = f'Write "{place.name}", as it is called here.' if place else near_names(name, names)
            problems.append(Problem(file, "", f'there is no site "{name}".', called))
        for azimuth, count in Counter(azimuth for azimuth, _ in found).items():
            if count > 1:
                problems.append(Problem(file, "", f'"{name}" has azimuth {azimuth:g} {count} times.', "Keep one."))
        ends = {azimuth: elevation for azimuth, elevation in found if azimuth in (0.0, 360.0)}
        if len(set(ends.values())) > 1:
            rule = f'"{name}" has two elevations in the north, {ends[0.0]:g} at 0 and {ends[360.0]:g} at 360.'
            problems.append(Problem(file, "", rule, "Write one of them."))
        if len({azimuth % 360.0 for azimuth, _ in found}) < 2:
            problems.append(Problem(file, "", f'"{name}" has fewer than two azimuths.', "A horizon needs two or more."))
    if not rows:
        problems.append(Problem(file, "", "holds no horizon."))
    if problems:
        raise InputError(problems)
    return {name: np.array(sorted(found)) for name, found in points.items()}, content


def _point(row: dict[str, str]) -> tuple[tuple[float, float], str]:
    """((azimuth, elevation), what is wrong with them)."""
    try:
        azimuth, elevation = float(row["azimuth_deg"]), float(row["elevation_deg"])
    except (TypeError, ValueError):
        return (np.nan, np.nan), f"has {row['azimuth_deg']}, {row['elevation_deg']}, which are not two numbers."
    if not 0.0 <= azimuth <= 360.0:
        return (azimuth, elevation), f"has azimuth_deg {azimuth:g}; it is from 0 to 360, north through east."
    if not -90.0 <= elevation <= 90.0:
        return (azimuth, elevation), f"has elevation_deg {elevation:g}; it is from -90 to 90."
    return (azimuth, elevation), ""
