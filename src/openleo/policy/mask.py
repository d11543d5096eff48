"""The decisions for every part of every cell, one column a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from openleo.places import point
from openleo.places.parts import Parts
from openleo.policy.decide import Decision, decide
from openleo.policy.request import Request
from openleo.policy.rules import RuleSet


@dataclass(frozen=True)
class Mask:
    """permitted (part, class); decision (part, class) numbers into `decisions`."""

    classes: tuple[str, ...]
    permitted: NDArray[np.bool_]
    decision: NDArray[np.int32]
    decisions: tuple[Decision, ...]


def compute(
    rule_set: RuleSet, parts: Parts, classes: Sequence[str], first_region: int = 0, at: datetime | None = None
) -> Mask:
    """Decide every part for every class at an instant.

    Columns `first_region`, `first_region` + 1, … of `parts.within` are the rule set's regions. Parts that share a
    territory and lie in the same regions are decided once. What a cell cannot know of a terminal (its speed, its
    groups) is unknown, so a rule that asks for it permits nothing, and where it might forbid, nothing is permitted.
    """
    if len(parts) == 0:
        return everything(parts, classes)
    inside = parts.within[:, first_region : first_region + len(rule_set.regions)]
    territory, code = np.unique(parts.territory.astype(str), return_inverse=True)
    kinds, kind = np.unique(np.column_stack([code, inside.astype(np.int64)]), axis=0, return_inverse=True)
    places = [point.at(str(territory[row[0]]), compress(rule_set.regions, row[1:])) for row in kinds]
    decisions = [decide(rule_set, Request(at=at, class_=class_), where) for where in places for class_ in classes]
    number = np.arange(len(decisions), dtype=np.int32).reshape(len(kinds), len(classes))[kind.ravel()]
    allowed = np.array([decision.permitted for decision in decisions], dtype=bool)
    return Mask(tuple(classes), allowed[number], number, tuple(decisions))


def everything(parts: Parts, classes: Sequence[str]) -> Mask:
    """The mask of a scenario without rules: it asks what can be served, so nothing is withheld."""
    shape = (len(parts), len(classes))
    return Mask(tuple(classes), np.ones(shape, dtype=bool), np.full(shape, -1, dtype=np.int32), ())
