"""Whose waters a point at sea lies in: the nearest coast within 12 or 200 nautical miles.

A distance field over the coasts (points every 2 km in a k-d tree) rather than buffered polygons: it is exact for a
point wherever it is, knows no projection, and gives a place between two coasts to the nearer one, which is the
equidistance line. Where a border ends at the shore, its last point is of both coasts: what is as near to the one as to
the other is given to the first of their ids, whatever else is asked. These strips are estimates for computing; they
are not the parties' agreed or claimed boundaries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from openleo.geodesy import arc_km, chord_of, up
from openleo.places.land import Land
from openleo.places.territories import HIGH_SEAS, STRIPS
from openleo.units import EARTH_MEAN_RADIUS_KM, NAUTICAL_MILE_KM

Floats = NDArray[np.float64]

STRIP_LIMITS_KM = (12 * NAUTICAL_MILE_KM, 200 * NAUTICAL_MILE_KM)
REACH_KM = STRIP_LIMITS_KM[-1] * 1.5  # of what is looked at around outlines, with room for cells' corners
COAST_SPACING_KM = 2.0  # a point 22 km out is then misjudged by at most 0.02 km
SLIVER_KM = 2e-4  # neighbours' borders lie on a grid of 0.1 m; a gap so narrow between them is no water
TIE_KM = 1e-6  # coasts whose distances differ by less are as near as each other: the rounding of doubles
KM_PER_DEGREE = EARTH_MEAN_RADIUS_KM * np.pi / 180.0


@dataclass(frozen=True)
class Coasts:
    """Points along coasts, each with the number of its territory."""

    territories: tuple[str, ...]
    owner: NDArray[np.int32]
    tree: KDTree | None  # over unit vectors; None where no coast is near

    def distance_km(
        self, latitude_deg: Floats, longitude_deg: Floats, within_km: float = REACH_KM
    ) -> tuple[Floats, NDArray[np.int32]]:
        """(distance to the nearest coast along a great circle, number of its territory, the least of those as near).

        Infinite and −1 where no coast lies `within_km`.
        """
        if self.tree is None:
            return np.full(len(latitude_deg), np.inf), np.full(len(latitude_deg), -1, np.int32)
        points = up(latitude_deg, longitude_deg)
        found = self.tree.query(points, k=2, distance_upper_bound=chord_of(within_km))
        chords, nearest = (np.asarray(one) for one in found)
        chord, owner = chords[:, 0], np.append(self.owner, -1)[nearest[:, 0]].astype(np.int32)
        near = np.isfinite(chord)
        for tied in np.flatnonzero(near & (chords[:, 1] <= chord + chord_of(TIE_KM))):
            owner[tied] = self.owner[self.tree.query_ball_point(points[tied], chord[tied] + chord_of(TIE_KM))].min()
        return arc_km(chord), owner

    def label(self, latitude_deg: Floats, longitude_deg: Floats) -> NDArray[np.object_]:
        """The strip or `high-seas` that each point at sea belongs to."""
        distance, owner = self.distance_km(latitude_deg, longitude_deg)
        strip = np.searchsorted(np.array(STRIP_LIMITS_KM), distance)
        names = np.array([[id_ + ending for id_ in self.territories] for ending in STRIPS], dtype=object)
        inside = strip < len(STRIPS)
        label = np.full(len(distance), HIGH_SEAS, dtype=object)
        label[inside] = names[strip[inside], owner[inside]]
        return label


def coasts(land: Land, near: NDArray[np.object_] | None = None, reach_km: float = REACH_KM) -> Coasts:
    """The coasts of all land, or of the pieces within reach of some outlines.

    Land borders and the cuts between pieces come along: a point at sea is never nearer to them than to the coast
    in front of them.
    """
    chosen = np.arange(len(land.pieces)) if near is None else within_reach(land, near, reach_km)
    if len(chosen) == 0:
        return Coasts(land.territories, np.empty(0, np.int32), None)
    points, owner = coast_points(land, chosen)
    return Coasts(land.territories, owner, KDTree(points))


def coast_points(land: Land, chosen: NDArray[np.intp]) -> tuple[Floats, NDArray[np.int32]]:
    """(unit vectors along the coasts of some pieces, the numbers of their territories)."""
    longitude, latitude, piece = _points_along(shapely.boundary(land.pieces[chosen]))
    return up(latitude, longitude), land.owner[chosen][piece]


def within_reach(land: Land, outlines: NDArray[np.object_], reach_km: float = REACH_KM) -> NDArray[np.intp]:
    """The numbers of the pieces of land within reach of some outlines."""
    reach_deg = reach_km / KM_PER_DEGREE
    west, south, east, north = shapely.bounds(outlines).T
    stretch = reach_deg / np.maximum(np.cos(np.radians(np.minimum(np.maximum(-south, north) + reach_deg, 89.0))), 0.02)
    boxes = [shapely.box(west - stretch, south - reach_deg, east + stretch, north + reach_deg)]
    boxes += [shapely.box(west - stretch + turn, south - reach_deg, east + stretch + turn, north + reach_deg)
              for turn in (-360.0, 360.0)]  # fmt: skip
    return np.unique(land.tree.query(np.concatenate(boxes), predicate="intersects")[1])


def without_gaps(water: shapely.Geometry) -> shapely.Geometry:
    """Water without the gaps between neighbours' borders.

    A gap may open to the sea where the border ends there: it is shut by drawing the water in and out again, a little
    farther.
    """
    narrow = SLIVER_KM / KM_PER_DEGREE
    drawn = shapely.buffer(shapely.buffer(water, -narrow, quad_segs=2), 2.0 * narrow, quad_segs=2)
    return wide_parts(drawn)


def wide_parts(water: shapely.Geometry) -> shapely.Geometry:
    """The parts of some water that are no gaps, wherever they lie."""
    narrow = SLIVER_KM / KM_PER_DEGREE
    wet = shapely.get_parts(water)
    return shapely.multipolygons(wet[shapely.area(wet) > narrow * shapely.length(wet)])


def _points_along(edges: NDArray[np.object_]) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """(longitude, latitude, number of the edge) of points along lines, no further apart than the spacing."""
    coordinates, line = shapely.get_coordinates(edges, return_index=True)
    ends = np.flatnonzero(line[1:] == line[:-1])
    start, step = coordinates[ends], coordinates[ends + 1] - coordinates[ends]
    length_km = np.hypot(step[:, 0] * np.cos(np.radians(start[:, 1])), step[:, 1]) * KM_PER_DEGREE
    pieces = np.maximum(np.ceil(length_km / COAST_SPACING_KM), 1).astype(int)
    which = np.repeat(np.arange(len(ends)), pieces)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[which]
    points = start[which] + share[:, np.newaxis] * step[which]
    return points[:, 0], points[:, 1], line[ends][which]
