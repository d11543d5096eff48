"""Which labels of the sea a small piece of the Earth could have: bounds from distances to coasts.

A distance to a coast changes by no more than one moves. So what is known at a node's middle bounds what any point of
the node can be: which coasts could be the nearest, and how near. A node that could have several labels is cut into
smaller ones until each label is met at a point or shown to be out of reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import h3.api.numpy_int as h3
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.geodesy import arc_km, chord_of, up
from openleo.places import land as lands
from openleo.places import waters
from openleo.places.land import Land
from openleo.places.territories import HIGH_SEAS, STRIPS
from openleo.units import EARTH_MEAN_RADIUS_KM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# From a node's middle to its corners: what is smaller is not cut further. Where two territories' border ends at the
# shore, a whole sector of sea is as near to both: no cutting settles it, and each step would take four times more.
FINEST_NODE_KM = 0.5
ROUNDING_KM = 1e-6
STRIP_ENDS_KM = np.array([0.0, *waters.STRIP_LIMITS_KM])
KINDS = 1 + len(STRIPS)  # of labels of a territory: its land, then its strips


def label_names(land: Land) -> tuple[str, ...]:
    """Every label: number KINDS × territory + strip, and the high seas last."""
    return (*(id_ + ending for id_ in land.territories for ending in ("", *STRIPS)), HIGH_SEAS)


@dataclass(frozen=True)
class Reach:
    """Coasts that could be the nearest somewhere within a node: rows (node, territory, distance from its middle)."""

    node: Ints
    owner: Ints
    distance_km: Floats

    def of(self, keep: NDArray[np.bool_]) -> Reach:
        return Reach(self.node[keep], self.owner[keep], self.distance_km[keep])

    def nearest_km(self, nodes: int) -> Floats:
        """Per node, the distance to the nearest; infinite where no coast is in reach."""
        nearest = np.full(nodes, np.inf)
        np.minimum.at(nearest, self.node, self.distance_km)
        return nearest


class Field:
    """The coasts of each territory in a tree of its own, so that distances to several can be told apart."""

    def __init__(self, land: Land, chosen: NDArray[np.intp] | None = None):
        """`chosen`: the pieces of land whose coasts count, if not all."""
        points, owner = waters.coast_points(land, np.arange(len(land.pieces)) if chosen is None else chosen)
        # The last point of a border is of both coasts: it stands for the first of their ids alone, which has whatever
        # is as near to the one as to the other. Else a whole sector of sea could have either label.
        order = np.lexsort((owner, *points.T))
        order = order[np.append(True, (np.diff(points[order], axis=0) != 0.0).any(axis=1))]
        order = np.sort(order)
        order = order[np.argsort(owner[order], kind="stable")]
        points, self.owner = points[order], owner[order].astype(np.int64)
        ends = np.searchsorted(self.owner, np.arange(len(land.territories) + 1))
        self.trees = [_tree(points[first:end]) for first, end in pairwise(ends)]
        self.tree = _tree(points)
        caps = [_cap(points[first:end]) for first, end in pairwise(ends)]
        self.cap_middle, self.cap_km = np.array([cap[0] for cap in caps]), np.array([cap[1] for cap in caps])
        self.high_seas = Field.high_seas_of(land)

    @staticmethod
    def high_seas_of(land: Land) -> int:
        """The number of the label `high-seas`, the last one."""
        return KINDS * len(land.territories)

    def distances(self, middle: Floats, radius_km: Floats, node: Ints, owner: Ints) -> Reach:
        """The rows (node, owner) whose coast could be the nearest within `radius_km` of the node's middle."""
        return self.nearest(middle, radius_km, node, owner)[0]

    def nearest(self, middle: Floats, radius_km: Floats, node: Ints, owner: Ints) -> tuple[Reach, Floats]:
        """As `distances`, with the points of the coasts that are the nearest (unit vectors)."""
        distance = np.full(len(node), np.inf)
        point = np.zeros((len(node), 3))
        order = np.argsort(owner.astype(np.int16), kind="stable")  # by digits, which of 64 bits numpy does not
        ends = np.searchsorted(owner[order], np.arange(len(self.trees) + 1))
        for tree, first, end in zip(self.trees, ends[:-1], ends[1:], strict=True):
            if end > first and tree.n > 0:  # an enclave has no point that is not of its neighbour too
                rows = order[first:end]
                farthest = waters.STRIP_LIMITS_KM[-1] + 2.0 * float(radius_km[node[rows]].max()) + 1.0
                far, which = tree.query(middle[node[rows]], distance_upper_bound=chord_of(farthest))
                distance[rows] = arc_km(np.asarray(far))
                point[rows] = tree.data[np.minimum(which, tree.n - 1)]
        found = Reach(node, owner, distance)
        least = found.nearest_km(len(middle))
        keep = np.isfinite(distance) & (distance <= least[node] + 2.0 * radius_km[node] + ROUNDING_KM)
        return found.of(keep), point[keep]

    def not_behind(self, middle: Floats, radius_km: Floats, node: Ints, owner: Ints) -> NDArray[np.bool_]:
        """The rows (node, owner) that `nearest` must look at: the cap around the others' coast lies too far off."""
        far = self.tree.query(middle, distance_upper_bound=chord_of(waters.REACH_KM))[0]
        within = (arc_km(np.asarray(far)) + 2.0 * radius_km + ROUNDING_KM)[node] + self.cap_km[owner]
        most = np.cos(np.minimum(within / EARTH_MEAN_RADIUS_KM, np.pi))
        near: NDArray[np.bool_] = np.einsum("ri,ri->r", middle[node], self.cap_middle[owner]) >= most
        return near

    def possible(self, reach: Reach, radius_km: Floats) -> tuple[Ints, Ints]:
        """Rows (node, label): every label at sea that some point of a node could have."""
        nearest = reach.nearest_km(len(radius_km))
        low = reach.distance_km - radius_km[reach.node] - ROUNDING_KM
        high = (nearest + radius_km)[reach.node] + ROUNDING_KM
        nodes, labels = [], []
        for strip in range(len(STRIPS)):
            here = (low <= STRIP_ENDS_KM[strip + 1]) & (high >= STRIP_ENDS_KM[strip])
            nodes.append(reach.node[here])
            labels.append(KINDS * reach.owner[here] + 1 + strip)
        beyond = np.flatnonzero(nearest + radius_km + ROUNDING_KM > STRIP_ENDS_KM[-1])
        nodes.append(beyond)
        labels.append(np.full(len(beyond), self.high_seas))
        return np.concatenate(nodes), np.concatenate(labels)

    def label_at(self, points: Floats) -> Ints:
        """The label at sea of unit vectors."""
        far, which = self.tree.query(points, distance_upper_bound=chord_of(waters.REACH_KM))
        strip = np.searchsorted(STRIP_ENDS_KM[1:], arc_km(np.asarray(far)))
        owner = np.append(self.owner, 0)[which]
        return np.where(strip < len(STRIPS), KINDS * owner + 1 + strip, self.high_seas).astype(np.int64)

    def at_middle(self, reach: Reach, nodes: int) -> Ints:
        """The label at sea of each node's middle, as `waters.Coasts.label` has it."""
        tied = np.flatnonzero(reach.distance_km <= reach.nearest_km(nodes)[reach.node] + waters.TIE_KM)
        order = tied[np.lexsort((reach.owner[tied], reach.node[tied]))]
        node, first = np.unique(reach.node[order], return_index=True)
        row = order[first]
        strip = np.searchsorted(STRIP_ENDS_KM[1:], reach.distance_km[row])
        label = np.full(nodes, self.high_seas)
        label[node] = np.where(strip < len(STRIPS), KINDS * reach.owner[row] + 1 + strip, self.high_seas)
        return label


