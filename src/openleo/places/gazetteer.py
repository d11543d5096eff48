"""A place by its name: a pair of coordinates, a town, or a territory."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import pyarrow.parquet as pq

from openleo.errors import near_names
from openleo.places.territories import display_name, territory_id

_PAIR = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*,\s*([-+]?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Place:
    """A named point on the ground."""

    name: str
    latitude_deg: float
    longitude_deg: float
    territory: str = ""  # of a listed town


@cache
def towns() -> dict[str, list[Place]]:
    """Towns of 15,000 people and more, and the largest of every territory, by folded name; largest first."""
    with as_file(files("openleo.data") / "places" / "places.parquet") as path:
        rows = pq.read_table(path).sort_by([("population", "descending")]).to_pylist()
    found: dict[str, list[Place]] = {}
    for row in rows:
        place = Place(row["name"], row["lat_deg"], row["lon_deg"], row["territory"])
        for name in {_folded(row["name"]), _folded(row["ascii_name"] or row["name"])}:
            found.setdefault(name, []).append(place)
    return found


def find(words: str) -> Place | None:
    """The place that some words name, or None.

    `lat,lon` in degrees; `Town` (the largest of that name) or `Town, TERRITORY`; or a territory, as its largest town.
    """
    if pair := _PAIR.fullmatch(words):
        latitude, longitude = float(pair[1]), float(pair[2])
        if abs(latitude) <= 90.0 and abs(longitude) <= 360.0:
            return Place(words.strip(), latitude, (longitude + 180.0) % 360.0 - 180.0)
        return None
    name, _, where = (word.strip() for word in words.partition(","))
    candidates = towns().get(_folded(name), [])
    if where:
        candidates = [place for place in candidates if place.territory == territory_id(where)]
    if candidates:
        return candidates[0]
    if id_ := territory_id(words):
        largest = next((place for places in towns().values() for place in places if place.territory == id_), None)
        if largest:
            return Place(display_name(id_), largest.latitude_deg, largest.longitude_deg, id_)
    return None


def _folded(name: str) -> str:
    """A name without case, accents and apostrophes, as people type it."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return re.sub(r"['’‘ʻʼ`]", "", bare).casefold()


def offer(words: str) -> str:
    """A way out for a name that `find` does not know."""
    near = near_names(words.partition(",")[0].strip(), [places[0].name for places in towns().values()])
    return near or "Write a town of 15,000 people or more, or latitude,longitude in degrees, for example 25.03,121.56."
