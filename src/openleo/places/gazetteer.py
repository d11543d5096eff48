"""A place by its name: a pair of coordinates, a town, or a territory."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from openleo.errors import near_names
from openleo.places.territories import territories, territory_id

Floats = NDArray[np.float64]

_PAIR = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*,\s*([-+]?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Place:
    """A named point on the ground."""

    name: str
    latitude_deg: float
    longitude_deg: float
    territory: str = ""  # of a listed town
    population: int = 0


@cache
def towns() -> dict[str, list[Place]]:
    """Towns of 15,000 people and more, and the largest of every territory, by folded name; largest first."""
    with as_file(files("openleo.data") / "places" / "places.parquet") as path:
        rows = pq.read_table(path).sort_by([("population", "descending")]).to_pylist()
    found: dict[str, list[Place]] = {}
    for row in rows:
        place = Place(row["name"], row["lat_deg"], row["lon_deg"], row["territory"], row["population"])
        for name in {_folded(row["name"]), _folded(row["ascii_name"] or row["name"])}:
            found.setdefault(name, []).append(place)
    return found


def find(words: str) -> Place | None:
    """The place that some words name, or None.

    `lat,lon` in degrees; a territory by id or name, as its largest town; `Town` (the largest of that name) or
    `Town, TERRITORY`. A territory comes first: BRA is Brazil before it is Bra in Italy.
    """
    if pair := _PAIR.fullmatch(words):
        latitude, longitude = float(pair[1]), float(pair[2])
        if abs(latitude) <= 90.0 and abs(longitude) <= 360.0:
            return Place(words.strip(), latitude, (longitude + 180.0) % 360.0 - 180.0)
        return None
    if id_ := territory_id(words) or _territory_named(words):
        town = largest_towns().get(id_)
        return replace(town, name=territories()[id_].name) if town else None
    name, _, where = (word.strip() for word in words.partition(","))
    candidates = towns().get(_folded(name), [])
    if where:
        asked = territory_id(where) or _territory_named(where)
        candidates = [place for place in candidates if place.territory == asked]
    return candidates[0] if candidates else None


@cache
def largest_towns() -> dict[str, Place]:
    """The largest town of every territory that has a listed one."""
    found: dict[str, Place] = {}
    for place in sorted(
        (place for places in towns().values() for place in places), key=lambda place: -place.population
    ):
        found.setdefault(place.territory, place)
    return found


@cache
def towns_of(territory: str) -> tuple[Floats, Floats, Floats]:
    """(latitude_deg, longitude_deg, people) of the listed towns of a territory, axes (town,)."""
    mine = {place for places in towns().values() for place in places if place.territory == territory}
    rows = sorted((place.latitude_deg, place.longitude_deg, float(place.population)) for place in mine)
    latitude, longitude, people = np.array(rows, np.float64).reshape(-1, 3).T
    return latitude, longitude, people


def _territory_named(words: str) -> str | None:
    folded = _folded(words)
    return next((row.id for row in territories().values() if _folded(row.name) == folded), None)


def _folded(name: str) -> str:
    """A name without case, accents and apostrophes, as people type it."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return re.sub(r"['’‘ʻʼ`]", "", bare).casefold()


def offer(words: str) -> str:
    """A way out for a name that `find` does not know."""
    near = near_names(words.partition(",")[0].strip(), [places[0].name for places in towns().values()])
    return near or "Write a town of 15,000 people or more, or latitude,longitude in degrees, for example 25.03,121.56."
