"""How many subscribe, and where.

Takes how many subscribers each territory has (an operator does not say; a regulator sometimes does), the embedded
estimate of people, and how many more or fewer of them subscribe in towns; gives subscribers by part. Nowhere more than
one in PEOPLE_OF_A_HOUSEHOLD people subscribes: what a town cannot take goes to the rest of its territory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.places import population
from openleo.places.parts import Parts, land_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PEOPLE_OF_A_HOUSEHOLD = 3.5  # UN DESA, Household size and composition 2022: from 2 (north of Europe) to 8 (Senegal)
# UN Statistical Commission, Degree of Urbanisation (2020): below the first the country, from the second on a city.
COUNTRY_PEOPLE_KM2, TOWN_PEOPLE_KM2 = 300.0, 1500.0


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

    in_towns: how many times as likely somebody in a town (TOWN_PEOPLE_KM2 and more) subscribes as somebody in the
    country (COUNTRY_PEOPLE_KM2 and less), by territory; elsewhere `in_towns_otherwise`. Between them straight, both in
    their logarithms. spans: from where to where the known numbers are plausible.
    """

    known: Mapping[str, float]
    otherwise: float
    factor: float = 1.0
    in_towns: Mapping[str, float] | None = None
    in_towns_otherwise: float = 1.0
    spans: Mapping[str, tuple[float, float]] | None = None


def per_person(people: Floats, density_km2: Floats, count: float, in_towns: float) -> Floats:
    """Subscribers per person at each place, so that all places together have `count`; axes (place,).

    `in_towns` times as much where density is a town's as in the country; at most one a household. A count of more
    households than there are gives one to every household.
    """
    likely = in_towns ** urbanity(density_km2)
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


def urbanity(density_km2: Floats) -> Floats:
    """From 0 in the country to 1 in towns.

    >>> urbanity(np.array([10.0, 300.0, 671.0, 1500.0, 9000.0])).round(2).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    with np.errstate(divide="ignore"):
        way = np.log(density_km2 / COUNTRY_PEOPLE_KM2) / np.log(TOWN_PEOPLE_KM2 / COUNTRY_PEOPLE_KM2)
    return np.asarray(np.clip(way, 0.0, 1.0))


def by_part(parts: Parts, penetration: Penetration, sold: NDArray[np.bool_] | None = None) -> Floats:
    """Subscribers of every part, axes (part,); sold (part,): whether service is sold there at all.

    They are spread at the estimate's own resolution, over all of a territory, whatever of it the parts hold; a coarser
    cell has those of its children. Regions cut a cell's people, and its subscribers with them.
    """
    labels, code = np.unique(parts.territory.astype(str), return_inverse=True)
    lands = [land_of(label) for label in labels.tolist()]
    known = _estimate()
    rate = np.zeros(len(known.people))
    wanted = np.flatnonzero(np.isin(known.names, lands))
    for number in wanted.tolist():
        name, here = str(known.names[number]), slice(known.first[number], known.first[number + 1])
        people = known.people[here]
        count = penetration.known.get(name, penetration.otherwise * float(people.sum())) * penetration.factor
        towns = (penetration.in_towns or {}).get(name, penetration.in_towns_otherwise)
        rate[here] = per_person(people, known.density_km2[here], count, towns)
    rows = np.isin(known.number, wanted)
    at = np.searchsorted(known.names, labels)
    at = np.where(known.names[np.minimum(at, len(known.names) - 1)] == labels, at, -1)  # nobody lives on a strip of sea
    made = parts.people * _rate_of(
        parts, at[code.ravel()], known.cell[rows], known.number[rows], known.people[rows], rate[rows]
    )
    return made if sold is None else np.where(sold, made, 0.0)


def _rate_of(
    parts: Parts, of_part: Ints, cell5: h3cells.Cells, number5: Ints, people5: Floats, rate5: Floats
) -> Floats:
    """Subscribers per person of each part: the mean over the estimate's cells that it lies in, or that lie in it."""
    resolution = int(h3cells.resolutions(parts.cells[:1])[0]) if len(parts.cells) else population.RESOLUTION
    shared = min(resolution, population.RESOLUTION)
    above5 = h3cells.parents(cell5, shared)
    above = h3cells.parents(parts.cells, shared)[parts.cell]
    _, place = np.unique(np.concatenate([above5, above]), return_inverse=True)
    key = place.ravel().astype(np.int64) * (int(number5.max(initial=0)) + 2) + np.concatenate([number5, of_part]) + 1
    distinct, row = np.unique(key, return_inverse=True)
    row5, row_of_part = row.ravel()[: len(cell5)], row.ravel()[len(cell5) :]
    living = np.bincount(row5, people5, minlength=len(distinct))
    subscribed = np.bincount(row5, people5 * rate5, minlength=len(distinct))
    return np.asarray(np.divide(subscribed, living, out=np.zeros(len(distinct)), where=living > 0.0)[row_of_part])


@dataclass(frozen=True, eq=False)
class _People:
    """The estimate by territory: rows first[t]:first[t + 1] are those of names[t], which are sorted."""

    names: NDArray[np.str_]
    first: Ints
    number: Ints  # of the territory, as all below by row
    cell: h3cells.Cells
    people: Floats
    density_km2: Floats


@cache
def _estimate() -> _People:
    cell5, territory5, people5 = population.estimate()
    names, number = np.unique(territory5.astype(str), return_inverse=True)
    order = np.argsort(number.ravel(), kind="stable")
    distinct, row = np.unique(cell5, return_inverse=True)
    density = people5 / h3cells.areas_km2(distinct)[row.ravel()]
    ordered = number.ravel()[order].astype(np.int64)
    first = np.searchsorted(ordered, np.arange(len(names) + 1)).astype(np.int64)
    return _People(names, first, ordered, cell5[order], people5[order], density[order])
