"""How far a position can move and touch the same kinds of place: what a terminal that is refused is told.

Takes a position with its radius and what it touches (`point.where`); gives the largest of some steps. The answer is
that of `where` for the circle that is wider by a step, and narrower where it touches several kinds. Most circles are
settled without drawing them: by the distance to the outline of the land that the position is on, or to the nearest
coast, and by boxes within and around them where rules ask about regions. `where` itself is asked where these leave
doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from openleo.geodesy import arc_km, up
from openleo.places import land as lands
from openleo.places import point, waters
from openleo.places.expressions import Region
from openleo.places.point import Where
from openleo.places.territories import HIGH_SEAS
from openleo.units import M_PER_KM

STEPS_KM = (1, 2, 5, 10, 20, 50, 100, 200)
SPACING_KM = waters.COAST_SPACING_KM  # of points along outlines
SLACK = 1.01  # of a distance: circles are drawn a little wider, on an ellipsoid
BESIDE_KM, CLEAR_KM = 0.05, 0.01  # water beside a coast, and how far from any land it has to be to count as water
BESIDE = 8  # directions in which it is looked for
NEIGHBOUR_DEG = 1e-6  # what lies nearer has the same border
LAST_LATITUDE_DEG = 85.0  # circles beyond are drawn
WITHIN = 0.68  # of a radius: half a side of a box within a circle, somewhat less than √½
M_PER_DEGREE_MAX = 111_800.0  # of latitude, and of the equator, on WGS 84


def same_within_km(
    latitude_deg: float,
    longitude_deg: float,
    uncertainty_m: float,
    regions: Sequence[Region] = (),
    here: Where | None = None,
) -> int:
    """How far a terminal can move and touch the same kinds of place: the largest of STEPS_KM, or 0.

    Wherever it moves, its circle lies within the wider one, so it touches no other kind; where there are several kinds,
    it also holds the narrower one, which has to touch them all. `here`: what it touches, where that is known already.
    """
    place = (latitude_deg, longitude_deg)
    here = point.where(*place, uncertainty_m, regions) if here is None else here
    if here is None:
        return 0
    farthest_m = uncertainty_m + STEPS_KM[-1] * M_PER_KM
    room = _room(*place, farthest_m, here, regions) if len(here.atoms) == 1 else None
    far = 0
    for step in STEPS_KM:
        wider_m, narrower_m = uncertainty_m + step * M_PER_KM, uncertainty_m - step * M_PER_KM
        if room is None and narrower_m < 0.0:
            break
        same = None if room is None else room.same(wider_m)
        if not (point.where(*place, wider_m, regions) == here if same is None else same):
            break
        if room is None and point.where(*place, narrower_m, regions) != here:
            break
        far = step
    return far


@dataclass(frozen=True)
class _Room:
    """What is known around a position of one kind: no other land or shore within `least_km`, some within `most_km`."""

    latitude_deg: float
    longitude_deg: float
    label: str
    inside: frozenset[Region]
    regions: tuple[Region, ...]  # those whose edge may be near
    least_km: float
    most_km: float
    coast_km: float | None = None  # of a position at sea: the distance to the nearest point of a coast

    def same(self, radius_m: float) -> bool | None:
        """Whether a circle around the position touches its kind alone; None where it has to be drawn."""
        radius_km = radius_m / M_PER_KM
        if abs(self.latitude_deg) + radius_km / 110.0 > LAST_LATITUDE_DEG:
            return None
        if radius_km > self.most_km:
            return False
        if radius_km >= self.least_km:
            return None
        in_regions = self._in_regions(radius_m)
        if self.coast_km is None or in_regions is False:
            return in_regions
        return in_regions if self._same_waters(radius_m, self.coast_km) else False

    def _same_waters(self, radius_m: float, coast_km: float) -> bool:
        """Whether a circle without land is of the one label, by the rule of `point.sea_labels`."""
        reach_km = radius_m / M_PER_KM * (1.0 + point.ELLIPSOID_SLACK)
        limits = (-math.inf, *waters.STRIP_LIMITS_KM, math.inf)
        nearer, farther = (int(np.searchsorted(limits, one)) for one in (coast_km - reach_km, coast_km + reach_km))
        if nearer != farther:
            return False  # it reaches over a limit, whosever waters these are
        if self.label == HIGH_SEAS:
            return True
        return point.sea_labels(self.latitude_deg, self.longitude_deg, radius_m) == {self.label}

    def _in_regions(self, radius_m: float) -> bool | None:
        """Whether the circle lies in the same regions as the position, all of it."""
        if not self.regions:
            return True
        bounds, boxed = point.box_around(self.latitude_deg, self.longitude_deg, radius_m)
        if not boxed:
            return None
        high = WITHIN * radius_m / M_PER_DEGREE_MAX
        east, north = self.longitude_deg, self.latitude_deg
        around, within = shapely.box(*bounds), shapely.box(east - high, north - high, east + high, north + high)
        crossed = [region for region in self.regions if not self._agrees(region, around)]
        if not crossed:
            return True
        return None if all(self._agrees(region, within) for region in crossed) else False

    def _agrees(self, region: Region, box: shapely.Geometry) -> bool:
        """Whether a region holds all of a box, or nothing, as it does the position."""
        whole, none = point.holds_box(region, box)
        return whole if region in self.inside else none


def _room(
    latitude_deg: float, longitude_deg: float, farthest_m: float, here: Where, regions: Sequence[Region]
) -> _Room:
    """`farthest_m`: the radius of the largest circle that may be asked about."""
    (atom,) = here.atoms
    bounds, boxed = point.box_around(latitude_deg, longitude_deg, farthest_m)
    if boxed:
        box = shapely.box(*bounds)
        regions = [region for region in regions if not any(point.holds_box(region, box))]
    place = (latitude_deg, longitude_deg, atom.label, atom.regions, tuple(regions))
    if "." in atom.label or atom.label == HIGH_SEAS:
        coast_km = point.coast_km(latitude_deg, longitude_deg, farthest_m / M_PER_KM)
        return _Room(*place, (coast_km - SPACING_KM) / SLACK, coast_km * SLACK + BESIDE_KM, coast_km)
    outline = _outline(atom.label)
    chord, nearest = outline.tree.query(up(np.array([latitude_deg]), np.array([longitude_deg]))[0])
    edge_km = float(arc_km(chord))
    most_km = edge_km * SLACK + 2.0 * BESIDE_KM if _ends_at(atom.label, int(nearest)) else math.inf
    return _Room(*place, (edge_km - SPACING_KM) / SLACK, most_km)


@dataclass(frozen=True, eq=False)
class _Outline:
    """Points along the outline of a territory's land, and where the map ends: `degrees` (point, longitude/latitude)."""

    degrees: NDArray[np.float64]
    tree: KDTree


