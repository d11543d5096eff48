"""The decisions for every part of every cell, one column a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.places.parts import Parts
from openleo.policy.decide import Decision, decide
from openleo.policy.rules import RuleSet


@dataclass(frozen=True)
class Mask:
    """permitted (part, class); decision (part, class) numbers into `decisions`."""

    classes: tuple[str, ...]
    permitted: NDArray[np.bool_]
    decision: NDArray[np.int32]
    decisions: tuple[Decision, ...]


def compute(rule_set: RuleSet, parts: Parts, classes: Sequence[str], first_region: int = 0) -> Mask:
    """Decide every part for every class.

    Columns `first_region`, `first_region` + 1, … of `parts.within` are the rule set's regions. Parts that share a
    territory and lie in the same regions are decided once.
    """
    if len(parts) == 0:
        return everything(parts, classes)
    within = parts.within[:, first_region : first_region + len(rule_set.regions)]
    territory, code = np.unique(parts.territory.astype(str), return_inverse=True)
    kinds, kind = np.unique(np.column_stack([code, within.astype(np.int64)]), axis=0, return_inverse=True)
    decisions = [
        decide(rule_set, str(territory[row[0]]), class_, [bool(inside) for inside in row[1:]])
        for row in kinds
        for class_ in classes
    ]
    number = np.arange(len(decisions), dtype=np.int32).reshape(len(kinds), len(classes))[kind.ravel()]
    allowed = np.array([decision.permitted for decision in decisions], dtype=bool)
    return Mask(tuple(classes), allowed[number], number, tuple(decisions))


def everything(parts: Parts, classes: Sequence[str]) -> Mask:
    """The mask of a scenario without rules: it asks what can be served, so nothing is withheld."""
    shape = (len(parts), len(classes))
    return Mask(tuple(classes), np.ones(shape, dtype=bool), np.full(shape, -1, dtype=np.int32), ())
