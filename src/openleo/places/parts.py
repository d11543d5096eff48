"""Cells cut into cell × territory parts, each with its area and its people.

Takes cells and, where asked, extra regions (polygons of a scenario or of rules); gives Parts. Land is cut by the exact
polygons; the sea of a cell is shared out by sampling the distance to the coasts at the cell's grandchildren. Every part
is decided for itself, so no territory vanishes because no cell's centre falls in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.places import land as lands
from openleo.places import waters
from openleo.places.land import Land, equal_area
from openleo.places.territories import TERRITORIAL_SEA

Floats = NDArray[np.float64]
Labels = NDArray[np.object_]

POPULATION_RESOLUTION = 5
SMALLEST_SHARE = 1e-9  # of a cell: below it, a sliver is the rounding of a coordinate
SAMPLES_FINER = 2  # resolutions: 49 points share out a cell's sea


@dataclass(frozen=True)
class Parts:
    """The cut of `cells`: one row a (cell, territory, membership of regions), sorted by cell.

    `cell[part]` numbers into `cells`; `territory[part]` is an id, a strip (`JPN.sea12`) or `high-seas`;
    `within[part, region]` says which of the extra regions hold the part.
    """

    cells: Cells
    cell: NDArray[np.int32]
    territory: Labels
    within: NDArray[np.bool_]
    area_km2: Floats
    people: Floats

    def select(self, keep: NDArray[np.bool_]) -> Parts:
        """The chosen parts, and only the cells that still have one."""
        used, cell = np.unique(self.cell[keep], return_inverse=True)
        return Parts(
            self.cells[used],
            cell.astype(np.int32),
            self.territory[keep],
            self.within[keep],
            self.area_km2[keep],
            self.people[keep],
        )

    def __len__(self) -> int:
        return len(self.cell)


@cache
def _population() -> tuple[Cells, Labels, Floats]:
    """(cell, territory, people) of the embedded estimate at res 5."""
    with as_file(files("openleo.data") / "places" / f"population-h3-{POPULATION_RESOLUTION}.parquet") as path:
        table = pq.read_table(path)
    territory = np.array(table["territory"].to_pylist(), dtype=object)
    return table["cell"].to_numpy().astype(np.uint64), territory, table["people"].to_numpy().astype(np.float64)


def total_population() -> float:
    """The people in the embedded estimate, world-wide."""
    return float(_population()[2].sum())


def cut(cells: Cells, regions: Sequence[shapely.Geometry] = (), *, with_people: bool = True) -> Parts:
    """Cut cells (sorted, of one resolution) by territories and by extra regions.

    `regions` are polygons in longitude and latitude, already cut at ±180°.
    """
    if len(cells) == 0:
        return Parts(cells, *_columns([], len(regions)))
    parts = _cut_area(cells, regions)
    if not with_people:
        return parts
    return _with_people(parts, regions)


# --- area ---------------------------------------------------------------------------------------------------------


def _cut_area(cells: Cells, regions: Sequence[shapely.Geometry]) -> Parts:
    outlines = h3cells.outlines(cells)
    land = lands.load()
    on_land = _land_atoms(outlines, land, regions)
    whole = shapely.area(equal_area(outlines))
    on_land = on_land.scaled(1.0 / whole[on_land.cell])
    dry = _sums(on_land.cell, on_land.share, len(cells))
    wet = np.flatnonzero(1.0 - dry > SMALLEST_SHARE)
    at_sea = _sea_atoms(cells, outlines, wet, 1.0 - dry[wet], land, regions)
    cell = np.concatenate([on_land.cell, at_sea.cell])
    territory = np.concatenate([on_land.territory, at_sea.territory])
    within = np.concatenate([on_land.within, at_sea.within])
    area_km2 = np.concatenate([on_land.share, at_sea.share]) * h3cells.areas_km2(cells)[cell]
    order = np.lexsort((territory.astype(str), cell))
    return Parts(cells, cell[order], territory[order], within[order], area_km2[order], np.zeros(len(order)))


@dataclass(frozen=True)
class _Atoms:
    """Shares of cells that no border crosses."""

    cell: NDArray[np.int32]
    territory: Labels
    within: NDArray[np.bool_]
    share: Floats

    def scaled(self, factor: Floats) -> _Atoms:
        return _Atoms(self.cell, self.territory, self.within, self.share * factor)


def _summed(
    cell: NDArray[np.int32],
    owner: NDArray[np.int32],
    names: Sequence[str],
    within: NDArray[np.bool_],
    share: Floats,
) -> _Atoms:
    """One row for each distinct (cell, owner, membership)."""
    bits = within.astype(np.int64) @ (1 << np.arange(within.shape[1], dtype=np.int64))
    key = np.stack([cell.astype(np.int64), owner.astype(np.int64), bits], axis=1)
    distinct, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    total = _sums(inverse.ravel(), share, len(distinct))
    keep = total > SMALLEST_SHARE * total.max(initial=0.0)
    territory = np.array(list(names), dtype=object)[distinct[:, 1].astype(int)]
    return _Atoms(distinct[keep, 0].astype(np.int32), territory[keep], within[first][keep], total[keep])


def _land_atoms(outlines: NDArray[np.object_], land: Land, regions: Sequence[shapely.Geometry]) -> _Atoms:
    """The land of each cell, by territory and region; `share` is still an area on the equal-area map."""
    cell, piece = land.tree.query(outlines, predicate="intersects")
    ground = shapely.intersection(outlines[cell], land.pieces[piece])
    within = np.zeros((len(cell), 0), dtype=bool)
    for region in regions:
        cell, piece, ground, within = _split(cell, piece, ground, within, region)
    area = shapely.area(equal_area(ground))
    return _summed(cell.astype(np.int32), land.owner[piece], land.territories, within, area)


def _split(
    cell: NDArray[np.intp],
    piece: NDArray[np.intp],
    ground: NDArray[np.object_],
    within: NDArray[np.bool_],
    region: shapely.Geometry,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.object_], NDArray[np.bool_]]:
    """Each ground as its share inside a region and its share outside."""
    shapely.prepare(region)
    touches, holds = shapely.intersects(region, ground), shapely.contains(region, ground)
    crossed = touches & ~holds
    rows = np.concatenate([np.flatnonzero(~crossed), np.flatnonzero(crossed), np.flatnonzero(crossed)])
    inside = np.concatenate([holds[~crossed], np.ones(crossed.sum(), bool), np.zeros(crossed.sum(), bool)])
    cut_ground = np.concatenate(
        [
            ground[~crossed],
            shapely.intersection(ground[crossed], region),
            shapely.difference(ground[crossed], region),
        ]
    )
    return cell[rows], piece[rows], cut_ground, np.column_stack([within[rows], inside])


def _sea_atoms(
    cells: Cells,
    outlines: NDArray[np.object_],
    wet: NDArray[np.intp],
    share: Floats,
    land: Land,
    regions: Sequence[shapely.Geometry],
) -> _Atoms:
    """The sea of the cells `wet`, shared among strips and regions as their sample points fall."""
    if len(wet) == 0:
        return _Atoms(*_columns([], len(regions))[:4])
    coast = waters.coasts(land, outlines[wet])
    sample_of, latitude, longitude = _samples(cells[wet], share, land, coast, sparse=not regions)
    names, owner = np.unique(coast.label(latitude, longitude).astype(str), return_inverse=True)
    within = np.column_stack(
        [np.zeros((len(sample_of), 0), bool), *(shapely.contains_xy(region, longitude, latitude) for region in regions)]
    ).astype(bool)
    each = share[sample_of] / np.bincount(sample_of, minlength=len(wet))[sample_of]
    return _summed(wet[sample_of].astype(np.int32), owner.astype(np.int32), list(names), within, each)


def _samples(
    cells: Cells, sea_share: Floats, land: Land, coast: waters.Coasts, *, sparse: bool
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """(number of the cell, latitude, longitude) of points that stand for the cells' sea.

    With `sparse`, a cell that lies wholly beyond the last strip is one point: nothing is left to share out.
    """
    resolution = _resolution_of(cells)
    latitude, longitude = h3cells.centres_deg(cells)
    limit_km = waters.STRIP_LIMITS_KM[-1] + h3cells.radius_km(resolution)
    far = (coast.distance_km(latitude, longitude)[0] > limit_km) if sparse else np.zeros(len(cells), dtype=bool)
    near = np.flatnonzero(~far)
    points = h3cells.children(cells[near], min(resolution + SAMPLES_FINER, h3cells.FINEST_RESOLUTION))
    point_of = near[np.searchsorted(cells[near], h3cells.parents(points, resolution))]
    point_latitude, point_longitude = h3cells.centres_deg(points)
    coastal = np.flatnonzero(sea_share[point_of] < 1.0 - SMALLEST_SHARE)
    at_sea = np.ones(len(points), dtype=bool)
    at_sea[coastal] = land.territory_of(point_longitude[coastal], point_latitude[coastal]) < 0
    # A strait may be narrower than the points are apart: then all of them stand for its water.
    at_sea |= (np.bincount(point_of, weights=at_sea, minlength=len(cells)) == 0)[point_of]
    return (
        np.concatenate([np.flatnonzero(far), point_of[at_sea]]),
        np.concatenate([latitude[far], point_latitude[at_sea]]),
        np.concatenate([longitude[far], point_longitude[at_sea]]),
    )


def _sums(group: NDArray[np.integer], values: Floats, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)


def _resolution_of(cells: Cells) -> int:
    return int(cells[0] >> np.uint64(h3cells.RESOLUTION_SHIFT)) & 0xF


def _columns(
    rows: Sequence[tuple[int, str, NDArray[np.bool_], float, float]], regions: int
) -> tuple[NDArray[np.int32], Labels, NDArray[np.bool_], Floats, Floats]:
    """The columns of Parts from rows."""
    return (
        np.array([row[0] for row in rows], dtype=np.int32),
        np.array([row[1] for row in rows], dtype=object),
        np.array([row[2] for row in rows], dtype=bool).reshape(len(rows), regions),
        np.array([row[3] for row in rows], dtype=np.float64),
        np.array([row[4] for row in rows], dtype=np.float64),
    )


# --- people -------------------------------------------------------------------------------------------------------


def _with_people(parts: Parts, regions: Sequence[shapely.Geometry]) -> Parts:
    resolution = _resolution_of(parts.cells)
    if resolution > POPULATION_RESOLUTION:
        return _shared_down(parts, regions)
    cell5, territory, people = _population()
    place = np.searchsorted(parts.cells, h3cells.parents(cell5, resolution))
    here = parts.cells[np.minimum(place, len(parts.cells) - 1)] == h3cells.parents(cell5, resolution)
    rows = _people_rows(cell5[here], territory[here], people[here], place[here].astype(np.int32), regions)
    return _joined(parts, rows)


def _people_rows(
    cell5: Cells,
    territory: Labels,
    people: Floats,
    cell: NDArray[np.int32],
    regions: Sequence[shapely.Geometry],
) -> tuple[NDArray[np.int32], Labels, NDArray[np.bool_], Floats]:
    """(cell, territory, membership, people): the res-5 estimate, cut by the regions where they pass."""
    if not regions:
        return cell, territory, np.zeros((len(cell), 0), bool), people
    fine = cut(np.unique(cell5), regions, with_people=False)
    key5: dict[tuple[int, str], list[int]] = {}
    for row, (c, t) in enumerate(zip(fine.cells[fine.cell].tolist(), fine.territory, strict=True)):
        key5.setdefault((c, t), []).append(row)
    out: list[tuple[int, str, NDArray[np.bool_], float]] = []
    outside = np.zeros(len(regions), dtype=bool)
    for c5, t, n, c in zip(cell5.tolist(), territory, people, cell.tolist(), strict=True):
        atoms = key5.get((c5, t), [])
        area = fine.area_km2[atoms].sum()
        if area > 0.0:
            out += [(c, t, fine.within[atom], n * fine.area_km2[atom] / area) for atom in atoms]
        else:  # an islet below the sliver's size: by where its cell's centre is
            latitude, longitude = h3cells.centres_deg(np.array([c5], dtype=np.uint64))
            member = [bool(shapely.contains_xy(region, longitude[0], latitude[0])) for region in regions]
            out.append((c, t, np.array(member) if member else outside, n))
    return (
        np.array([row[0] for row in out], dtype=np.int32),
        np.array([row[1] for row in out], dtype=object),
        np.array([row[2] for row in out], dtype=bool).reshape(len(out), len(regions)),
        np.array([row[3] for row in out], dtype=np.float64),
    )


def _joined(parts: Parts, rows: tuple[NDArray[np.int32], Labels, NDArray[np.bool_], Floats]) -> Parts:
    """Parts with people.

    People whose cell has no ground of their territory (a child cell pokes over its parent's edge) get a part of their
    own without area, so that totals hold.
    """
    cell, territory, within, people = rows
    names, code = np.unique(np.concatenate([parts.territory, territory]).astype(str), return_inverse=True)
    all_within = np.concatenate([parts.within, within])
    bits = all_within.astype(np.int64) @ (1 << np.arange(all_within.shape[1], dtype=np.int64))
    key = np.stack([np.concatenate([parts.cell, cell]).astype(np.int64), code.astype(np.int64), bits], axis=1)
    distinct, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    inverse = inverse.ravel()
    return Parts(
        parts.cells,
        distinct[:, 0].astype(np.int32),
        names[distinct[:, 1]].astype(object),
        all_within[first],
        _sums(inverse[: len(parts)], parts.area_km2, len(distinct)),
        _sums(inverse[len(parts) :], people, len(distinct)),
    )


def _shared_down(parts: Parts, regions: Sequence[shapely.Geometry]) -> Parts:
    """People of a res-5 cell and territory, by area over all the finer cells within it."""
    resolution = _resolution_of(parts.cells)
    coarse = np.unique(h3cells.parents(parts.cells, POPULATION_RESOLUTION))
    every = cut(h3cells.children(coarse, resolution), regions, with_people=False)
    cell5, territory, people = _population()
    wanted = np.isin(cell5, coarse)
    names, code = np.unique(np.concatenate([every.territory, territory[wanted]]).astype(str), return_inverse=True)
    parent = np.searchsorted(coarse, h3cells.parents(every.cells, POPULATION_RESOLUTION))[every.cell]
    key = parent * len(names) + code[: len(every)]
    ground = _sums(key, every.area_km2, len(coarse) * len(names))
    living = np.zeros(len(coarse) * len(names))
    np.add.at(living, np.searchsorted(coarse, cell5[wanted]) * len(names) + code[len(every) :], people[wanted])
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.where(ground > 0.0, living / ground, 0.0)
    shared = Parts(
        every.cells, every.cell, every.territory, every.within, every.area_km2, density[key] * every.area_km2
    )
    return shared.select(np.isin(every.cells, parts.cells)[every.cell])


def land_of(label: str) -> str:
    """The land territory behind a label: `JPN` for `JPN` and for `JPN.sea12`."""
    return label.partition(".")[0]


def is_territorial_sea(label: str) -> bool:
    """Whether a label names waters within 12 nautical miles."""
    return label.endswith(TERRITORIAL_SEA)
