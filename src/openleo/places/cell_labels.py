"""Which labels every cell of the Earth touches: territories, strips of sea, the high seas.

Takes the land and the distance field of its coasts; gives, for an H3 resolution, the labels of every cell. Coarse cells
that lie wholly within one label settle all their descendants; what is left at the resolution asked for is looked at by
the exact polygons (land) and by cutting the cell into ever smaller triangles (sea) until each label is either met at a
point or shown to be out of reach. Nothing that a cell touches is left out. What is too small to settle
(`sea_reach.FINEST_NODE_KM`) is put in: such a label is counted, not hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.geodesy import arc_km, up
from openleo.places import waters
from openleo.places.land import Land, area_sr
from openleo.places.sea_reach import KINDS, ROUNDING_KM, Field, Reach, groups, labels_met, passed_on
from openleo.units import EARTH_MEAN_RADIUS_KM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
OnProgress = Callable[[str, int, int], None]  # what is done, how much of it, of how much

FIRST_RESOLUTION = 2  # of the cells that are looked at first
POINTS_AN_EDGE = 4  # of a cell's outline, so that the hull holds the great circle as well as the straight line


@dataclass(frozen=True)
class Touching:
    """Rows (cell, label), sorted and each once; `unproved` of them were not met at a point."""

    cell: Ints  # numbers into the cells of the resolution
    label: Ints  # numbers into `label_names`
    unproved: int


def touching(land: Land, resolution: int, progress: OnProgress | None = None) -> Touching:
    """The labels of every cell of the Earth at a resolution, cells numbered as `cells.world` sorts them."""
    tell = progress or (lambda _what, _done, _of: None)
    steps = max(resolution - FIRST_RESOLUTION + 1, 1) + 2
    field = Field(land)
    world = h3cells.world(resolution)
    settled: list[tuple[Ints, Ints]] = []
    level = min(FIRST_RESOLUTION, resolution)
    nodes = h3cells.world(level)
    every = np.arange(len(land.territories))
    node, owner = np.repeat(np.arange(len(nodes)), len(every)), np.tile(every, len(nodes))
    while True:
        tell(f"labels of cells at resolution {level}", level - FIRST_RESOLUTION + 1, steps)
        middle_deg = h3cells.centres_deg(nodes)
        radius = np.full(len(nodes), h3cells.radius_km(level))
        reach = field.distances(up(*middle_deg), radius, node, owner)
        label = _wholly(land, field, middle_deg, reach, radius)
        whole = np.flatnonzero(label >= 0)
        cell, of = _descendants(nodes[whole], world, resolution)
        settled.append((cell, label[whole][of]))
        left = np.flatnonzero(label < 0)
        number = np.full(len(nodes), -1)
        number[left] = np.arange(len(left))
        rows = reach.of(number[reach.node] >= 0)
        reach = Reach(number[rows.node], rows.owner, rows.distance_km)
        nodes = nodes[left]
        if level == resolution:
            break
        level += 1
        finer = h3cells.children(nodes, level)
        node, owner = passed_on(reach, np.searchsorted(nodes, h3cells.parents(finer, level - 1)), len(nodes))
        nodes = finer
    tell("cells on borders and coasts", steps - 1, steps)
    cell, label, unproved = _looked_at(land, field, nodes, reach)
    settled.append((np.searchsorted(world, nodes[cell]), label))
    tell("cells on borders and coasts", steps, steps)
    cells, labels = (np.concatenate([one[axis] for one in settled]) for axis in (0, 1))
    order = np.lexsort((labels, cells))
    return Touching(cells[order], labels[order], unproved)


def _wholly(land: Land, field: Field, middle_deg: tuple[Floats, Floats], reach: Reach, radius_km: Floats) -> Ints:
    """The label that all of a node has, or −1 where it may have several.

    Coast points stand no further apart than their spacing, so a disc further away from them than half of that is
    crossed by no coast nor border: it is all land or all sea.
    """
    count = len(radius_km)
    clear = reach.nearest_km(count) > radius_km + waters.COAST_SPACING_KM / 2.0 + ROUNDING_KM
    territory = np.full(count, -1)
    latitude, longitude = middle_deg
    territory[clear] = land.territory_of(longitude[clear], latitude[clear])
    node, label = field.possible(reach, radius_km)
    alone = np.bincount(node, minlength=count)[node] == 1
    only = np.full(count, -1)
    only[node[alone]] = label[alone]
    return np.where(clear, np.where(territory >= 0, KINDS * territory, only), -1)


def _descendants(nodes: Cells, world: Cells, resolution: int) -> tuple[Ints, Ints]:
    """(numbers of all cells of the world within nodes, which of the nodes each is within).

    Descendants of a cell follow each other in the order of the world.
    """
    if len(nodes) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    digits = h3cells.FINEST_RESOLUTION - resolution
    unused = np.uint64((1 << (h3cells.DIGIT_BITS * digits)) - 1)
    level = np.uint64(resolution << h3cells.RESOLUTION_SHIFT)
    last = (nodes & ~np.uint64(0xF << h3cells.RESOLUTION_SHIFT)) | level | unused  # all digits 7: after its last one
    node_digits = h3cells.FINEST_RESOLUTION - h3cells.resolution_of(nodes)
    below = np.uint64(((1 << (h3cells.DIGIT_BITS * node_digits)) - 1) & ~int(unused))
    first = np.searchsorted(world, last & ~below)
    count = np.searchsorted(world, last, side="right") - first
    of = np.repeat(np.arange(len(nodes)), count)
    return np.arange(len(of)) - np.repeat(np.cumsum(count) - count - first, count), of


# --- cells that no disc settles -----------------------------------------------------------------------------------


def hulls(cells: Cells) -> tuple[NDArray[np.object_], Ints]:
    """(convex polygons in longitude and latitude that together hold the cells, the number of each one's cell).

    A cell's edges are great circles; drawn straight in longitude and latitude they are off by up to 0.1 km at res 3.
    The hull of both holds whatever either has. A cell across the antimeridian has a polygon on each side.
    """
    parts, cell = shapely.get_parts(h3cells.outlines(cells), return_index=True)
    degrees, part = shapely.get_coordinates(parts, return_index=True)
    edge = np.flatnonzero(part[1:] == part[:-1])
    start, end = degrees[edge], degrees[edge + 1]
    from_, to = up(start[:, 1], start[:, 0]), up(end[:, 1], end[:, 0])
    points, of = [degrees], [part]
    for step in range(1, POINTS_AN_EDGE):
        way = from_ + (to - from_) * (step / POINTS_AN_EDGE)
        latitude = np.degrees(np.arctan2(way[:, 2], np.hypot(way[:, 0], way[:, 1])))
        longitude = np.degrees(np.arctan2(way[:, 1], way[:, 0]))
        longitude += 360.0 * np.round((start[:, 0] - longitude) / 360.0)
        within = np.abs(end[:, 0] - start[:, 0]) < 90.0  # an edge along ±90° of latitude has no length
        points.append(np.column_stack([np.clip(longitude, -180.0, 180.0), latitude])[within])
        of.append(part[edge][within])
    order = np.argsort(np.concatenate(of), kind="stable")
    lines = shapely.multipoints(np.concatenate(points)[order], indices=np.concatenate(of)[order])
    return shapely.convex_hull(lines), cell


def _looked_at(land: Land, field: Field, cells: Cells, reach: Reach) -> tuple[Ints, Ints, int]:
    """(cell, label) rows of cells, each once, and how many labels stand there unproved."""
    if len(cells) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64), 0
    hull, cell_of = hulls(cells)
    part, piece = land.tree.query(hull, predicate="intersects")
    ground = shapely.intersection(hull[part], land.pieces[piece])
    on_land_sr = area_sr(ground)
    on_land = np.flatnonzero(on_land_sr > 0.0)
    dry_sr = np.bincount(cell_of[part], weights=on_land_sr, minlength=len(cells))
    all_sr = np.bincount(cell_of, weights=area_sr(hull), minlength=len(cells))
    radius_km = h3cells.radius_km(h3cells.resolution_of(cells))
    sliver_sr = np.where(dry_sr > 0.0, waters.SLIVER_KM * 6.0 * radius_km / EARTH_MEAN_RADIUS_KM**2, 0.0)
    at_sea = all_sr - dry_sr > sliver_sr
    rows = np.unique(cell_of[part[on_land]] * (field.high_seas + 1) + KINDS * land.owner[piece[on_land]])
    land_rows = np.stack(np.divmod(rows, field.high_seas + 1))

    corner, corner_of = shapely.get_coordinates(hull, return_index=True)
    middle = up(*h3cells.centres_deg(cells))
    away = np.linalg.norm(up(corner[:, 1], corner[:, 0]) - middle[cell_of[corner_of]], axis=1)
    radius = np.zeros(len(cells))
    np.maximum.at(radius, cell_of[corner_of], arc_km(away))
    near = reach.nearest_km(len(cells))
    within = reach.of(at_sea[reach.node] & (reach.distance_km <= (near + 2.0 * radius)[reach.node] + ROUNDING_KM))
    node, label = field.possible(within, radius)
    node, label = node[at_sea[node]], label[at_sea[node]]
    several = np.bincount(node, minlength=len(cells)) > 1
    sure = ~several[node]
    sea = [np.stack([node[sure], label[sure]])]
    doubtful = np.flatnonzero(several)
    shore = doubtful[dry_sr[doubtful] > 0.0]
    water = _waters(shore, hull, cell_of, part, ground, land.owner[piece])
    found, unproved = labels_met(field, cells, doubtful, within, water)
    sea.append(found)
    cell, label = np.concatenate([land_rows, *sea], axis=1)
    return cell, label, unproved


def _waters(
    cells: Ints, hull: NDArray[np.object_], cell_of: Ints, part: Ints, ground: NDArray[np.object_], owner: Ints
) -> dict[int, shapely.Geometry]:
    """The water of some cells: what is left of them without their land, but for gaps between neighbours' borders.

    `ground` and `owner` have a row for each of `part`.
    """
    found = {}
    rows_by_cell, parts_by_cell = groups(cell_of[part]), groups(cell_of)
    for cell in cells.tolist():
        dry = shapely.union_all(ground[rows_by_cell[cell]])
        water = shapely.difference(shapely.union_all(hull[parts_by_cell[cell]]), dry)
        several = len(np.unique(owner[rows_by_cell[cell]])) > 1
        found[cell] = waters.without_gaps(water) if several else waters.wide_parts(water)
    return found
