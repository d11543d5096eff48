"""Polygons from GeoJSON (RFC 7946), of a file or written inline: checked whole, bounded, cut at the antimeridian."""

from __future__ import annotations

import json
import reprlib
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.validation import explain_validity

from openleo.errors import InputError, Problem
from openleo.places.shapes import cut_at_antimeridian
from openleo.reading import bounded_text, unreadable

GEOJSON_ENDINGS = (".geojson", ".json")
MOST_BYTES = 50_000_000  # a vertex with 15 digits takes 40
MOST_VERTICES = 100_000
MOST_SIGNS = 4  # brackets and braces for each vertex that may be read: what has more is not even parsed
MOST_MEETINGS = 3_000_000  # pairs of edges near each other: where many polygons cross, their union has more corners
MEETINGS_AT_ONCE = 50  # edges that are looked up together, so that a bomb is seen before it fills the memory
MOST_DEPTH = 250  # collections within collections
NO_AREAS = ("Point", "MultiPoint", "LineString", "MultiLineString")
NO_GEOMETRY = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
MOST_NUMBERS = 4  # of a position: longitude, latitude, and what some programs write behind them
POSITION = "A position is longitude, latitude: see RFC 7946, section 3.1."
NOT_CLOSED = "not closed"
CLOSE = "Repeat its first position at the end: see RFC 7946, section 3.1.6."
WIDEST_EDGE_DEG = 270.0  # a step of more is one over the antimeridian; of 180 to 270 it could be either


def read_polygons(path: Path) -> shapely.Geometry:
    """The union of the polygons of a GeoJSON file (RFC 7946), cut at the antimeridian.

    A ring that steps over ±180° is unrolled and cut; one that crosses itself is refused with the place where it does.
    """
    return polygons_of(read_json(path), str(path))


def read_json(path: Path, most_bytes: int = MOST_BYTES, most_vertices: int = MOST_VERTICES) -> object:
    """The content of a GeoJSON file. Raises InputError when it cannot be read, is too large or is no JSON."""
    most_signs = MOST_SIGNS * most_vertices
    try:
        text = bounded_text(path, most_bytes, "Simplify it.")
        if (signs := text.count("[") + text.count("{")) > most_signs:
            rule = f"has {signs:,} lists and objects; for at most {most_vertices:,} vertices {most_signs:,} are read."
            raise InputError(Problem(str(path), "", rule, "Simplify it."))
        content: object = json.loads(text)
    except FileNotFoundError:
        way_out = "Paths are relative to the file that names them."
        raise InputError(Problem(str(path), "", "there is no such file.", way_out)) from None
    except RecursionError:
        rule = "cannot be read as GeoJSON: lists stand within lists too deep."
        raise InputError(Problem(str(path), "", rule, "A MultiPolygon's coordinates are four deep.")) from None
    except json.JSONDecodeError as error:
        rule = f"cannot be read as GeoJSON: {error}."
        raise InputError(Problem(str(path), "", rule, "Write it as RFC 7946 has it.")) from None
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None
    return content


def polygons_of(content: object, file: str) -> shapely.Geometry:
    """The union of the polygons of a GeoJSON value, cut at the antimeridian; `file` is what problems name."""
    problems: list[Problem] = []
    polygons: list[shapely.Geometry] = []
    vertices = 0
    for number, geometry in enumerate(geometries_of(content) if isinstance(content, dict) else []):
        where = f"geometry {number}"
        if _kind(geometry) in NO_AREAS:
            problems.append(_no_area(_kind(geometry), file, where))
            continue
        count, fault = _form(geometry, MOST_VERTICES - vertices)
        vertices += count
        if vertices > MOST_VERTICES:
            rule = f"has {vertices} vertices up to here; at most {MOST_VERTICES} are read."
            problems.append(Problem(file, where, rule, "Simplify it."))
            break
        shape = None if fault else shape_of(geometry)
        if shape is None:
            rule = f"is not a GeoJSON geometry{fault and ': '}{fault}."
            way_out = CLOSE if NOT_CLOSED in fault else POSITION if fault else "See RFC 7946, section 3.1."
            problems.append(Problem(file, where, rule, way_out))
            continue
        problems += faults_of(shape, file, where)
        polygons.append(shape)
    if not polygons and not problems:
        problems.append(Problem(file, "", "holds no geometry.", "An area needs a Polygon or MultiPolygon."))
    if not problems and len(polygons) > 1 and _cross_too_often(polygons):
        rule = (
            f"its polygons cross each other too often: more than {MOST_MEETINGS:,} pairs of edges are near each other."
        )
        problems.append(Problem(file, "", rule, "Unite them first, or write them as several files."))
    if problems:
        raise InputError(problems)
    return shapely.union_all([cut_at_antimeridian(unrolled(polygon)) for polygon in polygons])


