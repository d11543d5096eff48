"""Two rule sets, rule by rule: added, removed, changed in which keys, and the territories that each of it touches.

A rule is known by its book and its id: the same id in another book is another rule. Nothing is decided here; what a
change does to people is the affair of an effect. `diff_words` writes it for people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from openleo.instants import instant_text
from openleo.places.areas import extent
from openleo.places.expressions import Expression, Labels, difference, intersection, regions_of, sha256_of, union
from openleo.places.kinds import Kind, kinds
from openleo.policy.conditions import Selector
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.within import rule_within
from openleo.policy.words import area_words, period_words

Value = str | float | list[str] | None
NOWHERE = Labels(frozenset())
RESOLUTION = 4  # of H3, at which the ground of polygons is cut by labels


@dataclass(frozen=True)
class KeyChange:
    """A key of a rule file, and what it says before and after; None: it is not there."""

    key: str
    before: Value
    after: Value


@dataclass(frozen=True)
class AreaChange:
    """Labels that an area gains or loses, as a whole or in part; `known` False: it is not known which."""

    gains: frozenset[str] = frozenset()
    loses: frozenset[str] = frozenset()
    gains_part: frozenset[str] = frozenset()
    loses_part: frozenset[str] = frozenset()
    known: bool = True

    @property
    def any(self) -> bool:
        return not self.known or bool(self.gains or self.loses or self.gains_part or self.loses_part)


@dataclass(frozen=True)
class RuleChange:
    """A rule that says something else than before."""

    old: Rule
    new: Rule
    keys: tuple[KeyChange, ...]
    area: AreaChange

    @property
    def narrower(self) -> bool:
        """Whether it is certain to match nothing that it did not match before."""
        return rule_within(self.new, self.old)

    @property
    def wider(self) -> bool:
        """Whether it is certain to match all that it matched before."""
        return rule_within(self.old, self.new)


@dataclass(frozen=True)
class RuleSetDifference:
    """What tells `new` from `old`; the rules of each tuple by book and id."""

    old: RuleSet
    new: RuleSet
    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    changed: tuple[RuleChange, ...]
    unchanged: int

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed or self.changed)


def compare(old: RuleSet, new: RuleSet) -> RuleSetDifference:
    """The difference of two rule sets; the order and the files of rules make none."""
    before, after = ({rule.key: rule for rule in rule_set.rules} for rule_set in (old, new))
    both = sorted(before.keys() & after.keys())
    changed = [_change(before[key], after[key]) for key in both if before[key].canonical() != after[key].canonical()]
    return RuleSetDifference(
        old,
        new,
        tuple(after[key] for key in sorted(after.keys() - before.keys())),
        tuple(before[key] for key in sorted(before.keys() - after.keys())),
        tuple(changed),
        len(both) - len(changed),
    )


def _change(old: Rule, new: Rule) -> RuleChange:
    before, after = form(old), form(new)
    keys = tuple(
        KeyChange(key, before.get(key), after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    )
    area = area_change(old.territory, new.territory)
    if area.any and before["territory"] == after["territory"]:  # polygons of one name
        shas = (f"{before['territory']} ({sha256_of(rule.territory)[:12]})" for rule in (old, new))
        keys += (KeyChange("territory", *shas),)
    return RuleChange(old, new, keys, area)


@lru_cache(maxsize=1024)
def area_change(old: Expression, new: Expression) -> AreaChange:
    """The labels that `new` gains and loses against `old`."""
    if sha256_of(old) == sha256_of(new):
        return AreaChange()
    if (found := kinds([old, new])) is None:
        return AreaChange(known=False)
    gains, gains_part = _gained(found, old, new)
    loses, loses_part = _gained(found, new, old)
    return AreaChange(gains, loses, gains_part, loses_part)


def _gained(found: list[Kind], old: Expression, new: Expression) -> tuple[frozenset[str], frozenset[str]]:
    """(labels of which `new` holds all and `old` nothing, other labels with ground that `new` alone holds)."""
    fates: dict[str, set[bool]] = {}
    for kind in found:
        fates.setdefault(kind.label, set()).add(kind.of(new) and not kind.of(old))
    whole = frozenset(label for label, fate in fates.items() if fate == {True})
    outside = {kind.label for kind in found if not kind.inside and kind.of(new) and not kind.of(old)}
    return whole, frozenset({*outside, *(label for label, _, _ in ground(old, new))} - whole)


@lru_cache(maxsize=1024)
def ground(old: Expression, new: Expression) -> tuple[tuple[str, float, float], ...]:
    """(label, km², people) within the polygons of two areas that `new` holds and `old` does not."""
    regions = tuple(dict.fromkeys([*regions_of(old), *regions_of(new)]))
    if not regions:
        return ()
    return extent(intersection([union(regions), difference(new, old)]), RESOLUTION).labels


def same_but_for_its_name(rule: Rule, others: Iterable[Rule]) -> Rule | None:
    """Among other rules one that says all the same under another id or in another book."""
    said = _nameless(rule)
    return next((other for other in others if _nameless(other) == said), None)


def _nameless(rule: Rule) -> dict[str, Any]:
    own = replace(rule, id="", book="", authority="" if rule.authority == rule.book else rule.authority)
    return own.canonical()


# --- as a rule file writes it -------------------------------------------------------------------------------------


def form(rule: Rule) -> dict[str, Value]:
    """The keys of a rule, flat, in the order that the reference has; keys that say nothing are not there."""
    said: dict[str, Value] = {
        "effect": rule.effect,
        "territory": area_words(rule.territory),
        "authority": rule.authority,
        "reason": rule.reason,
        **_keys(rule.selector, "who.", "conditions."),
        **({} if rule.unless is None else _keys(rule.unless, "except.", "except.")),
        "from": None if rule.window.begins is None else instant_text(rule.window.begins),
        "until": None if rule.window.ends is None else instant_text(rule.window.ends),
        "weekly": sorted(map(period_words, rule.window.weekly)) or None,
        "emergency": rule.emergency,
        "applies_to": rule.applies_to,
        "land_in": None if rule.land_in is None else sorted(rule.land_in),
        "legal_reference": rule.legal_reference or None,
        "review_by": rule.review_by.isoformat() if rule.review_by else None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _keys(selector: Selector, who: str, conditions: str) -> dict[str, Value]:
    return {
        f"{who if key in ('classes', 'groups') else conditions}{key}": value
        for key, value in selector.canonical().items()
    }


# --- by territory -------------------------------------------------------------------------------------------------


def not_told(difference: RuleSetDifference) -> tuple[Rule, ...]:
    """The rules of a difference of which it is not known which territories they gain or lose."""
    added = (rule for rule in difference.added if not area_change(NOWHERE, rule.territory).known)
    removed = (rule for rule in difference.removed if not area_change(rule.territory, NOWHERE).known)
    changed = (change.new for change in difference.changed if not change.area.known)
    return (*added, *removed, *changed)


@dataclass(frozen=True)
class Touched:
    """What a difference does to one label: rules that it gains, loses, or has changed in another way than by area."""

    label: str
    gains: tuple[Rule, ...]
    loses: tuple[Rule, ...]
    changes: tuple[Rule, ...]


def by_territory(difference: RuleSetDifference) -> tuple[Touched, ...]:
    """The labels that some rule's difference touches, sorted; a rule that it gains a part of counts too."""
    gains: dict[str, list[Rule]] = {}
    loses: dict[str, list[Rule]] = {}
    changes: dict[str, list[Rule]] = {}

    def note(into: dict[str, list[Rule]], rule: Rule, labels: Iterable[str]) -> None:
        for label in labels:
            into.setdefault(label, []).append(rule)

    for rule in difference.added:
        area = area_change(NOWHERE, rule.territory)
        note(gains, rule, area.gains | area.gains_part)
    for rule in difference.removed:
        area = area_change(rule.territory, NOWHERE)
        note(loses, rule, area.loses | area.loses_part)
    for change in difference.changed:
        area = change.area
        note(gains, change.new, area.gains | area.gains_part)
        note(loses, change.new, area.loses | area.loses_part)
        if any(one.key != "territory" for one in change.keys):
            held = area_change(NOWHERE, change.new.territory)
            note(changes, change.new, (held.gains | held.gains_part) - area.gains - area.loses)
    return tuple(
        Touched(label, *(tuple(found.get(label, ())) for found in (gains, loses, changes)))
        for label in sorted({*gains, *loses, *changes})
    )
