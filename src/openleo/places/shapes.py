"""What lies within some kilometres of an outline: the strips that buffers and coasts are made of, as polygons.

Takes outlines in longitude and latitude (cut at ±180°); gives polygons in the same form. The outline is cut into short
pieces, each is widened on a map of its own (azimuthal equidistant on WGS 84, exact from its centre), and the pieces
are put together, so that the error does not grow with the size of the country: see `MOST_ERROR_KM`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Proj

from openleo.errors import InputError, Problem
from openleo.places import land as lands
from openleo.units import EARTH_MEAN_RADIUS_KM, M_PER_KM

Floats = NDArray[np.float64]

WIDEST_KM = 1_000.0  # a map of its own is no longer true beyond
MOST_ERROR_KM = 0.5  # of a strip's edge; the test measures it with pyproj's geodesics (tests/places/test_shapes.py)
PIECE_KM = 60.0  # extent of what is widened on one map
STEP_KM = 5.0  # no line of a map or an outline is longer before it is bent to the other
SMOOTH_KM, SMOOTH_SHARE = 0.05, 0.005  # an outline is simplified by no more than this, or this share of the width
ARC_ERROR_KM, ARC_ERROR_SHARE = 0.05, 0.002  # a round corner is a polygon that falls short by no more than this
NEIGHBOUR_DEG = 5e-4  # 50 m: land so near beyond an outline makes it a border, and a channel so narrow no sea
LARGE_REGION = 1_000  # vertices: a larger one is clipped to the cells that it crosses, tile by tile
TILE_DEG, TILE_MARGIN_DEG = 5.0, 0.5
KM_PER_DEGREE = EARTH_MEAN_RADIUS_KM * np.pi / 180.0


_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)  # steps that may still be widened; None: any


@contextmanager
def at_most(steps: int) -> Iterator[None]:
    """Within it, outlines of more steps together are not worked on: `spend` raises InputError."""
    before = _left.set([steps])
    try:
        yield
    finally:
        _left.reset(before)


def spend(steps: int) -> None:
    """Take steps of an outline from those that are left. Raises InputError where there are fewer."""
    left = _left.get()
    if left is None:
        return
    left[0] -= steps
    if left[0] < 0:
        rule = f"are too long, with what buffers and coasts are around: by {-left[0]:,} corners or steps of"
        rule += f" {STEP_KM:g} km."
        raise InputError(
            Problem("polygons", "", rule, "Simplify them, or use `openleo change propose` where the ledger is.")
        )


def steps_of(outline: Floats) -> int:
    """How many steps some segments are cut into: what it costs to work on them."""
    return int(_steps(outline).sum())


def strip(outline: Floats, width_km: float) -> shapely.Geometry:
    """All that lies within `width_km` of some line segments, axes (segment, end, longitude and latitude)."""
    if len(outline) == 0:
        return shapely.MultiPolygon()
    spend(steps_of(outline))
    outline = _short(outline)
    piece = _pieces(outline)
    return shapely.union_all([_widened(outline[piece == number], width_km) for number in range(piece.max() + 1)])


def edges_of(polygon: shapely.Geometry) -> Floats:
    """The segments of a polygon's outline, but for the cuts at ±180° and at the poles: axes (segment, end, lon/lat)."""
    segments = _segments(shapely.boundary(polygon))
    middle = segments.mean(axis=1)
    on_cut = (np.abs(segments[:, :, 0]) == 180.0).all(axis=1) & (segments[:, 0, 0] == segments[:, 1, 0])
    shapely.prepare(polygon)
    across = np.zeros(len(segments), dtype=bool)
    across[on_cut] = shapely.intersects_xy(polygon, -middle[on_cut, 0], middle[on_cut, 1])
    outline: Floats = segments[~across & ~(np.abs(segments[:, :, 1]) == 90.0).all(axis=1)]
    return outline


@lru_cache(maxsize=512)  # more than there are territories: to join one takes 14 ms
def land_polygon(ids: frozenset[str]) -> shapely.Geometry:
    """The land of some territories as one polygon."""
    return shapely.union_all(lands.load().of(ids))


@lru_cache(maxsize=64)
def sea_coast(ids: frozenset[str]) -> Floats:
    """The outline of the land of some territories where no other land goes on beyond: axes (segment, end, lon/lat)."""
    land = lands.load()
    outline = _short(edges_of(land_polygon(ids)))
    others = land.pieces[~np.isin(np.array(land.territories), list(ids))[land.owner]]
    middle = outline.mean(axis=1)
    turned = np.where(np.abs(middle[:, 0]) == 180.0, -middle[:, 0], middle[:, 0])
    tree = shapely.STRtree(others)
    beside = np.zeros(len(outline), dtype=bool)
    for longitude in (middle[:, 0], turned):
        points = shapely.points(longitude, middle[:, 1])
        beside[tree.query(points, predicate="dwithin", distance=NEIGHBOUR_DEG)[0]] = True
    return outline[~beside]


def around(ground: NDArray[np.object_], region: shapely.Geometry) -> NDArray[np.object_]:
    """For each ground what of a region is around it: all of it, or a clipping where it is the strip of a long coast."""
    near = np.full(len(ground), region, dtype=object)
    if shapely.get_num_coordinates(region) <= LARGE_REGION or len(ground) == 0:
        return near
    bounds = shapely.bounds(ground)
    tile = np.floor((bounds[:, :2] + bounds[:, 2:]) / 2.0 / TILE_DEG)
    _, group = np.unique(tile, axis=0, return_inverse=True)
    for number in range(group.max() + 1):
        mine = group.ravel() == number
        (west, south), (east, north) = bounds[mine, :2].min(axis=0), bounds[mine, 2:].max(axis=0)
        frame = shapely.buffer(shapely.box(west, south, east, north), TILE_MARGIN_DEG, join_style="mitre")
        near[mine] = shapely.intersection(region, frame)
    return near


