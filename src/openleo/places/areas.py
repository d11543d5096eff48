"""What a scenario computes over: territories, strips of sea, a GeoJSON file, or the world, as cells cut into parts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.validation import explain_validity

from openleo import cells as h3cells
from openleo.errors import InputError, Problem
from openleo.places import land as lands
from openleo.places import waters
from openleo.places.parts import Parts, cells_with_people, cut, land_of
from openleo.places.territories import HIGH_SEAS, territory_id, unknown_territory

WORLD = "world"
GEOJSON_ENDINGS = (".geojson", ".json")
MOST_VERTICES = 100_000
MOST_CELLS = 600_000
WIDEST_EDGE_DEG = 270.0  # a step of more is one over the antimeridian; of 180 to 270 it could be either
COARSE_RESOLUTION = 2  # cells of 180 km radius: the first sieve for a strip of sea


@dataclass(frozen=True)
class Area:
    """Territories and strips by id, regions by polygon; the world is everything."""

    ids: tuple[str, ...] = ()
    regions: tuple[shapely.Geometry, ...] = ()
    world: bool = False


def read_area(words: list[str], folder: Path, file: str, where: str) -> Area:
    """The area that a scenario's words name; files are relative to `folder`.

    Raises InputError with every unknown territory and every fault of a GeoJSON file.
    """
    ids: list[str] = []
    regions: list[shapely.Geometry] = []
    problems: list[Problem] = []
    for word in words:
        if word == WORLD:
            continue
        if word.lower().endswith(GEOJSON_ENDINGS):
            try:
                regions.append(read_polygons(folder / word))
            except InputError as error:
                problems += error.problems
        elif (id_ := territory_id(word)) is None:
            rule, way_out = unknown_territory(word)
            problems.append(Problem(file, where, rule, way_out))
        else:
            ids.append(id_)
    if problems:
        raise InputError(problems)
    return Area(world=True) if WORLD in words else Area(tuple(dict.fromkeys(ids)), tuple(regions))


def read_polygons(path: Path) -> shapely.Geometry:
    """The union of the polygons of a GeoJSON file (RFC 7946), cut at the antimeridian.

    A ring that steps over ±180° is unrolled and cut; one that crosses itself is refused with the place where it does.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        way_out = "Paths are relative to the file that names them."
        raise InputError(Problem(str(path), "", "there is no such file.", way_out)) from None
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no JSON, no UTF-8, or no name of a file
        why = getattr(error, "strerror", None) or error
        raise InputError(Problem(str(path), "", f"cannot be read as GeoJSON: {why}.")) from None
    problems: list[Problem] = []
    polygons: list[shapely.Geometry] = []
    vertices = 0
    for number, geometry in enumerate(_geometries(content) if isinstance(content, dict) else []):
        where = f"geometry {number}"
        shape = _shape(geometry)
        if shape is None:
            problems.append(Problem(str(path), where, "is not a GeoJSON geometry.", "See RFC 7946, section 3.1."))
            continue
        vertices += shapely.get_num_coordinates(shape)
        problems += _faults(shape, str(path), where)
        polygons.append(shape)
    if vertices > MOST_VERTICES:
        problems.append(
            Problem(str(path), "", f"has {vertices} vertices; at most {MOST_VERTICES} are read.", "Simplify it.")
        )
    if not polygons and not problems:
        problems.append(Problem(str(path), "", "holds no geometry.", "An area needs a Polygon or MultiPolygon."))
    if problems:
        raise InputError(problems)
    return shapely.union_all([_cut_at_antimeridian(polygon) for polygon in polygons])


def _geometries(content: object) -> list[object]:
    """The geometries of a GeoJSON object; what is none of its forms is given as it is, to be refused."""
    if not isinstance(content, dict):
        return [content]
    match content.get("type"):
        case "FeatureCollection":
            features = content.get("features")
            return [g for feature in features for g in _geometries(feature)] if isinstance(features, list) else [None]
        case "Feature":
            return _geometries(content.get("geometry"))
        case "GeometryCollection":
            inner = content.get("geometries")
            return [g for geometry in inner for g in _geometries(geometry)] if isinstance(inner, list) else [None]
        case _:
            return [content]


