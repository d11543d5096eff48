"""What beams do beyond a border: whom they light who is not served, and who goes dark if they must not.

A beam points at the place that it serves and is felt as far as its contour. So whoever is not served but lives within
that distance of somebody who may be is lit; and if no beam may reach where nobody may be served, whoever lives within
that distance of such a place goes dark. Both are told of people; the sea and empty land count as places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from openleo import cells as h3cells
from openleo.geodesy import chord_of, up
from openleo.places.samples import Points
from openleo.policy.mask import NO, Decided, Kinds
from openleo.service.amounts import Spill
from openleo.service.reached import Reached

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sampled:
    """Points of the cells where a beam may cross from one side to another: `kind` (point,), `reached` (point,)."""

    points: Points
    kind: NDArray[np.intp]
    can_serve: Flags


def cells_in_doubt(reached: Reached, sides: Sequence[Decided], beam_km: float) -> h3cells.Cells:
    """The cells that hold a place which may be served, or one which may not, within reach of the other, on any side."""
    cells = reached.parts.cells
    resolution = h3cells.resolution_of(cells)
    centre = up(*h3cells.centres_deg(cells))
    reach = chord_of(beam_km + 2.0 * h3cells.radius_km(resolution))
    found = np.zeros(len(cells), dtype=bool)
    for may in {
        one.may[:, column].tobytes(): one.may[:, column] for one in sides for column in range(one.may.shape[1])
    }.values():
        open_, closed = (_holding(reached, flags) for flags in (may != NO, may == NO))
        for here, there in ((open_, closed), (closed, open_)):
            if here.any() and there.any():
                mine = np.flatnonzero(here)
                found[mine] |= np.isfinite(KDTree(centre[there]).query(centre[mine], distance_upper_bound=reach)[0])
    return cells[found]


def _holding(reached: Reached, kinds: Flags) -> Flags:
    flags = np.zeros(len(reached.parts.cells), dtype=bool)
    flags[reached.parts.cell[kinds[reached.kinds.of_part]]] = True
    return flags


def spill(
    sides: tuple[Sampled, Sampled], kinds: Kinds, before: Decided, after: Decided, beam_km: float
) -> dict[tuple[str, str], Spill]:
    """By (territory, class), where anybody is concerned; `sides`: one network's points before, and one's after."""
    names, territory_of_kind = np.unique(np.array(kinds.label), return_inverse=True)
    known: dict[tuple[bytes, bytes], NDArray[np.float64]] = {}

    def counted(sampled: Sampled, may: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(lit or dark, territory): people."""
        key = sampled.can_serve.tobytes(), may.tobytes()
        if key not in known:
            territory, people = territory_of_kind[sampled.kind], sampled.points.people
            known[key] = np.array(
                [
                    np.bincount(territory, weights=people * flags, minlength=len(names))
                    for flags in crossed(sampled, may, beam_km)
                ]
            )
        return known[key]

    found = {}
    for column, class_ in enumerate(before.classes):
        was, is_ = (counted(side, one.may[:, column]).round() for side, one in zip(sides, (before, after), strict=True))
        for number, name in enumerate(names.tolist()):
            one = Spill((int(was[0, number]), int(is_[0, number])), (int(was[1, number]), int(is_[1, number])))
            if any(one.lit) or any(one.dark):
                found[name, class_] = one
    return found


def crossed(sampled: Sampled, may: NDArray[np.uint8], beam_km: float) -> tuple[Flags, Flags]:
    """(points that are not served and lie in a beam, points that are served and whose beam lies on such a point).

    A place where it depends on the terminal is lit for those whom it serves.
    """
    open_ = (may != NO)[sampled.kind]
    served, closed = open_ & sampled.can_serve, ~open_
    where, chord = sampled.points.up, chord_of(beam_km)

    def near(here: Flags, others: Flags) -> Flags:
        flags = np.zeros(len(here), dtype=bool)
        mine = np.flatnonzero(here)
        if len(mine) and others.any():
            flags[mine] = np.isfinite(KDTree(where[others]).query(where[mine], distance_upper_bound=chord)[0])
        return flags

    return near(closed, served), near(served, closed)
