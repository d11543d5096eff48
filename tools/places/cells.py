"""Cell × territory: how much of each H3 cell's land belongs to whom.

Takes the pieces of land; gives one row for every pair of a resolution-5 cell and a territory that share land, with
the shared area. Shares are exact polygon shares on the plate, which within one cell (20 km) is as good as equal-area.
"""

from __future__ import annotations

from dataclasses import dataclass

import h3
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

RESOLUTION = 5


@dataclass(frozen=True)
class Shares:
    """Axes (pair): sorted by cell, then by territory."""

    cell: NDArray[np.uint64]
    territory: NDArray[np.int32]  # index into `territories`
    land_km2: NDArray[np.float64]
    territories: tuple[str, ...]

    def index(self) -> dict[tuple[int, int], int]:
        """(cell, territory index) → row."""
        return {pair: row for row, pair in enumerate(zip(self.cell.tolist(), self.territory.tolist(), strict=True))}


def shares_of(pieces: list[tuple[str, BaseGeometry]]) -> Shares:
    """The shares of all territories but Antarctica, where nobody is counted and pieces pass 180° of longitude."""
    names = tuple(sorted({territory for territory, _ in pieces}))
    number = {name: i for i, name in enumerate(names)}
    cells, owners, areas = [], [], []
    for territory, piece in pieces:
        if territory == "ATA":
            continue
        ids, km2 = piece_shares(piece)
        cells.append(ids)
        owners.append(np.full(len(ids), number[territory], dtype=np.int32))
        areas.append(km2)
    return summed(np.concatenate(cells), np.concatenate(owners), np.concatenate(areas), names)


def piece_shares(piece: BaseGeometry) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """The cells that one piece touches, and the land it has in each."""
    texts = h3.h3shape_to_cells_experimental(h3.geo_to_h3shape(piece), RESOLUTION, contain="overlap")
    outlines = cell_polygons(texts, near_lon_deg=piece.centroid.x)
    shapely.prepare(piece)
    share = np.ones(len(texts))
    border = ~shapely.contains_properly(piece, outlines)
    share[border] = shapely.area(shapely.intersection(outlines[border], piece)) / shapely.area(outlines[border])
    km2 = np.array([h3.cell_area(text, unit="km^2") for text in texts])
    land = share > 0.0
    return np.array([h3.str_to_int(text) for text in texts], dtype=np.uint64)[land], (share * km2)[land]


def cell_polygons(texts: list[str], near_lon_deg: float) -> NDArray[np.object_]:
    """Cell outlines; across the antimeridian they go on past ±180°, on the side of `near_lon_deg`."""
    rings = [np.array(h3.cell_to_boundary(text)) for text in texts]
    sizes = [len(ring) for ring in rings]
    lat_lon = np.concatenate(rings) if rings else np.empty((0, 2))
    lon = near_lon_deg + (lat_lon[:, 1] - near_lon_deg + 180.0) % 360.0 - 180.0
    ring_of = np.repeat(np.arange(len(sizes)), sizes)
    return shapely.polygons(shapely.linearrings(lon, lat_lon[:, 0], indices=ring_of))


def summed(cell: NDArray, territory: NDArray, km2: NDArray, names: tuple[str, ...]) -> Shares:
    """One row a pair: a territory can meet a cell with several pieces."""
    order = np.lexsort((territory, cell))
    cell, territory, km2 = cell[order], territory[order], km2[order]
    first = np.flatnonzero(np.r_[True, (cell[1:] != cell[:-1]) | (territory[1:] != territory[:-1])])
    return Shares(cell[first], territory[first], np.add.reduceat(km2, first), names)
