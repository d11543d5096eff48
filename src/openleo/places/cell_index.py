"""The cells of the Earth as an index of territories: which labels each touches, and which cells a region touches.

Takes the labels of every cell (`cell_labels`), found once and kept in the user's cache; gives CellIndex, which masks
read. An index may say more than there is (a label that a cell only nearly touches), never less: a cell of one label
lies wholly within it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import h3.api.numpy_int as h3
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.geodesy import chord_of, up
from openleo.places.cell_labels import Touching, hulls
from openleo.places.expressions import Region
from openleo.places.waters import KM_PER_DEGREE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OUTLINE_STEP_DEG = 0.02  # between points along a region's outline
MOST_REGIONS_KEPT = 256
PENTAGON_DIGITS = 6  # a pentagon has no child 1


@dataclass(frozen=True, eq=False)
class CellIndex:
    """Every cell of the Earth at a resolution, with the labels it touches.

    Cells that touch the same labels are of one kind: the labels of kind k are `labels[member[first[k]:first[k + 1]]]`.
    The first `len(labels)` kinds are the labels by themselves, in order.
    """

    resolution: int
    cells: Cells  # sorted
    labels: tuple[str, ...]
    kind: NDArray[np.int32]  # (cell,)
    first: Ints  # (kind + 1,)
    member: NDArray[np.int32]  # numbers into `labels`
    unproved: int  # rows (cell, label) that stand there because they could not be ruled out
    sha256: str  # of the data and the code that it was made from

    def __len__(self) -> int:
        return len(self.cells)

    def labels_of(self, number: int) -> tuple[str, ...]:
        """The labels that a cell touches, by the cell's number."""
        kind = self.kind[number]
        return tuple(self.labels[one] for one in self.member[self.first[kind] : self.first[kind + 1]])

    def touching(self, label: str) -> Ints:
        """The numbers of the cells that touch a label."""
        kinds = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        with_it = np.zeros(len(self.first) - 1, dtype=bool)
        with_it[kinds[self.member == self.labels.index(label)]] = True
        return np.flatnonzero(with_it[self.kind])

    def number_of(self, cells: Cells) -> Ints:
        """Each cell's place in `cells`, −1 for what is no cell of this resolution; any order, any number."""
        return _numbers(np.asarray(cells, dtype=np.uint64), self.cells, self.resolution)

    @cached_property
    def number_of_label(self) -> dict[str, int]:
        """Each label's place in `labels`."""
        return {label: number for number, label in enumerate(self.labels)}

    @cached_property
    def centres_deg(self) -> tuple[Floats, Floats]:
        """(latitude_deg, longitude_deg) of the cells."""
        return h3cells.centres_deg(self.cells)


def indexed(touching: Touching, labels: tuple[str, ...], resolution: int, sha256: str) -> CellIndex:
    """Rows (cell, label) as an index: cells of one set of labels become one kind."""
    cells = h3cells.world(resolution)
    count = np.bincount(touching.cell, minlength=len(cells))
    start = np.cumsum(count) - count
    kind = np.empty(len(cells), dtype=np.int32)
    sizes, members = [np.ones(len(labels), np.int64)], [np.arange(len(labels))]
    kinds = len(labels)
    for size in np.unique(count).tolist():
        chosen = np.flatnonzero(count == size)
        sets = touching.label[start[chosen, np.newaxis] + np.arange(size)]
        if size == 1:
            kind[chosen] = sets[:, 0]
            continue
        distinct, which = np.unique(sets, axis=0, return_inverse=True)
        kind[chosen] = kinds + which.ravel()
        kinds += len(distinct)
        sizes.append(np.full(len(distinct), size))
        members.append(distinct.ravel())
    first = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    member = np.concatenate(members).astype(np.int32)
    return CellIndex(resolution, cells, labels, kind, first, member, touching.unproved, sha256)


