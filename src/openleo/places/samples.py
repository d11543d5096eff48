"""Points that stand for the parts of cells, for what is decided by distance within a cell.

Takes parts; gives Points: the centres of finer cells, each with its part and a share of the people there. People are
spread evenly over the ground of their territory within a cell, so parts are best of the population's own resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.geodesy import up
from openleo.places import land as lands
from openleo.places import waters
from openleo.places.parts import Parts

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """`part[point]` numbers into the parts that they stand for; `people` (point,)."""

    latitude_deg: Floats
    longitude_deg: Floats
    part: NDArray[np.intp]
    people: Floats

    def __len__(self) -> int:
        return len(self.part)

    @property
    def up(self) -> Floats:
        """Unit vectors, axes (point, xyz)."""
        return up(self.latitude_deg, self.longitude_deg)


def points_of(parts: Parts, regions: Sequence[shapely.Geometry], resolution: int) -> Points:
    """The centres of the cells' children at a resolution, each of the part that holds it.

    `regions` are those of `parts.within`. A part that none of them falls in stands in the middle of its cell; a centre
    whose part was left out is left out.
    """
    points = h3cells.children(parts.cells, resolution)
    own = h3cells.resolution_of(parts.cells)
    cell = np.searchsorted(parts.cells, h3cells.parents(points, own))
    latitude, longitude = h3cells.centres_deg(points)
    label = labels_at(latitude, longitude, h3cells.outlines(parts.cells))
    within = np.column_stack(
        [np.zeros((len(points), 0), bool), *(_inside(one, longitude, latitude) for one in regions)]
    )
    part = _numbered(parts, cell, label, within)
    known = part >= 0
    latitude, longitude, part = latitude[known], longitude[known], part[known]
    alone = np.setdiff1d(np.arange(len(parts)), part)
    middle_latitude, middle_longitude = h3cells.centres_deg(parts.cells[parts.cell[alone]])
    part = np.concatenate([part, alone])
    share = 1.0 / np.bincount(part, minlength=len(parts))
    return Points(
        np.concatenate([latitude, middle_latitude]),
        np.concatenate([longitude, middle_longitude]),
        part,
        (parts.people * share)[part],
    )


def labels_at(latitude_deg: Floats, longitude_deg: Floats, near: NDArray[np.object_]) -> NDArray[np.object_]:
    """The territory, strip of sea or high seas of each point, all of them within some outlines."""
    land = lands.load()
    owner = land.territory_of(longitude_deg, latitude_deg)
    label = np.array([*land.territories, ""], dtype=object)[owner]
    sea = np.flatnonzero(owner < 0)
    if len(sea):
        label[sea] = waters.coasts(land, near).label(latitude_deg[sea], longitude_deg[sea])
    return label


def _inside(region: shapely.Geometry, longitude: Floats, latitude: Floats) -> NDArray[np.bool_]:
    shapely.prepare(region)
    return np.asarray(shapely.contains_xy(region, longitude, latitude))


def _numbered(
    parts: Parts, cell: NDArray[np.intp], label: NDArray[np.object_], within: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """The part of each (cell, label, membership), −1 where there is none."""
    _, code = np.unique(np.concatenate([parts.territory, label]).astype(str), return_inverse=True)
    both = np.concatenate([parts.within[:, : within.shape[1]], within]).astype(np.int64)
    key = np.column_stack([np.concatenate([parts.cell, cell]), code, both])
    _, number = np.unique(key, axis=0, return_inverse=True)
    number = number.ravel()
    part_of = np.full(len(number), -1, dtype=np.intp)
    part_of[number[: len(parts)]] = np.arange(len(parts))
    return part_of[number[len(parts) :]]
