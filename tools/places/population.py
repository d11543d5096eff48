"""People per cell and territory: GeoNames places, scaled to national totals, and the rest over the land between.

Takes Shares (cell × territory) and located Places; gives whole people for every share. Each GeoNames country is
estimated by itself: towns first (scaled down where they exceed the total), then what is left of the total around
the places, over the land within three rings of each, by area and by the square root of the place's people.
Tried and left: the rest by area alone gives Arunachal Pradesh 24 M people (census: 1.4 M) and the Halaib Triangle
0.9 M, because places are sparse exactly where people are; by the places' people alone, villages gather round Shanghai.
"""

from __future__ import annotations

import h3
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openleo.units import EARTH_MEAN_RADIUS_KM
from places.cells import RESOLUTION, Shares
from places.geonames import Places, codes_of
from places.outlines import PLACES_MIN_PEOPLE

# A place is given as much land around its centre as its people need at this density, so that a metropolis is not one
# cell: between Paris's region (4 000) and its city (20 000).
URBAN_DENSITY_PER_KM2 = 8_000.0
CITY_RADIUS_MAX_KM = 13.0  # a neighbour further out is a city of its own (Goyang of Seoul, Kawasaki of Tokyo)
CITY_PEOPLE_MIN = 50_000  # 1 km; below it, nothing lies inside
RURAL_RINGS = 3
SPREAD_RINGS_MAX = 8  # 150 km: a city that finds no more land keeps what it found


def people_of(shares: Shares, places: Places, totals: dict[str, int]) -> NDArray[np.int64]:
    """Whole people; axes (pair) of `shares`."""
    people = np.zeros(len(shares.cell), dtype=np.int64)
    rows = shares.index()
    for code, total in sorted(totals.items()):
        chosen = without_sections(places, np.flatnonzero((places.countrycode == code) & (places.territory >= 0)))
        people += whole(country_weights(shares, rows, places, chosen, code, float(total)), total)
    return people


def country_weights(
    shares: Shares, rows: dict[tuple[int, int], int], places: Places, chosen: NDArray[np.int64], code: str, total: float
) -> NDArray[np.float64]:
    """People of one GeoNames country before rounding; axes (pair)."""
    weights = np.zeros(len(shares.cell))
    in_places = float(places.people[chosen].sum())
    scale = min(1.0, total / in_places) if in_places else 0.0
    for i in chosen:
        if places.people[i]:
            settle(weights, shares, rows, places, i, scale * float(places.people[i]))
    rest = total - weights.sum()
    return weights + (rest * rural_parts(shares, places, chosen, code) if rest > 0.5 else 0.0)


def settle(
    weights: NDArray[np.float64],
    shares: Shares,
    rows: dict[tuple[int, int], int],
    places: Places,
    i: int,
    people: float,
) -> None:
    """Put the people of one place on the land of its territory around it, by area, ring by ring until it suffices."""
    centre = h3.latlng_to_cell(places.shore_lat_deg[i], places.shore_lon_deg[i], RESOLUTION)
    territory = int(places.territory[i])
    found: list[int] = []
    for ring in range(SPREAD_RINGS_MAX + 1):
        pairs = ((h3.str_to_int(cell), territory) for cell in h3.grid_ring(centre, ring))
        found += [rows[pair] for pair in pairs if pair in rows]
        land_km2 = shares.land_km2[found].sum()
        if land_km2 * URBAN_DENSITY_PER_KM2 >= people:
            break
    weights[found] += people * shares.land_km2[found] / land_km2


def rural_parts(shares: Shares, places: Places, chosen: NDArray[np.int64], code: str) -> NDArray[np.float64]:
    """How the people outside places are spread, in parts of one; axes (pair). Zero where there is no land for them."""
    counted = np.array([codes_of(name)[0] == code for name in shares.territories])
    land_km2 = np.where(counted[shares.territory], shares.land_km2, 0.0)
    attraction = np.zeros(len(shares.cell))
    for i in chosen:
        centre = h3.latlng_to_cell(places.shore_lat_deg[i], places.shore_lon_deg[i], RESOLUTION)
        near = np.array([h3.str_to_int(cell) for cell in h3.grid_disk(centre, RURAL_RINGS)], dtype=np.uint64)
        rows = rows_of(shares, near)
        people = max(int(places.people[i]), PLACES_MIN_PEOPLE)  # GeoNames writes 0 for "not known"
        attraction[rows] += np.sqrt(people) * land_km2[rows]
    parts = attraction if attraction.any() else land_km2
    return parts / parts.sum() if parts.any() else parts


def rows_of(shares: Shares, cells: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The rows of these cells, whatever the territory."""
    first, end = np.searchsorted(shares.cell, cells, "left"), np.searchsorted(shares.cell, cells, "right")
    return np.concatenate([np.arange(start, stop) for start, stop in zip(first, end, strict=True)])


def without_sections(places: Places, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out smaller places inside the disc of a larger one: GeoNames lists Donetsk, and its districts beside it."""
    order = chosen[np.argsort(-places.people[chosen], kind="stable")]
    lat, lon = np.radians(places.lat_deg[order]), np.radians(places.lon_deg[order])
    position_km = EARTH_MEAN_RADIUS_KM * np.column_stack(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    )
    tree = cKDTree(position_km) if len(order) else None
    kept = np.ones(len(order), dtype=bool)
    for rank in range(np.count_nonzero(places.people[order] >= CITY_PEOPLE_MIN)):
        if kept[rank]:
            radius_km = np.sqrt(places.people[order[rank]] / (np.pi * URBAN_DENSITY_PER_KM2))
            inside = np.array(tree.query_ball_point(position_km[rank], min(radius_km, CITY_RADIUS_MAX_KM)))
            kept[inside[inside > rank]] = False
    return order[kept]


def whole(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers that sum to `total`, by largest remainder; ties go to the first row."""
    if not weights.any():
        return np.zeros(len(weights), dtype=np.int64)
    exact = weights * (total / weights.sum())
    people = np.floor(exact).astype(np.int64)
    missing = total - int(people.sum())
    people[np.argsort(people - exact, kind="stable")[:missing]] += 1
    return people
