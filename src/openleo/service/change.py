"""Two states of rules on one network, territory by territory: what is lost, what is gained, and by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.policy.mask import DEPENDS, YES, Decided, Kinds, decide_kinds
from openleo.policy.rules import Rule, RuleKey, RuleSet, rule_names
from openleo.service.amounts import NOTHING, Amount, EffectRow
from openleo.service.reached import Reached

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Side:
    """A rule set at an instant; None: without rules, nothing is withheld."""

    rule_set: RuleSet | None
    at: datetime | None

    @property
    def state(self) -> tuple[object, ...]:
        """The rules, and which of their windows hold: sides of one state decide alike."""
        if self.rule_set is None or self.at is None:
            return self.rule_set and self.rule_set.sha256, self.at
        windows = dict.fromkeys(rule.window for rule in self.rule_set.rules)
        return self.rule_set.sha256, *(window.holds(self.at) for window in windows)

    def decided(self, kinds: Kinds, classes: Sequence[str]) -> Decided:
        return decide_kinds(self.rule_set, kinds, classes, self.at)


def names_of(*rule_sets: RuleSet | None) -> dict[RuleKey, str]:
    """What the rules of some sets are called where they are spoken of together."""
    return rule_names(rule for rule_set in rule_sets if rule_set for rule in rule_set.rules)


def rows_between(
    reached: Reached,
    was: Side,
    is_: Side,
    classes: Sequence[str],
    order: Sequence[str] = (),
    names: Mapping[RuleKey, str] | None = None,
) -> list[EffectRow]:
    """A row for every territory and class, those that nothing happens to included; those of `order` come first.

    `names`: what rules are called; None: as those of both sides together are.
    """
    names = names_of(was.rule_set, is_.rule_set) if names is None else names
    before, after = was.decided(reached.kinds, classes), is_.decided(reached.kinds, classes)
    lose, gain = after.may < before.may, after.may > before.may
    may_lose, may_gain = lose & (before.may != after.may + YES), gain & (after.may != before.may + YES)
    for kind, column in np.argwhere((before.may == DEPENDS) & (after.may == DEPENDS)).tolist():
        may_lose[kind, column], may_gain[kind, column] = _in_another_way(before, after, kind, column)
    sums = [_Sums(reached, flags) for flags in (lose & ~may_lose, gain & ~may_gain, may_lose, may_gain)]
    changed = np.logical_or.reduce([one.flags for one in sums]).tolist()
    rank = {id_: place for place, id_ in enumerate(order)}
    numbered = sorted(enumerate(reached.territories), key=lambda one: (rank.get(one[1], len(rank)), one[1]))
    rows = []
    for number, territory in numbered:
        mine = reached.kinds_of(number)
        for column, class_ in enumerate(classes):
            lost, gained, maybe_lost, maybe_gained = (one.of(number, column) for one in sums)
            kinds = [kind for kind in range(mine.start, mine.stop) if changed[kind][column]]
            keys = {key for kind in kinds for key in _rules_between(before, after, kind, column)}
            because = tuple(sorted({names[key] for key in keys}))
            medians = (
                reached.rtt_ms_p50(number, before.may[mine, column] == YES),
                reached.rtt_ms_p50(number, after.may[mine, column] == YES),
            )
            rows.append(EffectRow(territory, class_, lost, gained, medians, because, maybe_lost, maybe_gained))
    return rows


class _Sums:
    """What of a territory's kinds is flagged, for every territory and class; `flags` (kind, class)."""

    def __init__(self, reached: Reached, flags: Flags):
        self.flags, self._reached = flags, reached
        weights = (np.ones(len(flags)), reached.area_km2, reached.people)
        self._count, self._area_km2, self._people = (
            np.add.reduceat(weight[:, np.newaxis] * flags, reached.start, axis=0).tolist() for weight in weights
        )
        self._cells: dict[tuple[int, bytes], int] = {}

    def of(self, territory: int, column: int) -> Amount:
        """The amount of one territory and class, by their numbers."""
        if not self._count[territory][column]:
            return NOTHING
        flags = self.flags[self._reached.kinds_of(territory), column]
        key = (territory, flags.tobytes())
        if key not in self._cells:
            self._cells[key] = self._reached.cells_of(territory, flags)
        return Amount(
            cells=self._cells[key],
            area_km2=round(self._area_km2[territory][column], 3),
            people=round(self._people[territory][column]),
        )


# --- because ------------------------------------------------------------------------------------------------------


Said = tuple[Any, ...]  # a rule's effect and all that it asks of a terminal, and whether that holds or may


def _rules_between(was: Decided, is_: Decided, kind: int, column: int) -> set[RuleKey]:
    """The rules that make the difference between two decisions; one that says the same on both sides makes none.

    The forbids and suspends by which the one side withholds more than the other; or else the permits that only one of
    the sides has. Where both depend on the terminal, whatever says something else.
    """
    before, after = (_speaking(side, kind, column) for side in (was, is_))
    one_sided = [*(before[said] for said in before.keys() - after), *(after[said] for said in after.keys() - before)]
    differing = {(rule.key, rule.effect) for rules in one_sided for rule in rules}
    first, second = int(was.may[kind, column]), int(is_.may[kind, column])
    if first == second:
        return {key for key, _ in differing}
    _, withholding = (was if first < second else is_).verdict(kind, column)
    refusing = {rule.key for rule in withholding if rule.effect != "permit" and (rule.key, rule.effect) in differing}
    return refusing or {key for key, effect in differing if effect == "permit"}


def _in_another_way(was: Decided, is_: Decided, kind: int, column: int) -> tuple[bool, bool]:
    """(may somebody lose, may somebody gain) where it depends on the terminal before and after.

    Rules that are the same on both sides change nothing. One more permit, or one forbid or suspend less, can only
    give; one permit less, or one forbid or suspend more, can only take.
    """
    before, after = (_speaking(side, kind, column).keys() for side in (was, is_))
    ended, begun = ([said[0] == "permit" for said in some] for some in (before - after, after - before))
    gives, takes = any(begun) or not all(ended), any(ended) or not all(begun)
    return takes, gives


def _speaking(side: Decided, kind: int, column: int) -> dict[Said, list[Rule]]:
    """The rules that hold there for a class, or may, by what they say."""
    found: dict[Said, list[Rule]] = {}
    for rule, true in side.speaking(kind, column):
        found.setdefault((*_asks(rule), true), []).append(rule)
    return found


def _asks(rule: Rule) -> Said:
    selectors = (rule.selector, *rule.exceptions)
    return (rule.effect, *((one.classes, one.groups, frozenset(one.conditions)) for one in selectors))
