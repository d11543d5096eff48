"""Where a terminal is, as rules and the plan ask for it: the kinds of place it may be in, and the cells.

A position is a circle; where the network's own measurement disagrees with the terminal's, it is two, and their union
counts. What is not known touches nothing, and whoever touches nothing is served nowhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import h3.api.numpy_int as h3
import numpy as np
import shapely

from openleo import cells as h3cells
from openleo.places import leeway, point
from openleo.places.expressions import Region
from openleo.places.point import Where
from openleo.policy.answer import FARTHEST_M

MOST_KEPT = 65_536  # places: those of terminals that stay where they are
MOST_OUTLINES = 65_536  # cells

Circle = tuple[float, float, float]  # latitude_deg, longitude_deg, radius_m that holds the terminal with 95 %


@dataclass(frozen=True)
class Placed:
    """`where`: the kinds of place that the circles touch, None: not known. `cells`: H3, the first's own first."""

    circles: tuple[Circle, ...]
    where: Where | None
    cells: tuple[int, ...]


NOWHERE = Placed((), None, ())


def place(circles: Sequence[Circle], regions: Sequence[Region], resolution: int) -> Placed:
    """What circles touch together."""
    found = [point.where(*circle, regions) for circle in circles]
    if not found or None in found:
        return NOWHERE
    atoms = dict.fromkeys(atom for where in found if where is not None for atom in where.atoms)
    where = found[0] if len(found) == 1 else Where(tuple(sorted(atoms, key=lambda atom: (atom.label, *_names(atom)))))
    cells = dict.fromkeys(cell for circle in circles for cell in cells_of(circle, resolution))
    return Placed(tuple(circles), where, tuple(cells))


def _names(atom: point.Atom) -> list[str]:
    return sorted(region.sha256 for region in atom.regions)


def same_within_km(placed: Placed, regions: Sequence[Region]) -> int | None:
    """How far a terminal can move and touch the same; None where nobody works that out."""
    if placed.where is None or len(placed.circles) != 1 or placed.circles[0][2] > FARTHEST_M:
        return None
    return leeway.same_within_km(*placed.circles[0], regions, here=placed.where)


def cells_of(circle: Circle, resolution: int) -> tuple[int, ...]:
    """The cells that a circle touches, that of its middle first."""
    latitude_deg, longitude_deg, radius_m = circle
    middle = int(h3.latlng_to_cell(latitude_deg, longitude_deg, resolution))
    bounds, boxed = point.box_around(latitude_deg, longitude_deg, radius_m)
    if radius_m == 0.0 or (boxed and bool(shapely.contains_properly(_outline(middle), shapely.box(*bounds)))):
        return (middle,)
    around = _touched(circle, middle, resolution)
    return (middle, *(cell for cell in around if cell != middle))


def _touched(circle: Circle, middle: int, resolution: int) -> list[int]:
    """The cells whose ground a circle shares: a circle has no gaps, so a ring of cells without any is the end."""
    drawn = point.drawn(*circle)
    touched: list[int] = []
    for step in range(MOST_STEPS):
        ring = sorted(int(cell) for cell in h3.grid_ring(middle, step))
        further = [cell for cell in ring if bool(shapely.intersects(_outline(cell), drawn))]
        touched += further
        if step and not further:
            return touched
    return [int(cell) for cell in h3cells.overlapping([drawn], resolution)]


MOST_STEPS = 6  # beyond, h3 fills the circle


@lru_cache(maxsize=MOST_OUTLINES)
def _outline(cell: int) -> shapely.Geometry:
    outline = h3cells.outlines(np.array([cell], dtype=np.uint64))[0]
    shapely.prepare(outline)
    return outline


class Places:
    """Places as they were found before: the same circles under the same regions are the same place."""

    def __init__(self, resolution: int, most_kept: int = MOST_KEPT):
        self._resolution, self._most_kept = resolution, most_kept
        self._regions: tuple[Region, ...] = ()
        self._kept: OrderedDict[tuple[Circle, ...], Placed] = OrderedDict()

    def at(self, circles: tuple[Circle, ...], regions: tuple[Region, ...]) -> Placed:
        """As `place`."""
        if regions is not self._regions:
            if regions != self._regions:
                self._kept.clear()
            self._regions = regions
        if (found := self._kept.get(circles)) is not None:
            self._kept.move_to_end(circles)
            return found
        found = self._kept[circles] = place(circles, regions, self._resolution)
        if len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
        return found
