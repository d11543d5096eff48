"""H3 cells: their index order, centres, areas and outlines.

Cells are carried as sorted `uint64` arrays; a cell's place in the array is its number everywhere else. Files write a
cell as its usual hexadecimal string. The index layout used here (mode, resolution, base cell, three bits a digit) is
H3's own, as documented in its specification "H3Index".
"""

from __future__ import annotations

from collections.abc import Iterable

import h3 as h3text
import h3.api.numpy_int as h3
import numpy as np
import shapely
from numpy.typing import NDArray

Cells = NDArray[np.uint64]
Floats = NDArray[np.float64]

RESOLUTION_SHIFT = 52  # bits 52–55 of an index hold its resolution
DIGIT_BITS = 3
INDEX_DIGITS = 16  # hexadecimal, of 64 bits
FINEST_RESOLUTION = 15
SLICE_DEG = 60  # of longitude


def world(resolution: int) -> Cells:
    """Every cell of the Earth at a resolution, sorted (res 3: 41,162; res 4: 288,122)."""
    return children(np.asarray(h3.get_res0_cells(), dtype=np.uint64), resolution)


def children(cells: Cells, resolution: int) -> Cells:
    """All descendants at a finer resolution, sorted."""
    if len(cells) == 0:
        return np.empty(0, dtype=np.uint64)
    return np.sort(np.concatenate([np.asarray(h3.cell_to_children(int(c), resolution), np.uint64) for c in cells]))


def parents(cells: Cells, resolution: int) -> Cells:
    """The ancestor of each cell at a coarser (or the same) resolution, in the cells' order."""
    digits = FINEST_RESOLUTION - resolution
    unused = np.uint64((1 << (DIGIT_BITS * digits)) - 1)  # a digit that is not used is all ones
    without = cells & ~np.uint64(0xF << RESOLUTION_SHIFT)
    return without | np.uint64(resolution << RESOLUTION_SHIFT) | unused


def middle_children(cells: Cells, resolution: int) -> Cells:
    """The descendant at a finer resolution that shares each cell's centre, in the cells' order."""
    return np.array([h3.cell_to_center_child(int(cell), resolution) for cell in cells], dtype=np.uint64)


def centres_deg(cells: Cells) -> tuple[Floats, Floats]:
    """(latitude_deg, longitude_deg) of the cells' centres."""
    if len(cells) == 0:
        return np.empty(0), np.empty(0)
    latitude, longitude = np.array([h3.cell_to_latlng(int(cell)) for cell in cells]).T
    return latitude, longitude


def areas_km2(cells: Cells) -> Floats:
    """Area of each cell on the authalic sphere, as H3 computes it."""
    return np.array([h3.cell_area(int(cell), unit="km^2") for cell in cells])


def mean_area_km2(resolution: int) -> float:
    """Area of the cells of a resolution, on the average."""
    return float(h3.average_hexagon_area(resolution, unit="km^2"))


def radius_km(resolution: int) -> float:
    """A length that no cell's corner exceeds from its centre: 1.4 mean edges (H3's largest distortion is 1.3)."""
    return 1.4 * float(h3.average_hexagon_edge_length(resolution, unit="km"))


def text(cells: Cells) -> list[str]:
    """The hexadecimal strings that files carry."""
    return [format(int(cell), "x") for cell in cells]


def is_cell(word: str) -> bool:
    """Whether a word is the hexadecimal string of a cell."""
    return len(word) <= INDEX_DIGITS and word.isalnum() and word.isascii() and h3text.is_valid_cell(word)


def resolutions(cells: Cells) -> NDArray[np.int64]:
    """The resolution of each cell."""
    return (cells >> np.uint64(RESOLUTION_SHIFT)).astype(np.int64) & 0xF


def resolution_of(cells: Cells) -> int:
    """The resolution of cells, one or more, that have one in common."""
    return int(cells[0] >> np.uint64(RESOLUTION_SHIFT)) & 0xF


def at(latitude_deg: float, longitude_deg: float, resolution: int) -> np.uint64:
    """The cell that holds a point."""
    return np.uint64(h3.latlng_to_cell(latitude_deg, longitude_deg, resolution))


