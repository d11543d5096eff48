"""What each of very many positions touches: exactly as `point.where` says it of one.

Takes positions with their uncertainty, and regions; gives Whereabouts: the distinct Wheres, and the number of each
position's. Positions near each other are looked at together: while the box around their circles lies wholly on one
territory's land, or wholly at sea, or wholly in or out of a region, all of them are settled at once; else the box is
cut into sixteen, at last down to single positions. A circle on a shore or border is held against two polygons, one
within it and one around it: where both touch the same, so does the circle. What is still in doubt is left to
`point.where`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo.geodesy import arc_km, up
from openleo.places import land as lands
from openleo.places import point, waters
from openleo.places.expressions import Region
from openleo.places.point import Atom, Where
from openleo.places.territories import HIGH_SEAS, STRIPS
from openleo.units import EARTH_MEAN_RADIUS_KM, M_PER_KM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Shapes = NDArray[np.object_]
OnProgress = Callable[[str, int, int], None]  # what is done, how much of it, of how much
Tell = Callable[[int, int], None]

FINEST_DEG = 0.02  # side of the smallest squares that positions are gathered in
SHIFTS = (16, 12, 8, 4, 0)  # bits of a square's Morton number to leave out: sides of 5.12° down to FINEST_DEG
RADII_M = (300.0, 3_000.0, 30_000.0)  # positions of like uncertainty are looked at together
CORNERS, WITHIN, AROUND = 32, 0.985, 1.025  # polygons within and around a circle, in radii
SKEW = 0.004  # of a radius: how far off a circle may be when drawn with the middle's metres per degree
SLIVER_DEG = waters.SLIVER_KM / waters.KM_PER_DEGREE
MOSTLY = 1e-3  # of a box: with more water than that it is no land with gaps between borders
NEARLY_KM = 1e-6  # so close to a limit, `point.where` decides
AT_ONCE = 1 << 14  # positions at sea
TOLD_EVERY = 2_000


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """`number` (position,) into `wheres`, −1 where a position is not known or its circle is too large."""

    number: Numbers
    wheres: tuple[Where, ...]
    single: int  # positions that were looked at one by one


def where_each(
    latitude_deg: Floats,
    longitude_deg: Floats,
    uncertainty_m: Floats,
    regions: Sequence[Region] = (),
    progress: OnProgress | None = None,
) -> Whereabouts:
    """What each position touches; NaN is unknown."""
    tell = progress or (lambda _what, _done, _of: None)
    known = np.flatnonzero(~np.isnan(latitude_deg + longitude_deg) & (uncertainty_m <= point.LARGEST_RADIUS_M))
    latitude, longitude, radius = (one[known] for one in (latitude_deg, longitude_deg, uncertainty_m))
    tell("positions on land and at sea", 0, len(known))
    boxes = _boxes(latitude, longitude, radius)
    labels = _labels(latitude, longitude, radius, boxes, partial(tell, "positions on land and at sea"))
    sure = labels.number >= 0
    inside = np.zeros(len(known), dtype=np.int64)
    ways: list[frozenset[Region]] = [frozenset()]
    for step, region in enumerate(regions, 1):
        tell("positions in regions", step, len(regions))
        held = _in_region(boxes, region)
        sure &= held >= 0
        inside, ways = _with_region(inside, ways, held == 1, region)
    both = np.where(sure, labels.number * len(ways) + inside, -1)
    keys, number = np.unique(both, return_inverse=True)
    wheres = [None if key < 0 else _where(labels.sets[key // len(ways)], ways[key % len(ways)]) for key in keys]
    found: dict[Where, int] = {}
    numbered = [-1 if one is None else found.setdefault(one, len(found)) for one in wheres]
    answer = np.array(numbered, dtype=np.int32)[number.ravel()]
    left = np.flatnonzero(~sure)
    places, of = np.unique(np.stack([latitude[left], longitude[left], radius[left]]), axis=1, return_inverse=True)
    numbers = []
    for done, (north, east, out) in enumerate(places.T.tolist()):
        if done % TOLD_EVERY == 0:
            tell("positions on borders, one by one", done, places.shape[1])
        where = point.where(north, east, out, regions)
        numbers.append(-1 if where is None else found.setdefault(where, len(found)))
    answer[left] = np.array(numbers, dtype=np.int32)[of.ravel()]
    whole = np.full(len(latitude_deg), -1, dtype=np.int32)
    whole[known] = answer
    return Whereabouts(whole, tuple(found), places.shape[1])


def _where(labels: tuple[str, ...], inside: frozenset[Region]) -> Where:
    return Where(tuple(Atom(label, inside) for label in sorted(labels)))


def _with_region(
    inside: Ints, ways: list[frozenset[Region]], held: NDArray[np.bool_], region: Region
) -> tuple[Ints, list[frozenset[Region]]]:
    """Numbers of the ways to lie in regions, with one more region told apart."""
    if not held.any():
        return inside, ways
    distinct, which = np.unique(inside[held], return_inverse=True)
    inside = inside.copy()
    inside[held] = len(ways) + which.ravel()
    return inside, [*ways, *(ways[one] | {region} for one in distinct)]


# --- boxes of positions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Boxes:
    """`bounds` (west south east north, position) of the circles that can be boxed: those in `order`, as squares go.

    `morton` (position,): the number of the finest square that holds it, with squares of like uncertainty together.
    """

    bounds: Floats
    morton: Ints
    order: Ints

    def settled(
        self, test: Callable[[Floats], Ints], among: NDArray[np.bool_] | None = None, tell: Tell | None = None
    ) -> Ints:
        """A number for each position, −1 where its own box is not settled. `test` gives it for bounds (4, box)."""
        answer = np.full(self.bounds.shape[1], -1)
        left = self.order if among is None else self.order[among[self.order]]
        for shift in (*SHIFTS, None):
            if len(left) == 0:
                break
            key = np.arange(len(left)) if shift is None else self.morton[left] >> shift
            first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
            low = np.minimum.reduceat(self.bounds[:2, left], first, axis=1)
            high = np.maximum.reduceat(self.bounds[2:, left], first, axis=1)
            found = np.repeat(test(np.concatenate([low, high])), np.diff(np.append(first, len(left))))
            answer[left] = found
            left = left[found < 0]
            if tell:
                tell(len(self.order) - len(left), len(self.order))
        return answer


def _boxes(latitude: Floats, longitude: Floats, radius_m: Floats) -> _Boxes:
    around, boxed = point.box_around(latitude, longitude, radius_m)
    bounds = np.stack(around)
    column = ((longitude + 180.0) / FINEST_DEG).astype(np.int64)
    row = ((latitude + 90.0) / FINEST_DEG).astype(np.int64)
    morton = (np.searchsorted(RADII_M, radius_m) << 32) | (_spread(column) << 1) | _spread(row)
    chosen = np.flatnonzero(boxed)
    return _Boxes(bounds, morton, chosen[np.argsort(morton[chosen], kind="stable")])


def _spread(number: Ints) -> Ints:
    """16 bits, each with a zero before it."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        number = (number | (number << shift)) & mask
    return number


