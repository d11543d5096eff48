"""The land of the territories as polygons, and whose land a point is.

The embedded polygons are cut into pieces of few vertices, within ±180° of longitude and disjoint, so that a spatial
index over the pieces answers in microseconds and no operation ever sees a whole continent. The 10m edition decides;
the 50m edition only draws.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import shapely
from numpy.typing import ArrayLike, NDArray

MICRODEGREES = 1e-6


@dataclass(frozen=True)
class Land:
    """Pieces of land: `territories[owner[i]]` owns `pieces[i]`, a polygon in longitude and latitude."""

    territories: tuple[str, ...]
    owner: NDArray[np.int32]
    pieces: NDArray[np.object_]
    tree: Any  # shapely.STRtree over the pieces

    def of(self, ids: Collection[str]) -> NDArray[np.object_]:
        """The pieces of some territories."""
        wanted = np.array([id_ in ids for id_ in self.territories])
        chosen: NDArray[np.object_] = self.pieces[wanted[self.owner]]
        return chosen

    def territory_of(self, longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> NDArray[np.int32]:
        """The number of the territory on whose land each point lies, −1 at sea."""
        points = shapely.points(np.asarray(longitude_deg), np.asarray(latitude_deg))
        found = np.full(len(points), -1, dtype=np.int32)
        point, piece = self.tree.query(points, predicate="intersects")
        found[point] = self.owner[piece]
        return found


@cache
def load(edition: str = "10m") -> Land:
    """The embedded land, edition "10m" (rules) or "50m" (drawing)."""
    with as_file(files("openleo.data") / "places" / f"land-{edition}.parquet") as path:
        table = pq.read_table(path)
    ids = table["territory"].combine_chunks().dictionary_encode()
    rings = table["ring_sizes"].combine_chunks()
    longitude, latitude = (table[axis].combine_chunks().flatten().to_numpy() for axis in ("lon_e6", "lat_e6"))
    pieces = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON,
        np.column_stack([longitude, latitude]) * MICRODEGREES,
        (np.concatenate([[0], np.cumsum(rings.flatten().to_numpy())]), rings.offsets.to_numpy()),
    )
    return Land(
        tuple(ids.dictionary.to_pylist()), ids.indices.to_numpy().astype(np.int32), pieces, shapely.STRtree(pieces)
    )


def area_sr(geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    """Solid angle of polygons whose edges are straight in longitude and latitude.

    By Green's theorem, ∮ sin φ dλ, with each edge integrated exactly: Δλ sin φₘ sin(Δφ/2)/(Δφ/2). So the areas of the
    pieces of a polygon add up to its own, however it was cut; a projection of the corners would not keep that.
    """
    parts, geometry_of = shapely.get_parts(geometry, return_index=True)
    rings, part_of = shapely.get_rings(parts, return_index=True)
    degrees, ring_of = shapely.get_coordinates(rings, return_index=True)
    longitude, latitude = np.radians(degrees).T
    edge = np.flatnonzero(ring_of[1:] == ring_of[:-1])
    step = latitude[edge + 1] - latitude[edge]
    middle = (latitude[edge + 1] + latitude[edge]) / 2.0
    under = (longitude[edge + 1] - longitude[edge]) * np.sin(middle) * np.sinc(step / (2.0 * np.pi))
    ring = np.abs(np.bincount(ring_of[edge], weights=under, minlength=len(rings)))
    outer = np.ones(len(rings), dtype=bool)
    outer[1:] = part_of[1:] != part_of[:-1]  # a polygon's first ring is its outside, the others are holes
    part = np.bincount(part_of, weights=np.where(outer, ring, -ring), minlength=len(parts))
    return np.bincount(geometry_of, weights=part, minlength=len(geometry)).astype(np.float64)
