"""How much of the sea of a piece of ground is of each strip.

Takes cells and the pieces of ground that lie in them; gives the share of every label in each piece's sea. A piece that
lies wholly in one strip is settled by a bound on distances (`sea_reach`). The sea of any other is laid out in triangles
that end at the coast, and these are cut into ever smaller ones: one that lies in one strip counts for it with its area.
Triangles are cut until the shares are known to ERROR_SHARE or ERROR_KM2, and, down to `sea_reach.FINEST_NODE_KM`, until
every label that could be there has been met; those that are left open then are shared out by the labels of points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.geodesy import up
from openleo.places import waters
from openleo.places.land import Land
from openleo.places.sea_reach import (
    FINEST_NODE_KM,
    KINDS,
    ROUNDING_KM,
    STRIP_ENDS_KM,
    Field,
    Reach,
    field_of,
    groups,
    passed_on,
)
from openleo.places.territories import STRIPS
from openleo.units import EARTH_MEAN_RADIUS_KM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shapes = NDArray[np.object_]

ERROR_SHARE = 0.01  # of a label's area within a piece
ERROR_KM2 = 0.25  # or this, whichever is more; of small cells ERROR_SHARE of the cell
SAMPLED_ERROR = 0.05  # of an open triangle's area, when it is shared out by samples
FIRST_RESOLUTION = 1  # of the cells around, from which coasts in reach are passed on
COARSE_KM = 12.0  # radius of a triangle, or COARSE_SHARE of the cell's: larger ones are cut by the bounds alone
COARSE_SHARE = 1.0 / 6.0
SIDE = 4  # of a triangle, in smaller ones whose middles are its samples
SAMPLES = SIDE**2
STRAIGHT_SHARE = 0.35  # of the distance to the coast: in a larger triangle distances do not change as on a plane
LONG = 4.0  # a triangle whose longest edge is so many times its height is cut in two, not in four
NOTHING = 1e-30  # of a line in radians: the area of the thinnest triangles is rounded to none
ROUNDING = 1e-9  # of an area
MANY_IN_REACH = 4  # coasts a triangle: of cells of thousands of kilometres, most of them far behind the nearest
AT_ONCE = 4_000  # pieces whose triangles are held together, of cells of
AT_ONCE_KM2 = 5e7  # at most: some 500 MB


def _sample_weights() -> Floats:
    """Weights of a triangle's corners in its samples, axes (sample, corner)."""
    upright = [(3 * i + 1, 3 * j + 1) for i in range(SIDE) for j in range(SIDE - i)]
    turned = [(3 * i + 2, 3 * j + 2) for i in range(SIDE - 1) for j in range(SIDE - 1 - i)]
    two = np.array(upright + turned) / (3.0 * SIDE)
    return np.column_stack([two, 1.0 - two.sum(axis=1)])


SAMPLE_WEIGHTS = _sample_weights()


@dataclass(frozen=True)
class Shares:
    """Rows (piece, label, share of the piece's sea); labels as `sea_reach.label_names` numbers them."""

    piece: Ints
    label: Ints
    share: Floats


def sea_shares(cells: Cells, cell: NDArray[np.intp], ground: Shapes, plain: NDArray[np.bool_], land: Land) -> Shares:
    """The shares of the labels in the sea of `ground`, each a polygon within `cells[cell]`.

    `plain`: whether a piece is a whole cell without land.
    """
    every = np.arange(len(cell))
    field = field_of(land, ground)
    if field is None:
        return Shares(every, np.full(len(cell), Field.high_seas_of(land)), np.ones(len(cell)))
    near, radius = _reach(field, cells)
    node, label = field.possible(near, radius)
    several = np.bincount(node, minlength=len(cells)) > 1
    only = np.zeros(len(cells), np.int64)
    only[node] = label
    sure = np.flatnonzero(~several[cell])
    open_ = np.flatnonzero(several[cell])
    found = [Shares(sure, only[cell[sure]], np.ones(len(sure)))]
    smallest = min(ERROR_KM2, ERROR_SHARE * float(h3cells.areas_km2(cells[:1])[0])) / EARTH_MEAN_RADIUS_KM**2
    coarse = min(COARSE_KM, COARSE_SHARE * float(radius[0]))
    at_once = max(min(AT_ONCE, int(AT_ONCE_KM2 / h3cells.areas_km2(cells[:1])[0])), 1)
    for first in range(0, len(open_), at_once):
        rows = open_[first : first + at_once]
        corners, piece = _triangles(ground[rows], plain[rows], land)
        nodes = _Nodes(corners, piece, *passed_on(near, cell[rows][piece], len(cells)))
        key, area = _areas(field, nodes, smallest, coarse)
        piece, label = np.divmod(key, field.high_seas + 1)
        share = area / np.bincount(piece, weights=area, minlength=len(rows))[piece]
        found.append(Shares(rows[piece], label, share))
    return Shares(
        np.concatenate([one.piece for one in found]),
        np.concatenate([one.label for one in found]),
        np.concatenate([one.share for one in found]),
    )