def _in_region(boxes: _Boxes, region: Region) -> Ints:
    """1 inside, 0 outside, −1 where a circle may be both."""
    west, south, east, north = boxes.bounds
    bounds = shapely.bounds(region.polygon)  # NaN where there is no polygon: nothing is near
    near = (west <= bounds[2]) & (east >= bounds[0]) & (south <= bounds[3]) & (north >= bounds[1])
    shapely.prepare(region.polygon)

    def test(bounds: Floats) -> Ints:
        box = shapely.box(*bounds)
        held = np.where(shapely.contains_properly(region.polygon, box), 1, -1)
        return np.where(shapely.intersects(region.polygon, box), held, 0)

    answer = boxes.settled(test, near)
    unboxed = np.ones(len(west), dtype=bool)
    unboxed[boxes.order] = False
    answer[~near & ~unboxed] = 0
    return answer


# --- labels -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _LabelSets:
    """`number` (position,) into `sets`, −1 where in doubt."""

    number: Ints
    sets: list[tuple[str, ...]]


def _labels(latitude: Floats, longitude: Floats, radius_m: Floats, boxes: _Boxes, tell: Tell) -> _LabelSets:
    land = lands.load()
    territories = len(land.territories)
    owner = boxes.settled(lambda bounds: _owner(land, bounds), tell=tell)
    boxed = np.zeros(len(latitude), dtype=bool)
    boxed[boxes.order] = True
    shore = np.flatnonzero(boxed & (owner < 0) & _as_drawn(latitude, radius_m))
    met, wet, doubt = _on_shores(land, latitude[shore], longitude[shore], radius_m[shore])
    at_sea = np.concatenate([np.flatnonzero(owner == territories), shore[wet & ~doubt]])
    rows, sea_doubt = _sea_rows(latitude[at_sea], longitude[at_sea], radius_m[at_sea], territories)
    position, label = np.concatenate([shore[met[0]], at_sea[rows[0]]]), np.concatenate([met[1], rows[1]])
    unsure = np.zeros(len(latitude), dtype=bool)
    unsure[shore[doubt]] = unsure[at_sea[sea_doubt]] = True
    names = [*land.territories, *(id_ + strip for id_ in land.territories for strip in STRIPS), HIGH_SEAS]
    sets = [(name,) for name in names]
    number = np.where(owner < territories, owner, -1)
    order = np.lexsort((label, position))
    position, label = position[order], label[order]
    first = np.flatnonzero(np.concatenate([[True], position[1:] != position[:-1]])) if len(position) else position
    size = np.diff(np.append(first, len(position)))
    number[position[first[size == 1]]] = label[first[size == 1]]
    several: dict[tuple[int, ...], int] = {}
    for start, end in zip(first[size > 1].tolist(), (first + size)[size > 1].tolist(), strict=True):
        number[position[start]] = several.setdefault(tuple(label[start:end].tolist()), len(names) + len(several))
    number[unsure] = -1
    return _LabelSets(number, [*sets, *(tuple(names[one] for one in some) for some in several)])


