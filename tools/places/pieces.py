"""Land as small pieces in a Parquet file.

Takes territory → land on whole micro-degrees; gives pieces of at most 256 vertices, by halving the longer side of
the bounding box again and again, so that a point is looked up among few vertices. Columns: `territory`; `lon_e6`,
`lat_e6`: the vertices of all rings one after the other, each ring closed; `ring_sizes`: the exterior, then holes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from places.atlas import areas_only
from places.partition import GRID_DEG

PIECE_VERTICES_MAX = 256
SCHEMA = pa.schema(
    [
        ("territory", pa.dictionary(pa.int16(), pa.string())),
        ("lon_e6", pa.list_(pa.int32())),
        ("lat_e6", pa.list_(pa.int32())),
        ("ring_sizes", pa.list_(pa.int32())),
    ]
)


def split(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Polygons of at most `PIECE_VERTICES_MAX` vertices that together are `geometry`."""
    done: list[BaseGeometry] = []
    waiting = list(shapely.get_parts(geometry))
    while waiting:
        polygon = waiting.pop()
        if shapely.get_num_coordinates(polygon) <= PIECE_VERTICES_MAX:
            done.append(polygon)
        else:
            waiting.extend(half for box in halves(polygon) for half in cut(polygon, box))
    return sorted(done, key=lambda polygon: polygon.bounds)


def halves(polygon: BaseGeometry) -> tuple[BaseGeometry, BaseGeometry]:
    """The bounding box, halved across its longer side on a whole micro-degree."""
    west, south, east, north = polygon.bounds
    if east - west > north - south:
        middle = round((west + east) / 2.0, 6)
        return shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
    middle = round((south + north) / 2.0, 6)
    return shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)


def cut(polygon: BaseGeometry, box: BaseGeometry) -> list[BaseGeometry]:
    return list(shapely.get_parts(areas_only(shapely.intersection(polygon, box, grid_size=GRID_DEG))))


def area_km2(pieces: list[BaseGeometry]) -> float:
    """Area on the WGS 84 ellipsoid; an edge is the geodesic between its vertices."""
    geod = pyproj.Geod(ellps="WGS84")
    return sum(abs(geod.geometry_area_perimeter(shapely.orient_polygons(piece))[0]) for piece in pieces) / 1e6


def write_pieces(path: Path, pieces: dict[str, list[BaseGeometry]]) -> None:
    """All pieces, territory by territory, with integers as differences (a coast walks in small steps)."""
    rows = [(territory, *encode(piece)) for territory, parts in sorted(pieces.items()) for piece in parts]
    columns = list(zip(*rows, strict=True))
    territory = pa.array(columns[0]).dictionary_encode().cast(SCHEMA.field("territory").type)
    lists = [pa.array(column, type=pa.list_(pa.int32())) for column in columns[1:]]
    table = pa.Table.from_arrays([territory, *lists], schema=SCHEMA)
    packed = {f"{name}.list.element": "DELTA_BINARY_PACKED" for name in ("lon_e6", "lat_e6", "ring_sizes")}
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=["territory"], column_encoding=packed
    )


def encode(polygon: BaseGeometry) -> tuple[list[int], list[int], list[int]]:
    """One polygon as the columns `lon_e6`, `lat_e6`, `ring_sizes`."""
    rings = [np.rint(shapely.get_coordinates(ring) * 1e6).astype(np.int32) for ring in shapely.get_rings(polygon)]
    lon, lat = np.concatenate(rings).T
    return lon.tolist(), lat.tolist(), [len(ring) for ring in rings]


def read_pieces(path: Path) -> list[tuple[str, BaseGeometry]]:
    """The pieces of a file, with their territory, as polygons in degrees."""
    table = pq.read_table(path)
    columns = [table[name].to_pylist() for name in SCHEMA.names]
    return [(territory, decode(lon, lat, sizes)) for territory, lon, lat, sizes in zip(*columns, strict=True)]


def decode(lon_e6: list[int], lat_e6: list[int], ring_sizes: list[int]) -> BaseGeometry:
    rings = np.split(np.column_stack([lon_e6, lat_e6]) / 1e6, np.cumsum(ring_sizes)[:-1])
    return shapely.Polygon(rings[0], rings[1:])
