"""Where a map's edges are, and geometry brought between them.

Maps are plate carrée with the parallels drawn true to scale at the middle latitude. An area that lies across ±180° is
not torn apart: its map is cut at the widest gap between its longitudes, and longitudes run on past 180°.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from openleo import cells as h3cells

Floats = NDArray[np.float64]
Geometries = NDArray[np.object_]

ROUND_DEG = 40.0  # a gap narrower than this is no place to cut: the map goes all around
MARGIN = 0.05  # of the span, on each side
SMALLEST_SPAN_DEG = 2.5
LEAST_COSINE = 0.3  # towards the poles the parallels shrink to nothing; the map does not
WIDEST, TALLEST = 2.1, 0.62  # aspects of a panel


@dataclass(frozen=True)
class Frame:
    """The edges of a map in degrees; `east_deg` may be above 180."""

    west_deg: float
    east_deg: float
    south_deg: float
    north_deg: float

    @property
    def middle_deg(self) -> float:
        return (self.south_deg + self.north_deg) / 2.0

    @property
    def cosine(self) -> float:
        """Length of a degree of longitude at the middle latitude, in degrees of latitude."""
        return max(float(np.cos(np.radians(self.middle_deg))), LEAST_COSINE)

    @property
    def aspect(self) -> float:
        """Width over height, as printed."""
        return (self.east_deg - self.west_deg) * self.cosine / (self.north_deg - self.south_deg)

    @property
    def span_deg(self) -> float:
        return max(self.east_deg - self.west_deg, self.north_deg - self.south_deg)

    @property
    def boxes(self) -> list[tuple[float, shapely.Geometry]]:
        """(turn, box): where the frame lies within ±180° once longitudes are turned by `-turn`."""
        found = []
        for turn in (-360.0, 0.0, 360.0):
            west, east = max(self.west_deg - turn, -180.0), min(self.east_deg - turn, 180.0)
            if west < east:
                found.append((turn, shapely.box(west, self.south_deg, east, self.north_deg)))
        return found

    def turned(self, longitude_deg: Floats) -> Floats:
        """Longitudes as the frame counts them: from its western edge eastwards."""
        return (longitude_deg - self.west_deg) % 360.0 + self.west_deg

    def holds(self, longitude_deg: Floats, latitude_deg: Floats) -> NDArray[np.bool_]:
        return np.asarray(
            (self.turned(longitude_deg) <= self.east_deg)
            & (latitude_deg >= self.south_deg)
            & (latitude_deg <= self.north_deg)
        )

    def placed(self, geometries: Geometries) -> tuple[Geometries, NDArray[np.intp]]:
        """(those that show, turned into the frame; which of the given each comes from)."""
        shown, of = [], []
        for turn, box in self.boxes:
            shapely.prepare(box)
            here = np.flatnonzero(shapely.intersects(box, geometries))
            moved = shapely.transform(geometries[here], lambda xy, turn=turn: np.add(xy, (turn, 0.0)))
            shown.append(np.asarray(moved, dtype=object))
            of.append(here)
        return np.concatenate(shown), np.concatenate(of)


def frame_of(cells: h3cells.Cells, outlines: Geometries) -> Frame:
    """The frame that shows all cells, with a margin."""
    bounds = shapely.bounds(outlines)
    _, longitude = h3cells.centres_deg(cells)
    west, east = _span(longitude)
    if east - west < 360.0:
        upright = np.where(bounds[:, 2] - bounds[:, 0] < 180.0, bounds[:, 2] - bounds[:, 0], 0.0)
        west, east = west - upright.max() / 2.0, east + upright.max() / 2.0
    frame = _with_margin(west, east, float(bounds[:, 1].min()), float(bounds[:, 3].max()))
    return _shaped(frame)


def _span(longitude_deg: Floats) -> tuple[float, float]:
    """The arc of longitudes left when the widest gap is taken out; all around when there is none."""
    order = np.sort(longitude_deg)
    gaps = np.diff(order, append=order[0] + 360.0)
    widest = int(gaps.argmax())
    if gaps[widest] < ROUND_DEG:
        return -180.0, 180.0
    west = float(order[(widest + 1) % len(order)])
    return west, west + 360.0 - float(gaps[widest])


def _with_margin(west: float, east: float, south: float, north: float) -> Frame:
    wide = max((east - west) * (1.0 + 2.0 * MARGIN), SMALLEST_SPAN_DEG)
    tall = max((north - south) * (1.0 + 2.0 * MARGIN), SMALLEST_SPAN_DEG)
    x, y = (west + east) / 2.0, (south + north) / 2.0
    if wide >= 360.0:
        west, east = (-180.0, 180.0) if east - west >= 360.0 else (x - 180.0, x + 180.0)
    else:
        west, east = x - wide / 2.0, x + wide / 2.0
    return Frame(west, east, max(y - tall / 2.0, -90.0), min(y + tall / 2.0, 90.0))


def _shaped(frame: Frame) -> Frame:
    """The frame with more sky or more sides, where it would print too wide or too tall."""
    west, east, south, north = frame.west_deg, frame.east_deg, frame.south_deg, frame.north_deg
    if frame.aspect > WIDEST:
        grow = (north - south) * (frame.aspect / WIDEST - 1.0) / 2.0
        south, north = max(south - grow, -90.0), min(north + grow, 90.0)
    elif frame.aspect < TALLEST:
        grow = min((east - west) * (TALLEST / frame.aspect - 1.0), 360.0 - (east - west)) / 2.0
        west, east = west - grow, east + grow
    return Frame(west, east, south, north)


def outline_of(geometries: Geometries) -> Outline:
    """One path of all rings; rings of holes run the other way, so that filling leaves them empty."""
    parts = shapely.normalize(shapely.get_parts(geometries))
    rings = (
        shapely.get_rings(parts) if shapely.get_type_id(parts).max(initial=0) == shapely.GeometryType.POLYGON else parts
    )
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    codes = np.full(len(xy), Outline.LINETO, dtype=np.uint8)
    if len(xy):
        codes[np.flatnonzero(np.diff(ring, prepend=-1))] = Outline.MOVETO
    return Outline(xy if len(xy) else np.zeros((0, 2)), codes)


def corners_of(polygons: Geometries) -> list[Floats]:
    """The outer ring of each polygon, for many small polygons without holes."""
    xy, polygon = shapely.get_coordinates(shapely.get_exterior_ring(polygons), return_index=True)
    return np.split(xy, np.flatnonzero(np.diff(polygon)) + 1)