def _reach(field: Field, cells: Cells) -> tuple[Reach, Floats]:
    """(the coasts that could be the nearest somewhere within each cell, the cells' radius in km)."""
    resolution = h3cells.resolution_of(cells)
    level = min(FIRST_RESOLUTION, resolution)
    nodes = np.unique(h3cells.parents(cells, level))
    owners = np.flatnonzero([tree.n > 0 for tree in field.trees])
    node, owner = np.repeat(np.arange(len(nodes)), len(owners)), np.tile(owners, len(nodes))
    while True:
        radius = np.full(len(nodes), h3cells.radius_km(level))
        reach = field.distances(up(*h3cells.centres_deg(nodes)), radius, node, owner)
        if level == resolution:
            return reach, radius
        level += 1
        finer = np.unique(h3cells.parents(cells, level))
        node, owner = passed_on(reach, np.searchsorted(nodes, h3cells.parents(finer, level - 1)), len(nodes))
        nodes = finer


# --- triangles ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Nodes:
    """Triangles of sea, straight in longitude and latitude: `corners` (node, corner, longitude and latitude).

    `row`, `owner`: the coasts in reach of each.
    """

    corners: Floats
    piece: Ints
    row: Ints
    owner: Ints


def _triangles(ground: Shapes, plain: NDArray[np.bool_], land: Land) -> tuple[Floats, Ints]:
    """(triangles that together are the sea of pieces of ground, the piece of each)."""
    whole = np.flatnonzero(plain)
    whole = whole[_seen_from_their_middles(ground[whole])]
    cut = np.setdiff1d(np.arange(len(ground)), whole)
    parts, part_of = shapely.get_parts(ground[whole], return_index=True)
    fans, fan_of = _fans(parts)
    laid, of = shapely.get_parts(shapely.constrained_delaunay_triangles(_seas(ground[cut], land)), return_index=True)
    corners = shapely.get_coordinates(laid).reshape(-1, 4, 2)[:, :3]
    wide = _heights(corners) > 2.0 * waters.SLIVER_KM / waters.KM_PER_DEGREE
    only_gaps = np.bincount(of[wide], minlength=len(cut)) == 0
    kept = (wide | only_gaps[of]) & (_triangles_sr(corners) > 0.0)
    some = _triangles_sr(fans) > 0.0  # an edge along a pole has no ground behind it
    return np.concatenate([fans[some], corners[kept]]), np.concatenate([whole[part_of[fan_of[some]]], cut[of[kept]]])


def _seas(ground: Shapes, land: Land) -> Shapes:
    """What of each ground is no land; where nothing is left, all of it."""
    number, piece = land.tree.query(ground, predicate="intersects")
    found = ground.copy()
    dry = shapely.intersection(ground[number], land.pieces[piece])
    rows = groups(number)
    some = np.array(list(rows), dtype=np.int64)
    found[some] = shapely.difference(ground[some], [shapely.union_all(dry[one]) for one in rows.values()])
    none = shapely.area(found) == 0.0
    found[none] = ground[none]
    return found


def _heights(corners: Floats) -> Floats:
    """The least height of triangles, in their own unit."""
    edges = np.roll(corners, -1, axis=1) - corners
    double = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    heights: Floats = double / np.hypot(edges[..., 0], edges[..., 1]).max(axis=1)
    return heights


