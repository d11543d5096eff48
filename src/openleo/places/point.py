"""What a position touches, with what is not known of it.

Takes a position, the radius around it that holds the terminal, and the regions that rules ask about; gives a Where:
the distinct kinds of place (a label of the partition, and the regions around it) that the circle touches. On land the
exact polygons decide. At sea the strips follow from distances to coasts, and the circle is given every strip that a
point of it could lie in: too many kinds make a decision doubtful, too few would make it wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from openleo.geodesy import arc_km, chord_of, up
from openleo.places import land as lands
from openleo.places import waters
from openleo.places.expressions import Region
from openleo.places.territories import HIGH_SEAS, STRIPS
from openleo.units import M_PER_KM

LARGEST_RADIUS_M = 1_000_000.0  # a circle beyond it is taken for no position at all
CORNERS = 360  # of the polygon around a circle; its edges touch the circle from outside
ROOM = 1.001  # corners lie further out: an edge straight in longitude and latitude cuts in near a pole
ELLIPSOID_SLACK = 0.006  # of a radius: strips are cut by angles between verticals, on a sphere
M_PER_DEGREE_MIN = 110_500.0  # of latitude, on WGS 84
WIDER = 1.03  # a box around a circle; its corners lie 0.1 % further out than its radius
LEAST_DEG = 1e-7  # half a side of the box around a point
LAST_LATITUDE_DEG = 88.0  # no box beyond
TILE_DEG = 2.0
MOST_TILES = 12  # who asks all over the world has its coasts at once
OUT_OF_ALL: tuple[frozenset[Region]] = (frozenset(),)
ELLIPSOID = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True)
class Atom:
    """A kind of place: its label, and the regions that hold it."""

    label: str
    regions: frozenset[Region] = frozenset()


@dataclass(frozen=True)
class Where:
    """The kinds of place that a position may lie in; one for a point that is known exactly."""

    atoms: tuple[Atom, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({atom.label for atom in self.atoms}))


def at(label: str, regions: Iterable[Region] = ()) -> Where:
    """A place of one kind."""
    return Where((Atom(label, frozenset(regions)),))


def where(
    latitude_deg: float, longitude_deg: float, uncertainty_m: float, regions: Sequence[Region] = ()
) -> Where | None:
    """What the circle of a radius around a position touches; None where it is too large to say anything."""
    if uncertainty_m > LARGEST_RADIUS_M:
        return None
    if (found_at_once := _by_its_box(latitude_deg, longitude_deg, uncertainty_m, regions)) is not None:
        return found_at_once
    circle = drawn(latitude_deg, longitude_deg, uncertainty_m)
    land = lands.load()
    near = land.tree.query(circle, predicate="intersects")
    regions = [region for region in regions if not holds_box(region, circle)[1]]
    found: set[Atom] = set()
    for owner in np.unique(land.owner[near]).tolist():
        mine = land.pieces[near[land.owner[near] == owner]]
        inside_of = _kinds(shapely.union_all(shapely.intersection(mine, circle)), regions) if regions else OUT_OF_ALL
        found |= {Atom(land.territories[owner], inside) for inside in inside_of}
    sea = _sea(circle, land.pieces[near])
    if sea is not None:
        inside_of = list(_kinds(sea, regions))
        labels = sea_labels(latitude_deg, longitude_deg, uncertainty_m)
        found |= {Atom(label, inside) for label in labels for inside in inside_of}
    return Where(tuple(sorted(found, key=lambda atom: (atom.label, sorted(region.sha256 for region in atom.regions)))))


# --- by a box around the circle -----------------------------------------------------------------------------------


def box_around(latitude_deg: Any, longitude_deg: Any, radius_m: Any) -> tuple[Any, Any]:
    """((west, south, east, north) of a box around a circle, in degrees; whether there is one), of numbers or arrays.

    There is none near a pole or across ±180°.
    """
    high = np.maximum(radius_m * WIDER / M_PER_DEGREE_MIN, LEAST_DEG)
    farthest = np.minimum(np.abs(latitude_deg) + high, LAST_LATITUDE_DEG)
    wide = high / np.cos(np.radians(farthest))
    bounds = (longitude_deg - wide, latitude_deg - high, longitude_deg + wide, latitude_deg + high)
    return bounds, (np.abs(latitude_deg) + high < LAST_LATITUDE_DEG) & (np.abs(longitude_deg) + wide < 180.0)


def _by_its_box(latitude_deg: float, longitude_deg: float, radius_m: float, regions: Sequence[Region]) -> Where | None:
    """What a circle touches, where a box around it lies in one piece of land or in none; None anywhere else.

    So it is with nearly every position whose circle is small: borders and shores are rare.
    """
    bounds, boxed = box_around(latitude_deg, longitude_deg, radius_m)
    if not boxed:
        return None
    box = shapely.box(*bounds)
    held = {region: holds_box(region, box) for region in regions}
    if not all(whole or none for whole, none in held.values()):
        return None
    inside = frozenset(region for region, (whole, _) in held.items() if whole)
    land = _prepared_land()
    with _PREPARED:
        near = land.tree.query(box)
        near = near[shapely.intersects(land.pieces[near], box)]
        owners = land.owner[near]
        if len(near) and ((owners != owners[0]).any() or not shapely.contains_properly(land.pieces[near], box).any()):
            return None
    if len(near):
        return at(land.territories[owners[0]], inside)
    return Where(tuple(Atom(label, inside) for label in sorted(sea_labels(latitude_deg, longitude_deg, radius_m))))


_PREPARED = Lock()  # what is prepared makes its index when it is first asked


def holds_box(region: Region, box: shapely.Geometry) -> tuple[bool, bool]:
    """(whether a region holds all of a box, with room around it; whether it holds nothing of it)."""
    with _PREPARED:
        shapely.prepare(region.polygon)
        if not shapely.intersects(region.polygon, box):
            return False, True
        return bool(shapely.contains_properly(region.polygon, box)), False


@cache
def _prepared_land() -> lands.Land:
    land = lands.load()
    shapely.prepare(land.pieces)
    return land


# --- by its polygon -----------------------------------------------------------------------------------------------


def drawn(latitude_deg: float, longitude_deg: float, radius_m: float) -> shapely.Geometry:
    """A point, or a polygon around a circle on the ellipsoid, in longitude and latitude, cut at ±180°."""
    if radius_m == 0.0:
        if abs(longitude_deg) == 180.0:
            return shapely.MultiPoint([(-180.0, latitude_deg), (180.0, latitude_deg)])
        return shapely.Point(longitude_deg, latitude_deg)
    out_m = radius_m / np.cos(np.pi / CORNERS) * ROOM
    pole = 90.0 if latitude_deg >= 0.0 else -90.0
    _, _, to_pole_m = ELLIPSOID.inv(longitude_deg, latitude_deg, longitude_deg, pole)
    # Where the pole is near, degrees of longitude are no measure of anything: the circle is made to hold it.
    holds_pole = to_pole_m <= 1.2 * out_m
    out_m = max(out_m, 1.01 * to_pole_m) if holds_pole else out_m
    azimuth = np.linspace(0.0, 360.0, CORNERS, endpoint=False)
    eastward, northward = np.full(CORNERS, longitude_deg), np.full(CORNERS, latitude_deg)
    longitude, latitude, _ = ELLIPSOID.fwd(eastward, northward, azimuth, np.full(CORNERS, out_m))
    from_here = (np.asarray(longitude) - longitude_deg + 180.0) % 360.0 - 180.0
    if holds_pole:
        order = np.argsort(from_here)
        east, north = from_here[order], np.asarray(latitude)[order]
        ends = np.min(north[[0, -1]]) if pole > 0.0 else np.max(north[[0, -1]])
        around = [[-180.0, pole], [-180.0, ends]], np.stack([east, north], axis=1), [[180.0, ends], [180.0, pole]]
        ring = np.concatenate(around)
    else:
        ring = np.stack([from_here, np.asarray(latitude)], axis=1)
    drawn = shapely.make_valid(shapely.polygons(ring))
    if np.abs(ring[:, 0] + longitude_deg).max() < 180.0:
        return _shifted(drawn, longitude_deg)
    turned = [_shifted(drawn, longitude_deg + turn) for turn in (-360.0, 0.0, 360.0)]
    world = shapely.box(-180.0, -90.0, 180.0, 90.0)
    return shapely.union_all([shapely.intersection(piece, world) for piece in turned])


def _shifted(shape: shapely.Geometry, degrees: float) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: np.add(xy, [degrees, 0.0]))


def _kinds(ground: shapely.Geometry, regions: Sequence[Region]) -> Iterable[frozenset[Region]]:
    """The memberships in regions that occur on some ground."""
    if not regions:
        return OUT_OF_ALL
    pieces: list[tuple[shapely.Geometry, frozenset[Region]]] = [(ground, frozenset())]
    for region in regions:
        divided = []
        for piece, inside in pieces:
            if not shapely.intersects(region.polygon, piece):
                divided.append((piece, inside))
                continue
            divided.append((shapely.intersection(piece, region.polygon), inside | {region}))
            outside = shapely.difference(piece, region.polygon)
            if not outside.is_empty:
                divided.append((outside, inside))
        pieces = divided
    return (inside for _, inside in pieces)


def _sea(circle: shapely.Geometry, pieces: NDArray[np.object_]) -> shapely.Geometry | None:
    """What of a circle is no land, or None; the slivers between neighbours' borders are no sea."""
    if len(pieces) == 0:
        return circle
    wet = shapely.difference(circle, shapely.union_all(pieces))
    if wet.is_empty or shapely.buffer(wet, -waters.SLIVER_KM / waters.KM_PER_DEGREE).is_empty:
        return None
    return wet


