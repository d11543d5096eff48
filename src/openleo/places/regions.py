"""Regions: polygons that are no label, and how each is made.

Takes GeoJSON, H3 cells, or an expression and a width; gives a Region with its canonical text and hash, or the
polygon of an expression. `expression_text` calls these for the words of the language.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import rfc8785
import shapely

from openleo import cells as h3cells
from openleo.errors import InputError, Problem
from openleo.places import land as lands
from openleo.places import shapes
from openleo.places.crossings import check_crossings
from openleo.places.expressions import (
    Difference,
    Expression,
    Intersection,
    Labels,
    Region,
    Union,
    difference,
    drawn_from,
    intersection,
    named_labels,
    polygon_sha256,
    regions_of,
    sea,
    sha256_of,
    text_of,
    union,
)
from openleo.places.geojson import polygons_of, read_polygons
from openleo.places.territories import territories
from openleo.reading import bounded_text, unreadable

MOST_CELLS = 100_000  # of a list
MOST_LIST_BYTES = 10_000_000
INLINE = "inline"  # how a polygon without a file is called, with the start of its hash
LISTED = 8  # cells of a list that are written out; a longer one is called by its hash


class NoPolygonError(ValueError):
    """An expression has no polygon of its own: it names strips of sea."""


# --- from files and lists -----------------------------------------------------------------------------------------


def of_file(path: Path, written: str) -> Region:
    """The polygons of a GeoJSON file. `written`: as the user names it."""
    polygon = read_polygons(path)
    mark = "'" if '"' in written else '"'
    text = f"{mark}{written}{mark}" if any(letter in written for letter in " +&(),'\"") else written
    return Region(text, polygon_sha256(polygon), polygon)


def of_geojson(content: object, file: str) -> Region:
    """A GeoJSON value written inline in `file`. Raises InputError with all that is at fault."""
    polygon = polygons_of(content, file)
    digest = polygon_sha256(polygon)
    return Region(f"{INLINE}({digest[:16]})", digest, polygon)


def of_cells(words: Sequence[str], file: str, where: str) -> Region:
    """The ground of H3 cells, written as hexadecimal strings.

    Cells of several resolutions stand for their descendants at the finest one, as H3 compacts a list. Raises
    InputError with every word that is no cell.
    """
    bad = [word for word in words if not h3cells.is_cell(word)]
    problems = [
        Problem(file, where, f'"{word}" is no H3 cell.', "A cell is written as 15 hexadecimal digits, 841f1d5ffffffff.")
        for word in bad[:20]
    ]
    if len(bad) > len(problems):
        problems.append(Problem(file, where, f"{len(bad)} of {len(words)} words are no H3 cells."))
    if not words:
        problems.append(Problem(file, where, "is an empty list of cells."))
    if problems:
        raise InputError(problems)
    cells = np.unique(np.array([int(word, 16) for word in words], dtype=np.uint64))
    resolutions = h3cells.resolutions(cells)
    finest = int(resolutions.max())
    count = int((7.0 ** (finest - resolutions)).sum())
    if count > MOST_CELLS:
        rule = f"holds {count:,} cells at resolution {finest}, its finest; at most {MOST_CELLS:,} are read."
        raise InputError(Problem(file, where, rule, "Choose coarser cells or a polygon."))
    cells = np.unique(h3cells.children(cells, finest))
    polygon = shapely.union_all(h3cells.outlines(cells))
    digest = hashlib.sha256(cells.astype("<u8").tobytes()).hexdigest()
    names = h3cells.text(cells) if len(cells) <= LISTED else [f"{len(cells)} of resolution {finest}", digest[:16]]
    return Region(f"cells({', '.join(names)})", digest, polygon)


def of_cell_file(path: Path) -> Region:
    """The cells of a text file, one a line, or the first column of a CSV file; a heading `cell` may stand above."""
    try:
        lines = bounded_text(path, MOST_LIST_BYTES, "Choose coarser cells or a polygon.").splitlines()
    except FileNotFoundError:
        way_out = "Paths are relative to the file that names them."
        raise InputError(Problem(str(path), "", "there is no such file.", way_out)) from None
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None
    words = [line.partition(",")[0].strip().strip('"') for line in lines if line.strip()]
    return of_cells(words[1:] if words[:1] == ["cell"] else words, str(path), "")


# --- around an outline --------------------------------------------------------------------------------------------


def buffer(area: Expression, width_km: float) -> Expression:
    """The area and the strip around its outline; of a negative width, the area without that strip."""
    strip = edge(area, abs(width_km))
    return union([area, strip]) if width_km > 0.0 else difference(area, strip)


def coast(land: Labels, width_km: float) -> Expression:
    """The sea within a width of a land's coast; of a negative width, the land within that of its own coast."""
    return intersection([sea() if width_km > 0.0 else land, shore(land, abs(width_km))])