def _seen_from_their_middles(ground: Shapes) -> NDArray[np.bool_]:
    """Whether triangles from the middles of polygons to their edges fill them; those of a cell at a pole need not."""
    parts, of = shapely.get_parts(ground, return_index=True)
    corners, part = _fans(parts)
    laid = np.bincount(part, weights=shapely.area(shapely.polygons(corners)), minlength=len(parts))
    bent = laid > shapely.area(parts) * (1.0 + ROUNDING)
    seen: NDArray[np.bool_] = np.bincount(of[bent], minlength=len(ground)) == 0
    return seen


def _fans(polygons: Shapes) -> tuple[Floats, Ints]:
    """(triangles from the middles of polygons to their edges, the numbers of the polygons)."""
    ring, of = shapely.get_coordinates(polygons, return_index=True)
    edge = np.flatnonzero(of[1:] == of[:-1])
    middle = shapely.get_coordinates(shapely.centroid(polygons))
    return np.stack([middle[of[edge]], ring[edge], ring[edge + 1]], axis=1), of[edge]


def _smaller(nodes: _Nodes, chosen: Ints, near: Reach) -> _Nodes:
    """The chosen triangles cut: in four by the middles of their edges, or, where one is long and thin, in two."""
    number = np.full(len(nodes.piece), -1)
    number[chosen] = np.arange(len(chosen))
    kept = near.of(number[near.node] >= 0)
    corners = nodes.corners[chosen]
    length = _lengths(corners)
    longest = length.max(axis=1)
    turn = (length.argmax(axis=1)[:, np.newaxis] + np.arange(3)) % 3  # the longest edge from the first corner on
    corners = np.take_along_axis(corners, turn[..., np.newaxis], axis=1)
    scale = np.stack([np.cos(np.radians(corners[..., 1].mean(axis=1))), np.ones(len(chosen))], axis=-1)
    thin = longest > LONG * _heights(corners * scale[:, np.newaxis])
    a, b, c = np.moveaxis(corners, 1, 0)
    ab, bc, ca = (a + b) / 2.0, (b + c) / 2.0, (c + a) / 2.0
    four = np.stack([np.stack(one, axis=1) for one in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))], axis=1)
    two = np.stack([np.stack(one, axis=1) for one in ((a, ab, c), (ab, b, c))], axis=1)
    fat = np.flatnonzero(~thin)
    parent = np.concatenate([np.repeat(fat, 4), np.repeat(np.flatnonzero(thin), 2)])
    cut = np.concatenate([four[fat].reshape(-1, 3, 2), two[thin].reshape(-1, 3, 2)])
    rows = passed_on(Reach(number[kept.node], kept.owner, kept.distance_km), parent, len(chosen))
    return _Nodes(cut, nodes.piece[chosen][parent], *rows)


def _lengths(corners: Floats) -> Floats:
    """The edges' lengths in degrees of latitude, axes (node, edge)."""
    step = np.roll(corners, -1, axis=1) - corners
    cosine = np.cos(np.radians(corners[..., 1].mean(axis=1)))
    lengths: Floats = np.hypot(step[..., 0] * cosine[:, np.newaxis], step[..., 1])
    return lengths


def _middles(corners: Floats) -> tuple[Floats, Floats, Floats]:
    """(unit vectors of the triangles' middles, radius in km that holds the rest, solid angle).

    A way straight in longitude and latitude is no longer than if each degree of longitude were as long as at the lowest
    latitude of the triangle. One around a pole is held by the cap down to there, too.
    """
    middle = corners.mean(axis=1)
    south, north = corners[..., 1].min(axis=1), corners[..., 1].max(axis=1)
    lowest = np.radians(np.maximum(np.maximum(south, -north), 0.0))
    step = np.radians(corners - middle[:, np.newaxis])
    away = np.hypot(step[..., 0] * np.cos(lowest)[:, np.newaxis], step[..., 1]).max(axis=1)
    radius = EARTH_MEAN_RADIUS_KM * np.minimum(away, np.pi - 2.0 * lowest)
    return up(middle[:, 1], middle[:, 0]), radius, _triangles_sr(corners)


