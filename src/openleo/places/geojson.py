"""Polygons from GeoJSON (RFC 7946), of a file or written inline: checked whole, bounded, cut at the antimeridian."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.validation import explain_validity

from openleo.errors import InputError, Problem
from openleo.places.shapes import cut_at_antimeridian

GEOJSON_ENDINGS = (".geojson", ".json")
MOST_BYTES = 50_000_000  # a vertex with 15 digits takes 40
MOST_VERTICES = 100_000
MOST_DEPTH = 250  # collections within collections
WIDEST_EDGE_DEG = 270.0  # a step of more is one over the antimeridian; of 180 to 270 it could be either


def read_polygons(path: Path) -> shapely.Geometry:
    """The union of the polygons of a GeoJSON file (RFC 7946), cut at the antimeridian.

    A ring that steps over ±180° is unrolled and cut; one that crosses itself is refused with the place where it does.
    """
    return polygons_of(read_json(path), str(path))


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> object:
    """The content of a GeoJSON file. Raises InputError when it cannot be read, is too large or is no JSON."""
    try:
        if (size := path.stat().st_size) > most_bytes:
            rule = f"has {size:,} bytes; at most {most_bytes:,} are read."
            raise InputError(Problem(str(path), "", rule, "Simplify it."))
        content: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        way_out = "Paths are relative to the file that names them."
        raise InputError(Problem(str(path), "", "there is no such file.", way_out)) from None
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no JSON, no UTF-8, or no name of a file
        why = getattr(error, "strerror", None) or error
        raise InputError(Problem(str(path), "", f"cannot be read as GeoJSON: {why}.")) from None
    return content


def polygons_of(content: object, file: str) -> shapely.Geometry:
    """The union of the polygons of a GeoJSON value, cut at the antimeridian; `file` is what problems name."""
    problems: list[Problem] = []
    polygons: list[shapely.Geometry] = []
    vertices = 0
    for number, geometry in enumerate(geometries_of(content) if isinstance(content, dict) else []):
        where = f"geometry {number}"
        shape = shape_of(geometry)
        if shape is None:
            problems.append(Problem(file, where, "is not a GeoJSON geometry.", "See RFC 7946, section 3.1."))
            continue
        vertices += shapely.get_num_coordinates(shape)
        if vertices > MOST_VERTICES:
            rule = f"has {vertices} vertices up to here; at most {MOST_VERTICES} are read."
            problems.append(Problem(file, where, rule, "Simplify it."))
            break
        problems += faults_of(shape, file, where)
        polygons.append(shape)
    if not polygons and not problems:
        problems.append(Problem(file, "", "holds no geometry.", "An area needs a Polygon or MultiPolygon."))
    if problems:
        raise InputError(problems)
    return shapely.union_all([cut_at_antimeridian(unrolled(polygon)) for polygon in polygons])


def geometries_of(content: object, depth: int = 0) -> list[object]:
    """The geometries of a GeoJSON object; what is none of its forms is given as it is, to be refused."""
    if not isinstance(content, dict) or depth > MOST_DEPTH:
        return [None]
    match content.get("type"):
        case "FeatureCollection":
            inner = content.get("features")
        case "Feature":
            return geometries_of(content.get("geometry"), depth + 1)
        case "GeometryCollection":
            inner = content.get("geometries")
        case _:
            return [content]
    return [found for one in inner for found in geometries_of(one, depth + 1)] if isinstance(inner, list) else [None]


def shape_of(geometry: object) -> shapely.Geometry | None:
    """A GeoJSON geometry, or None when it is none."""
    try:
        return shapely.geometry.shape(geometry)
    except (shapely.errors.ShapelyError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def faults_of(shape: shapely.Geometry, file: str, where: str) -> list[Problem]:
    """What keeps a shape from being an area."""
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        return [Problem(file, where, f"is a {shape.geom_type}; an area needs a Polygon or MultiPolygon.")]
    xy = shapely.get_coordinates(shape)
    if not np.isfinite(xy).all() or np.abs(xy[:, 0]).max() > 360.0 or np.abs(xy[:, 1]).max() > 90.0:
        rule = "has coordinates outside longitude ±180, latitude ±90."
        return [Problem(file, where, rule, "GeoJSON is longitude first, WGS 84.")]
    if (edge := _ambiguous_edge_deg(shape)) is not None:
        rule = f"has an edge over {edge:.0f}° of longitude, which could run either way around."
        return [Problem(file, where, rule, "Put a vertex on it.")]
    flat = unrolled(shape)
    if not shapely.is_valid(flat):
        rule = f"is not a simple polygon: {explain_validity(flat)} (longitude, latitude)."
        return [Problem(file, where, rule, "Draw the ring so that it does not cross itself.")]
    return []


def _ambiguous_edge_deg(shape: shapely.Geometry) -> float | None:
    """The length of an edge between half a turn and three quarters, if there is one."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shape)), return_index=True)
    step = np.abs(np.diff(xy[:, 0]))[ring[1:] == ring[:-1]]
    wide = step[(step > 180.0) & (step < WIDEST_EDGE_DEG)]
    return float(wide[0]) if len(wide) else None


def unrolled(shape: shapely.Geometry) -> shapely.Geometry:
    """Rings whose longitudes run on past ±180° instead of jumping by a turn, holes on the turn of their outside."""

    def ring(coordinates: Any) -> NDArray[np.float64]:
        xy = np.array(coordinates)[:, :2]
        jump = np.diff(xy[:, 0], prepend=xy[0, 0])
        over = np.where((np.abs(jump) > 180.0) & (np.abs(jump) < 360.0), np.sign(jump), 0.0)  # 360 is once around
        xy[:, 0] -= 360.0 * np.cumsum(over)
        return xy

    def hole(coordinates: Any, outside: NDArray[np.float64]) -> NDArray[np.float64]:
        xy = ring(coordinates)
        middle = (outside[:, 0].min() + outside[:, 0].max()) / 2.0
        xy[:, 0] += 360.0 * np.round((middle - (xy[:, 0].min() + xy[:, 0].max()) / 2.0) / 360.0)
        return xy

    polygons = []
    for polygon in shapely.get_parts(shape):
        outside = ring(polygon.exterior.coords)
        polygons.append(shapely.Polygon(outside, [hole(inner.coords, outside) for inner in polygon.interiors]))
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