@cache
def _outline(territory: str) -> _Outline:
    whole = shapely.union_all(lands.load().of({territory}))  # without the cuts between pieces
    edges = shapely.segmentize(shapely.boundary(whole), SPACING_KM / waters.KM_PER_DEGREE)
    degrees = shapely.get_coordinates(edges)
    return _Outline(degrees, KDTree(up(degrees[:, 1], degrees[:, 0])))


@cache
def _ends_at(territory: str, number: int) -> bool:
    """Whether other land, or water, begins at a point of a territory's outline: it does, but where the map ends."""
    land = lands.load()
    east, north = _outline(territory).degrees[number]
    beside = land.tree.query(shapely.Point(east, north), predicate="dwithin", distance=NEIGHBOUR_DEG)
    if any(land.territories[owner] != territory for owner in land.owner[beside]):
        return True
    angle = np.linspace(0.0, 2.0 * np.pi, BESIDE, endpoint=False)
    around_deg = BESIDE_KM / waters.KM_PER_DEGREE
    wide = np.cos(np.radians(north))
    longitude, latitude = east + around_deg / wide * np.cos(angle), north + around_deg * np.sin(angle)
    points = shapely.points(longitude, latitude)
    on_map = (np.abs(longitude) < 180.0 - around_deg / wide) & (np.abs(latitude) < LAST_LATITUDE_DEG)
    clear_deg = CLEAR_KM / waters.KM_PER_DEGREE / wide
    dry = land.tree.query(points, predicate="dwithin", distance=clear_deg)[0]
    return bool(on_map[~np.isin(np.arange(BESIDE), dry)].any())