def _cap(points: Floats) -> tuple[Floats, float]:
    """(unit vector of the middle of some points, the radius in km around it that holds them)."""
    middle = points.sum(axis=0)
    length = float(np.linalg.norm(middle))
    if length == 0.0:
        return np.array([1.0, 0.0, 0.0]), np.pi * EARTH_MEAN_RADIUS_KM
    middle /= length
    return middle, float(arc_km(np.linalg.norm(points - middle, axis=1)).max()) + ROUNDING_KM


def _tree(points: Floats) -> KDTree:
    return KDTree(points, leafsize=16, balanced_tree=False)  # made and asked in three quarters of the usual time


def field_of(land: Land, near: NDArray[np.object_]) -> Field | None:
    """The coasts in reach of some outlines, None where there are none."""
    chosen = waters.within_reach(land, near)
    if len(chosen) == 0:
        return None
    if land is not lands.load():
        return Field(land, chosen)
    return _field(None if len(chosen) > len(land.pieces) // 2 else tuple(chosen.tolist()))


@lru_cache(maxsize=4)
def _field(chosen: tuple[int, ...] | None) -> Field:
    """Of all land or some pieces; kept, as one area is often cut again under other regions."""
    return Field(lands.load(), None if chosen is None else np.array(chosen))


def passed_on(reach: Reach, parent: Ints, parents: int) -> tuple[Ints, Ints]:
    """Rows (child, territory): each child has what is in reach of its parent; `parent[child]`."""
    order = np.argsort(reach.node, kind="stable")
    count = np.bincount(reach.node, minlength=parents)
    start = (np.cumsum(count) - count)[parent]
    each = count[parent]
    child = np.repeat(np.arange(len(parent)), each)
    offset = np.arange(len(child)) - np.repeat(np.cumsum(each) - each - start, each)
    return child, reach.owner[order[offset]]


def groups(of: Ints) -> dict[int, Ints]:
    """The rows of each number that occurs."""
    order = np.argsort(of, kind="stable")
    numbers, first = np.unique(of[order], return_index=True)
    ends = np.append(first, len(of))
    return {number: order[ends[k] : ends[k + 1]] for k, number in enumerate(numbers.tolist())}


@dataclass(frozen=True)
class _Nodes:
    """Triangles on the unit sphere: `corners` (node, corner, xyz), the cell of each, and rows (node, territory)."""

    corners: Floats
    cell: Ints
    row: Ints
    owner: Ints


def labels_met(
    field: Field, cells: Cells, chosen: Ints, reach: Reach, water: Mapping[int, shapely.Geometry]
) -> tuple[Ints, int]:
    """(rows (cell, label), axes (2, row): labels at sea of the chosen cells; how many of them were met at no point).

    `reach` has rows for cells by number; `water` is the sea of those of them that have land, too.
    """
    if len(chosen) == 0:
        return np.empty((2, 0), np.int64), 0
    labels = field.high_seas + 1
    inner, cell = _first_points(cells, chosen, water)
    row, owner = passed_on(reach, cell, len(cells))
    here = field.at_middle(field.distances(inner, np.zeros(len(cell)), row, owner), len(cell))
    met = np.unique(cell * labels + here)
    corners, cell = _fans(cells, chosen)
    nodes = _Nodes(corners, cell, *passed_on(reach, cell, len(cells)))
    unproved = np.empty(0, np.int64)
    while len(nodes.cell):
        nodes, met, small = _one_round(field, nodes, met, water)
        unproved = np.union1d(unproved, small)
    unproved = np.setdiff1d(unproved, met)
    return np.stack(np.divmod(np.concatenate([met, unproved]), labels)), len(unproved)


def _one_round(
    field: Field, nodes: _Nodes, met: Ints, water: Mapping[int, shapely.Geometry]
) -> tuple[_Nodes, Ints, Ints]:
    """(nodes of half the size that may still have something new, labels met, labels that small nodes leave open).

    Labels as cell × labels + label.
    """
    labels = field.high_seas + 1
    middle = nodes.corners.mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    radius = arc_km(np.linalg.norm(nodes.corners - middle[:, np.newaxis], axis=2).max(axis=1))
    near = field.distances(middle, radius, nodes.row, nodes.owner)
    row, label = field.possible(near, radius)
    new = ~np.isin(nodes.cell[row] * labels + label, met)
    asking = np.unique(row[new])
    wet = asking[_in_water(middle[asking], nodes.cell[asking], water)]
    met = np.union1d(met, nodes.cell[wet] * labels + field.at_middle(near, len(radius))[wet])
    new &= ~np.isin(nodes.cell[row] * labels + label, met)
    asking = np.unique(row[new])
    asking = asking[_touches_water(nodes.corners[asking], nodes.cell[asking], water)]
    small = np.zeros(len(radius), dtype=bool)
    small[asking] = radius[asking] <= FINEST_NODE_KM
    unproved = np.unique((nodes.cell[row] * labels + label)[new & small[row]])
    asking = asking[~small[asking]]
    number = np.full(len(radius), -1)
    number[asking] = np.arange(len(asking))
    kept = near.of(number[near.node] >= 0)
    parent = np.repeat(np.arange(len(asking)), 4)
    rows = passed_on(Reach(number[kept.node], kept.owner, kept.distance_km), parent, len(asking))
    return _Nodes(_quarters(nodes.corners[asking]), nodes.cell[asking][parent], *rows), met, unproved


def _first_points(cells: Cells, chosen: Ints, water: Mapping[int, shapely.Geometry]) -> tuple[Floats, Ints]:
    """(unit vectors, cell) of points at sea: one in each water of a cell with land, the middle of each other one."""
    open_sea = np.array([cell for cell in chosen.tolist() if cell not in water], dtype=np.int64)
    shore = np.array([cell for cell in chosen.tolist() if cell in water], dtype=np.int64)
    parts, of = shapely.get_parts(np.array([water[cell] for cell in shore.tolist()], object), return_index=True)
    solid = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    inner = shapely.get_coordinates(shapely.point_on_surface(parts[solid])).reshape(-1, 2)
    points = [up(*h3cells.centres_deg(cells[open_sea])), up(inner[:, 1], inner[:, 0])]
    return np.concatenate(points), np.concatenate([open_sea, shore[of[solid]]])


def _fans(cells: Cells, chosen: Ints) -> tuple[Floats, Ints]:
    """(triangles (node, corner, xyz) from the middle of each cell to its edges, their cells)."""
    corners, of = [], []
    middle = up(*h3cells.centres_deg(cells[chosen]))
    for cell, centre in zip(chosen.tolist(), middle, strict=True):
        latitude, longitude = np.array(h3.cell_to_boundary(int(cells[cell]))).T
        ring = up(latitude, longitude)
        corners.append(np.stack([np.broadcast_to(centre, ring.shape), ring, np.roll(ring, -1, axis=0)], axis=1))
        of += [cell] * len(ring)
    return np.concatenate(corners), np.array(of, dtype=np.int64)


def _quarters(corners: Floats) -> Floats:
    """Each triangle cut into four by the middles of its edges, axes (4 × node, corner, xyz)."""
    between = corners + np.roll(corners, -1, axis=1)  # of corners 0 and 1, 1 and 2, 2 and 0
    between /= np.linalg.norm(between, axis=2, keepdims=True)
    (a, b, c), (ab, bc, ca) = np.moveaxis(corners, 1, 0), np.moveaxis(between, 1, 0)
    four = [np.stack(one, axis=1) for one in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    return np.stack(four, axis=1).reshape(-1, 3, 3)


def _degrees(vectors: Floats) -> tuple[Floats, Floats]:
    """(longitude, latitude) of vectors (…, xyz)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))


def _of_shore(cell: Ints, water: Mapping[int, shapely.Geometry]) -> tuple[Ints, NDArray[np.object_]]:
    """(rows of cells that have land, their water)."""
    rows = np.flatnonzero(np.isin(cell, np.array(list(water), dtype=np.int64)))
    shapes = np.array([water[one] for one in cell[rows].tolist()], dtype=object)
    shapely.prepare(shapes)
    return rows, shapes


def _in_water(middle: Floats, cell: Ints, water: Mapping[int, shapely.Geometry]) -> NDArray[np.bool_]:
    found = np.ones(len(cell), dtype=bool)
    rows, shapes = _of_shore(cell, water)
    found[rows] = shapely.contains_xy(shapes, *_degrees(middle[rows]))
    return found


def _touches_water(corners: Floats, cell: Ints, water: Mapping[int, shapely.Geometry]) -> NDArray[np.bool_]:
    """Whether triangles share ground with their cells' water; one across the antimeridian is taken to."""
    found = np.ones(len(cell), dtype=bool)
    rows, shapes = _of_shore(cell, water)
    longitude, latitude = _degrees(corners[rows])
    plain = np.ptp(longitude, axis=1) < 180.0 if len(rows) else np.empty(0, bool)
    ring = np.stack([longitude, latitude], axis=-1)[plain]
    found[rows[plain]] = shapely.intersects(shapely.polygons(ring), shapes[plain]) if len(ring) else False
    return found
