"""Areas around areas, territorial waters among them: all that lies within some kilometres of a place of one.

Takes an expression and a distance; gives expressions. The waters of a land are drawn here as a polygon, which
`regions` leaves to distances point by point: as far from its coast as they reach, without other land, and without fine
cells whose middle is nearer to another coast. So towards another's waters the edge is true to the
cells' radius, and everywhere else to that of any strip (`shapes.MOST_ERROR_KM`).
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

FINEST, COARSE = 8, 5  # resolutions of the cells that divide waters: 0.7 km from middle to corner, to 14
MOST_CELLS = 100_000
REACH_KM = 2.0 * waters.STRIP_LIMITS_KM[0]  # between coasts whose waters could meet


def widened(area: Expression, width_km: float) -> Expression:
    """All that lies within a width of a place of the area. Raises NoPolygonError."""
    if width_km == 0.0 or area == WORLD:
        return area
    return union([area, regions.edge(drawn(area), width_km)])


def narrowed(area: Expression, width_km: float) -> Expression:
    """The places around which all within a width lies in the area. Raises NoPolygonError."""
    if width_km == 0.0 or area == WORLD:
        return area
    return difference(area, regions.edge(drawn(area), width_km))


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
    ground = shapes.land_polygon(dry)
    near = shapes.strip(shapes.sea_coast(wet), waters.STRIP_LIMITS_KM[0])
    if near.is_empty:
        return ground
    touched = land.tree.query(near, predicate="intersects")
    own = np.isin(np.array(land.territories)[land.owner[touched]], sorted(dry))
    near = shapely.difference(near, shapely.union_all(land.pieces[touched[~own]]))
    return shapes.areal(shapely.union(ground, shapely.difference(near, _of_others(near, wet))))


def _of_others(near: shapely.Geometry, wet: frozenset[str]) -> shapely.Geometry:
    """Fine cells whose middle, at sea or on land, is nearer to the coast of a territory that is not asked for."""
    land = lands.load()
    cells = _near_others(near, wet)
    if len(cells) == 0:
        return shapely.MultiPolygon()
    latitude, longitude = h3cells.centres_deg(cells)
    _, owner = waters.coasts(land, np.array([near], dtype=object), REACH_KM).distance_km(latitude, longitude)
    theirs = ~np.isin(np.append(np.array(land.territories), "")[owner], sorted(wet))
    return shapely.union_all(h3cells.outlines(cells[theirs]))


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
    cells = cells[distance <= waters.STRIP_LIMITS_KM[0] + h3cells.radius_km(COARSE)]
    finest = next((one for one in range(FINEST, COARSE, -1) if len(cells) * 7 ** (one - COARSE) <= MOST_CELLS), COARSE)
    return h3cells.children(cells, finest)