@cache
def world_coasts() -> waters.Coasts:
    """The coasts of all land, made once a process."""
    return waters.coasts(lands.load())


_tiles: dict[tuple[int, int, int], waters.Coasts] = {}


def _coasts_around(latitude_deg: float, longitude_deg: float, radius_km: float) -> waters.Coasts:
    """All coasts that can matter to a circle: those around the tile that it is in, or the world's.

    The world's take most of a second, once; a tile's a few hundredths.
    """
    if len(_tiles) >= MOST_TILES or world_coasts.cache_info().currsize:
        return world_coasts()
    column, row = (int(degrees // TILE_DEG) for degrees in (longitude_deg, latitude_deg))
    reaches = int(np.ceil((waters.STRIP_LIMITS_KM[-1] + radius_km) / waters.REACH_KM))
    if (column, row, reaches) not in _tiles:
        west, south = column * TILE_DEG, row * TILE_DEG
        tile = shapely.box(west, south, west + TILE_DEG, min(south + TILE_DEG, 90.0))
        _tiles[column, row, reaches] = waters.coasts(lands.load(), np.array([tile]), reaches * waters.REACH_KM)
    return _tiles[column, row, reaches]


def coast_km(latitude_deg: float, longitude_deg: float, radius_km: float) -> float:
    """The distance from a position at sea to the nearest point along a coast, among all that matter to a circle."""
    coast = _coasts_around(latitude_deg, longitude_deg, radius_km)
    return math.inf if coast.tree is None else float(arc_km(coast.tree.query(_up(latitude_deg, longitude_deg))[0]))


def _up(latitude_deg: float, longitude_deg: float) -> NDArray[np.float64]:
    vector: NDArray[np.float64] = up(np.array([latitude_deg]), np.array([longitude_deg]))[0]
    return vector


def sea_labels(latitude_deg: float, longitude_deg: float, radius_m: float) -> set[str]:
    """Every strip, or the high seas, that a point at sea within a circle could belong to."""
    radius_km = radius_m / M_PER_KM * (1.0 + ELLIPSOID_SLACK)
    latitude, longitude = np.array([latitude_deg]), np.array([longitude_deg])
    coast = _coasts_around(latitude_deg, longitude_deg, radius_km)
    if radius_m == 0.0 or coast.tree is None:
        return set(coast.label(latitude, longitude))
    here = _up(latitude_deg, longitude_deg)
    nearest_km = float(arc_km(coast.tree.query(here)[0]))
    low_km, high_km = nearest_km - radius_km, nearest_km + radius_km
    twelve_km, last_km = waters.STRIP_LIMITS_KM
    found = {HIGH_SEAS} if high_km > last_km else set()
    if low_km > last_km:
        return found
    # A point of the circle has its nearest coast within high_km, so that coast is within high_km + radius_km of here.
    inside = coast.tree.query_ball_point(here, chord_of(high_km + radius_km))
    for owner in np.unique(coast.owner[inside]):
        mine = coast.tree.data[inside][coast.owner[inside] == owner]
        its_km = float(arc_km(np.linalg.norm(mine - here, axis=1).min())) - radius_km
        territorial, beyond = (coast.territories[owner] + ending for ending in STRIPS)
        found |= {territorial} if its_km <= twelve_km else set()
        found |= {beyond} if its_km <= last_km and high_km > twelve_km else set()
    return found