def _kind(geometry: object) -> str:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    return kind if isinstance(kind, str) else ""


def _no_area(kind: str, file: str, where: str) -> Problem:
    return Problem(file, where, f"is a {kind}; an area needs a Polygon or MultiPolygon.")


def _form(geometry: object, most: int) -> tuple[int, str]:
    """(vertices of a polygon's rings, what is wrong with its form in words); counting ends where there are too many."""
    inner = geometry.get("coordinates") if isinstance(geometry, dict) else None
    many = _kind(geometry) == "MultiPolygon"
    if not isinstance(inner, list):
        return 0, "it has no list of coordinates"
    count = 0
    for number, polygon in enumerate(inner if many else [inner]):
        place = f"coordinates[{number}]" if many else "coordinates"
        if not isinstance(polygon, list):
            return count, f"{place} is {_shown(polygon)}, no list of rings"
        for ring_number, ring in enumerate(polygon):
            if not isinstance(ring, list):
                return count, f"{place}[{ring_number}] is {_shown(ring)}, no list of positions"
            count += len(ring)
            if count > most:
                return count, ""
            for position_number, position in enumerate(ring):
                if not _is_position(position):
                    return count, f"{place}[{ring_number}][{position_number}] is {_shown(position)}, no position"
            if ring and ring[0][:2] != ring[-1][:2]:
                ends = f"it begins at {_shown(ring[0])} and ends at {_shown(ring[-1])}"
                return count, f"{place}[{ring_number}] is a ring that is {NOT_CLOSED}: {ends}"
    return count, ""


def _is_position(value: object) -> bool:
    return isinstance(value, list) and 2 <= len(value) <= MOST_NUMBERS and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < float("inf")  # type: ignore[arg-type] # the type is checked


def _shown(value: object) -> str:
    """The start of a value as Python writes it; what is nested has only its kind."""
    if isinstance(value, list) and any(isinstance(one, list | dict) for one in value):
        return "a list of lists"
    return reprlib.repr(value)


def _cross_too_often(polygons: list[shapely.Geometry]) -> bool:
    """Whether the edges of several polygons come near each other so often that their union could be without bounds."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(polygons)), return_index=True)
    start = np.flatnonzero(ring[1:] == ring[:-1])
    edges = shapely.linestrings(np.stack([xy[start], xy[start + 1]], axis=1))
    tree = shapely.STRtree(edges)
    met = 0
    for first in range(0, len(edges), MEETINGS_AT_ONCE):
        met += tree.query(edges[first : first + MEETINGS_AT_ONCE]).shape[1]
        if met > MOST_MEETINGS:
            return True
    return False


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
    except (shapely.errors.ShapelyError, *NO_GEOMETRY):
        return None


def faults_of(shape: shapely.Geometry, file: str, where: str) -> list[Problem]:
    """What keeps a shape from being an area."""
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        return [_no_area(shape.geom_type, file, where)]
    xy = shapely.get_coordinates(shape)
    on_map = (np.abs(xy[:, 0]) <= 360.0) & (np.abs(xy[:, 1]) <= 90.0)  # false of what is no number
    if not on_map.all():
        longitude, latitude = xy[~on_map][0]
        rule = f"has coordinates outside longitude ±180, latitude ±90: [{longitude:.10g}, {latitude:.10g}]."
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
