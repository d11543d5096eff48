"""How many subscribe, and where.

Takes how many subscribers each territory has (an operator does not say; a regulator sometimes does), the embedded
estimate of people, and how many more or fewer of them subscribe in towns; gives subscribers by part. Nowhere more than
one in PEOPLE_OF_A_HOUSEHOLD people subscribes: what a town cannot take goes to the rest of its territory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.places import population
from openleo.places.parts import Parts, land_of

Floats = NDArray[np.float64]

PEOPLE_OF_A_HOUSEHOLD = 3.5  # UN DESA, Household size and composition 2022: from 2 (north of Europe) to 8 (Senegal)
TOWN_PEOPLE_KM2 = 1500.0  # UN Statistical Commission, Degree of Urbanisation (2020): of an urban centre


@dataclass(frozen=True)
class Subscribers:
    """Of one territory, with the span that we hold plausible and who says so."""

    count: float
    low: float
    high: float
    date: str
    source: str


@dataclass(frozen=True)
class Penetration:
    """Who subscribes. known: subscribers by territory; elsewhere `otherwise` of every person. `factor` multiplies both.

    in_towns: how many times as likely somebody in a town (TOWN_PEOPLE_KM2 and more) subscribes as somebody outside
    one, by territory; elsewhere `in_towns_otherwise`.
    """

    known: Mapping[str, float]
    otherwise: float
    factor: float = 1.0
    in_towns: Mapping[str, float] | None = None
    in_towns_otherwise: float = 1.0


def per_person(people: Floats, density_km2: Floats, count: float, in_towns: float) -> Floats:
    """Subscribers per person at each place, so that all places together have `count`; axes (place,).

    As everywhere, but `in_towns` times as much where density is a town's; at most one a household. A count of more
    households than there are gives one to every household.
    """
    likely = np.where(density_km2 >= TOWN_PEOPLE_KM2, in_towns, 1.0)
    most = 1.0 / PEOPLE_OF_A_HOUSEHOLD
    if count >= most * people.sum():
        return np.full(len(people), most)
    full = np.zeros(len(people), np.bool_)
    while True:
        rest = count - most * people[full].sum()
        weight = float((people * likely)[~full].sum())
        if weight <= 0.0:
            return np.where(full, most, 0.0)
        rate = likely * (rest / weight)
        over = ~full & (rate > most)
        if not over.any():
            return np.where(full, most, rate)
        full |= over


def by_part(parts: Parts, penetration: Penetration, sold: NDArray[np.bool_] | None = None) -> Floats:
    """Subscribers of every part, axes (part,); sold (part,): whether service is sold there at all.

    They are spread at the estimate's own resolution, over all of a territory, whatever of it the parts hold; a coarser
    cell has those of its children. Regions cut a cell's people, and its subscribers with them.
    """
    cell5, territory5, people5 = population.estimate()
    density = people5 / _area_km2()
    names, number = np.unique(territory5.astype(str), return_inverse=True)
    rate = np.zeros(len(people5))
    order = np.argsort(number, kind="stable")
    bounds = np.searchsorted(number[order], np.arange(len(names) + 1))
    wanted = {land_of(str(label)) for label in np.unique(parts.territory.astype(str))}
    for t, name in enumerate(names.tolist()):
        if name not in wanted:
            continue
        here = order[bounds[t] : bounds[t + 1]]
        count = penetration.known.get(name, penetration.otherwise * float(people5[here].sum())) * penetration.factor
        towns = (penetration.in_towns or {}).get(name, penetration.in_towns_otherwise)
        rate[here] = per_person(people5[here], density[here], count, towns)
    made = parts.people * _rate_of(parts, cell5, territory5, people5, rate)
    return made if sold is None else np.where(sold, made, 0.0)


def _rate_of(
    parts: Parts, cell5: h3cells.Cells, territory5: NDArray[np.object_], people5: Floats, rate5: Floats
) -> Floats:
    """Subscribers per person of each part: the mean over the estimate's cells that it lies in, or that lie in it."""
    resolution = int(h3cells.resolutions(parts.cells[:1])[0]) if len(parts.cells) else population.RESOLUTION
    shared = min(resolution, population.RESOLUTION)
    names, code = np.unique(np.concatenate([territory5.astype(str), parts.territory.astype(str)]), return_inverse=True)
    above5 = h3cells.parents(cell5, shared)
    above = h3cells.parents(parts.cells, shared)[parts.cell]
    _, place = np.unique(np.concatenate([above5, above]), return_inverse=True)
    key = place.ravel().astype(np.int64) * len(names) + code.ravel()
    distinct, row = np.unique(key, return_inverse=True)
    row5, row_of_part = row.ravel()[: len(cell5)], row.ravel()[len(cell5) :]
    living = np.bincount(row5, people5, minlength=len(distinct))
    subscribed = np.bincount(row5, people5 * rate5, minlength=len(distinct))
    return np.asarray(np.divide(subscribed, living, out=np.zeros(len(distinct)), where=living > 0.0)[row_of_part])


def _area_km2() -> Floats:
    """Of the estimate's cells."""
    cell5 = population.estimate()[0]
    distinct, row = np.unique(cell5, return_inverse=True)
    return h3cells.areas_km2(distinct)[row.ravel()]
