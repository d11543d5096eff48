"""What is odd about a rule set whose files are whole: rules without effect, in each other's way, or soon over.

Takes a rule set and an instant; gives findings. What is called certain here is proved (`within`): a rule that never
applies, or is shadowed, can be left out and nobody is served who was not, nor the other way round. What cannot be
proved is not said, so silence is no certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

import pyproj
import shapely

from openleo.instants import instant_text
from openleo.places import shapes
from openleo.places.expressions import Labels, Region, drawn_from, labels_of, regions_of
from openleo.places.kinds import ground_of
from openleo.places.territories import contested_areas
from openleo.policy.conditions import NUMBERS, WORDS
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.within import contradiction, nowhere, rule_within, swallowed
from openleo.policy.words import named, window_words

EXPIRY_DAYS = 30
LEAST_OVERLAP_KM2 = 0.01  # less is a matter of how borders are drawn
_ELLIPSOID = pyproj.Geod(ellps="WGS84")


class Oddity(StrEnum):
    """What a finding is about."""

    EMPTY = "empty"
    NEVER_APPLIES = "never-applies"
    SHADOWED = "shadowed"
    CONTRADICTS = "contradicts"
    CONTESTED = "contested"
    EXPIRES = "expires"
    REVIEW = "review"


@dataclass(frozen=True)
class Finding:
    """One oddity of a rule, in words; without a rule it is of the whole set."""

    kind: Oddity
    rule: Rule | None
    words: str
    other: Rule | None = None  # the rule that shadows or contradicts it

    def __str__(self) -> str:
        return f"{self.kind}: {named(self.rule) if self.rule else 'the rule set'} {self.words}"


def lint(rule_set: RuleSet, now: datetime, expiry_days: float = EXPIRY_DAYS) -> tuple[Finding, ...]:
    """The findings, sorted by kind and rule. `now`: what was over before it is over."""
    if not rule_set.rules:
        return (Finding(Oddity.EMPTY, None, "has no rule: nothing is permitted by it."),)
    rules = sorted(rule_set.rules, key=lambda rule: (rule.book, rule.id))
    dead = {id(rule): words for rule in rules if (words := never_applies(rule, now)) is not None}
    alive = [rule for rule in rules if id(rule) not in dead]
    found = [Finding(Oddity.NEVER_APPLIES, rule, dead[id(rule)]) for rule in rules if id(rule) in dead]
    found += _pairs(alive)
    for rule in alive:
        found += _contested(rule)
        found += _expiry(rule, now, expiry_days)
    order = list(Oddity)
    return tuple(sorted(found, key=lambda one: order.index(one.kind)))


# --- rules that match nothing -------------------------------------------------------------------------------------


def never_applies(rule: Rule, now: datetime) -> str | None:
    """Why a rule matches no request from `now` on, in words; None where that is not certain."""
    if rule.window.ends is not None and rule.window.ends <= now:
        return f"is over since {instant_text(rule.window.ends)}."
    start = now if rule.window.begins is None else max(now, rule.window.begins)
    if not rule.window.holds(start) and rule.window.next_change(start) is None:
        return f"is never in force: no period of its week lies within {window_words(rule.window)}."
    if (pair := contradiction(rule.selector)) is not None:
        return f"asks for what nothing can be: its conditions on {_input(pair[0])} exclude each other."
    if swallowed(rule):
        return "excepts everybody whom it speaks to."
    if nowhere(rule):
        return "has an area without any place in it."
    return None


def _input(key: str) -> str:
    return (NUMBERS | WORDS)[key].name if key in NUMBERS | WORDS else key


# --- rules in each other's way ------------------------------------------------------------------------------------

# What makes a rule of one effect useless where another rule matches too.
_OUTRANKED_BY = {"permit": ("forbid", "suspend", "permit"), "suspend": ("forbid", "suspend"), "forbid": ("forbid",)}


def _pairs(rules: list[Rule]) -> Iterator[Finding]:
    """For each rule at most one other that makes it useless."""
    for number, rule in enumerate(rules):
        others = ((at, other) for at, other in enumerate(rules) if at != number and _may_hold(rule, other))
        for at, other in sorted(others, key=lambda pair: _OUTRANKED_BY[rule.effect].index(pair[1].effect)):
            if not (_lands(rule, other) and rule_within(rule, other)):
                continue
            mutual = _lands(other, rule) and rule_within(other, rule)
            if rule.effect == other.effect:
                if mutual and number < at:
                    continue  # of rules that say the same the first one stays
                said = "says the same as" if mutual else "says nothing that is not said by"
                yield Finding(Oddity.SHADOWED, rule, f"{said} {named(other)}.", other)
            elif rule.effect == "permit" and mutual:
                words = f"permits exactly what {named(other)} {_DOES[other.effect]}: nobody is served by it."
                yield Finding(Oddity.CONTRADICTS, rule, words, other)
            else:
                verb = "permits" if rule.effect == "permit" else "suspends"
                words = f"{verb} only what {named(other)} {_DOES[other.effect]} as well."
                yield Finding(Oddity.SHADOWED, rule, words, other)
            break


_DOES = {"forbid": "forbids", "suspend": "suspends", "permit": "permits"}


def _may_hold(rule: Rule, other: Rule) -> bool:
    """A quick look before the proof."""
    if other.effect not in _OUTRANKED_BY[rule.effect] or rule.applies_to != other.applies_to:
        return False
    if isinstance(rule.territory, Labels) and isinstance(other.territory, Labels):
        return rule.territory.ids <= other.territory.ids
    return True


def _lands(rule: Rule, other: Rule) -> bool:
    """Whether another permit leaves traffic the ways that a permit gives it."""
    if other.effect != "permit" or other.land_in is None:
        return True
    return rule.land_in is not None and rule.land_in <= other.land_in


# --- contested areas ----------------------------------------------------------------------------------------------


def _contested(rule: Rule) -> Iterator[Finding]:
    """Contested areas that a rule's polygons reach, and that it does not name."""
    regions = regions_of(rule.territory)
    spoken_of = labels_of(rule.territory) | drawn_from(rule.territory)
    for area in contested_areas().values() if regions else ():
        if area.id in spoken_of or not any(_meets(region, area.id) for region in regions):
            continue
        if (km2 := _km2(ground_of(area.id, rule.territory))) >= LEAST_OVERLAP_KM2:
            words = f"holds {km2:,.0f} km² of {area.id} ({area.in_words}, as of {area.as_of}) and does not name it."
            yield Finding(Oddity.CONTESTED, rule, words)


