"""What a mask adds up to: cells, area and people by class and answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openleo import cells as h3cells
from openleo.places import population
from openleo.policy.mask_world import MAY, WorldMask


@dataclass(frozen=True)
class Sums:
    """Of the cells of a class that have one answer."""

    class_: str
    may: str  # yes, depends or no
    cells: int
    area_km2: float
    people: float  # the embedded estimate, by the cells that people live in


def sums(mask: WorldMask) -> list[Sums]:
    """Class by class; yes, depends and no of each."""
    area_km2 = h3cells.areas_km2(mask.index.cells)
    cells, living = population.by_cell(mask.index.resolution)
    people = np.zeros(len(mask.index))
    people[mask.index.number_of(cells)] = living
    found = []
    for class_ in mask.classes:
        may = mask.may(class_)
        count, km2, heads = (np.bincount(may, weights, len(MAY)) for weights in (None, area_km2, people))
        found += [
            Sums(class_, MAY[one], int(count[one]), float(km2[one]), float(heads[one]))
            for one in reversed(range(len(MAY)))
        ]
    return found
