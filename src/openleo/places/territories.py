"""Territories: the named areas that rules, scenarios and summaries speak of.

One row an ISO 3166-1 entry (and XKX), with dependencies cut out of their parents, and one a contested area, cut out
of its neighbours: together they cover all land once. Every territory names its source, version and point of view.
Each also has two strips of sea, `ID.sea12` (to 12 nautical miles) and `ID.sea200` (12 to 200); what is beyond is
`high-seas`. The strips are computed by distance to the nearest coast; they are no legal boundary.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from openleo.errors import closest, join_or, near_names

HIGH_SEAS = "high-seas"
TERRITORIAL_SEA, BEYOND_TERRITORIAL_SEA = ".sea12", ".sea200"
STRIPS = (TERRITORIAL_SEA, BEYOND_TERRITORIAL_SEA)
# Lands to which the embedded borders give no coast, so that they have no strip of sea. The shores of the Aral, of lakes
# and of rivers are none.
NO_COAST = frozenset(
    (
        *("AFG", "AND", "ARM", "AUT", "BDI", "BFA", "BLR", "BOL", "BTN", "BWA", "CAF", "CHE", "CZE", "ETH", "HUN"),
        *("KGZ", "LAO", "LIE", "LSO", "LUX", "MDA", "MKD", "MLI", "MNG", "MWI", "NER", "NPL", "PRY", "RWA", "SMR"),
        *("SRB", "SSD", "SVK", "SWZ", "TCD", "TJK", "UGA", "UZB", "VAT", "XKX", "ZMB", "ZWE"),
        *("abyei", "aksai-chin", "arunachal-pradesh", "azad-kashmir-gilgit-baltistan", "bir-tawil", "golan"),
        *("jammu-and-kashmir-ladakh", "luhansk-oblast", "shaksgam-valley", "south-ossetia", "transnistria"),
    )
)


@dataclass(frozen=True)
class Territory:
    """One area of land that belongs to the partition of the Earth."""

    id: str  # ISO 3166-1 alpha-3, XKX, or a fixed id of our own for a contested area
    name: str
    kind: str  # "country" (an ISO entry) or "contested"
    population: int  # estimate; see data/places/README.md
    area_km2: float  # land
    source: str
    version: str
    point_of_view: str


@dataclass(frozen=True)
class ContestedArea:
    """A territory that more than one party administers or claims. No side is taken here."""

    id: str
    name: str
    also_called: tuple[str, ...]
    administered_by: tuple[str, ...]
    claimed_by: tuple[str, ...]
    as_of: date
    sources: tuple[str, ...]
    note: str
    outline: str

    @property
    def parties(self) -> frozenset[str]:
        return frozenset(self.administered_by) | frozenset(self.claimed_by)

    @property
    def in_words(self) -> str:
        """Who administers and who claims it."""
        administrators, claimants = (", ".join(ids) or "none" for ids in (self.administered_by, self.claimed_by))
        return f"administered by {administrators}; claimed by {claimants}"


@cache
def territories() -> dict[str, Territory]:
    """Every land territory by its id, in the order of the embedded table."""
    text = (files("openleo.data") / "places" / "territories.csv").read_text(encoding="utf-8")
    return {
        row["territory"]: Territory(
            row["territory"],
            row["name"],
            row["kind"],
            int(row["population"]),
            float(row["area_km2"]),
            row["source"],
            row["version"],
            row["point_of_view"],
        )
        for row in csv.DictReader(io.StringIO(text))
    }


@cache
def contested_areas() -> dict[str, ContestedArea]:
    """Every contested area by its id."""
    raw = tomllib.loads((files("openleo.data") / "places" / "contested.toml").read_text(encoding="utf-8"))
    return {
        area["id"]: ContestedArea(
            area["id"],
            area["name"],
            tuple(area["also_called"]),
            tuple(area["administered_by"]),
            tuple(area["claimed_by"]),
            area["as_of"],
            tuple(area["sources"]),
            area["note"],
            area["outline"],
        )
        for area in raw["area"]
    }


def contested_with(territory: str) -> list[ContestedArea]:
    """The contested areas that this territory administers or claims, itself apart: a rule on it must name them."""
    return [area for area in contested_areas().values() if territory in area.parties and area.id != territory]


@cache
def _ids_by_spelling() -> dict[str, str]:
    """Case-folded ids, and the other names of contested areas, to the id."""
    spellings = {id_.casefold(): id_ for id_ in (*territories(), HIGH_SEAS)}
    for area in contested_areas().values():
        for name in (area.name, *area.also_called):
            spellings.setdefault(name.casefold().replace(" ", "-"), area.id)
    for id_ in territories():
        for strip in STRIPS if id_ not in NO_COAST else ():
            spellings[(id_ + strip).casefold()] = id_ + strip
    return spellings


def territory_id(word: str) -> str | None:
    """The id that a user's word names (an id in any case, or another name of a contested area), or None."""
    return _ids_by_spelling().get(word.strip().casefold().replace(" ", "-"))


def unknown_territory(word: str) -> tuple[str, str]:
    """(rule, way out) for a word that names no territory: the near ids, or the territory whose name it is."""
    land, dot, _ = word.strip().casefold().partition(".")
    if dot and (id_ := territory_id(land)) in NO_COAST:
        return f'there is no territory "{word}": {id_} has no coast, so no strip of sea.', f"Name {id_} alone."
    by_name = {territory.name: territory.id for territory in territories().values()}
    named = next((f"{name} is {id_}." for name, id_ in by_name.items() if name.casefold() == word.casefold()), "")
    near = named or near_names(word, [*territories(), HIGH_SEAS]) or _near_by_name(word, by_name)
    forms = (
        f"an ISO 3166-1 alpha-3 code, a contested area, ID{TERRITORIAL_SEA}, ID{BEYOND_TERRITORIAL_SEA} or {HIGH_SEAS}"
    )
    return f'there is no territory "{word}"; a territory is {forms}.', near or "See `openleo territory list`."


def _near_by_name(word: str, by_name: dict[str, str]) -> str:
    near = [f"{by_name[name]} ({name})" for name in closest(word, by_name)]
    return f"Did you mean {join_or(near)}?" if near else ""


def display_name(id_: str) -> str:
    """The name to print for any territory, strip or the high seas."""
    if id_ == HIGH_SEAS:
        return "High seas"
    land, dot, strip = id_.partition(".")
    name = territories()[land].name
    return f"{name}, {'0 to 12' if strip == 'sea12' else '12 to 200'} nautical miles" if dot else name


def with_territorial_sea(ids: Iterable[str]) -> frozenset[str]:
    """Lands together with their 12-nautical-mile waters; strips and the high seas stand for themselves.

    By the form of an id alone: what a ledger says of a land does not depend on the lands that a version knows.
    """
    ids = frozenset(ids)
    return ids | {id_ + TERRITORIAL_SEA for id_ in ids if id_ != HIGH_SEAS and not id_.endswith(STRIPS)}
