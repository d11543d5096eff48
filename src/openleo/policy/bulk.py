"""Millions of terminals decided in one pass, each exactly as `decide` would decide it.

Takes rule sets and the kinds of terminals that they tell apart (`terminal_kinds`); gives DecidedTerminals, or what
changes between two sets. What is decided is found for all kinds together, over the rules as arrays; what would have to
be known is asked of `decide` itself, of a terminal of the kind, when somebody wants to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openleo.policy.decide import Because, Here, Outcome, because, judge, rules_at, unplaced
from openleo.policy.kernels import decisions as kernels
from openleo.policy.request import Request
from openleo.policy.rule_arrays import RuleArrays
from openleo.policy.rules import Rule, RuleKey, RuleSet
from openleo.policy.terminal_kinds import Settled, TerminalKinds, kinds
from openleo.policy.terminals import Terminals

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Values = NDArray[np.uint8]
Said = tuple[object, ...]

OUTCOMES = tuple(Outcome)  # by the numbers that arrays hold: those of kernels.decisions
PERMITTED, NOT_PERMITTED = OUTCOMES.index(Outcome.PERMITTED), OUTCOMES.index(Outcome.NOT_PERMITTED)


@dataclass(frozen=True)
class Verdict:
    """A decision without its times: what, which rules make it, what would have to be known."""

    outcome: Outcome
    rules: tuple[Rule, ...]
    missing: tuple[str, ...]
    because: tuple[Because, ...]


@dataclass(frozen=True, eq=False)
class DecidedTerminals:
    """`of_kind` (kind,) into OUTCOMES. `in_force` (rule,) and `holds` (kind, test) are what it was found from."""

    rule_set: RuleSet
    at: datetime | None
    kinds: TerminalKinds
    of_kind: Values
    rules: RuleArrays
    in_force: Values
    holds: Values

    @cached_property
    def outcome(self) -> Values:
        """(terminal,) into OUTCOMES."""
        found: Values = self.of_kind[self.kinds.number]
        return found

    def verdict(self, kind: int) -> Verdict:
        """The decision of a kind, with its reasons."""
        kinds, place = self.kinds, int(self.kinds.place[kind])
        where = kinds.settled.wheres[place]
        if place not in self._speaking:
            self._speaking[place] = rules_at(self.rule_set, where)
        request = Request(at=self.at, **kinds.terminals.inputs(int(kinds.row[kind])))
        asked = unplaced(request) if place == kinds.settled.nowhere else request
        outcome, rules, missing = judge(self._speaking[place], asked, where)
        return Verdict(outcome, tuple(rules), tuple(sorted(missing)), because(self.rule_set, rules))

    @cached_property
    def _speaking(self) -> dict[int, list[tuple[Rule, Here]]]:
        """The rules that speak of places, as they are asked for."""
        return {}

    def decided(self, row: int) -> Verdict:
        """The decision of a terminal."""
        return self.verdict(int(self.kinds.number[row]))

    def deciding(self, chosen: Ints, group: Ints, groups: int) -> Flags:
        """(group, rule of `rules.each`): the rules that make the decisions of chosen kinds, by the group of each."""
        found = np.zeros((groups, len(self.rules.each)), dtype=bool)
        arrays, place = self.rules, self.kinds.place[chosen]
        of_kind, holds = self.of_kind[chosen], self.holds[chosen]
        kernels.deciding(arrays.rules, arrays.speaking, self.in_force, place, holds, of_kind, group, found)
        return found

    def blocked(self, chosen: Ints) -> Flags:
        """(kind,) of chosen kinds: whether a forbid or suspend holds there, or may."""
        found = np.zeros(len(chosen), dtype=bool)
        arrays, place = self.rules, self.kinds.place[chosen]
        kernels.blocked(arrays.rules, arrays.speaking, self.in_force, place, self.holds[chosen], found)
        return found

    @cached_property
    def says_of(self) -> list[Said]:
        """All that each rule of `rules.each` says to anybody at the instant; those that say the same are alike."""
        in_force = self.in_force.tolist()
        return [
            (rule.effect, rule.selector, rule.exceptions, rule.territory, rule.land_in, holds)
            for rule, holds in zip(self.rules.each, in_force, strict=True)
        ]

    @cached_property
    def says(self) -> frozenset[Said]:
        return frozenset(self.says_of)


def decide_all(
    rule_set: RuleSet, terminals: Terminals, settled: Settled, at: datetime | None, among: TerminalKinds | None = None
) -> DecidedTerminals:
    """The decision for every terminal at an instant; `among`: kinds that tell apart what this rule set does, if known.

    `age_s` of a terminal is its position's age at that instant.
    """
    found = kinds(terminals, settled, [rule_set]) if among is None else among
    arrays = found.of(rule_set)
    in_force, holds, of_kind = arrays.in_force(at), found.holds(arrays.tests), np.empty(len(found), dtype=np.uint8)
    kernels.decide(arrays.rules, arrays.speaking, in_force, found.place, holds, of_kind)
    return DecidedTerminals(rule_set, at, found, of_kind, arrays, in_force, holds)


# --- two rule sets ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Compared:
    """The same terminals under two rule sets, kind by kind."""

    before: DecidedTerminals
    after: DecidedTerminals

    @property
    def kinds(self) -> TerminalKinds:
        return self.before.kinds

    @cached_property
    def lost(self) -> Flags:
        """(kind,): permitted before, and not after."""
        found: Flags = (self.before.of_kind == PERMITTED) & (self.after.of_kind != PERMITTED)
        return found

    @cached_property
    def gained(self) -> Flags:
        """(kind,): permitted after, and not before."""
        found: Flags = (self.before.of_kind != PERMITTED) & (self.after.of_kind == PERMITTED)
        return found

    def because(self, group: Ints, groups: int) -> list[set[RuleKey]]:
        """By group, the keys of the rules that make the changes in it; group (kind,), −1 for a kind of none.

        The forbids and suspends that refuse a kind on the one side make the change; or else, where none does, the
        permits that only one of the sides has.
        """
        found: list[set[RuleKey]] = [set() for _ in range(groups)]
        for refused, granted, changed in (
            (self.after, self.before, self.lost), (self.before, self.after, self.gained),
        ):  # fmt: skip
            chosen = np.flatnonzero(changed & (group >= 0))
            ungranted = chosen[(refused.of_kind[chosen] == NOT_PERMITTED) | ~refused.blocked(chosen)]
            for side, other, kinds_ in ((refused, granted, chosen), (granted, refused, ungranted)):
                for which, rule in np.argwhere(side.deciding(kinds_, group[kinds_], groups)).tolist():
                    if side.says_of[rule] not in other.says:
                        found[which].add(side.rules.each[rule].key)
        return found


def compare(
    old: RuleSet,
    new: RuleSet,
    terminals: Terminals,
    settled: Settled,
    at: datetime | None,
    among: TerminalKinds | None = None,
) -> Compared:
    """Every terminal under two rule sets at an instant."""
    found = kinds(terminals, settled, [old, new]) if among is None else among
    return Compared(*(decide_all(one, terminals, settled, at, found) for one in (old, new)))
