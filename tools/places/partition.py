"""The atlas's land, given to territories: each point of land to exactly one.

Takes the atlas's features and the tables of `decisions.py`; gives a dict from territory to its land, pairwise
disjoint, together all the land of the atlas plus the islets it lacks. Coordinates are whole micro-degrees.
"""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from places.atlas import Feature, areas_only
from places.decisions import FEATURES, OUTLINES, PARTS, REDRAWN, UNITS
from places.iso import by_numeric
from places.outlines import drawn_outline, islets, unit_outline

GRID_DEG = 1e-6  # 0.1 m
LARGEST_GAP_DEG2 = 0.05  # about 500 km²; the Caspian Sea, which is left out on purpose, has 40
Land = dict[str, BaseGeometry]


def partition(features: list[Feature]) -> Land:
    """Territory → land, after every decision."""
    land = by_feature(features)
    for decision in PARTS:
        move(land, decision.origin, decision.territory, whole_parts_in(land, decision.origin, decision.box))
    for decision in OUTLINES:
        move(land, decision.origin, decision.territory, drawn_outline(decision.outline))
    for unit in UNITS:
        move(land, unit.origin, unit.territory, unit_outline(unit.countrycode, unit.units))
    for decision in REDRAWN:
        redraw(land, decision.origin, decision.territory, drawn_outline(decision.outline))
    for territory, discs in islets().items():
        add(land, territory, discs)
    land = disjoint(land)
    fill_inland_gaps(land)
    return on_grid(land)


def by_feature(features: list[Feature]) -> Land:
    """The first cut: every feature to the territory of its ISO number, or of the table of those without."""
    named = {decision.feature: decision.territory for decision in FEATURES}
    numbered = by_numeric()
    parts: dict[str, list[BaseGeometry]] = {}
    for feature in features:
        # By name first: Ashmore and Cartier carries Australia's number.
        territory = named.get(feature.name) or numbered[feature.iso_numeric or ""]
        parts.setdefault(territory, []).append(feature.geometry)
    return {territory: shapely.union_all(geometries) for territory, geometries in parts.items()}


def whole_parts_in(land: Land, origin: str, box: tuple[float, float, float, float]) -> BaseGeometry:
    """The polygons of a territory that lie in a box; empty when this scale of the atlas lacks them."""
    inside = shapely.box(*box)
    parts = shapely.get_parts(land.get(origin, shapely.Polygon()))
    return shapely.union_all([part for part in parts if inside.contains(part.representative_point())])


def move(land: Land, origin: str, territory: str, area: BaseGeometry) -> None:
    """Give the land of `origin` inside `area` to `territory`."""
    if origin not in land:
        return
    moved = areas_only(shapely.intersection(land[origin], area))
    land[origin] = areas_only(shapely.difference(land[origin], area))
    grow(land, territory, moved)


def redraw(land: Land, neighbour: str, territory: str, outline: BaseGeometry) -> None:
    """Replace the land of `territory` by an outline; what it had beyond goes to the neighbour."""
    grow(land, neighbour, land.get(territory, shapely.Polygon()))
    land[neighbour] = areas_only(shapely.difference(land[neighbour], outline))
    land[territory] = outline


def add(land: Land, territory: str, area: BaseGeometry) -> None:
    """Give `area` to `territory`, out of whatever had it (nobody: an islet the atlas lacks)."""
    for other, geometry in land.items():
        if other != territory and geometry.intersects(area):
            land[other] = areas_only(shapely.difference(geometry, area))
    grow(land, territory, area)


def grow(land: Land, territory: str, area: BaseGeometry) -> None:
    if not area.is_empty:
        land[territory] = shapely.union_all([land.get(territory, shapely.Polygon()), area])


def disjoint(land: Land) -> Land:
    """No point twice: where the atlas's own features overlap, the smaller keeps the land (Macao, not China)."""
    order = sorted(land, key=lambda territory: land[territory].area)
    tree = shapely.STRtree([land[territory] for territory in order])
    clean: Land = {}
    for rank, territory in enumerate(order):
        smaller = [order[i] for i in tree.query(land[territory], predicate="overlaps") if i < rank]
        taken = shapely.union_all([land[other] for other in smaller])
        clean[territory] = areas_only(shapely.difference(land[territory], taken)) if smaller else land[territory]
    return clean


def fill_inland_gaps(land: Land) -> None:
    """Give holes of the atlas's land to the neighbour with the longest shore there.

    The atlas leaves out Lake Constance, which has no agreed border, and a gap between Laos and its neighbours. Left
    open they would be sea, 500 km from any.
    """
    whole = shapely.union_all(list(land.values()))
    for polygon in shapely.get_parts(whole):
        for ring in polygon.interiors:
            gap = shapely.Polygon(ring)
            if gap.area > LARGEST_GAP_DEG2:
                continue
            near = [id_ for id_, one in land.items() if shapely.intersects(one, gap)]
            shore = {id_: shapely.length(shapely.intersection(gap.boundary, areas_only(land[id_]))) for id_ in near}
            grow(land, max(shore, key=lambda id_: shore[id_]), gap)


def on_grid(land: Land) -> Land:
    """Every vertex on a whole micro-degree, every polygon valid."""
    return {
        territory: areas_only(shapely.set_precision(geometry, GRID_DEG))
        for territory, geometry in sorted(land.items())
        if not geometry.is_empty
    }