def _triangles_sr(corners: Floats) -> Floats:
    """The solid angle of triangles, as `land.area_sr` has it."""
    longitude, latitude = np.moveaxis(np.radians(corners), -1, 0)
    after = np.roll(latitude, -1, axis=1)
    along = np.roll(longitude, -1, axis=1) - longitude
    under = along * np.sin((latitude + after) / 2.0) * np.sinc((after - latitude) / (2.0 * np.pi))
    area: Floats = np.abs(under.sum(axis=1))
    return area


def _areas(field: Field, nodes: _Nodes, smallest_sr: float, coarse_km: float) -> tuple[Ints, Floats]:
    """(piece × labels + label, solid angle) of whatever has some, each once."""
    labels = field.high_seas + 1
    keys, areas = np.empty(0, np.int64), np.empty(0)  # of triangles that are not cut further
    while len(nodes.piece):
        middle, radius, area = _middles(nodes.corners)
        if len(nodes.row) > MANY_IN_REACH * len(radius):
            asked = field.not_behind(middle, radius, nodes.row, nodes.owner)
            nodes = replace(nodes, row=nodes.row[asked], owner=nodes.owner[asked])
        near, coast = field.nearest(middle, radius, nodes.row, nodes.owner)
        doubtful = (np.bincount(field.possible(near, radius)[0], minlength=len(radius)) > 1)[near.node]
        close = near.of(doubtful)
        towards = _directions(middle[close.node], coast[doubtful])
        likely = _likely(close, towards, radius) | (radius > coarse_km)[close.node]
        close, towards = close.of(likely), towards[likely]
        node, label = field.possible(close, radius)
        unsure = np.flatnonzero((np.bincount(node, minlength=len(radius)) > 1)[node])
        node, may = node[unsure], (nodes.piece[node] * labels + label)[unsure]
        own = nodes.piece * labels + field.at_middle(near, len(radius))
        now = _added(np.concatenate([keys, own]), np.concatenate([areas, area]))
        cut = np.zeros(len(radius), dtype=bool)
        cut[node[_too_large(may, area[node], now, smallest_sr)]] = True
        cut[node] |= (radius > coarse_km)[node]
        cut[node[(_looked_up(may, *now) == 0.0) & (radius > FINEST_NODE_KM)[node]]] = True
        open_ = np.bincount(node, minlength=len(radius)) > 0
        last = np.flatnonzero(open_ & ~cut)
        curved = (radius > STRAIGHT_SHARE * near.nearest_km(len(radius)))[last]
        last, by_tree = last[~curved], last[curved]
        met = [_sampled(field, nodes.corners[last], middle[last], last, close, towards)]
        met.append(field.label_at(_samples(nodes.corners[by_tree])))
        of = np.concatenate([last, by_tree])
        key = np.concatenate(met) + (nodes.piece[of] * labels)[:, np.newaxis]
        key = np.where(_among(key, now[0]), key, own[of, np.newaxis])  # a label counts where a middle had it: no guess
        share = np.repeat(area[of] / SAMPLES, SAMPLES)
        keys, areas = _added(
            np.concatenate([keys, own[~open_], key.ravel()]), np.concatenate([areas, area[~open_], share])
        )
        nodes = _smaller(nodes, np.flatnonzero(cut), near)
    return keys, areas


def _too_large(may: Ints, area: Floats, now: tuple[Ints, Floats], smallest_sr: float) -> NDArray[np.bool_]:
    """Whether open triangles must be cut for the error of the shares; rows (label of a piece, area of a triangle).

    Along a line of length L lie some L/√a open triangles of area a; their errors add up as squares do, to
    SAMPLED_ERROR a √(L/√a). That is to be no more than what is allowed.
    """
    asked, row = np.unique(may, return_inverse=True)
    line = np.maximum(np.bincount(row, weights=np.sqrt(area), minlength=len(asked)), NOTHING)
    allowed = np.maximum(ERROR_SHARE * _looked_up(asked, *now), smallest_sr)
    largest = (allowed / (SAMPLED_ERROR * np.sqrt(line))) ** (4.0 / 3.0)
    too_large: NDArray[np.bool_] = area > largest[row]
    return too_large