def edge(area: Expression, width_km: float) -> Region:
    """All within a width of an area's outline, on either side. Raises NoPolygonError."""
    return _around("edge", area, width_km, lambda: shapes.edges_of(polygon_of(area)))


def shore(land: Labels, width_km: float) -> Region:
    """All within a width of a land's sea coast, on either side; inner borders are no coast."""
    return _around("shore", land, width_km, lambda: shapes.sea_coast(land.ids))


def _around(word: str, area: Expression, width_km: float, outline: Callable[[], shapes.Floats]) -> Region:
    width = km_text(width_km)
    digest = hashlib.sha256(rfc8785.dumps([word, sha256_of(area), width])).hexdigest()
    strip = _strip(digest, width_km, outline)
    return Region(f"{word}({text_of(area)}, {width})", digest, strip, frozenset(named_labels(area)) | drawn_from(area))


_known: dict[str, tuple[shapely.Geometry, int]] = {}  # strips, and what they cost, by hash: rules name one many times
MOST_KNOWN = 256


def _strip(digest: str, width_km: float, outline: Callable[[], shapes.Floats]) -> shapely.Geometry:
    if digest not in _known:
        while len(_known) >= MOST_KNOWN:
            del _known[next(iter(_known))]
        around = outline()
        _known[digest] = shapes.strip(around, width_km), shapes.steps_of(around)
    else:
        shapes.spend(_known[digest][1])  # what is refused does not depend on what was computed before
    return _known[digest][0]


def km_text(width_km: float) -> str:
    """A width in kilometres with no more digits than it has, to the millimetre."""
    return f"{width_km:.6f}".rstrip("0").rstrip(".")


# --- the polygon of an expression ---------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def polygon_of(expression: Expression) -> shapely.Geometry:
    """The polygon in longitude and latitude, cut at ±180°. Raises NoPolygonError where strips of sea are named.

    The sea as a whole is what is no land.
    """
    own = regions_of(expression)
    check_crossings([region.polygon for region in own], [region.text for region in own])
    match expression:
        case Region():
            return expression.polygon
        case Labels(ids):
            lands_of, rest = ids & set(territories()), ids - set(territories())
            polygon = shapes.land_polygon(lands_of)
            if rest == sea().ids:
                return shapely.union(polygon, _wet(WHOLE))
            if rest:
                raise NoPolygonError(sorted(rest)[0])
            return polygon
        case Union(parts):
            return shapely.union_all([polygon_of(part) for part in parts])
        case Intersection(parts):
            polygon = WHOLE
            for part in parts:
                polygon = polygon if part == sea() else shapely.intersection(polygon, polygon_of(part))
            return shapes.areal(_wet(polygon) if sea() in parts else polygon)
        case Difference(base, without):
            return shapes.areal(shapely.difference(polygon_of(base), polygon_of(without)))


WHOLE = shapely.box(-180.0, -90.0, 180.0, 90.0)


def _wet(polygon: shapely.Geometry) -> shapely.Geometry:
    """What of a polygon is no land."""
    land = lands.load()
    dry = shapely.union_all(land.pieces[land.tree.query(polygon, predicate="intersects")])
    return shapely.difference(polygon, dry)
