"""The kinds of place that some areas tell apart, and what follows from them: an area within another, an empty one.

A kind is a label with the regions that hold it; areas agree on two places of one kind. Every combination is taken for
possible unless the polygons rule it out with room to spare, so what is said to follow does follow; what is not said
may hold all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import shapely

from openleo.places import land as lands
from openleo.places import shapes
from openleo.places.expressions import (
    Difference,
    Expression,
    Intersection,
    Labels,
    Region,
    Union,
    holds,
    labels_of,
    regions_of,
)
from openleo.places.territories import territories

ELSEWHERE = "elsewhere"  # stands for every label that no area names
MOST_REGIONS = 8  # beyond that nothing is said
MOST_KINDS = 50_000
ROOM_DEG = 1e-6  # 0.1 m: polygons that come closer are not told apart


@dataclass(frozen=True)
class Kind:
    """A kind of place."""

    label: str
    inside: frozenset[Region]

    def of(self, area: Expression) -> bool:
        """Whether an area holds it."""
        return holds(area, self.label, self.inside.__contains__) is True


def kinds(areas: Sequence[Expression]) -> list[Kind] | None:
    """The kinds that areas tell apart, for every label that they name and ELSEWHERE; None where they are too many."""
    return _kinds(areas, [*sorted(frozenset[str]().union(*map(labels_of, areas))), ELSEWHERE])


def _kinds(areas: Sequence[Expression], labels: Sequence[str]) -> list[Kind] | None:
    regions = tuple(dict.fromkeys(region for area in areas for region in regions_of(area)))
    if len(regions) > MOST_REGIONS or len(labels) << len(regions) > MOST_KINDS:
        return None
    named = [label for label in labels if label in territories()] if regions else []
    ways = list(_ways(regions))
    return [
        Kind(label, inside)
        for label in labels
        for inside in ways
        if not any(_never_meet(region, label, named) for region in inside)
    ]


def _told_apart(areas: Sequence[Expression]) -> list[Kind] | None:
    """As `kinds`, with one strip of sea for all that stand in the same lists of labels: it speaks for the others."""
    lists = [ids for area in areas for ids in _lists(area)]
    labels = sorted(frozenset[str]().union(*map(labels_of, areas)))
    speaking = {(label if label in territories() else "", *(label in ids for ids in lists)): label for label in labels}
    return _kinds(areas, [*speaking.values(), ELSEWHERE])


def _lists(area: Expression) -> list[frozenset[str]]:
    """The lists of labels that an area is made of."""
    match area:
        case Labels(ids):
            return [ids]
        case Union(parts) | Intersection(parts):
            return [ids for part in parts for ids in _lists(part)]
        case Difference(base, without):
            return [*_lists(base), *_lists(without)]
    return []


@lru_cache(maxsize=8192)
def holds_none(area: Expression) -> bool:
    """Whether an area is certain to hold no place at all."""
    found = _told_apart([area])
    return found is not None and not any(kind.of(area) for kind in found)


@lru_cache(maxsize=65536)
def lies_within(inner: Expression, outer: Expression) -> bool:
    """Whether every place of an area is certain to lie in another."""
    if inner == outer:
        return True
    if isinstance(inner, Labels) and isinstance(outer, Labels):
        return inner.ids <= outer.ids
    found = _told_apart([inner, outer])
    return found is not None and all(kind.of(outer) for kind in found if kind.of(inner))


def ground_of(land: str, area: Expression) -> shapely.Geometry:
    """What of a land lies in an area: a polygon in longitude and latitude, maybe empty."""
    pieces: list[tuple[shapely.Geometry, frozenset[Region]]] = [(shapes.land_polygon(frozenset({land})), frozenset())]
    for region in regions_of(area):
        shapely.prepare(region.polygon)
        cut = []
        for ground, inside in pieces:
            if not shapely.intersects(region.polygon, ground):
                cut.append((ground, inside))
                continue
            cut.append((shapely.intersection(ground, region.polygon), inside | {region}))
            cut.append((shapely.difference(ground, region.polygon), inside))
        pieces = cut
    held = [ground for ground, inside in pieces if Kind(land, inside).of(area)]
    return shapes.areal(shapely.union_all(held))


def _ways(regions: tuple[Region, ...]) -> Iterator[frozenset[Region]]:
    """The sets of regions that one place may lie in."""
    for flags in product((False, True), repeat=len(regions)):
        inside = [region for region, flag in zip(regions, flags, strict=True) if flag]
        outside = [region for region, flag in zip(regions, flags, strict=True) if not flag]
        if any(_apart(one, other) for one in inside for other in inside if one is not other):
            continue
        if any(_within(one, other) for one in inside for other in outside):
            continue
        yield frozenset(inside)


@lru_cache(maxsize=4096)
def _apart(one: Region, other: Region) -> bool:
    return not _near(one.polygon, other.polygon)


@lru_cache(maxsize=4096)
def _within(one: Region, other: Region) -> bool:
    return one.sha256 == other.sha256 or _deep_inside(one.polygon, other.polygon)


def _never_meet(region: Region, label: str, named: Sequence[str]) -> bool:
    """Whether no place of a label lies in a region: it is far from that land, or all of it lies on another."""
    if label in territories() and _off_land(region, label):
        return True
    return any(land != label and _on_land(region, land) for land in named)


@lru_cache(maxsize=4096)
def _off_land(region: Region, land: str) -> bool:
    pieces = lands.load().of({land})
    shapely.prepare(region.polygon)
    return not shapely.dwithin(region.polygon, pieces, ROOM_DEG).any()


@lru_cache(maxsize=4096)
def _on_land(region: Region, land: str) -> bool:
    west, south, east, north = shapely.total_bounds(lands.load().of({land}))
    box = shapely.box(west, south, east, north)
    if not shapely.contains(box, region.polygon):  # most are told by that, and a land's union takes a while
        return False
    return _deep_inside(region.polygon, shapes.land_polygon(frozenset({land})))


def _near(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    shapely.prepare([one, other])
    return bool(shapely.dwithin(one, other, ROOM_DEG))


def _deep_inside(inner: shapely.Geometry, outer: shapely.Geometry) -> bool:
    """Whether a polygon lies inside another, off its edge."""
    shapely.prepare(outer)
    if not shapely.contains_properly(outer, inner):
        return False
    return not shapely.dwithin(inner, shapely.boundary(outer), ROOM_DEG)
