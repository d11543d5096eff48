"""The `territory` of a rule as an Expression: names with their waters, the contested areas that it takes, polygons."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import shapely

from openleo.errors import InputError, join_or
from openleo.places.areas import read_polygons
from openleo.places.expressions import Expression, Labels, Region
from openleo.places.territories import (
    contested_areas,
    contested_with,
    territories,
    territory_id,
    unknown_territory,
    with_territorial_sea,
)
from openleo.policy.faults import Faults
from openleo.policy.rule_records import TerritoryRecord

NOWHERE = Labels(frozenset())


def territory_expression(territory: TerritoryRecord, folder: Path, faults: Faults) -> Expression:
    """Where a rule applies; files are relative to `folder`. Worth nothing when `faults` has grown."""
    if (territory.in_ is None) == (territory.geojson is None):
        faults.add("territory needs `in` or `geojson`, and not both.")
        return NOWHERE
    if territory.geojson is None:
        return Labels(_labels(territory, faults))
    if territory.include is not None or territory.exclude is not None:
        faults.add("include and exclude are for the contested areas of `in`; a polygon has none.")
    try:
        return polygon_region(territory.geojson, read_polygons(folder / territory.geojson))
    except InputError as error:
        faults.found += error.problems
        return NOWHERE


def polygon_region(text: str, polygon: shapely.Geometry) -> Region:
    """A polygon as a region; its hash is of its corners, wherever its ring starts."""
    return Region(text, hashlib.sha256(shapely.to_wkb(polygon.normalize())).hexdigest(), polygon)


def _labels(territory: TerritoryRecord, faults: Faults) -> frozenset[str]:
    """What `in`, `include` and `exclude` stand for: lands with their waters to 12 nautical miles, and strips."""
    words = [territory.in_] if isinstance(territory.in_, str) else territory.in_ or []
    if not words:
        faults.add("territory.in is an empty list, which would match nothing.")
    unknown_before = len(faults.found)
    main, include, exclude = (
        known_territories(names or [], faults) for names in (words, territory.include, territory.exclude)
    )
    if len(faults.found) > unknown_before:
        return frozenset()
    touched = [area.id for id_ in main if id_ in territories() for area in contested_with(id_)]
    touched = [id_ for id_ in dict.fromkeys(touched) if id_ not in main]
    undecided = [id_ for id_ in touched if id_ not in exclude]
    # An `include` says all that comes along, so nothing is left open; an `exclude` alone has to name every area.
    if undecided and territory.include is None:
        faults.add(
            f"{', '.join(main)} touches contested areas, and the rule does not say which it includes: "
            + "; ".join(_who_disputes(id_) for id_ in undecided)
            + ".",
            "Write include = [...] with those that the rule covers (every other one stays out), "
            "or exclude = [...] with all that it does not.",
        )
    for id_ in sorted({*include} & {*exclude}):
        faults.add(f'territory both includes and excludes "{id_}".')
    for id_ in (*include, *exclude):
        if id_ not in touched:
            there = f"Contested there: {', '.join(touched)}." if touched else "Nothing is contested there."
            faults.add(f'"{id_}" is not an area contested with {join_or(main)}.', there)
    return with_territorial_sea({*main, *include} - {*exclude})


def known_territories(words: Iterable[str], faults: Faults) -> list[str]:
    """The ids that words name; each that names none is a fault."""
    found = []
    for word in words:
        if (id_ := territory_id(word)) is None:
            faults.add(*unknown_territory(word))
        else:
            found.append(id_)
    return found


def known_lands(words: Iterable[str], key: str, faults: Faults) -> frozenset[str]:
    """As `known_territories`, and each has to be land: nobody is registered, and no gateway stands, at sea."""
    found = known_territories(words, faults)
    for id_ in found:
        if id_ not in territories():
            faults.add(f'{key} names "{id_}", which is no land.', "Name a country or a contested area.")
    return frozenset(found)


def _who_disputes(id_: str) -> str:
    area = contested_areas()[id_]
    return (
        f"{id_} (administered by {', '.join(area.administered_by) or 'none'}, claimed by {', '.join(area.claimed_by)})"
    )
