"""The decisions for every part of every cell, one column a class.

Parts that share a territory and lie in the same regions are of one kind, and no rule tells them apart: each kind is
decided once. What a cell cannot know of a terminal (its speed, its groups) is unknown, so a rule that asks for it
permits nothing, and where it might forbid, nothing is permitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from openleo.places import point
from openleo.places.expressions import Expression, Labels, Region, holds_each
from openleo.places.parts import Parts
from openleo.places.point import Where
from openleo.policy.conditions import Selector
from openleo.policy.decide import Decision, Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import EMERGENCY, Rule, RuleSet

NO, DEPENDS, YES = range(3)  # DEPENDS: on what a cell cannot know of a terminal
MOST_EXTENTS = 4096  # areas
OUTCOMES = {Outcome.PERMITTED: YES, Outcome.INDETERMINATE: DEPENDS}  # all others: NO


@dataclass(frozen=True, eq=False)
class Kinds:
    """The kinds of parts under some regions, sorted by label: `of_part` (part,), `label` and `inside` by kind."""

    of_part: NDArray[np.intp]
    label: tuple[str, ...]
    inside: NDArray[np.bool_]  # (kind, region)
    regions: tuple[Region, ...]
    _extents: dict[Expression, NDArray[np.intp]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.label)

    def place(self, kind: int) -> Where:
        """A kind as a place, for `decide`."""
        return point.at(self.label[kind], compress(self.regions, self.inside[kind]))

    def extent(self, area: Expression) -> NDArray[np.intp]:
        """The kinds that an area holds; kept for the areas asked for last."""
        if (found := self._extents.get(area)) is None:
            if isinstance(area, Labels):
                some = [self._by_label[label] for label in sorted(area.ids & self._by_label.keys())]
                found = np.concatenate([np.empty(0, np.intp), *some])
            else:
                found = np.flatnonzero(holds_each(area, self._labels, self.inside, self.regions))
            while len(self._extents) >= MOST_EXTENTS:
                self._extents.pop(next(iter(self._extents)), None)
            self._extents[area] = found
        return found

    @cached_property
    def _labels(self) -> NDArray[np.object_]:
        return np.array(self.label, dtype=object)

    @cached_property
    def _by_label(self) -> dict[str, NDArray[np.intp]]:
        found: dict[str, list[int]] = {}
        for kind, label in enumerate(self.label):
            found.setdefault(label, []).append(kind)
        return {label: np.array(kinds, dtype=np.intp) for label, kinds in found.items()}


@dataclass(frozen=True, eq=False)
class Spoken:
    """What the rules for terminals say at one instant, axes (rule, class): whether they hold, or may."""

    rules: tuple[Rule, ...]
    true: NDArray[np.bool_]
    unknown: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Decided:
    """What is decided of kinds: `may` (kind, class) holds NO, DEPENDS or YES. `spoken` is None without rules."""

    kinds: Kinds
    classes: tuple[str, ...]
    may: NDArray[np.uint8]
    spoken: Spoken | None

    def speaking(self, kind: int, column: int) -> list[Rule]:
        """The rules that hold there for a class, or may."""
        if self.spoken is None:
            return []
        says = self.spoken.true[:, column] | self.spoken.unknown[:, column]
        return [self.spoken.rules[number] for number in self._rules_of_kind[kind] if says[number]]

    def verdict(self, kind: int, column: int) -> tuple[Outcome, list[Rule]]:
        """The outcome and the rules that make it, as `decide` has them."""
        if self.spoken is None:
            return Outcome.PERMITTED, []
        held: dict[str, list[Rule]] = {"forbid": [], "suspend": [], "permit": []}
        doubted: dict[str, list[Rule]] = {"forbid": [], "suspend": [], "permit": []}
        for number in self._rules_of_kind[kind]:
            rule = self.spoken.rules[number]
            if self.spoken.true[number, column]:
                held[rule.effect].append(rule)
            elif self.spoken.unknown[number, column]:
                doubted[rule.effect].append(rule)
        if held["forbid"]:
            return Outcome.FORBIDDEN, held["forbid"]
        if held["suspend"]:
            return Outcome.SUSPENDED, held["suspend"]
        permits, blocking = held["permit"] + doubted["permit"], doubted["forbid"] + doubted["suspend"]
        if not permits:
            return Outcome.NOT_PERMITTED, []
        if held["permit"] and not blocking:
            return Outcome.PERMITTED, held["permit"]
        return Outcome.INDETERMINATE, blocking or permits

    @cached_property
    def _rules_of_kind(self) -> list[list[int]]:
        """The numbers of the rules for each kind, in order."""
        found: list[list[int]] = [[] for _ in range(len(self.kinds))]
        for number, rule in enumerate(self.spoken.rules if self.spoken else ()):
            for kind in self.kinds.extent(rule.territory).tolist():
                found[kind].append(number)
        return found


@dataclass(frozen=True)
class Mask:
    """permitted (part, class); decision (part, class) numbers into `decisions`."""

    classes: tuple[str, ...]
    permitted: NDArray[np.bool_]
    decision: NDArray[np.int32]
    decisions: tuple[Decision, ...]


def kinds_of(parts: Parts, regions: Sequence[Region]) -> Kinds:
    """The kinds of parts; the columns of `parts.within` are `regions`."""
    inside = parts.within[:, : len(regions)]
    names, code = np.unique(parts.territory.astype(str), return_inverse=True)
    rows, kind = np.unique(np.column_stack([code, inside.astype(np.int64)]), axis=0, return_inverse=True)
    return Kinds(kind.ravel(), tuple(names[rows[:, 0]].tolist()), rows[:, 1:].astype(bool), tuple(regions))


def decide_kinds(rule_set: RuleSet | None, kinds: Kinds, classes: Sequence[str], at: datetime | None) -> Decided:
    """Decide every kind for every class at an instant; without rules nothing is withheld.

    As `decide` does, whose order this is, for places that are known exactly and terminals of which only the class is.
    """
    shape = (len(kinds), len(classes))
    if rule_set is None:
        return Decided(kinds, tuple(classes), np.full(shape, YES, dtype=np.uint8), None)
    spoken = _spoken(rule_set, classes, at)
    sure = {effect: np.zeros(shape, dtype=bool) for effect in ("forbid", "suspend", "permit")}
    perhaps = {effect: np.zeros(shape, dtype=bool) for effect in sure}
    for rule, true, unknown in zip(spoken.rules, spoken.true, spoken.unknown, strict=True):
        here = kinds.extent(rule.territory)
        sure[rule.effect][here] |= true
        perhaps[rule.effect][here] |= unknown
    refused = sure["forbid"] | sure["suspend"] | ~(sure["permit"] | perhaps["permit"])
    doubtful = perhaps["forbid"] | perhaps["suspend"] | ~sure["permit"]
    may = np.where(refused, NO, np.where(doubtful, DEPENDS, YES)).astype(np.uint8)
    return Decided(kinds, tuple(classes), may, spoken)


def _spoken(rule_set: RuleSet, classes: Sequence[str], at: datetime | None) -> Spoken:
    """Rules that ask alike are asked once; those that speak of none of the classes are left out."""
    requests = [Request(at=at, class_=class_) for class_ in classes]
    known: dict[object, tuple[bool | None, ...]] = {}
    rules, values = [], []
    for rule in rule_set.rules:
        asked = (rule.selector, rule.exceptions, rule.window)
        if rule.applies_to == "terminal" and asked not in known:
            known[asked] = tuple(rule.matches(request, set()) for request in requests)
        if rule.applies_to == "terminal" and any(value is not False for value in known[asked]):
            rules.append(rule)
            values.append(known[asked])
    shape = (len(rules), len(classes))
    true = np.array([[value is True for value in row] for row in values], dtype=bool).reshape(shape)
    unknown = np.array([[value is None for value in row] for row in values], dtype=bool).reshape(shape)
    return Spoken(tuple(rules), true, unknown)


def named_classes(rule_set: RuleSet) -> frozenset[str]:
    """The classes that rules speak of by name; where one keeps emergency terminals, that class too."""

    def names(selector: Selector | None) -> frozenset[str]:
        return frozenset() if selector is None or selector.classes is None else selector.classes

    own = (names(rule.selector) | names(rule.unless) for rule in rule_set.rules)
    kept = frozenset({EMERGENCY}) if any(rule.emergency for rule in rule_set.rules) else frozenset()
    return kept.union(*own)


def compute(
    rule_set: RuleSet,
    parts: Parts,
    classes: Sequence[str],
    regions: Sequence[Region] | None = None,
    at: datetime | None = None,
) -> Mask:
    """Decide every part for every class at an instant.

    The columns of `parts.within` are `regions`, by default the rule set's own.
    """
    if len(parts) == 0:
        return everything(parts, classes)
    kinds = kinds_of(parts, rule_set.regions if regions is None else regions)
    made = decide_kinds(rule_set, kinds, classes, at)
    places = [kinds.place(kind) for kind in range(len(kinds))]
    decisions = tuple(decide(rule_set, Request(at=at, class_=class_), place) for place in places for class_ in classes)
    number = np.arange(len(decisions), dtype=np.int32).reshape(made.may.shape)[kinds.of_part]
    return Mask(tuple(classes), (made.may == YES)[kinds.of_part], number, decisions)


def everything(parts: Parts, classes: Sequence[str]) -> Mask:
    """The mask of a scenario without rules: it asks what can be served, so nothing is withheld."""
    shape = (len(parts), len(classes))
    return Mask(tuple(classes), np.ones(shape, dtype=bool), np.full(shape, -1, dtype=np.int32), ())
