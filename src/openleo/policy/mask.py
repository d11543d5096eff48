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
from openleo.policy.entries import spoken_to
from openleo.policy.request import Request
from openleo.policy.rules import EMERGENCY, Rule, RuleSet
from openleo.policy.when import Window

NO, DEPENDS, YES = range(3)  # DEPENDS: on what a cell cannot know of a terminal
MOST_EXTENTS = 4096  # areas
OUTCOMES = tuple(Outcome)
FORBIDDEN, SUSPENDED, NOT_PERMITTED, INDETERMINATE, PERMITTED = range(len(OUTCOMES))
MAY = np.array([NO, NO, NO, DEPENDS, YES], dtype=np.uint8)  # by outcome
EFFECTS = ("forbid", "suspend", "permit")
Flags = NDArray[np.bool_]


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
    """What the rules for terminals say at one instant, axes (rule, class): whether they hold, or may.

    Rule `rule` (pair,) speaks of kind `kind` (pair,).
    """

    rules: tuple[Rule, ...]
    true: Flags
    unknown: Flags
    kind: NDArray[np.intp]
    rule: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Decided:
    """What is decided of kinds, axes (kind, class): `may` holds NO, DEPENDS or YES, `outcome` numbers of OUTCOMES.

    Without rules, `spoken` is None and there is no outcome.
    """

    kinds: Kinds
    classes: tuple[str, ...]
    may: NDArray[np.uint8]
    spoken: Spoken | None
    outcome: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0), dtype=np.uint8))


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
    spoken = _spoken(rule_set, kinds, classes, at)
    effect = np.array([rule.effect for rule in spoken.rules], dtype=object)[spoken.rule]
    sure, perhaps = ({one: _any(spoken, effect == one, says, shape) for one in EFFECTS}
                     for says in (spoken.true, spoken.unknown))  # fmt: skip
    outcome = np.select(
        [sure["forbid"], sure["suspend"], ~(sure["permit"] | perhaps["permit"]),
         perhaps["forbid"] | perhaps["suspend"] | ~sure["permit"]],
        [FORBIDDEN, SUSPENDED, NOT_PERMITTED, INDETERMINATE], PERMITTED,
    ).astype(np.uint8)  # fmt: skip
    return Decided(kinds, tuple(classes), MAY[outcome], spoken, outcome)


def _any(spoken: Spoken, pairs: Flags, says: Flags, shape: tuple[int, int]) -> Flags:
    """(kind, class): whether any rule of some pairs says so; says (rule, class)."""
    found = np.zeros(shape, dtype=bool)
    kind, rows = spoken.kind[pairs], says[spoken.rule[pairs]]
    order = np.argsort(kind, kind="stable")
    kind = kind[order]
    first = np.flatnonzero(np.diff(kind, prepend=-1))
    if len(first):
        found[kind[first]] = np.logical_or.reduceat(rows[order], first, axis=0)
    return found


def _spoken(rule_set: RuleSet, kinds: Kinds, classes: Sequence[str], at: datetime | None) -> Spoken:
    """Rules that ask alike are asked once; those that speak of none of the classes are left out."""
    everybody = frozenset(classes)
    held: dict[Window, bool | None] = {}
    told: dict[object, tuple[list[bool], list[bool]]] = {}
    rules, true, unknown = [], [], []
    for rule in rule_set.rules:
        if rule.applies_to != "terminal":
            continue
        if rule.window not in held:
            held[rule.window] = rule.in_force(at, set())
        asked = (rule.selector, rule.exceptions, held[rule.window])
        if asked not in told:
            holds, may = spoken_to(rule, everybody)
            sure, out = held[rule.window] is True, held[rule.window] is False
            told[asked] = ([sure and one in holds for one in classes],
                           [not out and (one in may or (one in holds and not sure)) for one in classes])  # fmt: skip
        if any(told[asked][0]) or any(told[asked][1]):
            rules.append(rule)
            true.append(told[asked][0])
            unknown.append(told[asked][1])
    shape = (len(rules), len(classes))
    extents = [kinds.extent(rule.territory) for rule in rules]
    return Spoken(
        tuple(rules),
        np.array(true, dtype=bool).reshape(shape),
        np.array(unknown, dtype=bool).reshape(shape),
        np.concatenate([np.empty(0, np.intp), *extents]),
        np.repeat(np.arange(len(rules)), [len(extent) for extent in extents]),
    )


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
