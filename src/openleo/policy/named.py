"""Whom a change of rules speaks of: the territories that have a say in it, however little any effect finds there.

An effect is computed over a scenario's area; rules hold everywhere. So a territory has a say where a rule that changes
may hold a place of it: by its name, by the world or the sea as a whole, by what is left when others are taken away, or
by a polygon that reaches its land or its waters. Where that cannot be told, it has a say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from math import cos, radians

import rfc8785
import shapely
from shapely.affinity import translate

from openleo.places import land as lands
from openleo.places.expressions import WORLD, Expression, Region, drawn_from, holds, named_labels
from openleo.places.territories import TERRITORIAL_SEA, territories
from openleo.policy.rules import Rule, RuleSet

TERRITORIAL_SEA_DEG = 0.2001  # 12 nautical miles of latitude, and 10 m
MOST_LATITUDE_DEG = 89.0


def territories_named(base: RuleSet, new: RuleSet) -> tuple[str, ...]:
    """The territories that rules speak of which stand on one side alone, or otherwise; sorted."""
    before, after = ({rule.key: rule for rule in side.rules} for side in (base, new))
    found: set[str] = set()
    for key in before.keys() | after.keys():
        sides = [side[key] for side in (before, after) if key in side]
        if len({_content(rule) for rule in sides}) == len(sides):
            found.update(_spoken_of(sides))
    return tuple(sorted(found))


def _spoken_of(sides: list[Rule]) -> Iterator[str]:
    for rule in sides:
        yield from named_labels(rule.territory)
        yield from drawn_from(rule.territory)
    if any(rule.applies_to == "gateway" for rule in sides):
        yield from territories()  # whoever is served through it, and that may be anybody
        return
    place_alone = len({_content(replace(rule, territory=WORLD)) for rule in sides}) < len(sides)
    for land in territories():
        for label in (land, land + TERRITORIAL_SEA):
            held = {_may_hold(rule.territory, land, label) for rule in sides}
            if held != {False} and not (place_alone and held == {True}):
                yield land
                break


def _may_hold(area: Expression, land: str, label: str) -> bool | None:
    """Whether an area holds the places of a label: all of them, none, or (None) it may be some."""
    return holds(area, label, lambda region: None if land in _near(region) else False)


@lru_cache(maxsize=1024)
def _near(region: Region) -> frozenset[str]:
    """The territories whose land or territorial sea a region may reach."""
    found = lands.load()
    _, south, _, north = shapely.bounds(region.polygon)
    widest = min(max(abs(south), abs(north)) + TERRITORIAL_SEA_DEG, MOST_LATITUDE_DEG)
    distance = TERRITORIAL_SEA_DEG / cos(radians(widest))
    moved = [translate(region.polygon, xoff=by) for by in (-360.0, 0.0, 360.0)]  # polygons end at ±180°
    pieces = found.tree.query(moved, predicate="dwithin", distance=distance)[1]
    return frozenset(found.territories[owner] for owner in found.owner[pieces])


def _content(rule: Rule) -> bytes:
    return rfc8785.dumps(rule.canonical())
