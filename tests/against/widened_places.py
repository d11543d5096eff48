"""Buffers, strips along coasts and lists of cells around a position, made without our own: plain shapely on a plane.

Takes the words of a rule file and the Plane around a position; gives what of its neighbourhood they hold for certain,
and what they may. The plane keeps every distance from its middle, and others to a few metres in a hundred kilometres,
so an outline widened on it is as wide as the words say wherever the disc around the middle can meet it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h3.api.basic_str as h3
import shapely

if TYPE_CHECKING:
    from against.plane_places import Plane

UNIT_M = {"": 1000.0, "km": 1000.0, "nm": 1852.0, "m": 1.0}
TOLERANCE_M = 600.0  # of an edge: a strip is promised to half a kilometre (docs/limits.md), and the plane adds to it
CELLS_TOLERANCE_M = 30.0  # an edge of a cell is straight on the map here, and by a great circle there
BEYOND_M = 2_000.0
LOOKED_M = 100_000.0  # around a middle, for an edge
JOINED_M = 2.0  # borders of neighbours leave gaps of centimetres, and land is cut at ±180°
BESIDE_M = 60.0  # other land so near makes a coast a border

_WIDENED = re.compile(r"(buffer|coast|edge|shore)\(([^,]+), (-?)([\d.]+) ?([a-z]*)\)")
_CELLS = re.compile(r"cells\(([^)]*)\)")


@dataclass(frozen=True)
class Widened:
    """A function of the language with its areas (names of land, joined) and its width; `cut`: the width is negative."""

    function: str
    lands: tuple[str, ...]
    cut: bool
    width_m: float


def widened(text: str) -> Widened | None:
    """What a text such as `buffer(ROU + MDA, 10 nm)` says, or None."""
    if (found := _WIDENED.fullmatch(text)) is None:
        return None
    function, lands, sign, number, unit = found.groups()
    return Widened(function, tuple(lands.split(" + ")), sign == "-", float(number) * UNIT_M[unit])


def listed(text: str) -> list[str] | None:
    """The cells of `cells(…)` at the finest resolution among them, or None."""
    if (found := _CELLS.fullmatch(text)) is None:
        return None
    cells = found.group(1).split(", ")
    finest = max(map(h3.get_resolution, cells))
    return [child for cell in cells for child in h3.cell_to_children(cell, finest)]


def on_plane(text: str, plane: Plane, radius_m: float) -> tuple[shapely.Geometry, shapely.Geometry]:
    """(what is certainly within, what may be within), as far as a disc of a radius around the middle can tell."""
    if (cells := listed(text)) is not None:
        return _cells(cells, plane, radius_m)
    said = widened(text)
    assert said is not None, text
    reach = radius_m + said.width_m + BEYOND_M
    box = shapely.box(-reach, -reach, reach, reach)
    ground = plane._land(reach)
    mine = _joined([shape for name, shape in ground.items() if name in said.lands])
    outline = shapely.intersection(mine.boundary, box)
    if said.function in ("coast", "shore"):
        others = [shapely.intersection(shape, box) for name, shape in ground.items() if name not in said.lands]
        outline = shapely.difference(outline, shapely.buffer(shapely.union_all(others), BESIDE_M))
    narrow, wide = (shapely.buffer(outline, said.width_m + by, quad_segs=60) for by in (-TOLERANCE_M, TOLERANCE_M))
    if said.function != "buffer":
        return narrow, wide
    inland = shapely.intersection(mine, box)
    if said.cut:
        return shapely.difference(inland, wide), shapely.difference(inland, narrow)
    return shapely.union(inland, narrow), shapely.union(inland, wide)


def _joined(shapes: list[shapely.Geometry]) -> shapely.Geometry:
    return shapely.buffer(shapely.buffer(shapely.union_all(shapes), JOINED_M), -JOINED_M)


def _cells(cells: list[str], plane: Plane, radius_m: float) -> tuple[shapely.Geometry, shapely.Geometry]:
    outlines = []
    for cell in cells:
        latitude, longitude = h3.cell_to_latlng(cell)
        if abs(latitude - plane.latitude_deg) > 10.0:
            continue
        corners = [(_beside(x, longitude), y) for y, x in h3.cell_to_boundary(cell)]
        outlines.append(plane._flat(shapely.Polygon(corners)))
    whole = _joined(outlines)
    narrow, wide = (shapely.buffer(whole, by) for by in (-CELLS_TOLERANCE_M, CELLS_TOLERANCE_M))
    own = h3.latlng_to_cell(plane.latitude_deg, plane.longitude_deg, h3.get_resolution(cells[0])) in cells
    middle = shapely.Point(0.0, 0.0)
    assert own or not shapely.contains(narrow, middle)
    assert not own or shapely.intersects(wide, middle)
    return narrow, wide


def _beside(longitude: float, other: float) -> float:
    return float(other + (longitude - other + 180.0) % 360.0 - 180.0)


def on_an_edge(text: str, plane_at: Plane, rng: random.Random) -> tuple[float, float] | None:
    """(longitude, latitude) on an edge of what a text draws, near the middle of a plane; None where there is none."""
    _, wide = on_plane(text, plane_at, LOOKED_M)
    edge = shapely.intersection(shapely.boundary(wide), shapely.Point(0.0, 0.0).buffer(LOOKED_M))
    if edge.is_empty or edge.length == 0.0:
        return None
    spot = shapely.line_interpolate_point(edge, rng.uniform(0.0, edge.length))
    longitude, latitude = plane_at._projected(spot.x, spot.y, inverse=True)
    return float(longitude), float(latitude)
