"""Where positions lie, found without our own geometry: on a plane around each position.

The azimuthal equidistant projection of the ellipsoid keeps every distance from its middle, so around a position a
circle of uncertainty is a disc, and no antimeridian and no pole is in the way. A place is taken only where a slightly
smaller and a slightly larger disc touch the same kinds of place; what lies within that tolerance of a border is left
out, and counted. The outlines themselves are those of the embedded land and of the rule files' GeoJSON.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h3.api.basic_str as h3
import numpy as np
import pyproj
import shapely

from against import widened_places
from openleo.places import land as lands

NAUTICAL_MILE_M = 1852.0
TWELVE_M, TWO_HUNDRED_M = 12 * NAUTICAL_MILE_M, 200 * NAUTICAL_MILE_M
STEP_DEG = 0.05  # between points of an edge: the chord leaves the straight line of the map by under 2 m
TOLERANCE = 0.005  # of a radius
TOLERANCE_M = 3.0
AT_SEA = 0.012  # of a distance to a coast: strips are cut on a sphere, at points 2 km apart
AT_SEA_M = 100.0
THROWN = 400  # points into a circle at sea
BORDER_RESOLUTION = 5  # cells of 9 km radius

Kind = tuple[str, frozenset[str]]
Drawn = tuple[shapely.Geometry, shapely.Geometry]  # what is certainly within, and what may be


@dataclass(frozen=True)
class Theatre:
    """A part of the Earth, from south-west to north-east, that rules and requests of one test speak of."""

    name: str
    box: tuple[float, float, float, float]  # west, south, east, north; east may lie beyond 180


THEATRES = (
    Theatre("black-sea", (26.0, 43.5, 40.0, 49.5)),
    Theatre("taiwan", (117.5, 21.0, 125.5, 27.0)),
    Theatre("fiji-tonga", (174.0, -23.0, 187.5, -14.0)),
    Theatre("riviera", (6.5, 42.8, 9.5, 44.6)),
    Theatre("singapore", (102.5, 0.2, 105.5, 2.6)),
)


@dataclass(frozen=True)
class Place:
    """A position, its radius, and every kind of place within it; `border`: its cell holds more than one kind."""

    latitude_deg: float
    longitude_deg: float
    radius_m: float
    kinds: tuple[Kind, ...]
    border: bool


# --- polygons of GeoJSON ------------------------------------------------------------------------------------------


def write_zones(theatre: Theatre, rng: random.Random, folder: Path, count: int) -> list[str]:
    """Files of polygons: stars with many corners, some with a hole, some in two pieces."""
    west, south, east, north = theatre.box
    names = []
    for number in range(count):
        pieces = [_star(rng, west, south, east, north) for _ in range(rng.choice((1, 1, 1, 2)))]
        shape = shapely.union_all(pieces)
        if shape.geom_type == "Polygon" and rng.random() < 0.3:
            shape = shape.difference(shape.representative_point().buffer(0.05, quad_segs=2))
        content = json.loads(shapely.to_geojson(shape))
        content["coordinates"] = _wrapped(content["coordinates"])
        name = f"{theatre.name}-{number}.geojson"
        (folder / name).write_text(json.dumps(content))
        names.append(name)
    return names


def _star(rng: random.Random, west: float, south: float, east: float, north: float) -> shapely.Polygon:
    middle = rng.uniform(west, east), rng.uniform(south, north)
    size = rng.uniform(0.05, 0.35) * min(east - west, north - south)
    corners = rng.randint(3, 14)
    ring = []
    for corner in range(corners):
        angle, far = 2 * math.pi * (corner + rng.uniform(0.0, 0.6)) / corners, size * rng.uniform(0.4, 1.0)
        ring.append((round(middle[0] + far * math.cos(angle), 5), round(middle[1] + far * math.sin(angle), 5)))
    return shapely.make_valid(shapely.Polygon(ring)).buffer(0)


def _wrapped(coordinates: Any) -> Any:
    """Longitudes within ±180°: a ring over the antimeridian jumps there."""
    if isinstance(coordinates[0], (int, float)):
        return [(coordinates[0] + 180.0) % 360.0 - 180.0, coordinates[1]]
    return [_wrapped(one) for one in coordinates]


def read_zone(path: Path) -> shapely.Geometry:
    """The polygon of a file; no zone here is as wide as 180°, so a ring that is wider jumps over the antimeridian."""
    shape = shapely.from_geojson(path.read_text())
    west, _, east, _ = shape.bounds
    return shapely.transform(shape, _eastward) if east - west > 180.0 else shape


def _eastward(corners: np.ndarray) -> np.ndarray:
    return np.column_stack([corners[:, 0] % 360.0, corners[:, 1]])


# --- places -------------------------------------------------------------------------------------------------------


@dataclass
class Survey:
    """The places found, and how many were left out as too near to a border to tell."""

    places: list[Place]
    left_out: int


def survey(
    theatre: Theatre, zones: Mapping[str, shapely.Geometry], rng: random.Random, count: int, near_share: float = 0.6,
    drawn: Sequence[str] = (),
) -> Survey:  # fmt: skip
    """Random places, a share of them beside a border of land or of a zone; `drawn`: zones in the words of a rule."""
    found = Survey([], 0)
    while len(found.places) < count:
        near = rng.random() < near_share
        latitude, longitude = _beside_a_border(theatre, zones, rng) if near else _anywhere(theatre, rng)
        radius = rng.choice((0.0, 0.0, 0.0, 15.0, 300.0, 2_000.0, 10_000.0))
        if drawn and rng.random() < 0.7:
            latitude, longitude = _beside_an_edge(rng.choice(drawn), latitude, longitude, rng)
            radius = rng.choice((0.0, 300.0, 10_000.0))
        kinds = kinds_around(round(latitude, 6), round(longitude, 6), radius, zones, drawn)
        if kinds is None:
            found.left_out += 1
            continue
        border = len(kinds) > 1 or _in_border_cell(round(latitude, 6), round(longitude, 6), zones)
        found.places.append(Place(round(latitude, 6), round(longitude, 6), radius, kinds, border))
    return found


def _anywhere(theatre: Theatre, rng: random.Random) -> tuple[float, float]:
    west, south, east, north = theatre.box
    return rng.uniform(south, north), _turned(rng.uniform(west, east))


def _turned(longitude: float) -> float:
    return (longitude + 180.0) % 360.0 - 180.0


def _beside_a_border(
    theatre: Theatre, zones: Mapping[str, shapely.Geometry], rng: random.Random
) -> tuple[float, float]:
    outlines = list(zones.values()) if zones and rng.random() < 0.5 else _pieces_of(theatre)
    corners = shapely.get_coordinates(rng.choice(outlines))
    number = rng.randrange(len(corners) - 1)
    along = rng.random()
    start, end = corners[number], corners[number + 1]
    if math.dist(start, end) > 1.0:  # from one ring to the next
        end = start
    longitude, latitude = (1 - along) * start + along * end
    away_m = 10.0 ** rng.uniform(0.5, 4.2)
    east, north, _ = pyproj.Geod(ellps="WGS84").fwd(_turned(longitude), latitude, rng.uniform(0.0, 360.0), away_m)
    return float(north), float(east)


def _beside_an_edge(text: str, latitude: float, longitude: float, rng: random.Random) -> tuple[float, float]:
    """0.7 to 16 km from an edge of what a text draws, where that is near; else the position itself."""
    spot = widened_places.on_an_edge(text, Plane(latitude, longitude), rng)
    if spot is None:
        return latitude, longitude
    away_m = 10.0 ** rng.uniform(2.85, 4.2)
    east, north, _ = pyproj.Geod(ellps="WGS84").fwd(_turned(spot[0]), spot[1], rng.uniform(0.0, 360.0), away_m)
    return float(north), float(east)


@cache
def _pieces_of(theatre: Theatre) -> list[shapely.Geometry]:
    return [piece for _, piece in _land_in(*theatre.box)]


def _land_in(west: float, south: float, east: float, north: float) -> Iterator[tuple[str, shapely.Geometry]]:
    """(territory, piece of its land) that a box touches, on whatever turn."""
    land = lands.load()
    boxes = [shapely.box(west + turn, south, east + turn, north) for turn in (-360.0, 0.0, 360.0)]
    for number in np.unique(land.tree.query(np.array(boxes), predicate="intersects")[1]):
        yield land.territories[land.owner[number]], land.pieces[number]


def kinds_around(
    latitude_deg: float, longitude_deg: float, radius_m: float, zones: Mapping[str, shapely.Geometry],
    drawn: Sequence[str] = (),
) -> tuple[Kind, ...] | None:  # fmt: skip
    """Every kind of place within a radius, None where that is too near to call."""
    plane = Plane(latitude_deg, longitude_deg)
    flat: dict[str, Drawn] = {name: (zone, zone) for name, zone in ((name, plane._flat(zones[name])) for name in zones)}
    flat |= {text: widened_places.on_plane(text, plane, radius_m * 1.1 + 100.0) for text in drawn}
    smaller = plane.kinds(max(radius_m * (1.0 - TOLERANCE) - TOLERANCE_M, 0.01), flat, surely=True)
    larger = plane.kinds(radius_m * (1.0 + TOLERANCE) + TOLERANCE_M, flat, surely=False)
    return tuple(sorted(smaller, key=lambda kind: (kind[0], sorted(kind[1])))) if smaller == larger else None


class Plane:
    """The neighbourhood of a position, in metres east and north of it."""

    def __init__(self, latitude_deg: float, longitude_deg: float) -> None:
        self.latitude_deg, self.longitude_deg = latitude_deg, longitude_deg
        self._projected = pyproj.Proj(proj="aeqd", lat_0=latitude_deg, lon_0=longitude_deg, ellps="WGS84")

    def _flat(self, shape: shapely.Geometry) -> shapely.Geometry:
        turned = shapely.segmentize(shape, STEP_DEG)
        return shapely.transform(turned, lambda xy: np.column_stack(self._projected(_turned_all(xy[:, 0]), xy[:, 1])))

    def _land(self, within_m: float) -> dict[str, shapely.Geometry]:
        high = within_m / 110_500.0
        wide = high / max(math.cos(math.radians(min(abs(self.latitude_deg) + high, 89.0))), 0.02)
        pieces: dict[str, list[shapely.Geometry]] = {}
        box = (self.longitude_deg - wide, self.latitude_deg - high, self.longitude_deg + wide, self.latitude_deg + high)
        for territory, piece in _land_in(*box):
            pieces.setdefault(territory, []).append(self._flat(piece))
        return {territory: shapely.union_all(mine, grid_size=0.01) for territory, mine in pieces.items()}

    def kinds(self, radius_m: float, flat: Mapping[str, Drawn], *, surely: bool) -> set[Kind]:
        """The kinds of place that a disc touches: surely, or at all that can be thought of."""
        disc = shapely.Point(0.0, 0.0).buffer(radius_m, quad_segs=90)
        found: set[Kind] = set()
        dry = []
        for territory, ground in self._land(radius_m + 1000.0).items():
            mine = shapely.intersection(ground, disc)
            if mine.area > 0.0:
                dry.append(ground)
                found |= {(territory, inside) for inside in _split(mine, flat, surely)}
        wet = shapely.difference(disc, shapely.union_all(dry)) if dry else disc
        seam = min(0.5, radius_m / 4)  # neighbours' borders leave gaps of a few centimetres
        if wet.buffer(-seam).is_empty:
            return found
        strips = self._strips(wet, radius_m, surely)
        if surely and len(strips) > 1:
            for x, y in _thrown(radius_m):
                narrow, wide = (
                    frozenset(name for name in flat if shapely.contains_xy(flat[name][one], x, y)) for one in (0, 1)
                )
                if narrow == wide and shapely.contains_xy(wet, x, y):
                    found.add((self._strip_of(x, y), narrow))
        else:
            found |= {(strip, inside) for strip in strips for inside in _split(wet, flat, surely)}
        return found

    def _strips(self, wet: shapely.Geometry, radius_m: float, surely: bool) -> set[str]:
        """Whose waters a disc may lie in, by the distances to the nearest coasts."""
        coasts = self._coasts
        # All that can be thought of: from a place inland, points at sea are judged by the distance to its borders.
        nearest = min(coasts.values() if surely else self._outlines, default=math.inf)
        slack = 0.0 if surely else AT_SEA * nearest + AT_SEA_M
        low, high = nearest - radius_m - slack, nearest + radius_m + slack
        found = {"high-seas"} if high > TWO_HUNDRED_M else set()
        for territory, distance in coasts.items():
            its_slack = 0.0 if surely else AT_SEA * distance + AT_SEA_M
            its = distance - radius_m - its_slack
            if its > high + its_slack or low > TWO_HUNDRED_M:
                continue
            found |= {f"{territory}.sea12"} if its <= TWELVE_M else set()
            found |= {f"{territory}.sea200"} if its <= TWO_HUNDRED_M and high > TWELVE_M else set()
        return found

    @property
    def _coasts(self) -> dict[str, float]:
        """Metres to the nearest land of each territory that is within reach."""
        if not hasattr(self, "_found"):
            for reach in (60_000.0, 450_000.0):
                self._ground = self._land(reach)
                middle = shapely.Point(0.0, 0.0)
                self._found = {name: ground.distance(middle) for name, ground in self._ground.items()}
                self._outlines = [ground.boundary.distance(middle) for ground in self._ground.values()]
                if min(self._found.values(), default=math.inf) < reach / 3:
                    break
        return self._found

    def _strip_of(self, x: float, y: float) -> str:
        distances = {name: ground.distance(shapely.Point(x, y)) for name, ground in self._ground.items()}
        nearest = min(distances, key=lambda name: distances[name])
        if distances[nearest] > TWO_HUNDRED_M:
            return "high-seas"
        return nearest + (".sea12" if distances[nearest] <= TWELVE_M else ".sea200")


def _turned_all(longitude: np.ndarray) -> np.ndarray:
    return np.asarray((longitude + 180.0) % 360.0 - 180.0)


def _split(ground: shapely.Geometry, zones: Mapping[str, Drawn], surely: bool) -> set[frozenset[str]]:
    """The sets of zones that hold some of the ground: surely, or that may."""
    pieces = [(ground, frozenset[str]())]
    for name, (narrow, wide) in zones.items():
        if not shapely.intersects(wide, ground):
            continue
        held, left = (narrow, wide) if surely else (wide, narrow)
        divided = []
        for piece, inside in pieces:
            divided += [(shapely.intersection(piece, held), inside | {name}), (shapely.difference(piece, left), inside)]
        pieces = [(piece, inside) for piece, inside in divided if piece.area > 0.0]
    return {inside for _, inside in pieces}


def _thrown(radius_m: float) -> Iterator[tuple[float, float]]:
    """Points spread over a disc, its rim among them (a sunflower)."""
    for number in range(THROWN):
        far, turn = radius_m * math.sqrt((number + 1) / THROWN), number * math.pi * (3.0 - math.sqrt(5.0))
        yield far * math.cos(turn), far * math.sin(turn)


def _in_border_cell(latitude_deg: float, longitude_deg: float, zones: Mapping[str, shapely.Geometry]) -> bool:
    """Whether a border of land, a coast or the outline of a zone crosses the cell around a position."""
    plane = Plane(latitude_deg, longitude_deg)
    cell = h3.latlng_to_cell(latitude_deg, longitude_deg, BORDER_RESOLUTION)
    corners = [(longitude, latitude) for latitude, longitude in h3.cell_to_boundary(cell)]
    outline = plane._flat(shapely.Polygon([(longitude_deg + _turned(x - longitude_deg), y) for x, y in corners]))
    shapes = [*plane._land(30_000.0).values(), *(plane._flat(zone) for zone in zones.values())]
    return any(shapely.intersects(shape.boundary, outline) for shape in shapes)