def _owner(land: lands.Land, bounds: Floats) -> Ints:
    """The territory whose land holds all of a box; len(territories) for no land at all; −1 for anything else."""
    boxes = shapely.box(*bounds)
    box, piece = land.tree.query(boxes, predicate="intersects")
    least, most = np.full(len(boxes), len(land.territories)), np.full(len(boxes), -1)
    np.minimum.at(least, box, land.owner[piece])
    np.maximum.at(most, box, land.owner[piece])
    answer = np.where(most < 0, len(land.territories), -1)
    alone = (least == most)[box]
    box, piece = box[alone], land.pieces[piece[alone]]
    dry = np.bincount(box, weights=shapely.area(shapely.intersection(boxes[box], piece)), minlength=len(boxes))
    area = shapely.area(boxes)
    maybe = (least == most) & (area - dry < MOSTLY * area)
    chosen = np.flatnonzero(maybe)
    mine = maybe[box]
    numbers = np.searchsorted(chosen, box[mine])
    eroded = shapely.buffer(_without(boxes[chosen], numbers, piece[mine]), -SLIVER_DEG)
    whole = chosen[shapely.is_empty(eroded)]
    answer[whole] = least[whole]
    return answer


def _without(shapes: Shapes, number: Ints, pieces: Shapes) -> Shapes:
    """Shapes without the pieces that cover some of each."""
    left = shapes.copy()
    order = np.argsort(number, kind="stable")
    number, pieces = number[order], pieces[order]
    first = np.searchsorted(number, number)
    rank = np.arange(len(number)) - first
    for one in range(int(rank.max(initial=-1)) + 1):
        now = rank == one
        left[number[now]] = shapely.difference(left[number[now]], pieces[now])
    return left


def _as_drawn(latitude: Floats, radius_m: Floats) -> NDArray[np.bool_]:
    """Whether a circle drawn with its middle's metres per degree is right to SKEW."""
    skewed = radius_m / 6.35e6 * (1.0 + np.abs(np.tan(np.radians(latitude))))
    return (radius_m > 0.0) & (skewed < SKEW)


