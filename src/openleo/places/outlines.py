"""Areas around areas, territorial waters among them: all that lies within some kilometres of a place of one.

Takes an expression and a distance; gives expressions. The waters of a land are drawn here as a polygon, which
`regions` leaves to distances point by point: as far from its coast as they reach, without other land; where another's
coast is near, fine cells divide them. So towards another's waters the edge is true to the radius of such a cell, 2 km,
and everywhere else to that of any strip (`shapes.MOST_ERROR_KM`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import shapely

from openleo import cells as h3cells
from openleo.places import land as lands
from openleo.places import regions, shapes, waters
from openleo.places.expressions import (
    WORLD,
    Difference,
    Expression,
    Intersection,
    Labels,
    Region,
    Union,
    difference,
    intersection,
    sea,
    sha256_of,
    text_of,
    union,
)
from openleo.places.regions import NoPolygonError
from openleo.places.territories import TERRITORIAL_SEA, territories

FINE, COARSE = 7, 5  # resolutions of the cells that divide waters, and of those among which they are looked for
CLOSED_DEG = 1e-6  # 0.1 m: gaps so narrow come of rounding where polygons are put together
REACH_KM = 2.0 * waters.STRIP_LIMITS_KM[0]  # between coasts whose waters could meet


def widened(area: Expression, width_km: float) -> Expression:
    """All that lies within a width of a place of the area. Raises NoPolygonError."""
    if width_km == 0.0 or area == WORLD:
        return area
    return union([area, regions.edge(_closed(area), width_km)])


def narrowed(area: Expression, width_km: float) -> Expression:
    """The places around which all within a width lies in the area. Raises NoPolygonError."""
    if width_km == 0.0 or area == WORLD:
        return area
    return difference(area, regions.edge(_closed(area), width_km))


def _closed(area: Expression) -> Expression:
    """The area drawn, its parts put together without gaps between them."""
    shape = drawn(area)
    if isinstance(shape, Labels | Region):
        return shape
    whole = regions.polygon_of(shape)
    for width in (CLOSED_DEG, -CLOSED_DEG):
        whole = shapely.buffer(whole, width, join_style="mitre")
    return Region(text_of(area), sha256_of(area), shapely.intersection(whole, regions.WHOLE))


def drawn(area: Expression) -> Expression:
    """The area with its territorial waters as polygons.

    Raises NoPolygonError for waters beyond 12 nautical miles, and for the sea as a whole, whose outline is every coast.
    """
    match area:
        case Labels(ids):
            return _drawn_labels(ids)
        case Region():
            return area
        case Union(parts):
            return union([drawn(part) for part in parts])
        case Intersection(parts):
            bounded = len(parts) > 1  # the sea within something is what of it is no land
            return intersection([part if bounded and part == sea() else drawn(part) for part in parts])
        case Difference(base, without):
            return difference(drawn(base), drawn(without))


def _drawn_labels(ids: frozenset[str]) -> Expression:
    wet = frozenset(id_.removesuffix(TERRITORIAL_SEA) for id_ in ids if id_.endswith(TERRITORIAL_SEA))
    dry = ids & set(territories())
    if beyond := sorted(ids - dry - {id_ + TERRITORIAL_SEA for id_ in wet}):
        raise NoPolygonError("sea" if ids >= sea().ids else beyond[0])
    if not wet:
        return Labels(ids)
    return Region(text_of(Labels(ids)), sha256_of(Labels(ids)), with_waters(dry, wet))


@lru_cache(maxsize=64)
def with_waters(dry: frozenset[str], wet: frozenset[str]) -> shapely.Geometry:
    """The land of some territories and the 12-nautical-mile waters of some, as one polygon."""
    land = lands.load()
    near = shapes.strip(shapes.sea_coast(wet), waters.STRIP_LIMITS_KM[0])
    if near.is_empty:
        return shapes.land_polygon(dry)
    near = shapely.difference(near, _waters_of_others(near, wet))
    touched = land.tree.query(near, predicate="intersects")
    foreign = ~np.isin(np.array(land.territories)[land.owner[touched]], sorted(dry))
    near = shapely.difference(near, shapely.union_all(land.pieces[touched[foreign]]))
    return shapes.areal(shapely.union(shapes.land_polygon(dry), near))


def _waters_of_others(near: shapely.Geometry, wet: frozenset[str]) -> shapely.Geometry:
    """What of some waters where another's coast is near is the others': whole cells, each decided by its middle.

    So what is drawn of one territory ends where what is drawn of another begins. None is drawn beyond its own strip:
    what is drawn of two together then holds what is drawn of the one.
    """
    land = lands.load()
    cells = _near_others(near, wet)
    latitude, longitude = h3cells.centres_deg(cells)
    coasts = waters.coasts(land, np.array([near], dtype=object), REACH_KM)
    distance, owner = coasts.distance_km(latitude, longitude)
    own = np.isin(np.append(np.array(land.territories), "")[owner], sorted(wet))
    return shapely.union_all(h3cells.outlines(cells[(distance <= waters.STRIP_LIMITS_KM[0]) & ~own]))


def _near_others(near: shapely.Geometry, wet: frozenset[str]) -> h3cells.Cells:
    """The fine cells of some waters in which another's coast could be the nearest."""
    land = lands.load()
    others = ~np.isin(np.array(land.territories)[land.owner], sorted(wet))
    pieces = land.pieces[others]
    coasts = waters.coasts(
        lands.Land(land.territories, land.owner[others], pieces, shapely.STRtree(pieces)),
        np.array([near], dtype=object), REACH_KM,
    )  # fmt: skip
    cells = h3cells.overlapping([near], COARSE)
    distance, _ = coasts.distance_km(*h3cells.centres_deg(cells))
    return h3cells.children(cells[distance <= waters.STRIP_LIMITS_KM[0] + 2.0 * h3cells.radius_km(COARSE)], FINE)
