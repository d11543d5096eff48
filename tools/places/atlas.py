"""The atlas: Natural Earth's countries, as polygons cut at the antimeridian.

Takes the npm package world-atlas 2.0.2 (TopoJSON on a grid of 1e5 steps, rings stitched across ±180° and the
poles); gives Features in plain longitude and latitude, every polygon valid and inside [-180, 180] × [-90, 90].
Knows nothing of territories: names and numeric ids are the atlas's own.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

ATLAS_SOURCE = "Natural Earth 1:10m, npm package world-atlas"
ATLAS_VERSION = "2.0.2"

Ring = NDArray[np.float64]  # axes (vertex, lon-lat), degrees


@dataclass(frozen=True)
class Feature:
    """One country of the atlas, as the atlas names it."""

    name: str
    iso_numeric: str | None
    geometry: BaseGeometry


def read_atlas(package: Path, scale: str) -> list[Feature]:
    """The countries of `scale` ("10m" or "50m") in the package file of world-atlas."""
    with tarfile.open(package) as files:
        member = files.extractfile(f"package/countries-{scale}.json")
        if member is None:
            raise FileNotFoundError(f"{package}: no package/countries-{scale}.json; is it npm's world-atlas 2.0.2?")
        topology = json.load(member)
    arcs = decode_arcs(topology)
    return [
        Feature(item["properties"]["name"], item.get("id"), polygons_of(item, arcs))
        for item in topology["objects"]["countries"]["geometries"]
    ]


def decode_arcs(topology: dict[str, Any]) -> list[Ring]:
    """TopoJSON arcs (section 2.1.3): integer steps from vertex to vertex, then scaled and shifted to degrees."""
    scale, translate = np.array(topology["transform"]["scale"]), np.array(topology["transform"]["translate"])
    return [np.cumsum(np.array(arc, dtype=np.int64), axis=0) * scale + translate for arc in topology["arcs"]]


def polygons_of(item: dict[str, Any], arcs: list[Ring]) -> BaseGeometry:
    """One TopoJSON geometry as valid polygons inside [-180, 180]."""
    polygons = [item["arcs"]] if item["type"] == "Polygon" else item["arcs"]
    parts = [flat_polygon([join_arcs(ring, arcs) for ring in rings]) for rings in polygons]
    return areas_only(shapely.union_all(parts))


def join_arcs(indices: list[int], arcs: list[Ring]) -> Ring:
    """The arcs of one ring end to end; ~i is arc i backwards, and each arc starts where the last one ended."""
    walked = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.concatenate([walked[0], *(arc[1:] for arc in walked[1:])])


def flat_polygon(rings: list[Ring]) -> BaseGeometry:
    """A polygon on the globe as polygons on the plate, cut at ±180°.

    Rings that the atlas's grid (400 m) collapsed to a point or a line enclose nothing and are left out.
    """
    if len(rings[0]) < 4:
        return shapely.Polygon()
    exterior = close_over_pole(unwrap(rings[0]))
    middle = exterior[:, 0].mean()
    holes = [turned(unwrap(ring), middle) for ring in rings[1:] if len(ring) >= 4]
    return cut_at_antimeridian(areas_only(shapely.make_valid(shapely.Polygon(exterior, holes))))


def unwrap(ring: Ring) -> Ring:
    """Longitudes without jumps: no step is longer than half a turn, so values may leave [-180, 180]."""
    return np.column_stack([np.unwrap(ring[:, 0], period=360.0), ring[:, 1]])


def turned(ring: Ring, near_lon_deg: float) -> Ring:
    """The same ring, whole turns away, with its longitudes around `near_lon_deg`."""
    turns = round((near_lon_deg - ring[:, 0].mean()) / 360.0)
    return np.column_stack([ring[:, 0] + 360.0 * turns, ring[:, 1]])


def close_over_pole(ring: Ring) -> Ring:
    """A ring that ends a full turn from its start (Antarctica) goes home over its pole."""
    if abs(ring[-1, 0] - ring[0, 0]) < 180.0:
        return ring
    pole_deg = np.copysign(90.0, ring[:, 1].mean())
    return np.vstack([ring, [ring[-1, 0], pole_deg], [ring[0, 0], pole_deg], ring[0]])


def cut_at_antimeridian(geometry: BaseGeometry) -> BaseGeometry:
    """Fold unwrapped longitudes back into [-180, 180], one band of 360° after the other."""
    if geometry.is_empty:
        return geometry
    west, _, east, _ = geometry.bounds
    bands = range(int(np.floor((west + 180.0) / 360.0)), int(np.ceil((east - 180.0) / 360.0)) + 1)
    folded = []
    for band in bands:
        inside = shapely.intersection(geometry, shapely.box(360.0 * band - 180.0, -90.0, 360.0 * band + 180.0, 90.0))
        folded.append(shapely.transform(inside, lambda xy, band=band: xy - [360.0 * band, 0.0]))
    return areas_only(shapely.union_all(folded))


def areas_only(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons of a geometry: points and lines left over by an overlay have no area and are dropped."""
    parts = shapely.get_parts(shapely.get_parts(geometry))  # twice: a collection may hold multipolygons
    return shapely.union_all([part for part in parts if part.area > 0.0])
