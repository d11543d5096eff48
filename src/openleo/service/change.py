"""Two states of rules on one network, territory by territory: what is lost, what is gained, and by which rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.policy.decide import Outcome
from openleo.policy.mask import DEPENDS, NO, OUTCOMES, YES, Decided, Kinds, decide_kinds
from openleo.policy.request import Request
from openleo.policy.rules import Rule, RuleSet
from openleo.service.amounts import NOTHING, Amount, EffectRow
from openleo.service.reached import Reached

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Side:
    """A rule set at an instant; None: without rules, nothing is withheld."""

    rule_set: RuleSet | None
    at: datetime | None

    def decided(self, kinds: Kinds, classes: Sequence[str]) -> Decided:
        return decide_kinds(self.rule_set, kinds, classes, self.at)


def rows_between(
    reached: Reached, was: Side, is_: Side, classes: Sequence[str], order: Sequence[str] = ()
) -> list[EffectRow]:
    """A row for every territory and class, those that nothing happens to included; those of `order` come first."""
    before, after = was.decided(reached.kinds, classes), is_.decided(reached.kinds, classes)
    lose, gain = after.may < before.may, after.may > before.may
    may_lose, may_gain = lose & (before.may != after.may + YES), gain & (after.may != before.may + YES)
    for kind, column in np.argwhere((before.may == DEPENDS) & (after.may == DEPENDS)).tolist():
        may_lose[kind, column], may_gain[kind, column] = _in_another_way(reached.kinds, kind, classes[column], was, is_)
    flags = (lose & ~may_lose, gain & ~may_gain, may_lose, may_gain)
    changed = np.logical_or.reduce(flags)
    in_territory = np.logical_or.reduceat(changed, reached.start) if len(reached.start) else changed
    rank = {id_: place for place, id_ in enumerate(order)}
    numbered = sorted(enumerate(reached.territories), key=lambda one: (rank.get(one[1], len(rank)), one[1]))
    rows = []
    for number, territory in numbered:
        mine = reached.kinds_of(number)
        for column, class_ in enumerate(classes):
            medians = (
                reached.rtt_ms_p50(number, before.may[mine, column] == YES),
                reached.rtt_ms_p50(number, after.may[mine, column] == YES),
            )
            if not in_territory[number, column]:
                rows.append(EffectRow(territory, class_, NOTHING, NOTHING, medians, ()))
                continue
            lost, gained, maybe_lost, maybe_gained = (_amount(reached, mine, one[mine, column]) for one in flags)
            kinds = mine.start + np.flatnonzero(changed[mine, column])
            pairs = [(before.verdict(kind, column), after.verdict(kind, column)) for kind in kinds.tolist()]
            because = tuple(sorted({rule for pair in pairs for rule in _rules_between(*pair)}))
            rows.append(EffectRow(territory, class_, lost, gained, medians, because, maybe_lost, maybe_gained))
    return rows


def _amount(reached: Reached, mine: slice, flags: Flags) -> Amount:
    if not flags.any():
        return NOTHING
    cells = [cells for cells, flag in zip(reached.cells[mine], flags, strict=True) if flag]
    return Amount(
        cells=len(cells[0] if len(cells) == 1 else np.unique(np.concatenate(cells))),
        area_km2=round(float(reached.area_km2[mine] @ flags), 3),
        people=round(float(reached.people[mine] @ flags)),
    )


# --- because ------------------------------------------------------------------------------------------------------


Verdict = tuple[Outcome, list[Rule]]


def _rules_between(was: Verdict, is_: Verdict) -> set[str]:
    """The rules that make the difference between two decisions.

    What withholds makes it where it has rules of its own; else the permits that one side has and the other has not.
    """
    before, after = ({rule.id for rule in rules} for _, rules in (was, is_))
    if was[0] is is_[0]:
        return before ^ after or after
    (withheld, refusing), granting = ((was[0], before), after) if _rank(was) < _rank(is_) else ((is_[0], after), before)
    return granting if withheld is Outcome.NOT_PERMITTED else refusing


def _rank(verdict: Verdict) -> int:
    return OUTCOMES.get(verdict[0], NO)


def _in_another_way(kinds: Kinds, kind: int, class_: str, was: Side, is_: Side) -> tuple[bool, bool]:
    """(may somebody lose, may somebody gain) where it depends on the terminal before and after.

    Rules that are the same on both sides change nothing. One more permit, or one forbid or suspend less, can only
    give; one permit less, or one forbid or suspend more, can only take.
    """
    before, after = _speaking(kinds, kind, class_, was), _speaking(kinds, kind, class_, is_)
    ended, begun = before - after, after - before
    gives = any(rule[0] == "permit" for rule in begun) or any(rule[0] != "permit" for rule in ended)
    takes = any(rule[0] != "permit" for rule in begun) or any(rule[0] == "permit" for rule in ended)
    return takes, gives


def _speaking(kinds: Kinds, kind: int, class_: str, side: Side) -> frozenset[tuple[Any, ...]]:
    """What the rules that hold there, or might, ask of a terminal."""
    assert side.rule_set is not None
    inside = frozenset(region for region, here in zip(kinds.regions, kinds.inside[kind], strict=True) if here)
    request = Request(at=side.at, class_=class_)
    return frozenset(
        _asks(rule)
        for rule in side.rule_set.near([kinds.label[kind]])
        if rule.applies_to == "terminal"
        and rule.holds_at(kinds.label[kind], inside)
        and rule.matches(request, set()) is not False
    )


def _asks(rule: Rule) -> tuple[Any, ...]:
    selectors = (rule.selector, *rule.exceptions)
    return (rule.effect, *((one.classes, one.groups, frozenset(one.conditions)) for one in selectors))
