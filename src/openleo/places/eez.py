"""Maritime boundaries that a user brings: a file of exclusive economic zones as one GeoJSON file a territory.

Takes GeoJSON features with ISO 3166-1 alpha-3 codes in their columns, as Marine Regions' "World EEZ" has them; gives a
polygon for each territory, for use as a region of an expression (`"JPN + waters/JPN.geojson"`). Where a feature names
several territories (overlapping claims, joint regimes), it is given to none of them: it stands for itself, named by
all. The strips of the embedded partition (`JPN.sea200`) stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely

from openleo.errors import InputError, Problem
from openleo.places.geojson import faults_of, read_json, shape_of, unrolled
from openleo.places.shapes import KM_PER_DEGREE, areal, cut_at_antimeridian

COLUMNS = ("ISO_TER1", "ISO_TER2", "ISO_TER3")  # of Marine Regions' World EEZ, version 11 and 12
ISO_LETTERS = 3
MOST_BYTES = 500_000_000
MOST_VERTICES = 10_000_000


@dataclass(frozen=True)
class Zone:
    """The waters of one territory, or those that several share or claim."""

    codes: tuple[str, ...]  # ISO 3166-1 alpha-3, sorted
    polygon: shapely.Geometry  # longitude, latitude; cut at ±180°
    features: int

    @property
    def name(self) -> str:
        return "-".join(self.codes)


def read_zones(path: Path, columns: Sequence[str] = COLUMNS, simplify_km: float = 0.0) -> tuple[list[Zone], list[str]]:
    """(zones, sorted by name; the features that name no territory, in words).

    `simplify_km`: how far a line may move; lines that zones share move together. Raises InputError with every fault.
    """
    content = read_json(path, MOST_BYTES, MOST_VERTICES)
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not features:
        rule = "is no GeoJSON FeatureCollection with features."
        raise InputError(Problem(str(path), "", rule, "Export the shapefile as GeoJSON (WGS 84)."))
    problems: list[Problem] = []
    found: list[tuple[tuple[str, ...], shapely.Geometry]] = []
    nameless: list[str] = []
    vertices = 0
    for number, feature in enumerate(features):
        where = f"feature {number}"
        properties = feature.get("properties") if isinstance(feature, dict) else None
        shape = shape_of(feature.get("geometry")) if isinstance(feature, dict) else None
        if shape is None or not isinstance(properties, dict):
            problems.append(Problem(str(path), where, "is no GeoJSON feature with a geometry and properties."))
            continue
        vertices += shapely.get_num_coordinates(shape)
        if vertices > MOST_VERTICES:
            rule = f"has {vertices:,} vertices up to here; at most {MOST_VERTICES:,} are read."
            problems.append(Problem(str(path), where, rule, "Take the file of low resolution."))
            break
        problems += faults_of(shape, str(path), where)
        codes = _codes(properties, columns)
        problems += [
            Problem(str(path), where, f'"{code}" is no ISO 3166-1 alpha-3 code.', "Name another column with --column.")
            for code in codes
            if not (code.isascii() and code.isalpha() and len(code) == ISO_LETTERS)
        ]
        if not codes:
            nameless.append(str(properties.get("GEONAME") or where))
        found.append((codes, shape))
    if not problems and all(not codes for codes, _ in found):
        rule = f"no feature has a code in the columns {', '.join(columns)}."
        problems.append(Problem(str(path), "", rule, "Name the column of ISO 3166-1 alpha-3 codes with --column."))
    if problems:
        raise InputError(problems)
    return _zones(found, simplify_km), nameless


def _codes(properties: dict[object, object], columns: Sequence[str]) -> tuple[str, ...]:
    said = (properties.get(column) for column in columns)
    return tuple(sorted({value.strip().upper() for value in said if isinstance(value, str) and value.strip()}))


def _zones(found: list[tuple[tuple[str, ...], shapely.Geometry]], simplify_km: float) -> list[Zone]:
    polygons = [cut_at_antimeridian(unrolled(shape)) for _, shape in found]
    if simplify_km > 0.0:
        # shapely's tolerance is the square root of the area of the triangle that a vertex makes with its neighbours
        simpler = shapely.coverage_simplify(polygons, simplify_km / KM_PER_DEGREE)
        polygons = [areal(polygon) for polygon in shapely.make_valid(simpler)]
    zones = []
    for codes in sorted({codes for codes, _ in found if codes}):
        mine = [polygon for polygon, (others, _) in zip(polygons, found, strict=True) if others == codes]
        zones.append(Zone(codes, areal(shapely.union_all(mine)), len(mine)))
    return zones