def _shape(geometry: object) -> shapely.Geometry | None:
    try:
        return shapely.geometry.shape(geometry)
    except (shapely.errors.ShapelyError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def _faults(shape: shapely.Geometry, file: str, where: str) -> list[Problem]:
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        return [Problem(file, where, f"is a {shape.geom_type}; an area needs a Polygon or MultiPolygon.")]
    xy = shapely.get_coordinates(shape)
    if not np.isfinite(xy).all() or np.abs(xy[:, 0]).max() > 360.0 or np.abs(xy[:, 1]).max() > 90.0:
        rule = "has coordinates outside longitude ±180, latitude ±90."
        return [Problem(file, where, rule, "GeoJSON is longitude first, WGS 84.")]
    if (edge := _ambiguous_edge_deg(shape)) is not None:
        rule = f"has an edge over {edge:.0f}° of longitude, which could run either way around."
        return [Problem(file, where, rule, "Put a vertex on it.")]
    unrolled = _unrolled(shape)
    if not shapely.is_valid(unrolled):
        rule = f"is not a simple polygon: {explain_validity(unrolled)} (longitude, latitude)."
        return [Problem(file, where, rule, "Draw the ring so that it does not cross itself.")]
    return []


def _ambiguous_edge_deg(shape: shapely.Geometry) -> float | None:
    """The length of an edge between half a turn and three quarters, if there is one."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shape)), return_index=True)
    step = np.abs(np.diff(xy[:, 0]))[ring[1:] == ring[:-1]]
    wide = step[(step > 180.0) & (step < WIDEST_EDGE_DEG)]
    return float(wide[0]) if len(wide) else None


def _unrolled(shape: shapely.Geometry) -> shapely.Geometry:
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


def _cut_at_antimeridian(shape: shapely.Geometry) -> shapely.Geometry:
    unrolled = _unrolled(shape)
    pieces = []
    for turn in (-360.0, 0.0, 360.0):
        window = shapely.intersection(unrolled, shapely.box(turn - 180.0, -90.0, turn + 180.0, 90.0))
        pieces.append(shapely.transform(window, lambda xy, turn=turn: xy - [turn, 0.0]))
    return shapely.union_all([piece for piece in pieces if not piece.is_empty])


def parts_of(area: Area, resolution: int, regions: tuple[shapely.Geometry, ...] = ()) -> Parts:
    """The area's cells at an H3 resolution, cut into parts; parts outside the area are left out.

    `regions` (of rules) cut further; `Parts.within` has a column for each of them, in order.
    """
    if area.world:
        _check_size(2 + 120 * 7**resolution, resolution)  # H3: so many cells
        return cut(h3cells.world(resolution), regions)
    found = [_cells_of(id_, resolution) for id_ in area.ids]
    found.append(cells_with_people(area.ids, resolution))
    found += [h3cells.overlapping([region], resolution) for region in area.regions]
    cells = np.unique(np.concatenate(found))
    _check_size(len(cells), resolution)
    parts = cut(cells, (*regions, *area.regions))
    asked = np.isin(parts.territory.astype(str), list(area.ids)) | parts.within[:, len(regions) :].any(axis=1)
    chosen = parts.select(asked)
    return Parts(
        chosen.cells, chosen.cell, chosen.territory, chosen.within[:, : len(regions)], chosen.area_km2, chosen.people
    )


def _check_size(cells: int, resolution: int) -> None:
    if cells > MOST_CELLS:
        rule = f"{cells:,} cells at resolution {resolution}; a run holds at most {MOST_CELLS:,} (about 6 GB)."
        raise InputError(Problem("area", "ground.resolution", rule, "Choose a coarser resolution or a smaller area."))


def _cells_of(id_: str, resolution: int) -> h3cells.Cells:
    land = lands.load()
    if "." not in id_ and id_ != HIGH_SEAS:
        return h3cells.overlapping(land.of({id_}), resolution)
    sieve = min(COARSE_RESOLUTION, resolution)
    coarse = h3cells.world(sieve)
    if id_ != HIGH_SEAS:
        reach_km = waters.STRIP_LIMITS_KM[-1] + h3cells.radius_km(sieve)
        distance_km, _ = waters.coasts(_only(land, land_of(id_))).distance_km(*h3cells.centres_deg(coarse), reach_km)
        coarse = coarse[distance_km <= reach_km]
    return h3cells.children(coarse, resolution)


def _only(land: lands.Land, id_: str) -> lands.Land:
    number = land.territories.index(id_)
    mine = land.owner == number
    return lands.Land(land.territories, land.owner[mine], land.pieces[mine], shapely.STRtree(land.pieces[mine]))
