"""Cells cut into cell × territory parts, each with its area and its people.

Takes cells and, where asked, extra regions (polygons of a scenario or of rules); gives Parts. Land is cut by the exact
polygons, and the sea shared out among strips by the distance to the coasts (`sea_shares`). Every part is decided for
itself, so no territory vanishes because no cell's centre falls in it, and no strip because it is narrow.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.places import land as lands
from openleo.places import shapes
from openleo.places.crossings import check_crossings
from openleo.places.land import Land, area_sr
from openleo.places.population import RESOLUTION as POPULATION_RESOLUTION
from openleo.places.population import estimate
from openleo.places.sea_reach import label_names
from openleo.places.sea_shares import sea_shares
from openleo.places.waters import KM_PER_DEGREE, SLIVER_KM

Floats = NDArray[np.float64]
Labels = NDArray[np.object_]

SMALLEST_SHARE = 1e-9  # of a cell: below it, an area is the rounding of a double
DRAWN_TWICE_DEG = 1e-3 / KM_PER_DEGREE  # 1 m: so far apart one outline lies when it is drawn in two ways
REGION_DECIMALS = 9  # of a degree: 0.1 mm, so that no corner of a region is a number too small to divide by


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


def cells_with_people(territories: Collection[str], resolution: int) -> Cells:
    """The cells that the embedded estimate puts people of some territories into.

    A few of them share no ground with the territory, as a cell's children poke over its edge. Below the estimate's own
    resolution people without ground live in the cell in the middle.
    """
    cell5, territory, _ = estimate()
    theirs = np.unique(cell5[np.isin(territory.astype(str), list(territories))])
    if resolution > POPULATION_RESOLUTION:
        return h3cells.middle_children(theirs, resolution)
    return np.unique(h3cells.parents(theirs, resolution))


def cut(
    cells: Cells,
    regions: Sequence[shapely.Geometry] = (),
    *,
    with_people: bool = True,
    names: Sequence[str] = (),
) -> Parts:
    """Cut cells (sorted, of one resolution) by territories and by extra regions.

    `regions` are polygons in longitude and latitude, already cut at ±180°; `names`: what problems call them. Raises
    InputError where two of them cross too often to be overlaid.
    """
    if len(cells) == 0:
        none = _no_atoms(len(regions))
        return Parts(cells, none.cell, none.territory, none.within, none.share, none.share)
    rounded = [_rounded(region) for region in regions]
    # One polygon may come twice, under two names: cut once, it has no slivers inside the one and outside the other.
    keys = [shapely.to_wkb(region.normalize()) for region in rounded]
    once = list(dict.fromkeys(keys))
    distinct = [rounded[keys.index(key)] for key in once]
    check_crossings(distinct, [dict(zip(keys, names, strict=False))[key] for key in once] if names else ())
    if not with_people:
        parts = _cut_area(cells, distinct)
    elif h3cells.resolution_of(cells) > POPULATION_RESOLUTION:
        parts = _shared_down(cells, distinct)
    else:
        parts = _with_people(_cut_area(cells, distinct), distinct)
    return replace(parts, within=parts.within[:, [once.index(key) for key in keys]])


def _rounded(region: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(region, lambda corners: np.round(corners, REGION_DECIMALS))


# --- area ---------------------------------------------------------------------------------------------------------


def _cut_area(cells: Cells, regions: Sequence[shapely.Geometry]) -> Parts:
    outlines = h3cells.outlines(cells)
    land = lands.load()
    area = area_sr(outlines)
    on_land = _land_atoms(outlines, land, regions).scaled(1.0 / area)
    cell_km2 = h3cells.areas_km2(cells)
    at_sea = _sea_atoms(cells, cell_km2, _ground(outlines, regions).scaled(1.0 / area), on_land, land)
    cell = np.concatenate([on_land.cell, at_sea.cell])
    territory = np.concatenate([on_land.territory, at_sea.territory])
    within = np.concatenate([on_land.within, at_sea.within])
    share = np.concatenate([on_land.share, at_sea.share])
    share /= _sums(cell, share, len(cells))[cell]  # slivers of borders go to what the cell is made of
    area_km2 = share * cell_km2[cell]
    order = np.lexsort((territory.astype(str), cell))
    return Parts(cells, cell[order], territory[order], within[order], area_km2[order], np.zeros(len(order)))


@dataclass(frozen=True)
class _Atoms:
    """Shares of cells that no border crosses."""

    cell: NDArray[np.int32]
    territory: Labels
    within: NDArray[np.bool_]
    share: Floats

    def scaled(self, of_cell: Floats) -> _Atoms:
        """The shares times a number for each cell."""
        return replace(self, share=self.share * of_cell[self.cell])


@dataclass(frozen=True)
class _Ground:
    """Cells cut by regions alone, land and sea together, with the geometry of each piece."""

    cell: NDArray[np.intp]
    within: NDArray[np.bool_]
    shape: NDArray[np.object_]
    share: Floats

    def scaled(self, of_cell: Floats) -> _Ground:
        """The shares times a number for each cell."""
        return replace(self, share=self.share * of_cell[self.cell])


def _codes(*memberships: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Each row of several tables of memberships as a number; equal rows have equal numbers."""
    together = np.concatenate(memberships)
    if together.shape[1] == 0:
        return [np.zeros(len(one), dtype=np.int64) for one in memberships]
    number = np.unique(np.packbits(together, axis=1), axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return np.split(number, np.cumsum([len(one) for one in memberships])[:-1])


def _summed(
    cell: NDArray[np.int32],
    owner: NDArray[np.int32],
    names: Sequence[str],
    within: NDArray[np.bool_],
    share: Floats,
) -> _Atoms:
    """One row for each distinct (cell, owner, membership)."""
    key = np.stack([cell.astype(np.int64), owner.astype(np.int64), *_codes(within)], axis=1)
    distinct, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    total = _sums(inverse.ravel(), share, len(distinct))
    keep = total > 0.0
    territory = np.array(list(names), dtype=object)[distinct[:, 1].astype(int)]
    return _Atoms(distinct[keep, 0].astype(np.int32), territory[keep], within[first][keep], total[keep])


def _land_atoms(outlines: NDArray[np.object_], land: Land, regions: Sequence[shapely.Geometry]) -> _Atoms:
    """The land of each cell, by territory and region; `share` is still a solid angle."""
    cell, piece = land.tree.query(outlines, predicate="intersects")
    ground = shapely.intersection(outlines[cell], land.pieces[piece])
    within = np.zeros((len(cell), 0), dtype=bool)
    for region in regions:
        rows, ground, inside = _split(ground, region)
        cell, piece, within = cell[rows], piece[rows], np.column_stack([within[rows], inside])
    area = area_sr(ground)
    return _summed(cell.astype(np.int32), land.owner[piece], land.territories, within, area)


def _ground(outlines: NDArray[np.object_], regions: Sequence[shapely.Geometry]) -> _Ground:
    """The cells cut by regions; `share` is still a solid angle."""
    cell, shape = np.arange(len(outlines)), outlines
    within = np.zeros((len(cell), 0), dtype=bool)
    for region in regions:
        rows, shape, inside = _split(shape, region)
        cell, within = cell[rows], np.column_stack([within[rows], inside])
    return _Ground(cell, within, shape, area_sr(shape))


def _split(
    ground: NDArray[np.object_], region: shapely.Geometry
) -> tuple[NDArray[np.intp], NDArray[np.object_], NDArray[np.bool_]]:
    """(number of the ground, what of it lies inside or outside a region, which of the two).

    Where either is a sliver, as outlines drawn in two ways leave between them, the ground is not cut.
    """
    shapely.prepare(region)
    touches, holds = shapely.intersects(region, ground), shapely.contains(region, ground)
    crossed = np.flatnonzero(touches & ~holds)
    near = shapes.around(ground[crossed], region)
    within, beyond = shapely.intersection(ground[crossed], near), shapely.difference(ground[crossed], near)
    slight = _slivers(within), _slivers(beyond)
    holds[crossed] = slight[1] & ~slight[0]
    cut_ = ~slight[0] & ~slight[1]
    whole, crossed = np.setdiff1d(np.arange(len(ground)), crossed[cut_]), crossed[cut_]
    inside = np.concatenate([holds[whole], np.ones(len(crossed), bool), np.zeros(len(crossed), bool)])
    return (
        np.concatenate([whole, crossed, crossed]),
        np.concatenate([ground[whole], within[cut_], beyond[cut_]]),
        inside,
    )


def _slivers(ground: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which are no wider than DRAWN_TWICE_DEG on the average: their outline runs there and back along their length."""
    slight: NDArray[np.bool_] = shapely.area(ground) <= DRAWN_TWICE_DEG * shapely.length(ground) / 2.0
    return slight


def _sea_atoms(cells: Cells, cell_km2: Floats, ground: _Ground, on_land: _Atoms, land: Land) -> _Atoms:
    """The sea of the cells: what of their ground is not land, shared out among strips."""
    of_ground, of_land = _codes(ground.within, on_land.within)
    row_of = {key: row for row, key in enumerate(zip(ground.cell.tolist(), of_ground.tolist(), strict=True))}
    keys = zip(on_land.cell.tolist(), of_land.tolist(), strict=True)
    # Where outlines meet, rounding may leave a sliver of land whose membership no ground has; the last row is theirs.
    land_rows = [row_of.get(key, len(row_of)) for key in keys]
    dry = _sums(np.array(land_rows, dtype=np.intp), on_land.share, len(row_of) + 1)[:-1]
    sliver = np.where(
        dry > 0.0, SLIVER_KM * 6.0 * h3cells.radius_km(h3cells.resolution_of(cells)) / cell_km2[ground.cell], 0.0
    )
    sea = np.where(ground.share - dry > np.maximum(sliver, SMALLEST_SHARE), ground.share - dry, 0.0)
    if not sea.any():
        return _no_atoms(ground.within.shape[1])
    rows = np.flatnonzero(sea > 0.0)
    alone = np.bincount(ground.cell) == 1
    plain = alone[ground.cell[rows]] & (np.bincount(on_land.cell, minlength=len(cells)) == 0)[ground.cell[rows]]
    shares = sea_shares(cells, ground.cell[rows], ground.shape[rows], plain, land)
    row = rows[shares.piece]
    owner = shares.label.astype(np.int32)
    return _summed(
        ground.cell[row].astype(np.int32), owner, label_names(land), ground.within[row], sea[row] * shares.share
    )


def _sums(group: NDArray[np.integer], values: Floats, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)


def _no_atoms(regions: int) -> _Atoms:
    return _Atoms(np.empty(0, np.int32), np.empty(0, object), np.empty((0, regions), bool), np.empty(0))


# --- people -------------------------------------------------------------------------------------------------------


def _with_people(parts: Parts, regions: Sequence[shapely.Geometry]) -> Parts:
    resolution = h3cells.resolution_of(parts.cells)
    cell5, territory, people = estimate()
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
    cells = np.unique(cell5)
    fine = _land_atoms(h3cells.outlines(cells), lands.load(), regions)  # nobody lives at sea
    key5: dict[tuple[int, str], list[int]] = {}
    for row, (c, t) in enumerate(zip(cells[fine.cell].tolist(), fine.territory, strict=True)):
        key5.setdefault((c, t), []).append(row)
    out: list[tuple[int, str, NDArray[np.bool_], float]] = []
    for c5, t, n, c in zip(cell5.tolist(), territory, people, cell.tolist(), strict=True):
        atoms = key5.get((c5, t), [])
        area = fine.share[atoms].sum()
        if area > 0.0:
            out += [(c, t, fine.within[atom], n * fine.share[atom] / area) for atom in atoms]
        else:  # an islet below the sliver's size: by where its cell's centre is
            out.append((c, t, _within_at(np.array([c5], dtype=np.uint64), regions)[0], n))
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
    all_cells = np.concatenate([parts.cell, cell]).astype(np.int64)
    key = np.stack([all_cells, code.astype(np.int64), *_codes(all_within)], axis=1)
    distinct, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    inverse = inverse.ravel()
    return Parts(
        parts.cells,
        distinct[:, 0].astype(np.int32),
        names[distinct[:, 1]].astype(object),
        all_within[first],
        _sums(inverse[: len(parts)], parts.area_km2, len(distinct)),
        _sums(inverse, np.concatenate([parts.people, people]), len(distinct)),
    )


def _shared_down(cells: Cells, regions: Sequence[shapely.Geometry]) -> Parts:
    """The parts of fine cells; people of a res-5 cell and territory, by area over all the finer cells within it."""
    resolution = h3cells.resolution_of(cells)
    coarse = np.unique(h3cells.parents(cells, POPULATION_RESOLUTION))
    every = _cut_area(h3cells.children(coarse, resolution), regions)
    cell5, territory, people = estimate()
    wanted = np.isin(cell5, coarse)
    names, code = np.unique(np.concatenate([every.territory, territory[wanted]]).astype(str), return_inverse=True)
    parent = np.searchsorted(coarse, h3cells.parents(every.cells, POPULATION_RESOLUTION))[every.cell]
    key = parent * len(names) + code[: len(every)]
    ground = _sums(key, every.area_km2, len(coarse) * len(names))
    living = np.zeros(len(coarse) * len(names))
    np.add.at(living, np.searchsorted(coarse, cell5[wanted]) * len(names) + code[len(every) :], people[wanted])
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.where(ground > 0.0, living / ground, 0.0)
    people_of = density[key] * every.area_km2
    shared = Parts(every.cells, every.cell, every.territory, every.within, every.area_km2, people_of)
    stranded = np.flatnonzero((living > 0.0) & (ground == 0.0))
    middle = h3cells.middle_children(coarse[stranded // len(names)], resolution)
    rows = np.searchsorted(every.cells, middle).astype(np.int32)
    territory = names[stranded % len(names)].astype(object)
    shared = _joined(shared, (rows, territory, _within_at(middle, regions), living[stranded]))
    return shared.select(np.isin(every.cells, cells)[shared.cell])


def _within_at(cells: Cells, regions: Sequence[shapely.Geometry]) -> NDArray[np.bool_]:
    """Which regions hold the cells' centres, axes (cell, region)."""
    latitude, longitude = h3cells.centres_deg(cells)
    inside = [shapely.contains_xy(region, longitude, latitude) for region in regions]
    return np.array(inside, dtype=bool).reshape(len(regions), len(cells)).T


def land_of(label: str) -> str:
    """The land territory behind a label: `JPN` for `JPN` and for `JPN.sea12`."""
    return label.partition(".")[0]