def _directions(here: Floats, there: Floats) -> Floats:
    """Unit vectors along the ground from some points of the sphere towards others."""
    towards = there - here * np.einsum("ij,ij->i", there, here)[:, np.newaxis]
    unit: Floats = towards / np.maximum(np.linalg.norm(towards, axis=1), 1e-15)[:, np.newaxis]
    return unit


def _likely(near: Reach, towards: Floats, radius_km: Floats) -> NDArray[np.bool_]:
    """The rows whose coast is likely to be the nearest somewhere within the radius; for areas, no bound.

    The difference of two distances changes as their directions differ: far out, hardly at all. It would change more
    only where another point of a coast, no farther but in another direction, came to be the nearest.
    """
    order = np.lexsort((near.distance_km, near.node))
    first = order[np.flatnonzero(np.diff(near.node[order], prepend=-1))]
    nearest = first[np.searchsorted(near.node[first], near.node)]
    distance, least = near.distance_km, near.distance_km[nearest]
    radius = radius_km[near.node]
    turn = np.linalg.norm(towards - towards[nearest], axis=1)
    bent = radius**2 / 2.0 * (1.0 / np.maximum(distance, 1e-9) + 1.0 / np.maximum(least, 1e-9))
    likely: NDArray[np.bool_] = distance - least <= np.minimum(radius * turn + bent, 2.0 * radius) + ROUNDING_KM
    return likely


def _sampled(field: Field, corners: Floats, middle: Floats, number: Ints, close: Reach, towards: Floats) -> Ints:
    """The labels of points in some triangles, as distances go on from its middle, axes (triangle, sample).

    `number`: of the triangles, as `close` has them; `towards`: directions from the middles to the coasts in reach.
    """
    place = np.full(int(close.node.max(initial=-1)) + 1, -1)
    place[number] = np.arange(len(number))
    rows = np.flatnonzero(place[close.node] >= 0)
    rows = rows[np.lexsort((close.owner[rows], close.node[rows]))]
    of = place[close.node[rows]]
    away = up(corners[..., 1], corners[..., 0]) - middle[:, np.newaxis]
    nearer = np.einsum("rci,ri->rc", away[of], towards[rows]) @ SAMPLE_WEIGHTS.T * EARTH_MEAN_RADIUS_KM
    distance = close.distance_km[rows, np.newaxis] - nearer
    first = np.flatnonzero(np.diff(of, prepend=-1))
    least = np.minimum.reduceat(distance, first) if len(first) else distance
    owner = np.where(distance <= least[of] + waters.TIE_KM, close.owner[rows, np.newaxis], np.iinfo(np.int64).max)
    owner = np.minimum.reduceat(owner, first) if len(first) else owner
    strip = np.searchsorted(STRIP_ENDS_KM[1:], least)
    return np.where(strip < len(STRIPS), KINDS * owner + 1 + strip, field.high_seas)


def _samples(corners: Floats) -> Floats:
    """Points of triangles, axes (node, sample, xyz)."""
    points: Floats = np.einsum("sc,nci->nsi", SAMPLE_WEIGHTS, up(corners[..., 1], corners[..., 0]))
    return points


def _among(wanted: Ints, key: Ints) -> NDArray[np.bool_]:
    """Which of some keys are there; `key` sorted."""
    if len(key) == 0:
        return np.zeros(len(wanted), dtype=bool)
    there: NDArray[np.bool_] = key[np.minimum(np.searchsorted(key, wanted), len(key) - 1)] == wanted
    return there


def _looked_up(wanted: Ints, key: Ints, value: Floats) -> Floats:
    """The values of some keys, 0 for those that are not there; `key` sorted."""
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[place] == wanted, value[place], 0.0)


def _added(key: Ints, value: Floats) -> tuple[Ints, Floats]:
    """(the keys, each once and sorted; the sums of their values)."""
    distinct, inverse = np.unique(key, return_inverse=True)
    return distinct, np.bincount(inverse.ravel(), weights=value, minlength=len(distinct)).astype(np.float64)
