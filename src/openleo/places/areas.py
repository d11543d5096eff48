"""What a scenario computes over: territories, strips of sea, expressions, or the world, as cells cut into parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.errors import InputError, Problem, Together
from openleo.places import land as lands
from openleo.places import waters
from openleo.places.expression_text import parse
from openleo.places.expressions import (
    WORLD,
    WORLD_WORD,
    Difference,
    Expression,
    Intersection,
    Labels,
    Region,
    Union,
    holds_each,
    named_labels,
    regions_of,
    unbounded,
)
from openleo.places.geojson import GEOJSON_ENDINGS, MOST_VERTICES, read_polygons
from openleo.places.parts import Parts, cells_with_people, cut, land_of
from openleo.places.territories import HIGH_SEAS, territory_id

__all__ = ["MOST_VERTICES", "Area", "parts_of", "read_area", "read_polygons"]

MOST_CELLS = 600_000
SIGNS = (" + ", " - ", "&", "(", '"', "'")  # what tells an expression from the name of a file
EDGE_KM = 1e-6  # how far a region's rounded edge may stray from a cell's: what is so narrow along it is no ground
COARSE_RESOLUTION = 2  # cells of 180 km radius: the first sieve for a strip of sea


@dataclass(frozen=True)
class Area:
    """Territories and strips by id, regions by polygon, other expressions; the world is everything."""

    ids: tuple[str, ...] = ()
    regions: tuple[shapely.Geometry, ...] = ()
    world: bool = False
    expressions: tuple[Expression, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """The labels that it names, in the order in which rows of results stand."""
        named = [label for expression in self.expressions for label in named_labels(expression)]
        return tuple(dict.fromkeys([*self.ids, *named]))


def read_area(words: list[str], folder: Path, file: str, where: str) -> Area:
    """The area that a scenario's words name; files are relative to `folder`.

    Raises InputError with every unknown territory and every fault of an expression or a GeoJSON file.
    """
    ids: list[str] = []
    regions: list[shapely.Geometry] = []
    expressions: list[Expression] = []
    together = Together()
    for word in words:
        if word == WORLD_WORD:
            continue
        if (id_ := territory_id(word)) is not None:
            ids.append(id_)
        elif (path := _as_file(word, folder)) is not None:
            regions += [found for found in [together.read(partial(read_polygons, path))] if found is not None]
        else:
            found = together.read(partial(parse, word, folder, file, where))
            expressions += [] if found is None else [found]
    if together.found:
        raise InputError(together.found)
    if WORLD_WORD in words:
        return Area(world=True)
    return Area(tuple(dict.fromkeys(ids)), tuple(regions), expressions=tuple(dict.fromkeys(expressions)))


def _as_file(word: str, folder: Path) -> Path | None:
    """The GeoJSON file that a word names as a whole, whatever letters its name has."""
    if not word.lower().endswith(GEOJSON_ENDINGS):
        return None
    alone = not any(sign in word for sign in SIGNS)
    try:
        return folder / word if alone or (folder / word).is_file() else None
    except (OSError, ValueError):  # a name that no file can have
        return folder / word


def parts_of(area: Area, resolution: int, regions: tuple[shapely.Geometry, ...] = ()) -> Parts:
    """The area's cells at an H3 resolution, cut into parts; parts outside the area are left out.

    `regions` (of rules) cut further; `Parts.within` has a column for each of them, in order.
    """
    if area.world:
        return cut(cells_of(WORLD, resolution), regions)
    parts, asked = _cut(area, resolution, regions)
    chosen = parts.select(asked)
    return Parts(
        chosen.cells, chosen.cell, chosen.territory, chosen.within[:, : len(regions)], chosen.area_km2, chosen.people
    )


@dataclass(frozen=True)
class Extent:
    """What an area is at a resolution: cells wholly inside, cells of its border, and the labels that it has part in."""

    inside: h3cells.Cells
    border: h3cells.Cells
    area_km2: float
    people: float
    labels: tuple[tuple[str, float, float], ...]  # (label, km², people) within the area, the largest first


def extent(expression: Expression, resolution: int) -> Extent:
    """The cells, area and people of an expression at an H3 resolution. Raises InputError when it has too many cells."""
    parts, asked = _cut(Area(expressions=(expression,)), resolution, ())
    ground = parts.area_km2 > EDGE_KM * 6.0 * h3cells.radius_km(resolution)
    touched, left = np.unique(parts.cell[asked & ground]), np.unique(parts.cell[~asked & ground])
    names, code = np.unique(parts.territory[asked].astype(str), return_inverse=True)
    km2, people = (
        np.bincount(code, weights=one[asked], minlength=len(names)) for one in (parts.area_km2, parts.people)
    )
    rows = zip(names.tolist(), km2.tolist(), people.tolist(), strict=True)
    return Extent(
        parts.cells[np.setdiff1d(touched, left)],
        parts.cells[np.intersect1d(touched, left)],
        float(km2.sum()),
        float(people.sum()),
        tuple(sorted(rows, key=lambda row: (-row[1], row[0]))),
    )


def _cut(area: Area, resolution: int, regions: tuple[shapely.Geometry, ...]) -> tuple[Parts, NDArray[np.bool_]]:
    """(the parts of every cell that the area may touch, which of them are in it)."""
    found = [_cells_of_labels(frozenset(area.ids), resolution)]
    found += [h3cells.overlapping([region], resolution) for region in area.regions]
    found += [cells_of(expression, resolution) for expression in area.expressions]
    cells = np.unique(np.concatenate(found))
    _check_size(len(cells), resolution)
    own = tuple(dict.fromkeys(region for expression in area.expressions for region in regions_of(expression)))
    unnamed = [f"polygon {number + 1} of the rules" for number in range(len(regions))]
    unnamed += [f"polygon {number + 1} of the area" for number in range(len(area.regions))]
    names = [*unnamed, *(region.text for region in own)]
    parts = cut(cells, (*regions, *area.regions, *(region.polygon for region in own)), names=names)
    first = len(regions) + len(area.regions)
    asked = np.isin(parts.territory.astype(str), list(area.ids)) | parts.within[:, len(regions) : first].any(axis=1)
    for expression in area.expressions:
        asked |= holds_each(expression, parts.territory, parts.within[:, first:], own)
    return parts, asked


def _check_size(cells: int, resolution: int) -> None:
    if cells > MOST_CELLS:
        rule = f"{cells:,} cells at resolution {resolution}; a run holds at most {MOST_CELLS:,} (about 6 GB)."
        raise InputError(Problem("area", "ground.resolution", rule, "Choose a coarser resolution or a smaller area."))


def cells_of(expression: Expression, resolution: int) -> h3cells.Cells:
    """The cells that an area may have a part in, sorted; more than those that it has one in."""
    if unbounded(expression):
        _check_size(2 + 120 * 7**resolution, resolution)  # H3: so many cells
        return h3cells.world(resolution)
    match expression:
        case Labels(ids):
            return _cells_of_labels(ids, resolution)
        case Region():
            return h3cells.overlapping([expression.polygon], resolution)
        case Union(parts):
            return np.unique(np.concatenate([cells_of(part, resolution) for part in parts]))
        case Intersection(parts):
            bounded = [cells_of(part, resolution) for part in parts if not unbounded(part)]
            return reduce(np.intersect1d, bounded)
        case Difference(base, _):
            return cells_of(base, resolution)


def _cells_of_labels(ids: frozenset[str], resolution: int) -> h3cells.Cells:
    """The cells of labels, those of people without ground among them."""
    found = [_cells_of(id_, resolution) for id_ in sorted(ids)]
    return np.unique(np.concatenate([*found, cells_with_people(ids, resolution)]))


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