def _numbers(cells: Cells, world: Cells, resolution: int) -> Ints:
    """Counted from the digits: seven children a cell, six a pentagon, whose child 1 there is not."""
    hexagons = 7 ** np.arange(resolution + 1)
    pentagons = 1 + (PENTAGON_DIGITS - 1) * np.concatenate([[0], np.cumsum(hexagons[:-1])])
    five = np.zeros(128, dtype=bool)
    five[[h3.get_base_cell_number(int(cell)) for cell in h3.get_pentagons(0)]] = True
    below = np.where(five, pentagons[resolution], hexagons[resolution])
    base = ((cells >> np.uint64(45)) & np.uint64(127)).astype(np.int64)
    number: Ints = (np.cumsum(below) - below)[base]
    on_pentagon = five[base]
    for level in range(1, resolution + 1):
        shift = np.uint64(h3cells.DIGIT_BITS * (h3cells.FINEST_RESOLUTION - level))
        digit = ((cells >> shift) & np.uint64(7)).astype(np.int64)
        inner = on_pentagon & (digit > 0)
        skipped = hexagons[resolution - level] - pentagons[resolution - level]  # child 0 is smaller, child 1 missing
        number += digit * hexagons[resolution - level] - inner * (skipped + hexagons[resolution - level])
        on_pentagon &= digit == 0
    number[(number < 0) | (number >= len(world))] = 0
    number[world[number] != cells] = -1
    return number


# --- regions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class RegionCells:
    """Numbers of cells, sorted: wholly `inside` a region, and `crossed` by its outline. All others lie outside."""

    inside: Ints
    crossed: Ints


_regions: OrderedDict[tuple[str, int], RegionCells] = OrderedDict()
_lock = Lock()


def cells_of_region(region: Region, index: CellIndex) -> RegionCells:
    """The cells that a region holds and crosses; kept for the regions asked for last."""
    key = (region.sha256, index.resolution)
    with _lock:
        if key in _regions:
            _regions.move_to_end(key)
            return _regions[key]
    found = _cells_of(region.polygon, index)
    with _lock:
        _regions[key] = found
        while len(_regions) > MOST_REGIONS_KEPT:
            _regions.popitem(last=False)
    return found


def _cells_of(polygon: shapely.Geometry, index: CellIndex) -> RegionCells:
    """By the cell's middle where the outline is farther off than the cell reaches, by the cell's hull elsewhere."""
    none = np.empty(0, dtype=np.int64)
    if polygon.is_empty:
        return RegionCells(none, none)
    shapely.prepare(polygon)
    reach_km = h3cells.radius_km(index.resolution) + OUTLINE_STEP_DEG * KM_PER_DEGREE / 2.0
    latitude, longitude = index.centres_deg
    around = _around(polygon, reach_km / KM_PER_DEGREE, latitude, longitude)
    latitude, longitude = latitude[around], longitude[around]
    outline = shapely.get_coordinates(shapely.segmentize(shapely.boundary(polygon), OUTLINE_STEP_DEG))
    tree = KDTree(up(outline[:, 1], outline[:, 0]))
    near = np.isfinite(tree.query(up(latitude, longitude), distance_upper_bound=chord_of(reach_km))[0])
    within = shapely.contains_xy(polygon, longitude[~near], latitude[~near])
    close = around[near]
    if len(close) == 0:
        return RegionCells(around[within], none)
    hull, of = hulls(index.cells[close])
    touched, held = np.zeros(len(close), dtype=bool), np.ones(len(close), dtype=bool)
    np.logical_or.at(touched, of, shapely.intersects(polygon, hull))
    np.logical_and.at(held, of, shapely.contains(polygon, hull))
    return RegionCells(np.sort(np.concatenate([around[~near][within], close[held]])), close[touched & ~held])


def _around(polygon: shapely.Geometry, reach_deg: float, latitude: Floats, longitude: Floats) -> Ints:
    """The points in the box around a polygon, on whatever turn."""
    west, south, east, north = shapely.bounds(polygon)
    found = (latitude >= south - reach_deg) & (latitude <= north + reach_deg)
    widest = np.cos(np.radians(max(abs(south), abs(north)) + reach_deg))
    if widest > 2.0 * np.radians(reach_deg):
        wider = 1.5 * reach_deg / widest
        found &= np.abs((longitude - (west + east) / 2.0 + 180.0) % 360.0 - 180.0) <= (east - west) / 2.0 + wider
    return np.flatnonzero(found)