def at_each(latitude_deg: Floats, longitude_deg: Floats, resolution: int) -> Cells:
    """The cell that holds each point; 0 where a coordinate is NaN."""
    found = np.zeros(len(latitude_deg), dtype=np.uint64)
    known = np.flatnonzero(~np.isnan(latitude_deg + longitude_deg))
    points = zip(latitude_deg[known].tolist(), longitude_deg[known].tolist(), strict=True)
    found[known] = np.fromiter((h3.latlng_to_cell(*point, resolution) for point in points), np.uint64, len(known))
    return found


def outlines(cells: Cells) -> NDArray[np.object_]:
    """The cells' polygons in longitude and latitude, cut at the antimeridian, closed over the poles."""
    return np.array([_outline(int(cell)) for cell in cells], dtype=object)


def _outline(cell: int) -> shapely.Geometry:
    latitude, longitude = np.array(h3.cell_to_boundary(cell)).T
    step = np.diff(np.append(longitude, longitude[0]))
    if np.abs(step).max() <= 180.0:
        return shapely.Polygon(np.column_stack([longitude, latitude]))
    if np.sum(np.abs(step) > 180.0) % 2 == 1:  # the boundary goes once around: the cell holds a pole
        order = np.argsort(longitude)
        longitude, latitude = longitude[order], latitude[order]
        edge = np.interp(180.0, [longitude[-1], longitude[0] + 360.0], [latitude[-1], latitude[0]])
        pole = np.copysign(90.0, latitude.mean())
        ring = [(-180.0, edge), *zip(longitude, latitude, strict=True), (180.0, edge), (180.0, pole), (-180.0, pole)]
        return shapely.Polygon(ring)
    unrolled = shapely.Polygon(np.column_stack([longitude % 360.0, latitude]))  # now around +180°
    east = shapely.intersection(unrolled, shapely.box(0.0, -90.0, 180.0, 90.0))
    west = shapely.intersection(unrolled, shapely.box(180.0, -90.0, 360.0, 90.0))
    return shapely.union_all([east, shapely.transform(west, lambda xy: xy - [360.0, 0.0])])


def overlapping(polygons: Iterable[shapely.Geometry], resolution: int) -> Cells:
    """Every cell that shares ground with one of the polygons (longitude, latitude; already cut at ±180°), sorted.

    h3 takes a ring of more than half a turn for one across the antimeridian, so it is given slices; and it draws the
    cell over a pole as a ring that leaves the pole out, so those two are tested by their outlines.
    """
    slices = [shapely.box(west, -90.0, west + SLICE_DEG, 90.0) for west in range(-180, 180, SLICE_DEG)]
    polar = np.array([at(pole, 0.0, resolution) for pole in (-90.0, 90.0)], dtype=np.uint64)
    caps = outlines(polar)
    found = []
    for polygon in polygons:
        for part in shapely.get_parts(shapely.intersection(polygon, slices)):
            found += [_overlapping(piece, resolution) for piece in shapely.get_parts(part)]
        found.append(polar[shapely.area(shapely.intersection(caps, polygon)) > 0.0])
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)


def _overlapping(polygon: shapely.Geometry, resolution: int) -> Cells:
    if polygon.geom_type != "Polygon" or polygon.is_empty:  # a slice may touch in a point or a line
        return np.empty(0, dtype=np.uint64)
    shape = h3.geo_to_h3shape(shapely.geometry.mapping(polygon))
    return np.asarray(h3.h3shape_to_cells_experimental(shape, resolution, "overlap"), dtype=np.uint64)


def neighbours(cells: Cells) -> NDArray[np.int32]:
    """The numbers of each cell's neighbours among sorted cells, axes (cell, 6); −1 for none or one that is missing."""
    found = np.full((len(cells), 6), -1, np.int32)
    for number, cell in enumerate(cells):
        around = np.array([one for one in h3.grid_disk(int(cell), 1) if one != cell], np.uint64)
        place = np.minimum(np.searchsorted(cells, around), len(cells) - 1)
        found[number, : len(around)] = np.where(cells[place] == around, place, -1)
    return found
