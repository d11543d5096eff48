"""The decisions for every part of every cell, one column a class.

Parts that share a territory and lie in the same regions are of one kind, and no rule tells them apart: each kind is
decided once. What a cell cannot know of a terminal (its speed, its groups) is unknown, so a rule that asks for it
permits nothing, and where it might forbid, nothing is permitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from openleo.places import point
from openleo.places.expressions import Region
from openleo.places.parts import Parts
from openleo.places.point import Where
from openleo.policy.conditions import Selector
from openleo.policy.decide import Decision, Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import EMERGENCY, RuleSet

NO, DEPENDS, YES = range(3)  # DEPENDS: on what a cell cannot know of a terminal
OUTCOMES = {Outcome.PERMITTED: YES, Outcome.INDETERMINATE: DEPENDS}  # all others: NO


@dataclass(frozen=True, eq=False)
class Kinds:
    """The kinds of parts under some regions, sorted by label: `of_part` (part,), `label` and `inside` by kind."""

    of_part: NDArray[np.intp]
    label: tuple[str, ...]
    inside: NDArray[np.bool_]  # (kind, region)
    regions: tuple[Region, ...]

    def __len__(self) -> int:
        return len(self.label)

    def places(self) -> list[Where]:
        """Each kind as a place, for `decide`."""
        return [
            point.at(label, compress(self.regions, row)) for label, row in zip(self.label, self.inside, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Decided:
    """What is decided of kinds: `decisions[kind][class]`, None where no rules withhold; `may` (kind, class)."""

    classes: tuple[str, ...]
    decisions: tuple[tuple[Decision | None, ...], ...]
    may: NDArray[np.uint8]  # NO, DEPENDS or YES


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

    Classes that no rule names are decided alike, and once.
    """
    shape = (len(kinds), len(classes))
    if rule_set is None:
        nothing = ((None,) * len(classes),) * len(kinds)
        return Decided(tuple(classes), nothing, np.full(shape, YES, dtype=np.uint8))
    named = named_classes(rule_set)
    like = [next(other for other in classes if other == class_ or not {other, class_} & named) for class_ in classes]
    decisions = []
    for where in kinds.places():
        found = {class_: decide(rule_set, Request(at=at, class_=class_), where) for class_ in dict.fromkeys(like)}
        decisions.append(tuple(found[class_] for class_ in like))
    may = [[OUTCOMES.get(one.outcome, NO) for one in row] for row in decisions]
    return Decided(tuple(classes), tuple(decisions), np.array(may, dtype=np.uint8).reshape(shape))


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
    decisions = tuple(one for row in made.decisions for one in row if one is not None)
    number = np.arange(len(decisions), dtype=np.int32).reshape(made.may.shape)[kinds.of_part]
    return Mask(tuple(classes), (made.may == YES)[kinds.of_part], number, decisions)


def everything(parts: Parts, classes: Sequence[str]) -> Mask:
    """The mask of a scenario without rules: it asks what can be served, so nothing is withheld."""
    shape = (len(parts), len(classes))
    return Mask(tuple(classes), np.ones(shape, dtype=bool), np.full(shape, -1, dtype=np.int32), ())
