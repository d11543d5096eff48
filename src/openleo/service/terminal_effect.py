"""Terminals that lose and gain service by a change of rules, each decided where it is and in the state it is in.

Takes a table of terminals, placed once; gives TerminalChange by territory and class between any two states of rules.
Terminals that no rule tells apart are decided together, so an edge more costs no pass over the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from openleo.policy import bulk
from openleo.policy.rules import RuleSet
from openleo.policy.terminal_kinds import Kinds, OnProgress, kinds, settle
from openleo.policy.terminals import Terminals
from openleo.service.amounts import TerminalChange
from openleo.service.change import Side

SAME, LOST, GAINED, CHANGES = range(4)
UNKNOWN_CLASS = "(not known)"
MOST_DECIDED = 64  # (rule set, instant), of one fleet


@dataclass(frozen=True, eq=False)
class Fleet:
    """Terminals, placed and told apart as some rule sets ask. `sha256` is of their table."""

    kinds: Kinds
    sha256: str
    _decided: dict[tuple[str, datetime | None], bulk.Decided] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that there are."""
        present = np.unique(self.kinds.class_)
        return tuple(self.kinds.terminals.class_.values[code] for code in present.tolist() if code >= 0)

    def between(self, was: Side, is_: Side) -> dict[tuple[str, str], TerminalChange]:
        """By (territory, class), where a terminal loses or gains; terminals on a border are of no single territory."""
        both = bulk.Compared(self._side(was), self._side(is_))
        code = np.where(both.lost, LOST, np.where(both.gained, GAINED, SAME))
        table = self.kinds.tally(code, CHANGES)
        changed = np.argwhere(table[:, :, LOST:].any(axis=2))
        group = np.full(table.shape[:2], -1, dtype=np.int64)
        group[tuple(changed.T)] = np.arange(len(changed))
        because = both.because(group[self.kinds.label, self.kinds.class_], len(changed))
        names = (*self.kinds.terminals.class_.values, UNKNOWN_CLASS)
        found = {}
        for (label, class_), rules in zip(changed.tolist(), because, strict=True):
            _, lost, gained = table[label, class_].tolist()
            found[self.kinds.labels[label], names[class_]] = TerminalChange(lost, gained, tuple(sorted(rules)))
        return found

    def _side(self, side: Side) -> bulk.Decided:
        assert side.rule_set is not None
        key = (side.rule_set.sha256, side.at)
        if key not in self._decided:
            while len(self._decided) >= MOST_DECIDED:
                self._decided.pop(next(iter(self._decided)))
            among = self.kinds
            self._decided[key] = bulk.decide_all(side.rule_set, among.terminals, among.settled, side.at, among)
        return self._decided[key]


def fleet(terminals: Terminals, rule_sets: Sequence[RuleSet], sha256: str, progress: OnProgress | None = None) -> Fleet:
    """Place terminals by the exact polygons, and tell them apart as the rule sets ask."""
    settled = settle(terminals, [region for one in rule_sets for region in one.regions], progress)
    return Fleet(kinds(terminals, settled, rule_sets), sha256)