@cache
def _meets(region: Region, land: str) -> bool:
    shapely.prepare(region.polygon)
    return bool(shapely.intersects(region.polygon, shapes.land_polygon(frozenset({land}))))


def _km2(ground: shapely.Geometry) -> float:
    area_m2, _ = _ELLIPSOID.geometry_area_perimeter(shapely.orient_polygons(ground))
    return abs(float(area_m2)) / 1e6


# --- time ---------------------------------------------------------------------------------------------------------


def _expiry(rule: Rule, now: datetime, days: float) -> Iterator[Finding]:
    """An end or a review that is near, or a review that is overdue."""
    soon = now + timedelta(days=days)
    if rule.window.ends is not None and rule.window.ends <= soon:
        yield Finding(Oddity.EXPIRES, rule, f"ends {instant_text(rule.window.ends)}, within {days:g} days.")
    if rule.review_by is None:
        return
    due = datetime(rule.review_by.year, rule.review_by.month, rule.review_by.day, tzinfo=UTC) + timedelta(days=1)
    if due <= now:
        yield Finding(Oddity.REVIEW, rule, f"was to be looked at again by {rule.review_by}; it stays in force.")
    elif due <= soon:
        yield Finding(Oddity.REVIEW, rule, f"is to be looked at again by {rule.review_by}, within {days:g} days.")
