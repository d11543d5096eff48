"""Two states of rules on one network, territory by territory: what is lost, what is gained, and by which rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.policy.decide import Decision, Outcome
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
    rank = {id_: place for place, id_ in enumerate(order)}
    numbered = sorted(enumerate(reached.territories), key=lambda one: (rank.get(one[1], len(rank)), one[1]))
    rows = []
    for number, territory in numbered:
        mine = reached.kinds_of(number)
        for column, class_ in enumerate(classes):
            lost, gained, maybe_lost, maybe_gained = (_amount(reached, mine, one[mine, column]) for one in flags)
            changed = [
                (before.decisions[kind][column], after.decisions[kind][column])
                for kind in range(mine.start, mine.stop)
                if any(one[kind, column] for one in flags)
            ]
            medians = (
                reached.rtt_ms_p50(number, before.may[mine, column] == YES),
                reached.rtt_ms_p50(number, after.may[mine, column] == YES),
            )
            because = tuple(sorted({rule for pair in changed for rule in _rules_between(*pair)}))
            rows.append(EffectRow(territory, class_, lost, gained, medians, because, maybe_lost, maybe_gained))
    return rows


def _amount(reached: Reached, mine: slice, flags: Flags) -> Amount:
    if not flags.any():
        return NOTHING
    cells = [cells for cells, flag in zip(reached.cells[mine], flags, strict=True) if flag]
    return Amount(
        cells=len(np.unique(np.concatenate(cells))),
        area_km2=round(float(reached.area_km2[mine] @ flags), 3),
        people=round(float(reached.people[mine] @ flags)),
    )


# --- because ------------------------------------------------------------------------------------------------------


def _rules_between(was: Decision | None, is_: Decision | None) -> set[str]:
    """The rules that make the difference between two decisions.

    What withholds makes it where it has rules of its own; else the permits that one side has and the other has not.
    """
    if was is None or is_ is None:
        return {because.rule for because in (was or is_).because} if was or is_ else set()  # type: ignore[union-attr]
    if was.outcome is is_.outcome:
        return {one.rule for one in was.because} ^ {one.rule for one in is_.because} or {r.rule for r in is_.because}
    withheld, granted = (was, is_) if _rank(was) < _rank(is_) else (is_, was)
    decisive = granted if withheld.outcome is Outcome.NOT_PERMITTED else withheld
    return {because.rule for because in decisive.because}


def _rank(decision: Decision) -> int:
    return OUTCOMES.get(decision.outcome, NO)


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