def _on_shores(
    land: lands.Land, latitude: Floats, longitude: Floats, radius_m: Floats
) -> tuple[tuple[Ints, Ints], NDArray[np.bool_], NDArray[np.bool_]]:
    """(rows (circle, territory) of land that circles touch, which touch the sea, which are in doubt)."""
    count, territories = len(latitude), len(land.territories)
    angle = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)
    east_m, north_m = _m_per_degree(latitude)
    drawn = []
    for radii in (WITHIN, AROUND):
        east = longitude[:, np.newaxis] + np.outer(radii * radius_m / east_m, np.cos(angle))
        north = latitude[:, np.newaxis] + np.outer(radii * radius_m / north_m, np.sin(angle))
        drawn.append(shapely.polygons(np.stack([east, north], axis=-1)))
    touched, water = [], []
    for shapes in drawn:
        circle, piece = land.tree.query(shapes, predicate="intersects")
        touched.append(np.unique(circle * territories + land.owner[piece]))
        left = _without(shapes, circle, land.pieces[piece])
        water.append(~shapely.is_empty(shapely.buffer(left, -SLIVER_DEG)))
    doubt = water[0] != water[1]
    doubt[np.setxor1d(touched[0], touched[1]) // territories] = True
    circle, owner = np.divmod(touched[0], territories)
    sure = ~doubt[circle]
    return (circle[sure], owner[sure]), water[0] if count else np.empty(0, dtype=bool), doubt


def _m_per_degree(latitude: Floats) -> tuple[Floats, Floats]:
    """(eastward, northward) on WGS 84."""
    flat = 1.0 - 0.00669437999 * np.sin(np.radians(latitude)) ** 2
    normal = 6_378_137.0 / np.sqrt(flat)
    meridian = normal * (1.0 - 0.00669437999) / flat
    return np.radians(normal * np.cos(np.radians(latitude))), np.radians(meridian)


# --- at sea -------------------------------------------------------------------------------------------------------


def _sea_rows(
    latitude: Floats, longitude: Floats, radius_m: Floats, territories: int
) -> tuple[tuple[Ints, Ints], NDArray[np.bool_]]:
    """(rows (position, label), which are in doubt), by the rule of `point.sea_labels`.

    Labels are numbered: territories, then the strips of each, then the high seas.
    """
    cells, labels, doubt = [np.empty(0, np.int64)], [np.empty(0, np.int64)], np.zeros(len(latitude), dtype=bool)
    for start in range(0, len(latitude), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        (position, label), doubt[some] = _some_sea_rows(latitude[some], longitude[some], radius_m[some], territories)
        cells.append(start + position)
        labels.append(label)
    return (np.concatenate(cells), np.concatenate(labels)), doubt


def _some_sea_rows(
    latitude: Floats, longitude: Floats, radius_m: Floats, territories: int
) -> tuple[tuple[Ints, Ints], NDArray[np.bool_]]:
    coast = point.world_coasts()
    assert coast.tree is not None
    here = up(latitude, longitude)
    found = coast.tree.query(here, k=2)
    chord, nearest = np.asarray(found[0]), np.asarray(found[1])
    near_km = arc_km(chord[:, 0])
    reach_km = radius_m / M_PER_KM * (1.0 + point.ELLIPSOID_SLACK)
    twelve_km, last_km = waters.STRIP_LIMITS_KM
    low_km, high_km = near_km - reach_km, near_km + reach_km
    exact = radius_m == 0.0
    tied = chord[:, 1] - chord[:, 0] < 1e-12
    doubt = exact & tied & (coast.owner[nearest[:, 0]] != coast.owner[nearest[:, 1]])
    for limit_km in waters.STRIP_LIMITS_KM:
        doubt |= (np.abs(low_km - limit_km) < NEARLY_KM) | (np.abs(high_km - limit_km) < NEARLY_KM)
    high_seas = np.flatnonzero(high_km > last_km)
    in_strip = np.flatnonzero(exact & (near_km <= last_km))
    first_strip = territories + len(STRIPS) * coast.owner[nearest[:, 0]].astype(np.int64)
    rows = [
        (high_seas, np.full(len(high_seas), territories * (1 + len(STRIPS)))),
        (in_strip, (first_strip + (near_km > twelve_km))[in_strip]),
    ]
    wide = np.flatnonzero(~exact & (low_km <= last_km))
    within = 2.0 * np.sin(np.minimum((high_km + reach_km)[wide] / EARTH_MEAN_RADIUS_KM, np.pi) / 2.0)
    lists = coast.tree.query_ball_point(here[wide], within, return_sorted=False)
    size = np.array([len(one) for one in lists], dtype=np.int64)
    coasts = np.concatenate([np.empty(0, np.int64), *(np.array(one, dtype=np.int64) for one in lists)])
    position = np.repeat(wide, size)
    away = np.linalg.norm(coast.tree.data[coasts] - here[position], axis=1)
    key = position * territories + coast.owner[coasts]
    order = np.lexsort((away, key))
    first = order[np.flatnonzero(np.concatenate([[True], np.diff(key[order]) > 0]))] if len(key) else order
    position, owner = position[first], coast.owner[coasts[first]].astype(np.int64)
    its_km = arc_km(away[first]) - reach_km[position]
    for limit_km in waters.STRIP_LIMITS_KM:
        np.logical_or.at(doubt, position, np.abs(its_km - limit_km) < NEARLY_KM)
    territorial = its_km <= twelve_km
    beyond = (its_km <= last_km) & (high_km[position] > twelve_km)
    rows += [(position[held], territories + len(STRIPS) * owner[held] + number)
             for number, held in enumerate((territorial, beyond))]  # fmt: skip
    return (np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows])), doubt