def _segments(lines: shapely.Geometry) -> Floats:
    xy, line = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    start = np.flatnonzero(line[1:] == line[:-1])
    return np.stack([xy[start], xy[start + 1]], axis=1)


def _short(segments: Floats) -> Floats:
    """Segments cut (straight in longitude and latitude) so that none is longer than a step."""
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    count = _steps(segments)
    which = np.repeat(np.arange(len(segments)), count)
    number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    low, high = ((number + end) / count[which] for end in (0, 1))
    ends = np.stack([start[which] + one[:, np.newaxis] * along[which] for one in (low, high)], axis=1)
    last = number == count[which] - 1
    ends[last, 1] = segments[which[last], 1]  # exactly, so that rings stay closed
    return ends


def _steps(segments: Floats) -> NDArray[np.int_]:
    """Of each segment."""
    along = segments[:, 1] - segments[:, 0]
    nearer_equator = np.abs(segments[:, :, 1]).min(axis=1)
    length_km = np.hypot(along[:, 0] * np.cos(np.radians(nearer_equator)), along[:, 1]) * KM_PER_DEGREE
    count: NDArray[np.int_] = np.maximum(np.ceil(length_km / STEP_KM), 1.0).astype(int)
    return count


def _pieces(segments: Floats) -> NDArray[np.intp]:
    """The number of the piece that each segment belongs to: squares of a grid of about `PIECE_KM`."""
    longitude, latitude = segments.mean(axis=1).T
    row = np.floor(latitude * KM_PER_DEGREE / PIECE_KM).astype(int)
    wide_deg = PIECE_KM / KM_PER_DEGREE / np.maximum(np.cos(np.radians((row + 0.5) * PIECE_KM / KM_PER_DEGREE)), 1e-3)
    column = np.floor(longitude / wide_deg).astype(int)
    return np.unique(np.stack([row, column], axis=1), axis=0, return_inverse=True)[1].ravel()


def _widened(segments: Floats, width_km: float) -> shapely.Geometry:
    """The strip around the segments of one piece, on a map around their middle."""
    longitude, latitude = segments.reshape(-1, 2).T
    turned = (longitude - longitude[0] + 180.0) % 360.0 - 180.0 + longitude[0]
    middle = ((turned.min() + turned.max()) / 2.0, (latitude.min() + latitude.max()) / 2.0)
    here = Proj(proj="aeqd", lon_0=middle[0], lat_0=middle[1], ellps="WGS84")
    metres = np.stack(here(longitude, latitude), axis=-1).reshape(-1, 2, 2)
    lines = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(metres)))
    width, smooth = width_km * M_PER_KM, min(SMOOTH_KM, width_km * SMOOTH_SHARE) * M_PER_KM
    lines = shapely.simplify(lines, smooth)
    short_by = min(ARC_ERROR_KM, width_km * ARC_ERROR_SHARE) / width_km
    widened = shapely.buffer(lines, width, quad_segs=int(np.ceil(np.pi / 4.0 / np.arccos(1.0 - short_by))))
    return _unprojected(shapely.segmentize(widened, STEP_KM * M_PER_KM), here)


def _unprojected(shape: shapely.Geometry, here: Proj) -> shapely.Geometry:
    """A polygon of a map in longitude and latitude, cut at ±180° and closed over a pole."""
    whole = []
    for polygon in shapely.get_parts(shape):
        outside, *holes = (_on_the_globe(shapely.get_coordinates(ring), here) for ring in shapely.get_rings(polygon))
        whole.append(shapely.difference(outside, shapely.union_all(holes)) if holes else outside)
    return shapely.union_all(whole)


def _on_the_globe(ring_m: Floats, here: Proj) -> shapely.Geometry:
    """What a ring on a map encloses."""
    longitude, latitude = here(ring_m[:, 0], ring_m[:, 1], inverse=True)
    longitude = np.unwrap(longitude, period=360.0)
    turns = round((longitude[-1] - longitude[0]) / 360.0)
    if turns == 0:
        longitude[-1] = longitude[0]
    else:  # once around a pole: close it over the pole that it holds
        pole = _pole_within(ring_m, here)
        longitude = np.concatenate([longitude, [longitude[-1], longitude[0], longitude[0]]])
        latitude = np.concatenate([latitude, [pole, pole, latitude[0]]])
    unrolled = shapely.make_valid(shapely.Polygon(np.column_stack([longitude, latitude])))
    return cut_at_antimeridian(unrolled)


def _pole_within(ring_m: Floats, here: Proj) -> float:
    polygon = shapely.Polygon(ring_m)
    return next((pole for pole in (90.0, -90.0) if shapely.contains_xy(polygon, *here(0.0, pole))), 90.0)


def cut_at_antimeridian(unrolled: shapely.Geometry) -> shapely.Geometry:
    """A polygon whose longitudes run on past ±180°, cut there and brought back."""
    west, _, east, _ = shapely.bounds(unrolled)
    pieces = []
    for turn in 360.0 * np.arange(np.floor((west + 180.0) / 360.0), np.ceil((east + 180.0) / 360.0)):
        window = shapely.intersection(unrolled, shapely.box(turn - 180.0, -90.0, turn + 180.0, 90.0))
        pieces += [shapely.transform(window, lambda xy, turn=turn: xy - [turn, 0.0])]
    return shapely.union_all([areal(piece) for piece in pieces])


def areal(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a geometry; what touched in a point or a line is left out."""
    return shapely.union_all([part for part in shapely.get_parts(shape) if part.geom_type.endswith("Polygon")])
